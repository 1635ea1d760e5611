//! The rules for Prometheus itself: recorded series, which it always evaluates, and the alerts for who
//! uses Alertmanager instead of Grafana.

use super::source::{Group, Rule, RuleFile, Source, to_yaml};
use crate::files::GeneratedFile;

/// Both files.
///
/// # Errors
/// A rule names a panel that there is not.
pub fn files(source: &Source) -> anyhow::Result<[GeneratedFile; 2]> {
    let file = |name: &str, rules: &RuleFile| {
        let text = to_yaml("alerts/rules", rules)?;
        anyhow::Ok(GeneratedFile::new(format!("alerts/prometheus/{name}"), text))
    };
    Ok([
        file("alerts.rules.yml", &alerts(source)?)?,
        file("recording.rules.yml", &recording(source))?,
    ])
}

/// The alerts as Prometheus evaluates them.
///
/// # Errors
/// A rule names a panel that there is not.
pub fn alerts(source: &Source) -> anyhow::Result<RuleFile> {
    let complete = |group: &Group| {
        let rules = group.rules.iter().map(|rule: &Rule| rule.complete(&source.routing.links));
        Ok(Group { rules: rules.collect::<anyhow::Result<_>>()?, ..group.clone() })
    };
    Ok(RuleFile { groups: source.groups.iter().map(complete).collect::<anyhow::Result<_>>()? })
}

/// The recorded series.
pub fn recording(source: &Source) -> RuleFile {
    RuleFile { groups: source.recording.clone() }
}
