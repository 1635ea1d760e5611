//! The globals of the process, installed once by `main`: where log records go, where metrics go, what
//! happens on a panic.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use anyhow::Context;
use logsearch::filter::LevelControl;
use logsearch::{LineFormat, Logs, chain_panic_hook, is_log_thread};
use metrics_exporter_prometheus::PrometheusHandle;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};
use crate::data_dir::DataDir;
use crate::{exposition, logs};

/// What the installed globals can be asked for.
pub struct Telemetry {
    /// Renders the Prometheus exposition.
    pub metrics: PrometheusHandle,
    /// The log pipeline and index.
    pub logs: Arc<Logs>,
    /// Log levels of the index.
    pub levels: LevelControl,
}

/// Installs subscriber, recorder and panic hook; fails when there are some already.
pub fn install(config: &LogConfig, data_dir: &DataDir) -> anyhow::Result<Telemetry> {
    let recorder = exposition::recorder()?;
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder).context("could not install the metrics")?;
    let (layer, logs) = logs::start(config, stderr_format(config.log_format), data_dir.path())?;
    let levels = LevelControl::new(config.log_index.clone());
    let registry = tracing_subscriber::registry().with(layer.with_levels(levels.clone()));
    registry.try_init().context("could not install the log")?;
    set_panic_hook();
    Ok(Telemetry { metrics, logs: Arc::new(logs), levels })
}

fn stderr_format(format: LogFormat) -> LineFormat {
    let is_terminal = stderr().is_terminal();
    match format {
        LogFormat::Json => LineFormat::Json,
        LogFormat::Auto if !is_terminal => LineFormat::Json,
        LogFormat::Auto | LogFormat::Pretty => LineFormat::Text { colors: is_terminal },
    }
}

/// A panic is a log record. One of a thread that writes the log cannot be, and has the default hook.
fn set_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_log_thread() {
            default(panic);
        }
    }));
    chain_panic_hook();
}
