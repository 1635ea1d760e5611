//! The service's own logs: where they are, and what goes into them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use logsearch::embedded;
use logsearch::file_sink::FileOptions;
use logsearch::layer::{LayerOptions, LogLayer};
use logsearch::logs::{Logs, Options};
use logsearch::pipeline::PipelineOptions;

use crate::config::LogConfig;
use crate::metrics;

/// Where the logs of a data directory are.
pub fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// Opens the logs and makes the layer that fills them.
pub fn start(config: &LogConfig, data_dir: &Path) -> anyhow::Result<(LogLayer, Logs)> {
    let path = directory(data_dir);
    let options = Options { pipeline: pipeline(config), store: store(config) };
    Logs::start(&path, options)
        .with_context(|| format!("could not open the logs in {}", path.display()))
}

fn pipeline(config: &LogConfig) -> PipelineOptions {
    // A request, a statement and a run of a job each end with a record that sums them up; a second
    // one for the span would say the same again.
    let summed_up = ["minitwit::middleware", "minitwit::db", "minitwit::jobs"];
    let layer = LayerOptions {
        quiet_span_targets: summed_up.map(str::to_owned).to_vec(),
        ..LayerOptions::default()
    };
    let file = config.log_file.clone().map(FileOptions::new);
    PipelineOptions { layer, file, ..PipelineOptions::default() }
}

fn store(config: &LogConfig) -> embedded::Options {
    embedded::Options {
        max_age: config.log_max_age.0,
        max_bytes: config.log_max_size.0,
        metrics: &metrics::log::PIPELINE,
        ..embedded::Options::default()
    }
}
