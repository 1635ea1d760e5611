//! What a chart shows: which series of the exposition, read how. Titles are short; what a metric means
//! stands in the host's catalogue and is shown beside the chart.

use logsearch::metrics::Unit;

use crate::history::{Cardinality, Fold, Selector, SeriesKind, TrackedSeries};

/// The sets of the page, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// Rate, errors and duration of requests.
    Requests,
    /// Statements and connections.
    Database,
    /// The process and what it runs on.
    Process,
    /// From the event to the index.
    Logs,
    /// What the service is for.
    Business,
}

impl Set {
    /// All, in order.
    pub const ALL: [Self; 5] =
        [Self::Requests, Self::Database, Self::Process, Self::Logs, Self::Business];

    /// As a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Database => "Database",
            Self::Process => "Process and runtime",
            Self::Logs => "Log pipeline",
            Self::Business => "Business",
        }
    }

    /// As the fragment of an address.
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

/// How a line comes from its series.
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
    /// The metric that says what the line is of.
    pub fn metric(&self) -> &'static str {
        match self {
            Self::Gauge(selector, _)
            | Self::Rate(selector)
            | Self::Percentile(selector, _)
            | Self::PerEach(selector, _)
            | Self::Share(selector, _) => selector.metric,
        }
    }

    /// What the history must keep for it.
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
    /// In the next color.
    #[default]
    Plain,
    /// In the color of errors.
    Bad,
    /// Dashed: what the others should stay below.
    Limit,
}

/// A line, or one for each value of a label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// For the legend; empty where the value of the label says it.
    pub name: &'static str,
    pub expr: Expr,
    pub style: LineStyle,
}

/// One chart of the page.
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
    /// A chart without lines. The id is a part of addresses and unique on the page.
    pub fn new(set: Set, id: &'static str, title: &'static str) -> Self {
        Self { set, id, title, lines: Vec::new(), query: "", now: None, unit: None }
    }

    /// Which records a click on a point leads to, as a query; without it, all of that time.
    #[must_use]
    pub fn logs(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    /// The unit of its metrics, where the catalogue does not know it.
    #[must_use]
    pub fn unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }

    /// Its last value is one of the figures of the first page, under this name.
    #[must_use]
    pub fn on_now(self, name: &'static str) -> Self {
        Self { now: Some(name), ..self }
    }

    /// A gauge; of a longer interval its highest value.
    #[must_use]
    pub fn gauge(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Highest), LineStyle::Plain)
    }

    /// A gauge that counts what there is; of a longer interval its last value.
    #[must_use]
    pub fn total(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Last), LineStyle::Plain)
    }

    /// A gauge that others should stay below.
    #[must_use]
    pub fn limit(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Gauge(selector, Fold::Last), LineStyle::Limit)
    }

    /// The increase of a counter per second.
    #[must_use]
    pub fn rate(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Rate(selector), LineStyle::Plain)
    }

    /// The increase per second of a counter of what should not happen.
    #[must_use]
    pub fn bad_rate(self, name: &'static str, selector: Selector) -> Self {
        self.line(name, Expr::Rate(selector), LineStyle::Bad)
    }

    /// The median, the 95th and the 99th percentile of a histogram.
    #[must_use]
    pub fn percentiles(self, selector: &Selector) -> Self {
        [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].into_iter().fold(
            self,
            |chart, (name, share)| {
                chart.line(name, Expr::Percentile(selector.clone(), share), LineStyle::Plain)
            },
        )
    }

    /// How much of one counter there is for each of another.
    #[must_use]
    pub fn per_each(self, name: &'static str, part: Selector, whole: Selector) -> Self {
        self.line(name, Expr::PerEach(part, whole), LineStyle::Plain)
    }

    /// A gauge as a share of another.
    #[must_use]
    pub fn share(self, name: &'static str, part: Selector, whole: Selector) -> Self {
        self.line(name, Expr::Share(part, whole), LineStyle::Plain)
    }

    fn line(mut self, name: &'static str, expr: Expr, style: LineStyle) -> Self {
        self.lines.push(Line { name, expr, style });
        self
    }

    /// The names of every series the chart reads, as the exposition spells them.
    pub fn series(&self) -> impl Iterator<Item = &'static str> + '_ {
        let tracks = self.lines.iter().flat_map(|line| line.expr.tracks());
        tracks.map(|track| track.selector.metric)
    }
}
