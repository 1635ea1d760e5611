//! The alerts: what Grafana, Prometheus and Alertmanager ask of their files, and every rule evaluated on
//! made-up series.

mod files;
mod lint;
mod tools;
mod unit;
mod words;

use crate::committed::SOURCE;

/// The expressions of all alerts.
pub fn expressions() -> impl Iterator<Item = String> {
    SOURCE.alerts().map(|rule| rule.expr.clone())
}
