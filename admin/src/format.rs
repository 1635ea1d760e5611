//! Human-readable times in the zone of whoever asks, durations, counts and sizes. Never parsed back.

pub mod zone;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Microseconds per second.
pub const SECOND: i64 = 1_000_000;

/// Microseconds of so many seconds, to the nearest.
#[expect(clippy::cast_possible_truncation, reason = "far below the range of i64")]
pub fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

fn timestamp(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

fn utc(micros: i64) -> DateTime {
    TimeZone::UTC.to_datetime(timestamp(micros))
}

/// As a clock in the zone of whoever asks shows it.
fn civil(micros: i64) -> DateTime {
    zone::current().to_datetime(timestamp(micros))
}

/// `2026-11-22T06:26:05.123456Z`, in UTC wherever somebody is, for titles, exports and links.
pub fn rfc3339(micros: i64) -> String {
    utc(micros).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// RFC 3339 time in UTC without fractional digits if they are zero.
pub fn rfc3339_short(micros: i64) -> String {
    if micros % SECOND == 0 {
        return utc(micros).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    rfc3339(micros)
}

/// `2026-11-22 06:26:05`.
pub fn date_time(micros: i64) -> String {
    civil(micros).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `25 Nov 06:26`, with seconds where there are some.
pub fn minute(micros: i64) -> String {
    let format =
        if micros.rem_euclid(60 * SECOND) < SECOND { "%-d %b %H:%M" } else { "%-d %b %H:%M:%S" };
    civil(micros).strftime(format).to_string()
}

/// `06:26:05.123`.
pub fn time(micros: i64) -> String {
    civil(micros).strftime("%H:%M:%S.%3f").to_string()
}

/// `22 Nov`, as a heading where the day changes.
pub fn day(micros: i64) -> String {
    civil(micros).strftime("%-d %b %Y").to_string()
}

/// `22 Nov 06:26`, in lists that reach over days.
pub fn day_time(micros: i64) -> String {
    civil(micros).strftime("%-d %b %Y %H:%M").to_string()
}

/// The number of the day, to tell when it changes.
pub fn day_number(micros: i64) -> i64 {
    let offset = zone::current().to_offset(timestamp(micros)).seconds();
    micros.saturating_add(i64::from(offset) * SECOND).div_euclid(86_400 * SECOND)
}

/// Label of a tick on a time axis of the given length in microseconds.
pub fn tick(micros: i64, span: i64) -> String {
    let format = match span {
        span if span > 3 * 86_400 * SECOND => "%-d %b",
        span if span > 86_400 * SECOND => "%-d %b %H:%M",
        span if span > 5 * 60 * SECOND => "%H:%M",
        _ => "%H:%M:%S",
    };
    civil(micros).strftime(format).to_string()
}

/// Microseconds in a suitable unit, with three significant digits: `350 µs`, `12.3 ms`, `4.1 s`,
/// `3 min`, `2.5 h`, `3 d`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn duration(micros: i64) -> String {
    let (divisor, unit) = match micros.unsigned_abs() {
        0 => (1, "s"),
        1..1_000 => (1, "µs"),
        1_000..1_000_000 => (1_000, "ms"),
        1_000_000..120_000_000 => (SECOND, "s"),
        120_000_000..7_200_000_000 => (60 * SECOND, "min"),
        7_200_000_000..172_800_000_000 => (3_600 * SECOND, "h"),
        _ => (86_400 * SECOND, "d"),
    };
    format!("{} {unit}", number(micros as f64 / divisor as f64))
}

/// Milliseconds without a unit, for columns that name it; always one decimal, so that values line
/// up.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn millis(micros: i64) -> String {
    format!("{:.1}", micros as f64 / 1e3)
}

/// Formats the time elapsed since `started`.
pub fn elapsed(started: std::time::Instant) -> String {
    duration(i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX))
}

/// Approximate duration in the nearest whole unit: `44 s`, `3 min`, `5 h`, `2 d`.
pub fn about(micros: i64) -> String {
    let nearest = |micros: i64, unit: i64| micros.saturating_add(unit / 2) / unit;
    let seconds = nearest(micros.max(0), SECOND);
    match seconds {
        0..60 => format!("{seconds} s"),
        // 59 and a half minutes are nearer to an hour.
        60..3_570 => format!("{} min", nearest(seconds, 60)),
        3_570..171_000 => format!("{} h", nearest(seconds, 3_600)),
        _ => format!("{} d", nearest(seconds, 86_400)),
    }
}

/// The length of an interval in whole units.
pub fn interval(micros: i64) -> String {
    if micros < SECOND { duration(micros) } else { about(micros) }
}

/// Time before `now`, such as `4 min ago`.
pub fn ago(micros: i64, now: i64) -> String {
    match now.saturating_sub(micros) {
        ..SECOND => "just now".to_owned(),
        past => format!("{} ago", about(past)),
    }
}

/// `12,431`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 record`, `2 records`.
pub fn plural(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Three significant digits without trailing zeros: `0.0123`, `12.3`, `1,234,567`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        return format!("{sign}{}", count(size.round() as u64));
    }
    let digits = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        0.1.. => 3,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Bytes in a suitable unit, with three digits: `1.5 KiB`, `96.2 MiB`.
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (value, 0);
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(value), UNITS[unit])
}

