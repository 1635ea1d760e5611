//! Metric history: samples the host's exposition every few seconds and keeps what the charts need.
//! Not a monitoring system: it covers one process, evaluates no rules and keeps one week.

mod chart;
mod plot;
mod sampler;
mod standard;
mod statements;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use logsearch::metrics::Metric;
use logsearch::metrics::own::Names;

pub use crate::history::{Selector, select};
pub(crate) use chart::LineStyle;
pub use chart::{Chart, Set};
pub(crate) use plot::{Measure, Plot, Series, Span, plots};
pub use sampler::Sampler;
pub(crate) use statements::{Cost, Costs};

use crate::format::SECOND;
use crate::history::History;

/// Sampling interval in microseconds.
pub(crate) const EVERY: i64 = 10 * SECOND;

/// The charts of a service and their history. Shared by the sampler, which fills it, and the panel.
pub struct Metrics {
    catalogue: HashMap<&'static str, &'static Metric>,
    charts: Vec<Chart>,
    history: Mutex<History>,
    name: String,
}

impl Metrics {
    /// Creates the standard charts of a web service with the catalogue of its metrics; add more
    /// with [`Metrics::charts`]. The history is in memory only; see [`Metrics::keep_in`].
    pub fn new(catalogue: impl IntoIterator<Item = &'static Metric>) -> Self {
        let catalogue = catalogue.into_iter().map(|metric| (metric.name, metric)).collect();
        let history = Mutex::new(History::new(Vec::new(), EVERY));
        let name = "this process".to_owned();
        Self { catalogue, charts: Vec::new(), history, name }.with_charts(standard::charts())
    }

    /// Sets the name of the process shown on pages; each replica has its own history.
    #[must_use]
    pub fn of(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Adds the charts of a log pipeline that publishes its metrics under these names.
    #[must_use]
    pub fn log_pipeline(self, names: &Names) -> Self {
        self.with_charts(standard::log_charts(names))
    }

    /// Adds charts after the standard ones of their sets. Call it before [`Metrics::keep_in`].
    #[must_use]
    pub fn charts(self, charts: impl IntoIterator<Item = Chart>) -> Self {
        self.with_charts(charts)
    }

    fn with_charts(mut self, charts: impl IntoIterator<Item = Chart>) -> Self {
        self.charts.extend(charts);
        let mut tracks = statements::tracks();
        for line in self.charts.iter().flat_map(|chart| &chart.lines) {
            for track in line.expr.tracks() {
                if !tracks.contains(&track) {
                    tracks.push(track);
                }
            }
        }
        self.history = Mutex::new(History::new(tracks, EVERY));
        self
    }

    /// Persists the history in this directory, at most 16 MB, so that charts survive restarts. Only
    /// this process may use the directory.
    pub fn keep_in(&self, directory: &Path) -> io::Result<()> {
        self.history().keep_in(directory)
    }

    /// Takes a sample: the text of the exposition and its time in microseconds since the Unix
    /// epoch. [`Sampler`] calls this periodically.
    pub fn observe(&self, exposition: &str, now: i64) {
        self.history().observe(exposition, now);
    }

    /// Size of the history in memory and on disk, in bytes.
    pub fn bytes(&self) -> (usize, u64) {
        self.history().bytes()
    }

    /// All charts, standard ones first.
    pub fn all_charts(&self) -> &[Chart] {
        &self.charts
    }

    /// Cost of all statements in this range, if the service measures them.
    pub(crate) fn statements(&self, from: i64, to: i64) -> Option<Costs> {
        statements::costs(&self.history(), from, to)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn metric(&self, name: &str) -> Option<&'static Metric> {
        self.catalogue.get(name).copied()
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        // A look that panicked has left at most a row out.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
