//! Spans: their fields on the records inside, their own records, and threads they move between.

use std::future::Future as _;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use logsearch::layer::LayerOptions;
use logsearch::record::Level;
use tracing::{Instrument as _, info, info_span};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::{Recorder, events_only, int, one, record, text};

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
