//! The globals of the process, installed once by `main`: where log lines go, where metrics go, what
//! happens on a panic.

use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{LogConfig, LogFormat};
use crate::exposition;

/// What the installed globals can be asked for.
pub struct Telemetry {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Replaces the filter of the log.
    pub filter: reload::Handle<EnvFilter, Registry>,
}

/// Installs subscriber, recorder and panic hook; fails when there are some already.
pub fn install(config: &LogConfig) -> anyhow::Result<Telemetry> {
    let filter =
        EnvFilter::try_new(&config.log_filter.0).context("could not read the log filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let lines = lines(config.log_format).with_filter(filter);
    tracing_subscriber::registry().with(lines).try_init().context("could not install the log")?;
    let recorder = exposition::recorder()?;
    let metrics = recorder.handle();
    metrics::set_global_recorder(recorder).context("could not install the metrics")?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Telemetry { metrics, filter: handle })
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

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("(no text)");
    let (file, line) = panic.location().map_or(("", 0), |at| (at.file(), at.line()));
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(
        target: "panic",
        { code.file.path = file, code.line.number = line, error.stack = %backtrace },
        "panicked: {message}"
    );
}
