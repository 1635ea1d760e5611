//! The alerts: rules in the form of Prometheus and their routing are the source in `alerts/`; what
//! Grafana and Alertmanager read is generated from them, and every rule is evaluated on made-up series.

mod alertmanager;
mod files;
pub mod grafana;
mod lint;
mod overview;
mod panel;
mod prometheus;
mod routing;
pub mod source;
mod tools;
mod unit;

/// The expressions of all alerts.
pub fn expressions() -> impl Iterator<Item = String> {
    source::alerts().map(|rule| rule.expr.clone())
}
