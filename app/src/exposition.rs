//! The metrics as text: samples what is only known when asked, then renders the recorder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use logsearch::Logs;
use logsearch::metrics::{Kind, Metric};

use crate::db::Db;
use crate::metrics;
use crate::process::{self, Process};
use crate::runtime;

/// The sources of a scrape. Clones share them.
#[derive(Clone)]
pub struct Exposition(Arc<Sources>);

struct Sources {
    recorder: PrometheusHandle,
    db: Db,
    process: Process,
    data_dir: PathBuf,
    wal: Option<PathBuf>,
    logs: Option<Arc<Logs>>,
}

impl Exposition {
    /// `wal` is the write-ahead log of SQLite, if that is the database; `logs` the log index, if there is
    /// one.
    pub fn new(
        recorder: PrometheusHandle,
        db: Db,
        data_dir: PathBuf,
        wal: Option<PathBuf>,
        logs: Option<Arc<Logs>>,
    ) -> Self {
        let process = Process::default();
        Self(Arc::new(Sources { recorder, db, process, data_dir, wal, logs }))
    }

    /// The text format of Prometheus, version 0.0.4.
    pub async fn render(&self) -> String {
        if let Some(logs) = &self.0.logs
            && let Err(error) = logs.publish_metrics().await
        {
            tracing::warn!(error.message = %error, "could not read log index status");
        }
        self.0.process.publish(&self.0.data_dir);
        runtime::publish();
        self.0.db.publish_pool_gauges();
        if let Some(path) = &self.0.wal {
            metrics::db_file_bytes("wal", std::fs::metadata(path).map_or(0, |file| file.len()));
        }
        self.0.recorder.run_upkeep();
        let mut text = self.0.recorder.render();
        for (metric, value) in [
            (&metrics::PROCESS_CPU, process::cpu_seconds()),
            (&metrics::TOKIO_WORKER_BUSY, Some(runtime::busy_seconds())),
        ] {
            text.extend(value.map(|value| fraction(metric, value)));
        }
        text
    }

    /// Sorts observations into their buckets every few seconds, for as long as it is polled: until then,
    /// or until somebody reads them, each takes memory of its own.
    pub async fn keep_up(self) {
        let mut ticks = tokio::time::interval(UPKEEP);
        loop {
            ticks.tick().await;
            self.0.recorder.run_upkeep();
        }
    }
}

const UPKEEP: Duration = Duration::from_secs(5);

/// A counter that the recorder cannot hold: its own are whole numbers, and processor time in whole
/// seconds would make every rate a staircase.
fn fraction(Metric { name, help, .. }: &Metric, value: f64) -> String {
    format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n\n")
}

/// A recorder with the buckets of the catalogue. Without them a histogram would become a summary.
pub fn recorder() -> anyhow::Result<PrometheusRecorder> {
    let mut builder = PrometheusBuilder::new();
    for metric in metrics::all() {
        if let Kind::Histogram(bounds) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, bounds)?;
        }
    }
    Ok(builder.build_recorder())
}
