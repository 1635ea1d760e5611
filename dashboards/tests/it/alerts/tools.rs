//! What the programs of Prometheus say of the committed files.

use std::path::Path;
use std::process::Command;

use provisioning::alerts::alertmanager;

use crate::committed::root;
use crate::installed::installed;

/// Runs a program in a folder and returns what it said; `None` where it is not installed, which in CI is
/// a failure.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Option<String> {
    let path = installed(program)?;
    let output = Command::new(path).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {said}{complaint}");
    Some(said)
}

/// `promtool`.
pub fn promtool(folder: &Path, arguments: &[&str]) -> Option<String> {
    run("promtool", folder, arguments)
}

#[test]
fn prometheus_takes_every_rule() {
    for file in ["prometheus/alerts.rules.yml", "prometheus/recording.rules.yml"] {
        promtool(&root().join("alerts"), &["check", "rules", "--lint-fatal", file]);
    }
}

#[test]
fn alertmanager_takes_its_configuration() {
    run("amtool", &root(), &["check-config", alertmanager::FILE]);
}

/// Who is told of an alert with these labels, in order.
fn receivers(labels: &[&str]) -> Option<String> {
    let config = format!("--config.file={}", alertmanager::FILE);
    let arguments = [&["config", "routes", "test", &config], labels].concat();
    run("amtool", &root(), &arguments).map(|said| said.trim().to_owned())
}

#[test]
fn every_severity_reaches_somebody() {
    for (labels, expected) in [
        (&["alertname=MiniTwitDown", "severity=critical"][..], "oncall-default,oncall-page"),
        (&["alertname=MiniTwitPanics", "severity=warning"], "oncall-default,oncall-ticket"),
        (&["alertname=MiniTwitMetricsOverflow", "severity=info"], "oncall-default"),
        (&["alertname=MiniTwitWatchdog", "severity=none"], "heartbeat"),
        (&["alertname=DatasourceError", "severity=critical"], "oncall-default,oncall-page"),
        (&["alertname=DatasourceError", "severity=none"], "oncall-default,oncall-page"),
        (&["alertname=DatasourceNoData"], "oncall-default,oncall-page"),
        (&["alertname=OfSomebodyElse"], "oncall-default"),
    ] {
        let Some(told) = receivers(labels) else { return };
        assert_eq!(told, expected, "{labels:?}");
    }
}
