//! What the layer makes of events and spans, in the situations that break such layers.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

use std::error::Error;
use std::fmt;
use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use logsearch::codec::{self, Batch, MAX_FIELDS, MAX_RECORD};
use logsearch::filter::{LevelControl, Levels};
use logsearch::layer::{LayerOptions, LogLayer, quiet};
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::writer::{Destination, Reason};
use parking_lot::Mutex;
use tracing::subscriber::with_default;
use tracing::{Instrument as _, debug, error, info, info_span, trace, warn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

/// Far beyond what anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Keeps every record.
#[derive(Clone, Default)]
struct Kept {
    records: Arc<Mutex<Vec<LogRecord>>>,
    gate: Arc<Mutex<()>>,
}

impl Destination for Kept {
    fn append(&mut self, mut bytes: Vec<u8>) -> Arc<Batch> {
        let _open = self.gate.lock();
        let mut records = self.records.lock();
        let first = records.len() as u64;
        let (mut at, mut next) = (0, first);
        while let Some(view) = codec::RecordView::parse(&bytes[at..]) {
            let length = view.as_bytes().len();
            codec::set_sequence(&mut bytes[at..], next);
            (at, next) = (at + length, next + 1);
        }
        let batch = Arc::new(Batch { first, next, bytes });
        records.extend(batch.records().map(LogRecord::from));
        batch
    }
}

/// A layer and what came out of it.
struct Recorder {
    kept: Kept,
    pipeline: Pipeline,
}

impl Recorder {
    fn new(options: LayerOptions) -> (LogLayer, Self) {
        Self::with(PipelineOptions { layer: options, ..PipelineOptions::default() })
    }

    fn with(options: PipelineOptions) -> (LogLayer, Self) {
        let kept = Kept::default();
        let (layer, pipeline) = Pipeline::start(kept.clone(), options).unwrap();
        (layer, Self { kept, pipeline })
    }

    fn records(&self) -> Vec<LogRecord> {
        assert!(self.pipeline.flush(DEADLINE), "the writer answers");
        self.kept.records.lock().clone()
    }
}

/// Runs code under the layer alone and gives what was recorded.
fn record(options: LayerOptions, work: impl FnOnce()) -> Vec<LogRecord> {
    let (layer, recorder) = Recorder::new(options);
    with_default(registry().with(layer), work);
    recorder.records()
}

/// Without span records, which most tests are not about.
fn events_only() -> LayerOptions {
    LayerOptions { span_level: None, ..LayerOptions::default() }
}

fn one(mut records: Vec<LogRecord>) -> LogRecord {
    assert_eq!(records.len(), 1, "{records:?}");
    records.remove(0)
}

fn text<'a>(record: &'a LogRecord, name: &str) -> &'a str {
    match record.field(name) {
        Some(Value::Str(text)) => text,
        other => panic!("{name} is {other:?} in {record:?}"),
    }
}

