//! Everything of `dashboards/` and `alerts/` that is generated, and the page of all metrics: one source
//! each, and the files that Grafana, Prometheus, Alertmanager and people read made of it.
//! `cargo run -p provisioning -- write` writes them, `-- check` and a test compare them.
//!
//! The crate depends on the service for its catalogue of metrics; nothing depends on it.

pub mod alerts;
pub mod dashboards;
pub mod files;
pub mod metrics_page;

use std::path::Path;

use files::GeneratedFile;

/// Every generated file below a root of the repository, made of the sources that are there.
///
/// # Errors
/// A source is missing, cannot be read as what it is, or names a panel that there is not.
pub fn generate(root: &Path) -> anyhow::Result<Vec<GeneratedFile>> {
    let source = alerts::source::Source::read(root)?;
    let mut files = dashboards::files();
    files.extend(alerts::files(&source, root)?);
    files.push(metrics_page::file());
    Ok(files)
}
