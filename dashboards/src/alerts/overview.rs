//! The page that lists all alerts, `alerts/README.md`.

use std::fmt::Write;

use super::source::{Rule, Source, Threshold};
use crate::files::GeneratedFile;

const HEAD: &str = "\
# Alerts
Generated from `rules/`, `routing.yaml` and `chaos.yaml`: `cargo run -p provisioning -- write` writes this page
and the files of every engine, and a test fails if one is out of date.

| file | contents |
|---|---|
| `rules/*.yaml` | **source**: the rules, in the format of Prometheus |
| `words.yaml` | **source**: titles, texts without a value and texts in the past tense of notifications |
| `routing.yaml` | **source**: who is notified of what, and link targets |
| `runbooks/<alert>.md` | **source**: the page for on-call; on the page of the alert, at `/runbooks/<alert>`, and as a dashboard in Grafana |
| `tests/*.yaml` | unit tests of the rules, for `promtool` |
| `chaos.yaml` | **source**: exceptions and thresholds of the chaos test |
| `retired.yaml` | uids that Grafana deletes |
| `grafana/` | what Grafana 12 or later loads from `provisioning/alerting` |
| `prometheus/` | recording rules, always loaded; the alerts, for use with Alertmanager |
| `alertmanager.yml` | its configuration |
| `panel.json` | the rules for the panel, including those that never fired |

Only one engine may evaluate the alerts, otherwise every notification is sent twice. In `compose/` it is Grafana. To use
Alertmanager instead, add `alerts.rules.yml` to `rule_files` of Prometheus and omit `grafana/`.

An existing Grafana has a policy tree already, which `policies.yaml` would replace: omit that file and route by
the labels `severity` and `service`.

Every alert goes to the inbox of the panel, `/admin/alerts/<alert>`. Mail, Slack and Discord are off until
`MINITWIT_ALERT_MAIL`, `MINITWIT_ALERT_SLACK_URL` or `MINITWIT_ALERT_DISCORD_URL` is set for Grafana (mail
needs its `GF_SMTP_*` too); until then each of them logs in Grafana that it has no address.

";

/// The page as a file.
///
/// # Errors
/// A rule names a panel that there is not.
pub fn file(source: &Source) -> anyhow::Result<GeneratedFile> {
    Ok(GeneratedFile::new("alerts/README.md", page(source)?))
}

// Writing to a string cannot fail, here and below.
fn page(source: &Source) -> anyhow::Result<String> {
    let mut page = HEAD.to_owned();
    page.push_str("| receiver | alerts | wait | repeat |\n|---|---|---|---|\n");
    for route in &source.routing.routes {
        let labels = route.labels.iter();
        let what: Vec<_> = labels.map(|(l, v)| format!("{l}: {}", v.replace('|', ", "))).collect();
        let quiet = if route.quiet { ", not at night" } else { "" };
        let (receiver, what) = (&route.receiver, what.join(" "));
        let _ =
            writeln!(page, "| `{receiver}` | {what}{quiet} | {} | {} |", route.wait, route.repeat);
    }
    for group in &source.groups {
        let _ = writeln!(page, "\n## {}\n", group.name);
        page.push_str("| alert | severity, after | summary | panel |\n|---|---|---|---|\n");
        for rule in &group.rules {
            page.push_str(&row(rule)?);
        }
    }
    page.push_str(&tried(source));
    Ok(page)
}

/// What of all this is seen on a running service.
fn tried(source: &Source) -> String {
    let fired = source.alerts().count() - source.chaos.excluded.len();
    let mut text = format!(
        "\n## Tests\n\n`promtool` evaluates every rule on test series, one that fires and one that does not.\n\
        `cargo test --workspace --features minitwit/chaos --test chaos` breaks a running service under\n\
        a real Prometheus and Alertmanager,\n\
        sixty times faster: {fired} alerts fire for their fault and resolve with it. Excluded are:\n\n\
        | alert | reason |\n|---|---|\n"
    );
    for excluded in &source.chaos.excluded {
        let _ = writeln!(text, "| {} | {} |", excluded.alert, excluded.reason);
    }
    text.push_str(
        "\nThese have another threshold there:\n\n| alert | rule | chaos test |\n|---|---|---|\n",
    );
    for threshold in &source.chaos.thresholds {
        let Threshold { alert, rule, test } = threshold;
        let _ = writeln!(text, "| {alert} | `{rule}` | `{test}` |");
    }
    text
}

fn row(rule: &Rule) -> anyhow::Result<String> {
    let (name, severity, panel) = (rule.name(), rule.severity(), rule.panel()?);
    let after = rule.hold.as_deref().unwrap_or("0s");
    let dashboard = panel.dashboard.trim_start_matches("minitwit-");
    let title = panel.title.replace('|', "\\|");
    let says = rule.annotation("summary");
    Ok(format!(
        "| [{name}](runbooks/{name}.md) | {severity}, {after} | {says} | {dashboard}: {title} |\n"
    ))
}
