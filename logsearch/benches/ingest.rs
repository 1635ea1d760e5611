//! What an event costs the thread that emits it, in CPU time of that thread, against what people use
//! otherwise: the JSON formatter of `tracing-subscriber` with the non-blocking file writer of
//! `tracing-appender`. All contestants take turns in one process, so that their ratios hold on a machine
//! that is busy with other things.
//!
//! `cargo bench -p logsearch --bench ingest`

use std::path::Path;
use std::time::Duration;

use logsearch::filter::{LevelControl, Levels};
use logsearch::pipeline::{Pipeline, PipelineOptions};
use logsearch::wal::{Wal, WalOptions};
use rustix::time::{ClockId, clock_gettime};
use tracing::{Dispatch, info, info_span};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

const ROUNDS: usize = 15;
/// Events of a round without pauses.
const FLAT_OUT: u32 = 20_000;
/// Events of a round with pauses: bursts of a busy request, each followed by a pause.
const BURSTS: u32 = 40;
const BURST: u32 = 50;
const PAUSE: Duration = Duration::from_millis(4);

/// One way to log.
struct Contestant {
    name: &'static str,
    dispatch: Dispatch,
    flat_out: Vec<f64>,
    paced: Vec<f64>,
}

impl Contestant {
    fn new(name: &'static str, dispatch: impl Into<Dispatch>) -> Self {
        Self { name, dispatch: dispatch.into(), flat_out: Vec::new(), paced: Vec::new() }
    }

    fn round(&mut self) {
        self.flat_out.push(self.nanos_per_event(FLAT_OUT, 1));
        // What is left over from going flat out is written before the next measurement.
        std::thread::sleep(PAUSE * 12);
        self.paced.push(self.nanos_per_event(BURST, BURSTS));
    }

    /// CPU time inside of bursts; going to sleep between them is nobody's merit.
    fn nanos_per_event(&self, burst: u32, bursts: u32) -> f64 {
        tracing::dispatcher::with_default(&self.dispatch, || {
            let span = info_span!(
                "http.server.request",
                http.request.method = "GET",
                http.route = "/msgs/{username}",
                http.request.id = "6f1c2a9b8d7e4f30",
                user.name = "Octavia Niss",
            );
            let _entered = span.enter();
            (0..100).for_each(emit);
            let mut spent = Duration::ZERO;
            for number in 0..bursts {
                if bursts > 1 {
                    std::thread::sleep(PAUSE);
                }
                let before = cpu_time();
                (number * burst..(number + 1) * burst).for_each(emit);
                spent += cpu_time().saturating_sub(before);
            }
            spent.as_secs_f64() * 1e9 / f64::from(burst * bursts)
        })
    }
}

/// A usual event: eight fields and a formatted message.
fn emit(number: u32) {
    info!(
        db.query.text = "SELECT * FROM message WHERE author_id = ? ORDER BY pub_date DESC LIMIT ?",
        db.operation.name = "messages.by_user",
        db.rows = 30,
        duration_us = u64::from(number % 5_000),
        http.response.status_code = 200,
        url.path = "/msgs/Octavia%20Niss",
        ratio = 0.25,
        cached = false,
        "loaded {} messages in page {}",
        30,
        number
    );
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn ours(directory: &Path) -> (Dispatch, Pipeline) {
    let log = Wal::open(directory, WalOptions::default()).expect("a fresh directory");
    let (layer, pipeline) =
        Pipeline::start(log, PipelineOptions::default()).expect("a thread for the writer");
    let filter = LevelControl::new(Levels::parse("info").expect("a level"));
    (registry().with(layer.with_filter(filter)).into(), pipeline)
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark")]
fn main() {
    let directory = tempfile::tempdir().expect("a directory for the benchmark");
    let (ours, pipeline) = ours(&directory.path().join("log"));
    let file = tracing_appender::rolling::never(directory.path(), "baseline.json");
    let (writer, _guard) = tracing_appender::non_blocking(file);
    let json = tracing_subscriber::fmt::layer().json().with_writer(writer);
    let to_nowhere = tracing_subscriber::fmt::layer().json().with_writer(std::io::sink);
    let mut contestants = [
        Contestant::new("registry alone", registry()),
        Contestant::new("logsearch, written and synced", ours),
        Contestant::new("fmt JSON, thrown away", registry().with(to_nowhere)),
        Contestant::new("fmt JSON, tracing-appender non_blocking", registry().with(json)),
    ];
    for _ in 0..ROUNDS {
        contestants.iter_mut().for_each(Contestant::round);
    }
    println!(
        "{:<42}{:>12}{:>12}   (CPU ns per event, median of {ROUNDS})",
        "", "flat out", "paced"
    );
    let mut medians = Vec::new();
    for contestant in &mut contestants {
        let (flat_out, paced) = (median(&mut contestant.flat_out), median(&mut contestant.paced));
        println!("{:<42}{flat_out:>12.0}{paced:>12.0}", contestant.name);
        medians.push((flat_out, paced));
    }
    let (ours, baseline) = (medians[1], medians[3]);
    println!(
        "ours / baseline: {:.3} flat out, {:.3} paced",
        ours.0 / baseline.0,
        ours.1 / baseline.1
    );
    println!(
        "lost: {} of {}",
        pipeline.counts().dropped_total(),
        pipeline.counts().emitted_total()
    );
}
