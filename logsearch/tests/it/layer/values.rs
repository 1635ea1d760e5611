//! The values of an event: kinds, names, errors, secrets, and more than a record holds.

use std::error::Error;
use std::fmt;

use logsearch::codec::{MAX_FIELDS, MAX_RECORD};
use logsearch::record::{Level, Value};
use tracing::subscriber::with_default;
use tracing::{error, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::{Recorder, events_only, int, one, record, text};

/// A value whose `Debug` does what it is told.
struct Odd<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Debug for Odd<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(formatter)
    }
}

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[test]
fn an_event_keeps_its_values_level_target_and_place() {
    let line = line!() + 2;
    let record = one(record(events_only(), || {
        warn!(
            target: "app::jobs", count = 3, big = u64::MAX, ratio = 0.5, nan = f64::NAN, ok = true,
            name = "anna", shown = %"x", debugged = ?Some(1), "done with {}", "it"
        );
    }));
    assert_eq!((record.level, record.target.as_str()), (Level::Warn, "app::jobs"));
    assert_eq!(record.message, "done with it");
    assert_eq!(int(&record, "count"), 3);
    assert_eq!(text(&record, "big"), "18446744073709551615");
    assert_eq!(record.field("ratio"), Some(&Value::Float(0.5)));
    assert_eq!(text(&record, "nan"), "NaN");
    assert_eq!(record.field("ok"), Some(&Value::Bool(true)));
    assert_eq!(text(&record, "name"), "anna");
    assert_eq!(text(&record, "shown"), "x");
    assert_eq!(text(&record, "debugged"), "Some(1)");
    assert_eq!(text(&record, "code.callsite"), format!("{}:{line}", file!()));
    assert_eq!(record.field("log.truncated"), None);
}

#[test]
fn aliases_are_stored_under_the_catalogue_s_name_in_its_unit() {
    let record = one(record(events_only(), || {
        info!(status = 200, duration_ms = 1.5, duration_us = 7, level = "high", source = "cache");
    }));
    assert_eq!(int(&record, "http.response.status_code"), 200);
    assert_eq!(int(&record, "duration_us"), 1_500);
    assert_eq!(text(&record, "level"), "high");
    assert_eq!(text(&record, "source"), "cache");
}

#[test]
fn a_huge_message_is_cut_with_a_mark_and_leaves_the_fields_alone() {
    let huge = "é".repeat(8 * 1024 * 1024);
    let record = one(record(events_only(), || info!(request_id = "r1", "{huge}")));
    assert!(record.message.len() < MAX_RECORD && huge.starts_with(&record.message));
    assert_eq!(text(&record, "http.request.id"), "r1");
    assert_eq!(record.field("log.truncated"), Some(&Value::Bool(true)));
    assert!(int(&record, "log.original_bytes") >= 16 * 1024 * 1024);
}

#[test]
fn more_fields_than_a_record_holds_are_cut_with_a_mark() {
    let record = one(record(events_only(), || {
        let many = info_span!(
            "many",
            b0 = 0,
            b1 = 0,
            b2 = 0,
            b3 = 0,
            b4 = 0,
            b5 = 0,
            b6 = 0,
            b7 = 0,
            b8 = 0,
            b9 = 0,
            c0 = 0,
            c1 = 0,
            c2 = 0,
            c3 = 0,
            c4 = 0,
            c5 = 0,
            c6 = 0,
            c7 = 0,
            c8 = 0,
            c9 = 0,
            d0 = 0,
            d1 = 0,
            d2 = 0,
            d3 = 0,
            d4 = 0,
            d5 = 0,
            d6 = 0,
            d7 = 0,
            d8 = 0,
            d9 = 0
        );
        let more = info_span!(
            parent: &many, "more",
            e0 = 0,
            e1 = 0,
            e2 = 0,
            e3 = 0,
            e4 = 0,
            e5 = 0,
            e6 = 0,
            e7 = 0,
            e8 = 0,
            e9 = 0,
            f0 = 0,
            f1 = 0,
            f2 = 0,
            f3 = 0,
            f4 = 0,
            f5 = 0,
            f6 = 0,
            f7 = 0,
            f8 = 0,
            f9 = 0,
            g0 = 0,
            g1 = 0,
            g2 = 0,
            g3 = 0,
            g4 = 0,
            g5 = 0,
            g6 = 0,
            g7 = 0,
            g8 = 0,
            g9 = 0
        );
        many.in_scope(|| more.in_scope(|| info!(own = 1, "hello")));
    }));
    assert_eq!(record.fields.len(), MAX_FIELDS);
    assert_eq!(int(&record, "own"), 1);
    assert_eq!(record.field("log.truncated"), Some(&Value::Bool(true)));
}

