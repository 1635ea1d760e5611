//! Metrics with a past: the host's exposition is looked at every few seconds, and what the charts need
//! of it is kept. This is no monitoring: it watches one process, evaluates no rules, and forgets after a
//! week.

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

/// Time between two looks, in microseconds.
pub(crate) const EVERY: i64 = 10 * SECOND;

/// The charts of a service and what they show. Shared by the sampler, which fills it, and the panel.
pub struct Metrics {
    catalogue: HashMap<&'static str, &'static Metric>,
    charts: Vec<Chart>,
    history: Mutex<History>,
    name: String,
}

impl Metrics {
    /// With the usual charts of a web service (see [`Metrics::charts`] for more), and the catalogue that
    /// says what its metrics are. Nothing is kept beyond the process.
    pub fn new(catalogue: impl IntoIterator<Item = &'static Metric>) -> Self {
        let catalogue = catalogue.into_iter().map(|metric| (metric.name, metric)).collect();
        let history = Mutex::new(History::new(Vec::new(), EVERY));
        let name = "this process".to_owned();
        Self { catalogue, charts: Vec::new(), history, name }.with_charts(standard::charts())
    }

    /// What pages call the process they show; of several replicas each has figures of its own.
    #[must_use]
    pub fn of(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// With the charts of a log pipeline that publishes its metrics under these names.
    #[must_use]
    pub fn log_pipeline(self, names: &Names) -> Self {
        self.with_charts(standard::log_charts(names))
    }

    /// With these charts behind the usual ones of their sets. Call it before [`Metrics::keep_in`].
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

    /// Kept in this directory too, whose files belong to this process alone: after a restart the charts
    /// go on. At most 16 MB.
    pub fn keep_in(&self, directory: &Path) -> io::Result<()> {
        self.history().keep_in(directory)
    }

    /// Takes a look: the text of the exposition, and when it was made in microseconds since the Unix
    /// epoch. [`Sampler`] does it all the time.
    pub fn observe(&self, exposition: &str, now: i64) {
        self.history().observe(exposition, now);
    }

    /// Memory of all that is kept, and bytes on disk.
    pub fn bytes(&self) -> (usize, u64) {
        self.history().bytes()
    }

    /// Every chart, the usual ones first.
    pub fn all_charts(&self) -> &[Chart] {
        &self.charts
    }

    /// What statements cost in this time, if the service measures them.
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
