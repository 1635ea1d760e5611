//! The time zone in which times are written and read: that of whoever asked for the page, UTC otherwise. It
//! accompanies the task that answers, because every text of a page that has a time depends on it.

use std::future::Future;

use jiff::tz::TimeZone;

use super::{SECOND, timestamp};

/// Longest name of a zone that is looked up; the longest that there is has 30 characters.
const MAX_NAME: usize = 40;

tokio::task_local! {
    static ZONE: TimeZone;
}

/// The zone of the task; UTC where none was entered.
pub fn current() -> TimeZone {
    ZONE.try_with(Clone::clone).unwrap_or(TimeZone::UTC)
}

/// Runs a future in a zone.
pub async fn scope<F: Future>(zone: TimeZone, future: F) -> F::Output {
    ZONE.scope(zone, future).await
}

/// Runs a function in a zone.
pub fn within<T>(zone: TimeZone, run: impl FnOnce() -> T) -> T {
    ZONE.sync_scope(zone, run)
}

/// The zone with this IANA name; `None` if there is none.
pub fn find(name: &str) -> Option<TimeZone> {
    TimeZone::get(Some(name).filter(|name| name.len() <= MAX_NAME)?).ok()
}

/// The IANA name of the zone of the task.
pub fn name() -> String {
    current().iana_name().unwrap_or("UTC").to_owned()
}

/// Whether the zone of the task is UTC.
pub fn is_utc() -> bool {
    current() == TimeZone::UTC
}

/// Its abbreviation at a time in microseconds: `CET`.
pub fn label(micros: i64) -> String {
    let zone = current();
    zone.to_offset_info(timestamp(micros)).abbreviation().to_owned()
}

/// A time with its offset, as forms show it: `2026-11-22T07:26:05+01:00`.
pub fn with_offset(micros: i64) -> String {
    let zoned = timestamp(micros).to_zoned(current());
    let format =
        if micros % SECOND == 0 { "%Y-%m-%dT%H:%M:%S%:z" } else { "%Y-%m-%dT%H:%M:%S.%6f%:z" };
    zoned.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format;

    /// 2026-11-01T00:00:00Z.
    const AT: i64 = 1_793_491_200_000_000;

    #[test]
    fn times_are_those_of_the_zone_and_its_seasons() {
        let copenhagen = find("Europe/Copenhagen").unwrap();
        let summer = AT - 30 * 86_400 * SECOND;
        within(copenhagen, || {
            assert_eq!(format::time(AT), "01:00:00.000");
            assert_eq!(format::time(summer), "02:00:00.000");
            assert_eq!([label(AT), label(summer)], ["CET", "CEST"]);
            assert_eq!(with_offset(AT), "2026-11-01T01:00:00+01:00");
            assert_eq!(format::rfc3339_short(AT), "2026-11-01T00:00:00Z", "says its zone itself");
            assert_ne!(format::day_number(AT - SECOND), format::day_number(AT - 3_601 * SECOND));
            assert_eq!(format::day_number(AT - SECOND), format::day_number(AT));
        });
        assert_eq!(format::time(AT), "00:00:00.000");
        assert_eq!((name(), label(AT), is_utc()), ("UTC".to_owned(), "UTC".to_owned(), true));
        assert!(find("Mars/Olympus").is_none() && find(&"x".repeat(99)).is_none());
    }
}
