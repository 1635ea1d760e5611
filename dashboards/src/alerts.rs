//! The alerts: rules in the form of Prometheus and their routing are the source in `alerts/`; what
//! Grafana, Alertmanager, the panel and people read is generated from them.

pub mod alertmanager;
pub mod grafana;
mod overview;
mod panel;
pub mod prometheus;
pub mod routing;
mod runbooks;
pub mod source;
pub mod words;

use std::path::Path;

use crate::files::GeneratedFile;
use source::Source;

/// The files of all engines, the list for people and the one for the panel.
///
/// # Errors
/// A rule names a panel that there is not, or has no runbook.
pub fn files(source: &Source, root: &Path) -> anyhow::Result<Vec<GeneratedFile>> {
    let mut files = Vec::from(grafana::files(source)?);
    files.extend(prometheus::files(source)?);
    files.push(alertmanager::file(source)?);
    files.push(overview::file(source)?);
    files.push(panel::file(source));
    files.push(runbooks::file(source, root)?);
    Ok(files)
}
