//! The metrics as text: samples what is only known when asked, then renders the recorder.

use std::path::PathBuf;
use std::sync::Arc;

use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use logsearch::logs::Logs;

use crate::db::Db;
use crate::metrics::{self, db_file_bytes};
use crate::process::{self, Process};

/// Everything a scrape needs. Clones share it.
#[derive(Clone)]
pub struct Exposition(Arc<Sources>);

struct Sources {
    recorder: PrometheusHandle,
    db: Db,
    process: Process,
    data_dir: PathBuf,
    sqlite: Option<PathBuf>,
    logs: Option<Arc<Logs>>,
}

impl Exposition {
    /// `sqlite` is the database file, if that is the database; `logs` the log index, if there is one.
    pub fn new(
        recorder: PrometheusHandle,
        db: Db,
        data_dir: PathBuf,
        sqlite: Option<PathBuf>,
        logs: Option<Arc<Logs>>,
    ) -> Self {
        let process = Process::default();
        Self(Arc::new(Sources { recorder, db, process, data_dir, sqlite, logs }))
    }

    /// The text format of Prometheus, version 0.0.4.
    pub async fn render(&self) -> String {
        if let Some(logs) = &self.0.logs
            && let Err(error) = logs.publish_metrics().await
        {
            tracing::warn!(error.message = %error, "the log index does not say how it is doing");
        }
        self.0.process.publish(&self.0.data_dir);
        self.0.db.publish_pool_gauges();
        if let Some(main) = &self.0.sqlite {
            let wal = PathBuf::from(format!("{}-wal", main.display()));
            for (name, path) in [("main", main), ("wal", &wal)] {
                db_file_bytes(name, std::fs::metadata(path).map_or(0, |file| file.len()));
            }
        }
        self.0.recorder.run_upkeep();
        let mut text = self.0.recorder.render();
        text.push_str(&process::exposition());
        text
    }
}

/// A recorder with the buckets of the catalogue. Without them a histogram would become a summary.
pub fn recorder() -> anyhow::Result<PrometheusRecorder> {
    let mut builder = PrometheusBuilder::new();
    for metric in metrics::all() {
        if let logsearch::metrics::Kind::Histogram(bounds) = metric.kind {
            let name = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(name, bounds)?;
        }
    }
    Ok(builder.build_recorder())
}
