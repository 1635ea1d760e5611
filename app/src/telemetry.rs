//! The globals of the process, installed once by `main`: where log records go, where metrics go, what
//! happens on a panic.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use anyhow::Context;
use logsearch::Logs;
use logsearch::chain_panic_hook;
use logsearch::filter::LevelControl;
use metrics_exporter_prometheus::PrometheusHandle;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

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
    let (index, logs) = logs::start(config, data_dir.path())?;
    let levels = LevelControl::new(config.log_index.clone());
    let lines = lines(config.log_format).with_filter(LevelControl::new(config.log.clone()));
    let index = index.with_filter(levels.clone());
    let registry = tracing_subscriber::registry().with(lines).with(index);
    registry.try_init().context("could not install the log")?;
    // Not the default hook: its lines would stand between the records.
    std::panic::set_hook(Box::new(|_| {}));
    chain_panic_hook();
    Ok(Telemetry { metrics, logs: Arc::new(logs), levels })
}

fn lines(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let pretty = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(stderr);
    if pretty {
        layer.with_ansi(stderr().is_terminal()).boxed()
    } else {
        layer.json().flatten_event(true).with_span_list(false).boxed()
    }
}