fn int(record: &LogRecord, name: &str) -> i64 {
    match record.field(name) {
        Some(Value::Int(number)) => *number,
        other => panic!("{name} is {other:?} in {record:?}"),
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
fn the_event_wins_over_the_inner_span_over_the_outer_span() {
    let record = one(record(events_only(), || {
        let outer = info_span!("outer", who = "outer", shared = "outer", route = "/public");
        let inner = info_span!(parent: &outer, "inner", who = "inner", shared = "inner");
        inner.in_scope(|| info!(who = "event", "hello"));
    }));
    assert_eq!(text(&record, "who"), "event");
    assert_eq!(text(&record, "shared"), "inner");
    assert_eq!(text(&record, "http.route"), "/public");
    assert_eq!(text(&record, "span.name"), "inner");
    let names: Vec<_> = record.fields.iter().map(|(name, _)| name.as_str()).collect();
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn a_field_recorded_later_is_on_what_follows_also_inside_of_children() {
    let records = record(events_only(), || {
        let outer = info_span!("outer", user = tracing::field::Empty, step = 1);
        let inner = info_span!(parent: &outer, "inner");
        inner.in_scope(|| info!("before"));
        outer.record("user", "anna");
        outer.record("step", 2);
        inner.in_scope(|| info!("after"));
    });
    assert_eq!(records[0].field("user.name"), None);
    assert_eq!(int(&records[0], "step"), 1);
    assert_eq!(text(&records[1], "user.name"), "anna");
    assert_eq!(int(&records[1], "step"), 2);
}

#[test]
fn a_closed_span_is_a_record_with_its_duration() {
    let options = LayerOptions { busy_times: true, ..LayerOptions::default() };
    let started = Instant::now();
    let records = record(options, || {
        let outer = info_span!("job.sweep", job = "sweep");
        outer.in_scope(|| info_span!("db.query", table = "users").in_scope(|| info!("inside")));
    });
    let limit = i64::try_from(started.elapsed().as_micros()).unwrap();
    let [event, inner, outer] = &records[..] else { panic!("{records:?}") };
    assert_eq!((inner.message.as_str(), outer.message.as_str()), ("db.query", "job.sweep"));
    assert_eq!(text(inner, "event.kind"), "span");
    assert_eq!(text(inner, "db.collection.name"), "users");
    assert_eq!(text(inner, "job.name"), "sweep");
    assert_eq!(text(inner, "parent.id"), text(outer, "span.id"));
    assert_eq!(text(event, "span.id"), text(inner, "span.id"));
    assert_ne!(text(inner, "span.id"), text(outer, "span.id"));
    assert_eq!(outer.field("parent.id"), None);
    for span in [inner, outer] {
        let duration = int(span, "duration_us");
        assert!((0..=limit).contains(&duration));
        let parts = int(span, "busy_us") + int(span, "idle_us");
        assert!((duration - parts).abs() <= 2, "{duration} {parts}");
    }
}

#[test]
fn spans_can_be_left_out_by_level_and_by_target() {
    let options = LayerOptions {
        span_level: Some(Level::Info),
        quiet_span_targets: vec!["app::http".to_owned()],
        ..LayerOptions::default()
    };
    let records = record(options, || {
        let request = info_span!(target: "app::http::server", "request", route = "/public");
        request.in_scope(|| {
            tracing::debug_span!("detail").in_scope(|| ());
            info_span!(target: "app::https", "other").in_scope(|| ());
        });
    });
    let record = one(records);
    assert_eq!(record.message, "other");
    assert_eq!(text(&record, "http.route"), "/public");
}

#[test]
fn a_span_may_be_used_on_several_threads_at_once() {
    let (layer, recorder) = Recorder::new(LayerOptions { busy_times: true, ..events_only() });
    let dispatch = tracing::Dispatch::new(registry().with(layer));
    tracing::dispatcher::with_default(&dispatch, || {
        let span = info_span!("shared", request_id = "r1");
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (span, dispatch) = (span.clone(), dispatch.clone());
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        for _ in 0..50 {
                            span.in_scope(|| info!(number, "hello"));
                        }
                    });
                });
            }
        });
    });
    let records = recorder.records();
    assert_eq!(records.len(), 200);
    assert!(records.iter().all(|record| text(record, "http.request.id") == "r1"));
}

#[test]
fn a_span_may_be_entered_again_while_it_is_entered() {
    let options = LayerOptions { busy_times: true, ..LayerOptions::default() };
    let records = record(options, || {
        let span = info_span!("again", n = 1);
        span.in_scope(|| span.in_scope(|| info!("inside")));
    });
    assert_eq!(records.len(), 2);
    assert_eq!(int(&records[0], "n"), 1);
    assert!(int(&records[1], "busy_us") <= int(&records[1], "duration_us"));
}

#[test]
fn a_future_takes_its_span_along_from_thread_to_thread() {
    let (layer, recorder) = Recorder::new(events_only());
    let dispatch = tracing::Dispatch::new(registry().with(layer));
    let span = tracing::dispatcher::with_default(&dispatch, || info_span!("task", job = "move"));
    let mut polled = false;
    let mut future = Box::pin(
        async move {
            info!("first");
            std::future::poll_fn(|_| {
                if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            info!("second");
        }
        .instrument(span),
    );
    for expected in [Poll::Pending, Poll::Ready(())] {
        let dispatch = dispatch.clone();
        future = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                let mut context = Context::from_waker(Waker::noop());
                assert_eq!(future.as_mut().poll(&mut context), expected);
            });
            future
        })
        .join()
        .unwrap();
    }
    let records = recorder.records();
    assert_eq!(records.len(), 2);
    assert!(records.iter().all(|record| text(record, "job.name") == "move"));
}

#[test]
fn filters_of_other_layers_and_of_this_one_combine() {
    let (layer, recorder) = Recorder::new(events_only());
    let wanted = LevelControl::new(Levels::parse("info,noisy=off").unwrap());
    let other = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(tracing_subscriber::filter::LevelFilter::TRACE);
    with_default(registry().with(other).with(layer.with_filter(wanted)), || {
        let hidden = tracing::debug_span!("hidden", secret_step = 1, step = 1);
        let shown = info_span!(parent: &hidden, "shown", step = 2);
        shown.in_scope(|| {
            debug!("not wanted");
            error!(target: "noisy", "not wanted");
            info!("wanted");
        });
        hidden.in_scope(|| info!("in a span that is filtered out"));
    });
    let records = recorder.records();
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(int(&records[0], "step"), 2);
    assert_eq!(records[0].field("secret_step"), None);
    assert_eq!(records[1].field("span.name"), None);
}

