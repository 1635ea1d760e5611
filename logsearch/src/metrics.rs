//! What a metric is, and how a crate declares its own: one table per crate, in one place.
//!
//! Descriptions, bucket bounds, dashboards' lint rules and the admin's titles all read the table, so a
//! name is written once. This module knows no exporter; [`describe`] speaks to the `metrics` facade.

pub mod own;

/// Unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds; also Unix time stamps.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share between 0 and 1.
    Ratio,
    /// No unit.
    None,
}

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A value that only increases until a restart.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// Observations in buckets with these upper bounds, ascending, without the infinite one.
    Histogram(&'static [f64]),
}

/// One metric of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Metric name with its unit suffix.
    pub name: &'static str,
    /// Type of the metric.
    pub kind: Kind,
    /// Unit of the metric.
    pub unit: Unit,
    /// Description of the metric.
    pub help: &'static str,
    /// Label names; their values come from closed sets.
    pub labels: &'static [&'static str],
}

/// Declares constants of type [`Metric`] and the table `CATALOGUE` of all of them.
///
/// ```
/// logsearch::catalogue! {
///     /// Cups of coffee poured.
///     CUPS: Counter("cafe_cups_total", Count, "size");
///     /// Time to pour one.
///     POUR: Histogram("cafe_pour_seconds", Seconds, [0.1, 1.0, 10.0]);
/// }
/// assert_eq!(CUPS.help, "Cups of coffee poured.");
/// assert_eq!(CATALOGUE.len(), 2);
/// ```
#[macro_export]
macro_rules! catalogue {
    ($(
        $(#[doc = $help:literal])+
        $constant:ident: $kind:ident($name:expr, $unit:ident $(, [$($bound:expr),+])? $(, $label:literal)*);
    )+) => {
        $(
            $(#[doc = $help])+
            pub const $constant: $crate::metrics::Metric = $crate::metrics::Metric {
                name: $name,
                kind: $crate::metrics::Kind::$kind$((&[$($bound),+]))?,
                unit: $crate::metrics::Unit::$unit,
                help: concat!($($help),+).trim_ascii(),
                labels: &[$($label),*],
            };
        )+
        /// Every metric declared here.
        pub const CATALOGUE: &[$crate::metrics::Metric] = &[$($constant),+];
    };
}

/// Tells the `metrics` facade what each metric is.
pub fn describe(catalogue: &[Metric]) {
    for metric in catalogue {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
}