#[test]
fn control_characters_and_escapes_are_kept_as_data() {
    let odd = "\u{1b}[31mred\0\r\n\u{202e}\u{fffd}";
    let record = one(record(events_only(), || {
        info!(raw = odd, debugged = ?std::ffi::OsStr::new("a\u{7}"), "{odd}");
    }));
    assert_eq!((record.message.as_str(), text(&record, "raw")), (odd, odd));
    assert_eq!(text(&record, "debugged"), "\"a\\u{7}\"");
}

#[test]
fn bytes_that_are_no_utf8_are_replaced_by_who_formats_them() {
    let bytes = b"ab\xff\xfecd";
    let lossy = Odd(|formatter: &mut fmt::Formatter<'_>| {
        formatter.write_str(&String::from_utf8_lossy(bytes))
    });
    let record = one(record(events_only(), || info!(value = ?lossy, slice = ?bytes, "m")));
    assert_eq!(text(&record, "value"), "ab\u{fffd}\u{fffd}cd");
    assert_eq!(text(&record, "slice"), "[97, 98, 255, 254, 99, 100]");
}

#[test]
fn a_panic_inside_debug_costs_that_value_only() {
    let broken = Odd(|formatter: &mut fmt::Formatter<'_>| {
        formatter.write_str("half of it")?;
        panic!("broken Debug")
    });
    let records = record(events_only(), || {
        info!(before = 1, broken = ?broken, after = 2, "still here");
        info_span!("span", broken = ?broken).in_scope(|| info!("inside"));
    });
    assert_eq!(records.len(), 2);
    assert_eq!(text(&records[0], "broken"), "[panicked while formatting]");
    assert_eq!((int(&records[0], "before"), int(&records[0], "after")), (1, 2));
    assert_eq!(text(&records[1], "broken"), "[panicked while formatting]");
}

#[test]
fn a_debug_that_fails_keeps_what_it_wrote() {
    let failing = Odd(|formatter: &mut fmt::Formatter<'_>| {
        formatter.write_str("so far")?;
        Err(fmt::Error)
    });
    let record = one(record(events_only(), || info!(failing = ?failing, after = 1, "m")));
    assert_eq!(text(&record, "failing"), "so far");
    assert_eq!(int(&record, "after"), 1);
}

#[test]
fn an_error_is_written_with_its_sources() {
    let disk = Failure("disk full", None);
    let error =
        Failure("could not store", Some(Box::new(Failure("write failed", Some(Box::new(disk))))));
    let record = one(record(events_only(), || {
        error!(error = &error as &(dyn Error + 'static), "request failed");
    }));
    assert_eq!(text(&record, "error.message"), "could not store: write failed: disk full");
}

#[test]
fn secrets_never_reach_a_record() {
    let records = record(events_only(), || {
        let span = info_span!("s", api_key = "canary-1", user = "anna");
        span.record("user", "postgres://u:canary-2@db/x");
        span.in_scope(|| {
            info!(password = "canary-3", token_count = 77_077, "login with Bearer canary-4X");
            info!(form = ?[("password", "canary-5")], url = "/x?csrf=canary-6&a=1", "posted");
        });
    });
    let all = format!("{records:?}");
    assert!(!all.contains("77077"), "{all}");
    for number in [1, 2, 3, 4, 6] {
        assert!(!all.contains(&format!("canary-{number}")), "{number} in {all}");
    }
    assert_eq!(text(&records[0], "password"), "[redacted]");
    assert_eq!(text(&records[1], "url.path"), "/x?csrf=[redacted]&a=1");
}

#[test]
fn records_of_the_log_crate_get_their_own_target_and_place() {
    let (layer, recorder) = Recorder::new(events_only());
    with_default(registry().with(layer), || {
        tracing_log::format_trace(
            &log::Record::builder()
                .target("tantivy::indexer")
                .level(log::Level::Info)
                .args(format_args!("merging"))
                .build(),
        )
        .unwrap();
        tracing_log::format_trace(
            &log::Record::builder()
                .target("sqlx::query")
                .level(log::Level::Warn)
                .file(Some("src/query.rs"))
                .line(Some(7))
                .args(format_args!("slow statement"))
                .build(),
        )
        .unwrap();
    });
    let record = one(recorder.records());
    assert_eq!((record.target.as_str(), record.level), ("sqlx::query", Level::Warn));
    assert_eq!(record.message, "slow statement");
    assert_eq!(text(&record, "code.callsite"), "src/query.rs:7");
    assert_eq!(record.fields.len(), 1);
}
