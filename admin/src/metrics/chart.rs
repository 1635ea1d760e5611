//! Definition of a chart: which series it reads and how. Titles are short; descriptions come from
//! the host's metric catalogue.

use logsearch::metrics::Unit;

use crate::history::{Cardinality, Fold, Selector, SeriesKind, TrackedSeries};

/// Groups of charts, in display order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Rate, errors and duration of requests.
    Requests,
    /// Statements and connections.
    Database,
    /// The process and its machine.
    Process,
    /// The log pipeline, from event to index.
    Logs,
    /// Business metrics of the service.
    Business,
}

impl Set {
    /// All sets in display order.
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::Database, Self::Process, Self::Logs, Self::Business];

    /// Title of the set.
    pub fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Database => "Database",
            Self::Process => "Process and runtime",
            Self::Logs => "Log pipeline",
            Self::Business => "Business",
        }
    }

    /// URL fragment of the set.
    pub fn id(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Database => "database",
            Self::Process => "process",
            Self::Logs => "logs",
            Self::Business => "business",
        }
    }
}

/// How a line is computed from its series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    /// A gauge as it is.
    Gauge(Selector, Fold),
    /// The increase of a counter per second.
    Rate(Selector),
    /// A percentile of a histogram, 0 to 1.
    Percentile(Selector, f64),
    /// The increase of one counter for each of another.
    PerEach(Selector, Selector),
    /// A gauge as a share of another.
    Share(Selector, Selector),
}

impl Expr {
    /// The metric whose description applies to the line.
    pub fn metric(&self) -> &'static str {
        match self {
            Self::Gauge(selector, _)
            | Self::Rate(selector)
            | Self::Percentile(selector, _)
            | Self::PerEach(selector, _)
            | Self::Share(selector, _) => selector.metric,
        }
    }

    /// Series that the history must track for it.
    pub fn tracks(&self) -> Vec<TrackedSeries> {
        let track = |selector: &Selector, kind| TrackedSeries {
            selector: selector.clone(),
            kind,
            cardinality: Cardinality::Few,
        };
        match self {
            Self::Gauge(selector, fold) => vec![track(selector, SeriesKind::Gauge(*fold))],
            Self::Rate(selector) => vec![track(selector, SeriesKind::Counter)],
            Self::Percentile(selector, _) => vec![track(selector, SeriesKind::Histogram)],
            Self::PerEach(part, whole) => {
                vec![track(part, SeriesKind::Counter), track(whole, SeriesKind::Counter)]
            }
            Self::Share(part, whole) => vec![
                track(part, SeriesKind::Gauge(Fold::Highest)),
                track(whole, SeriesKind::Gauge(Fold::Highest)),
            ],
        }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LineStyle {
    /// Next color of the palette.
    #[default]
    Plain,
    /// Error color.
    Bad,
    /// Dashed line for a limit.
    Limit,
}

/// A line, or one for each value of a label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Name in the legend; empty if the label value is the name.
    pub name: &'static str,
    pub expr: Expr,
    pub style: LineStyle,
}

/// Definition of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub(crate) set: Set,
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) lines: Vec<Line>,
    pub(crate) query: &'static str,
    pub(crate) now: Option<&'static str>,
    pub(crate) unit: Option<Unit>,
}

impl Chart {
    /// Creates a chart without lines. The id appears in URLs and must be unique on the page.
    pub fn new(set: Set, id: &'static str, title: &'static str) -> Self {
        Self { set, id, title, lines: Vec::new(), query: "", now: None, unit: None }
    }

    /// Sets the log query that a click on a point opens; all records of that time by default.
    #[must_use]
    pub fn logs(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    /// Sets the unit of metrics that are not in the catalogue.
    #[must_use]
    pub fn unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Shows the last value on the page Now under this name.
    #[must_use]
    pub fn on_now(self, name: &'static str) -> Self {
        Self { now: Some(name), ..self }
    }

    /// Adds a gauge; longer intervals show the maximum.
    #[must_use]
    pub fn gauge(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Highest), LineStyle::Plain)
    }

    /// Adds a gauge of a total; longer intervals show the last value.
    #[must_use]
    pub fn total(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Last), LineStyle::Plain)
    }

    /// Adds a gauge as a dashed limit line.
    #[must_use]
    pub fn limit(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Last), LineStyle::Limit)
    }

    /// Adds the rate of a counter per second.
    #[must_use]
    pub fn rate(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Rate(selector), LineStyle::Plain)
    }

    /// Adds the rate per second of a counter of failures, drawn in the error color.
    #[must_use]
    pub fn bad_rate(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Rate(selector), LineStyle::Bad)
    }

    /// Adds the p50, p95 and p99 of a histogram.
    #[must_use]
    pub fn percentiles(self, selector: &Selector) -> Self {
        [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].into_iter().fold(
            self,
            |chart, (name, share)| {
                chart.line(name, Expr::Percentile(selector.clone(), share), LineStyle::Plain)
            },
        )
    }

    /// Adds the ratio of the increases of two counters.
    #[must_use]
    pub fn per_each(self, name: &'static str, part: Selector, whole: Selector) -> Self {
        self.line(name, Expr::PerEach(part, whole), LineStyle::Plain)
    }

    /// Adds the ratio of two gauges.
    #[must_use]
    pub fn share(self, name: &'static str, part: Selector, whole: Selector) -> Self {
        self.line(name, Expr::Share(part, whole), LineStyle::Plain)
    }

    fn line(mut self, name: &'static str, expr: Expr, style: LineStyle) -> Self {
        self.lines.push(Line { name, expr, style });
        self
    }

    /// Names of all series the chart reads, as in the exposition.
    pub fn series(&self) -> impl Iterator<Item = &'static str> + '_ {
        let tracks = self.lines.iter().flat_map(|line| line.expr.tracks());
        tracks.map(|track| track.selector.metric)
    }
}
