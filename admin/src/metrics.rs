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

/// Time between two snapshots on disk, in microseconds: the most a killed process loses. A snapshot has
/// up to some megabytes, so it is not written with every sample.
pub(crate) const SAVE_EVERY: i64 = 300 * SECOND;

/// The charts of a service and their history. Shared by the sampler, which fills it, and the panel.
pub struct Metrics {
    catalogue: HashMap<&'static str, &'static Metric>,
    charts: Vec<Chart>,
    history: Mutex<History>,
    /// Held while a snapshot is written, and by nobody who looks or reads.
    saving: Mutex<()>,
    name: String,
}

impl Metrics {
    /// Creates the standard charts of a web service with the catalogue of its metrics; add more
    /// with [`Metrics::charts`]. The history is in memory only; see [`Metrics::keep_in`].
    pub fn new(catalogue: impl IntoIterator<Item = &'static Metric>) -> Self {
        let catalogue = catalogue.into_iter().map(|metric| (metric.name, metric)).collect();
        let history = Mutex::new(History::new(Vec::new(), EVERY));
        let name = "this process".to_owned();
        let saving = Mutex::default();
        Self { catalogue, charts: Vec::new(), history, saving, name }
            .with_charts(standard::charts())
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

    /// Persists the history in this directory, in one file of at most 16 MB, so that charts survive
    /// restarts. Only this process may use the directory. Call it before the first sample.
    ///
    /// # Errors
    /// The directory cannot be created or its file cannot be read; the history then stays in memory.
    pub fn keep_in(&self, directory: &Path) -> io::Result<()> {
        self.history().keep_in(directory)
    }

    /// Takes a sample: the text of the exposition and its time in microseconds since the Unix
    /// epoch. [`Sampler`] calls this periodically.
    pub fn observe(&self, exposition: &str, now: i64) {
        self.history().observe(exposition, now);
    }

    /// Writes the history to the directory of [`Metrics::keep_in`]; without one it does nothing. Blocks
    /// on the disk without holding the lock of readers. [`Sampler`] calls it every five minutes and at
    /// its end; a killed process loses what came since.
    ///
    /// # Errors
    /// The file could not be written. The previous snapshot is kept, and the panel shows a notice.
    pub fn save(&self) -> io::Result<()> {
        let _one_at_a_time = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((file, bytes)) = self.history().snapshot() else { return Ok(()) };
        let written = file.write(&bytes);
        self.history().saved(&written);
        written
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
