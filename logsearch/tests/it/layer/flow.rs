//! Filters, levels that change, and what happens when the writer does not keep up or has ended.

use std::time::{Duration, Instant};

use logsearch::Reason;
use logsearch::filter::{LevelControl, Levels};
use logsearch::layer::{LayerOptions, quiet};
use logsearch::pipeline::PipelineOptions;
use logsearch::record::Level;
use tracing::subscriber::with_default;
use tracing::{debug, error, info, info_span, trace, warn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

use super::{DEADLINE, Recorder, events_only, int, record, text};

fn wait_until(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "the condition never held");
        std::thread::yield_now();
    }
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
        wait_until(|| recorder.records().len() > 2);
    });
    assert_eq!(control.levels().to_string(), "warn");
    let records = recorder.records();
    assert_eq!(records.len(), 3);
    assert_eq!(text(&records[2], "event.action"), "levels.revert");
    assert_eq!(text(&records[2], "user.name"), "system");
    assert_eq!(text(&records[2], "logs.levels"), "warn");
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
    assert_eq!(targets, ["tantivy_user", module_path!()]);
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
        records.iter().filter(|record| record.message == "log records dropped").collect();
    let reported: i64 = reports.iter().map(|record| int(record, "log.lost")).sum();
    assert_eq!(reported, i64::try_from(counts.dropped_total()).unwrap());
    let part = |name: &str| reports.iter().filter_map(|record| record.field(name)).count();
    assert!(part("log.lost.debug") > 0 && part("log.lost.info") > 0, "{reports:?}");
    assert!(part("log.lost.queue_full") > 0 && part("log.lost.disk") == 0, "{reports:?}");
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