#[test]
fn levels_change_while_the_program_runs_and_go_back_by_themselves() {
    let (layer, recorder) = Recorder::new(events_only());
    let control = LevelControl::new(Levels::parse("info").unwrap());
    let emit = || trace!("detail");
    with_default(registry().with(layer.with_filter(control.clone())), || {
        emit();
        control.set(Levels::parse("trace").unwrap());
        emit();
        control.set(Levels::parse("warn").unwrap());
        emit();
        control.set_for(Levels::parse("trace").unwrap(), Duration::from_mins(10)).unwrap();
        emit();
        assert!(control.remaining().unwrap() > Duration::from_secs(500));
        control.set_for(Levels::parse("trace").unwrap(), Duration::from_millis(1)).unwrap();
        wait_until(|| control.remaining().is_none());
        emit();
    });
    assert_eq!(control.levels().to_string(), "warn");
    assert_eq!(recorder.records().len(), 2);
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "the condition never held");
        std::thread::yield_now();
    }
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

/// A value whose `Debug` does what it is told.
struct Odd<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Debug for Odd<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(formatter)
    }
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

#[test]
fn the_store_s_own_threads_and_targets_are_not_recorded() {
    let records = record(LayerOptions::default(), || {
        info!(target: "tantivy", "commit");
        info!(target: "logsearch::wal", "written");
        info!(target: "tantivy_user", "another crate");
        let guard = quiet();
        info!("from a thread that indexes");
        info_span!("merge").in_scope(|| ());
        drop(guard);
        info!("from a thread that serves");
    });
    let targets: Vec<_> = records.iter().map(|record| record.target.as_str()).collect();
    assert_eq!(targets, ["tantivy_user", "layer"]);
}

#[test]
fn a_full_buffer_drops_debug_first_then_info_and_says_so() {
    let options = PipelineOptions {
        buffer_bytes: 64 * 1024,
        layer: events_only(),
        ..PipelineOptions::default()
    };
    let (layer, recorder) = Recorder::with(options);
    let closed = recorder.kept.gate.lock();
    with_default(registry().with(layer), || {
        // The writer takes one buffer and then waits at the gate; the next fills up.
        for _ in 0..2_000 {
            debug!("a record of the lowest level");
        }
        for _ in 0..2_000 {
            info!("a record of the usual level");
        }
        for _ in 0..10 {
            warn!("a record that matters");
        }
        wait_until(|| recorder.pipeline.counts().queued_bytes > 0);
    });
    let counts = recorder.pipeline.counts();
    assert!(counts.dropped_at(Level::Debug) > 0);
    assert!(counts.dropped_at(Level::Info) > 0);
    assert_eq!(counts.dropped_at(Level::Warn), 0);
    drop(closed);
    let records = recorder.records();
    let counts = recorder.pipeline.counts();
    assert_eq!(counts.emitted_total(), records.len() as u64 + counts.dropped_total());
    let reports: Vec<_> =
        records.iter().filter(|record| record.message == "log records were lost").collect();
    let reported: i64 = reports.iter().map(|record| int(record, "log.lost")).sum();
    assert_eq!(reported, i64::try_from(counts.dropped_total()).unwrap());
    assert_eq!(reports[0].level, Level::Warn);
}

#[test]
fn what_is_emitted_after_the_shutdown_is_counted_as_lost() {
    let (layer, recorder) = Recorder::new(events_only());
    with_default(registry().with(layer), || {
        info!("before");
        assert!(recorder.pipeline.shutdown(DEADLINE));
        info!("after");
    });
    assert_eq!(recorder.kept.records.lock().len(), 1);
    let counts = recorder.pipeline.counts();
    assert_eq!((counts.emitted_total(), counts.dropped_for(Reason::Shutdown)), (2, 1));
}

#[test]
fn a_record_reaches_the_destination_within_moments_also_after_silence() {
    let (layer, recorder) = Recorder::new(events_only());
    with_default(registry().with(layer), || {
        for _ in 0..3 {
            let before = recorder.kept.records.lock().len();
            info!("hello");
            wait_until(|| recorder.kept.records.lock().len() > before);
        }
    });
}
