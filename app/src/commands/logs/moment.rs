//! Points in time as people write them on the command line: `10:31`, `yesterday`, `10 min ago`, RFC 3339.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

use crate::clock::Clock;

/// What is said of anything else.
const ACCEPTED: &str = "a time is 10:31, yesterday, 'yesterday 10:31', '10 min ago', 2026-01-31, \
    '2026-01-31 10:31' (all local), or RFC 3339 such as 2026-01-31T10:31:00Z";

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub i64);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let now = Timestamp::from_microsecond(Clock::default().now()).unwrap_or_default();
        parse(text.trim(), &now.to_zoned(TimeZone::system()))
    }
}

fn parse(text: &str, now: &Zoned) -> Result<Moment, &'static str> {
    let moment = match text {
        "now" => Some(now.timestamp()),
        _ => text.parse().ok(),
    };
    let moment = moment.or_else(|| local(text, now)).or_else(|| ago(text, now));
    moment.map(|moment| Moment(moment.as_microsecond())).ok_or(ACCEPTED)
}

/// A day, a time of day or both, on the clock of the reader.
fn local(text: &str, now: &Zoned) -> Option<Timestamp> {
    let at = |day: Date, time: Time| {
        Some(day.to_datetime(time).to_zoned(now.time_zone().clone()).ok()?.timestamp())
    };
    // A day with a time would be read as a time, too.
    if text.contains(':') && !text.contains(['-', ' ']) {
        let time = text.parse().ok()?;
        // The last time the clock showed it.
        let today = at(now.date(), time)?;
        let is_over = today <= now.timestamp();
        return if is_over { Some(today) } else { at(now.date().yesterday().ok()?, time) };
    }
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let time = if time.is_empty() { Time::midnight() } else { time.trim().parse().ok()? };
    match day {
        "today" => at(now.date(), time),
        "yesterday" => at(now.date().yesterday().ok()?, time),
        // Shorter forms and week dates are nothing that people type.
        _ => at(day.parse().ok().filter(|_| day.len() == 10)?, time),
    }
}

/// A length of time before now, with `ago` or without.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let length = text.strip_suffix("ago").unwrap_or(text).trim().trim_start_matches('-');
    let span = length.parse::<Span>().ok()?.abs();
    Some(now.checked_sub(span).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half past noon in Tokyo, where it is nine hours more than in UTC.
    fn parsed(text: &str) -> Option<String> {
        let now: Timestamp = "2026-03-10T03:30:00Z".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let moment = parse(text, &now.to_zoned(zone)).ok()?;
        Some(Timestamp::from_microsecond(moment.0).unwrap().to_string())
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, utc) in [
            ("now", "2026-03-10T03:30:00Z"),
            ("10:31", "2026-03-10T01:31:00Z"),
            ("10:31:05", "2026-03-10T01:31:05Z"),
            ("12:31", "2026-03-09T03:31:00Z"),
            ("today", "2026-03-09T15:00:00Z"),
            ("yesterday", "2026-03-08T15:00:00Z"),
            ("yesterday 10:31", "2026-03-09T01:31:00Z"),
            ("2026-01-31", "2026-01-30T15:00:00Z"),
            ("2026-01-31 10:31", "2026-01-31T01:31:00Z"),
            ("2026-01-31T10:31:00", "2026-01-31T01:31:00Z"),
            ("2026-01-31T10:31:00Z", "2026-01-31T10:31:00Z"),
            ("2026-01-31T10:31:00+02:00", "2026-01-31T08:31:00Z"),
            ("10 min ago", "2026-03-10T03:20:00Z"),
            ("1h30m", "2026-03-10T02:00:00Z"),
            ("90s ago", "2026-03-10T03:28:30Z"),
            ("2 days ago", "2026-03-08T03:30:00Z"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(utc), "{text}");
        }
        for text in ["", "soon", "25:00", "tomorrow", "10", "ago", "yesterday noon", "2026-02-30"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
