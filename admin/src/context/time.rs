//! Times as people type them: `10:31`, `yesterday`, `1h30m`, `10 min ago`, `2026-11-30 10:31`, and as tools
//! write them: RFC 3339 and Unix time. Times without a zone are read in the one
//! in which the page shows them.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Timestamp, ToSpan};

use super::window::Bound;
use crate::format::{SECOND, zone};

/// What forms and notices name as examples; each is read.
pub const EXAMPLES: &str = "10:31, yesterday, today 10:31, 1h30m, 10 min ago or 2026-11-30 10:31";

/// Which end of a window a text is about: a day begins it at midnight and ends it at the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    From,
    To,
}

/// Reads the end of a window; `None` if the text is no time.
pub fn parse(text: &str, end: End, now: i64) -> Option<Bound> {
    let text = text.trim().to_lowercase();
    if text == "now" {
        return Some(Bound::Ago(0));
    }
    if let Some(ago) = ago(&text) {
        return Some(Bound::Ago(ago));
    }
    if let Ok(number) = text.parse::<i64>() {
        return unix(number).map(Bound::At);
    }
    if let Ok(time) = text.to_uppercase().parse::<Timestamp>() {
        return Some(Bound::At(time.as_microsecond()));
    }
    civil(&text, end, now)
}

/// A length of time before now: `15m`, `now-15m`, `1h30m`, `10 min ago`. Microseconds.
fn ago(text: &str) -> Option<i64> {
    let text = text.strip_prefix("now-").or_else(|| text.strip_prefix('-')).unwrap_or(text);
    let mut rest = text.strip_suffix("ago").unwrap_or(text).trim();
    let mut sum = 0_i64;
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits].parse::<i64>().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        sum = sum.checked_add(number.checked_mul(unit(&rest[..letters])?)?)?;
        rest = rest[letters..].trim_start();
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

fn unit(name: &str) -> Option<i64> {
    let seconds = match name {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 7 * 86_400,
        _ => return None,
    };
    Some(seconds * SECOND)
}

/// Grafana's links carry milliseconds, other tools seconds or microseconds; the size tells which.
fn unix(number: i64) -> Option<i64> {
    match number {
        0..100_000_000_000 => number.checked_mul(SECOND),
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000),
        _ => (number > 0).then_some(number),
    }
}

/// A day, a time of day, or both, without a zone.
fn civil(text: &str, end: End, now: i64) -> Option<Bound> {
    let zone = zone::current();
    let today = Timestamp::from_microsecond(now).ok()?.to_zoned(zone.clone()).date();
    let at = |time: DateTime| {
        let zoned = time.to_zoned(zone.clone()).ok()?;
        Some(Bound::At(zoned.timestamp().as_microsecond()))
    };
    for (word, days) in [("today", 0), ("yesterday", 1)] {
        let Some(rest) = text.strip_prefix(word) else { continue };
        let day = today.checked_sub(days.days()).ok()?;
        if !rest.is_empty() {
            return at(day.to_datetime(time_of_day(rest.trim())?));
        }
        return match (end, days) {
            (End::To, 0) => Some(Bound::Ago(0)),
            _ => at(edge(day, end)?),
        };
    }
    if text.len() == 10
        && let Ok(day) = text.parse::<Date>()
    {
        return at(edge(day, end)?);
    }
    if let Some(time) = time_of_day(text) {
        return match at(today.to_datetime(time))? {
            // What is still to come was meant to be yesterday's.
            Bound::At(found) if found > now => at(today.yesterday().ok()?.to_datetime(time)),
            found => Some(found),
        };
    }
    at(text.to_uppercase().parse::<DateTime>().ok()?)
}

fn time_of_day(text: &str) -> Option<Time> {
    let has_hour = text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(':');
    if !has_hour || text.contains(['-', ' ', 't']) {
        return None;
    }
    // `9:05` is written as often as `09:05`.
    let text = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
    text.parse().ok()
}

/// Where a day begins, or the one after it.
fn edge(day: Date, end: End) -> Option<DateTime> {
    let day = if end == End::To { day.tomorrow().ok()? } else { day };
    Some(day.to_datetime(Time::midnight()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14T22:13:20Z.
    const NOW: i64 = 1_700_000_000_000_000;
    const MIDNIGHT: i64 = 1_699_920_000_000_000;
    const MINUTE: i64 = 60 * SECOND;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn from(text: &str) -> Option<Bound> {
        parse(text, End::From, NOW)
    }

    #[test]
    fn bounds_are_read_as_people_and_tools_write_them() {
        let half_past = MIDNIGHT + 631 * MINUTE;
        for (text, bound) in [
            ("15m", Bound::Ago(15 * MINUTE)),
            ("now-15m", Bound::Ago(15 * MINUTE)),
            ("1h30m", Bound::Ago(90 * MINUTE)),
            ("1 h 30 min", Bound::Ago(90 * MINUTE)),
            ("10 min ago", Bound::Ago(10 * MINUTE)),
            ("2 Hours ago", Bound::Ago(120 * MINUTE)),
            ("1 week ago", Bound::Ago(7 * DAY)),
            ("now", Bound::Ago(0)),
            ("1700000000", Bound::At(NOW)),
            ("1700000000000", Bound::At(NOW)),
            ("1700000000000000", Bound::At(NOW)),
            ("2023-11-14T22:13:20Z", Bound::At(NOW)),
            ("2023-11-14t23:13:20+01:00", Bound::At(NOW)),
            ("2023-11-14T22:13:20", Bound::At(NOW)),
            ("2023-11-14 22:13:20", Bound::At(NOW)),
            ("2023-11-14 10:31", Bound::At(half_past)),
            ("10:31", Bound::At(half_past)),
            (" 10:31:05 ", Bound::At(half_past + 5 * SECOND)),
            ("9:05", Bound::At(MIDNIGHT + 545 * MINUTE)),
            ("today", Bound::At(MIDNIGHT)),
            ("Today 10:31", Bound::At(half_past)),
            ("yesterday", Bound::At(MIDNIGHT - DAY)),
            ("yesterday 10:31", Bound::At(half_past - DAY)),
            ("2023-11-14", Bound::At(MIDNIGHT)),
            // Today's is still to come.
            ("23:50", Bound::At(MIDNIGHT - 10 * MINUTE)),
        ] {
            assert_eq!(from(text), Some(bound), "{text}");
        }
        for text in
            ["", "x", "15x", "-3", "99999999999999999999d", "9999999999999d", "25:00", "10:31 x"]
        {
            assert_eq!(from(text), None, "{text}");
        }
        assert!(!matches!(from("15"), Some(Bound::Ago(_))));
        for example in EXAMPLES.split([',', '\n']).flat_map(|part| part.split(" or ")) {
            assert!(from(example).is_some(), "{example}");
        }
    }

    #[test]
    fn a_day_ends_a_window_where_it_ends() {
        let to = |text| parse(text, End::To, NOW);
        assert_eq!(to("yesterday"), Some(Bound::At(MIDNIGHT)));
        assert_eq!(to("today"), Some(Bound::Ago(0)));
        assert_eq!(to("2023-11-12"), Some(Bound::At(MIDNIGHT - DAY)));
        assert_eq!(to("yesterday 10:31"), from("yesterday 10:31"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_an_error(text in "\\PC{0,30}", time in "[0-9:apm. T+Zd-]{0,24}") {
            for text in [text, time] {
                for end in [End::From, End::To] {
                    if let Some(bound) = parse(&text, end, NOW) {
                        bound.resolve(NOW);
                    }
                }
            }
        }
    }
}
