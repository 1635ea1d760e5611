//! Where the gate departs from the rules, as `alerts/chaos.yaml` says it: alerts it does not fire, and
//! thresholds that a test machine cannot reach.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Alerts that nothing can trigger here; `promtool` runs each on made-up series.
    pub excluded: Vec<Excluded>,
    /// Thresholds that a test machine cannot reach.
    pub thresholds: Vec<Threshold>,
}

/// An alert that does not fire here.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Its name.
    pub alert: String,
    /// Why nothing can trigger it.
    pub reason: String,
}

/// A part of an expression that is replaced.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The name of the alert.
    pub alert: String,
    /// What stands in the rule.
    pub rule: String,
    /// What stands here instead.
    pub test: String,
}

/// The committed exceptions.
pub static EXCEPTIONS: LazyLock<Exceptions> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alerts/chaos.yaml");
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
});

impl Exceptions {
    /// Whether this alert does not fire here.
    pub fn excludes(&self, alert: &str) -> bool {
        self.excluded.iter().any(|excluded| excluded.alert == alert)
    }
}