/// 64-bit FNV-1a hash of texts as 16 hexadecimal digits, stable across processes; for URLs, not for
/// secrets.
pub fn fingerprint(parts: &[&str]) -> String {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// A ratio as a percentage with one decimal.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    format!("{:.1}%", part as f64 * 100.0 / whole as f64)
}

/// A value of a field: in quotes when nothing of it would be seen.
pub fn value(text: &str) -> String {
    if text.trim().is_empty() { format!("\"{text}\"") } else { text.to_owned() }
}

/// The beginning of a text as the title of a page: one line of at most 80 characters.
pub fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let begin: String = line.chars().take(80).collect();
    if begin.len() < line.len() { format!("{begin}…") } else { begin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(12_431_000), "12,431,000");
        assert_eq!(duration(812_300), "812 ms");
        assert_eq!(duration(1_250), "1.25 ms");
        assert_eq!(duration(90 * SECOND), "90 s");
        let spans = [999, 43_800_000, 119 * SECOND, 119 * 60 * SECOND, 49 * 3_600 * SECOND];
        assert_eq!(spans.map(about), ["0 s", "44 s", "2 min", "2 h", "2 d"]);
        let nearly = [3_599 * SECOND, 48 * 3_600 * SECOND - 1, 599_877_000];
        assert_eq!(nearly.map(about), ["1 h", "2 d", "10 min"]);
        assert_eq!(ago(0, 43_800_000), "44 s ago");
        assert_eq!(rfc3339_short(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_700_000_000_123_456), "22:13:20.123");
        assert_eq!(rfc3339(i64::MAX), rfc3339(i64::MAX - 1));
        let numbers = [0.0, 0.012_345, 0.5, 1.0, 12.34, 99.96, 812.3, 12_431.0, -3.5];
        let texts = ["0", "0.0123", "0.5", "1", "12.3", "100", "812", "12,431", "-3.5"];
        assert_eq!(numbers.map(number), texts);
        assert_eq!(
            [0, 20, 12_300, 4_100_000, 600 * SECOND].map(duration),
            ["0 s", "20 µs", "12.3 ms", "4.1 s", "10 min"]
        );
        assert_eq!([0.0, 1_536.0, 1e8].map(bytes), ["0 B", "1.5 KiB", "95.4 MiB"]);
    }

    #[test]
    fn a_duration_changes_its_unit_where_the_next_reads_better() {
        let around = [
            (0, "0 s"),
            (999, "999 µs"),
            (1_000, "1 ms"),
            (9_999, "10 ms"),
            (10_000, "10 ms"),
            (999_499, "999 ms"),
            (1_000_000, "1 s"),
            (119_000_000, "119 s"),
            (120_000_000, "2 min"),
            (7_200_000_000, "2 h"),
            (172_800_000_000, "2 d"),
            (-1_500, "-1.5 ms"),
        ];
        for (micros, text) in around {
            assert_eq!(duration(micros), text);
        }
        assert!(!duration(i64::MIN).is_empty() && !duration(i64::MAX).is_empty());
    }

    #[test]
    fn figures_of_a_column_have_one_decimal_and_shares_one_digit() {
        assert_eq!([0, 1, 49, 50, 1_234_567].map(millis), ["0.0", "0.0", "0.0", "0.1", "1234.6"]);
        assert_eq!(
            [(0, 0), (0, 5), (1, 3), (5, 5)].map(|(part, whole)| percent(part, whole)),
            ["–", "0.0%", "33.3%", "100.0%"]
        );
        assert_eq!(
            [0, 1, 2, 1_000].map(|number| plural(number, "record")),
            ["0 records", "1 record", "2 records", "1,000 records"]
        );
    }

    #[test]
    fn what_has_just_happened_or_will_is_just_now() {
        for (then, text) in [
            (100 * SECOND, "just now"),
            (100 * SECOND + 1, "just now"),
            (99 * SECOND, "1 s ago"),
            (0, "2 min ago"),
        ] {
            assert_eq!(ago(then, 100 * SECOND), text);
        }
        assert_eq!(ago(i64::MIN, i64::MAX), format!("{} ago", about(i64::MAX)));
    }

    #[test]
    fn ticks_say_as_much_of_the_time_as_the_axis_is_long() {
        let at = 1_700_000_000 * SECOND;
        let hour = 3_600 * SECOND;
        for (span, text) in [
            (SECOND, "22:13:20"),
            (hour, "22:13"),
            (30 * hour, "14 Nov 22:13"),
            (30 * 24 * hour, "14 Nov"),
        ] {
            assert_eq!(tick(at, span), text);
        }
        assert_eq!(minute(at), "14 Nov 22:13:20");
        assert_eq!(minute(at - 20 * SECOND), "14 Nov 22:13");
        assert_eq!(day_number(-1), -1);
    }

    #[test]
    fn fingerprints_tell_the_parts_of_a_text_apart() {
        let prints = [&["ab", "c"][..], &["a", "bc"], &["abc"], &["abc", ""], &[]].map(fingerprint);
        let different: std::collections::BTreeSet<_> = prints.iter().collect();
        assert_eq!(different.len(), prints.len(), "{prints:?}");
        assert!(prints.iter().all(|print| print.len() == 16));
        assert_eq!(fingerprint(&["abc"]), prints[2], "the same in every process");
    }
}
