//! Which series of the exposition the history follows, and what it keeps of each.

use std::fmt;

use super::columns::Fold;

/// Selects series of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub(crate) metric: &'static str,
    pub(crate) only: Option<(&'static str, &'static [&'static str])>,
    pub(crate) by: Option<&'static str>,
}

/// Selects all series of a metric, summed.
pub fn select(metric: &'static str) -> Selector {
    Selector { metric, only: None, by: None }
}

impl Selector {
    /// Restricts to series whose label has one of these values.
    #[must_use]
    pub fn only(self, label: &'static str, values: &'static [&'static str]) -> Self {
        Self { only: Some((label, values)), ..self }
    }

    /// Draws one line per value of a label.
    #[must_use]
    pub fn by(self, label: &'static str) -> Self {
        Self { by: Some(label), ..self }
    }
}

impl fmt::Display for Selector {
    /// Writes the selector as columns and snapshots name it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.metric)?;
        if let Some((label, values)) = self.only {
            write!(formatter, "{{{label}={}}}", values.join("|"))?;
        }
        if let Some(label) = self.by {
            write!(formatter, " by {label}")?;
        }
        Ok(())
    }
}

/// What the history keeps of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// The value.
    Gauge(Fold),
    /// The increase.
    Counter,
    /// The increase of each bucket.
    Histogram,
}

/// A series tracked by the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedSeries {
    pub selector: Selector,
    pub kind: SeriesKind,
    pub cardinality: Cardinality,
}

/// How many values a grouping label may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// As many as a chart has room for; a counter that did not grow is zero.
    Few,
    /// As many as a table has room for; of counters that did not grow nothing is kept.
    Many,
}

impl Cardinality {
    /// Maximum number of groups; the rest is combined into one.
    pub fn groups(self) -> usize {
        match self {
            Self::Few => 12,
            Self::Many => 100,
        }
    }
}
