//! The service's own logs: where they are, and what goes into them.

use std::path::{Path, PathBuf};

use anyhow::Context;
use logsearch::{FileOptions, LineFormat, LogLayer, Logs, Options, StderrOptions};

use crate::config::LogConfig;
use crate::metrics;

/// Where the logs of a data directory are.
pub fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// Opens the logs and makes the layer that fills them.
pub fn start(
    config: &LogConfig,
    format: LineFormat,
    data_dir: &Path,
) -> anyhow::Result<(LogLayer, Logs)> {
    let path = directory(data_dir);
    let stderr = StderrOptions::new(config.log.clone(), format);
    Logs::start(&path, options(config).stderr(stderr))
        .with_context(|| format!("could not open the logs in {}", path.display()))
}

fn options(config: &LogConfig) -> Options {
    // A request, a statement and a run of a job each end with a record that sums them up; a second
    // one for the span would say the same again.
    let summed_up = ["minitwit::middleware", "minitwit::db", "minitwit::jobs"];
    Options::default()
        .max_age(config.log_max_age.0)
        .max_bytes(config.log_max_size.0)
        .metrics(&metrics::log::PIPELINE)
        .quiet_span_targets(summed_up)
        .text_file(config.log_file.clone().map(FileOptions::new))
}
