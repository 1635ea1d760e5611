//! Rules that every panel and every expression keeps. Each function returns what is wrong in words;
//! alerts are held to the same ones.

use std::collections::BTreeSet;

use logsearch::metrics::{Kind, Metric};
use promql_parser::label::MatchOp;
use promql_parser::parser::token::T_LOR;
use promql_parser::parser::{Expr, LabelModifier};
use provisioning::dashboards;
use provisioning::dashboards::build::{Kind as PanelKind, PAGES, Panel, SELECTION};
use provisioning::dashboards::model::ANNOTATIONS;
use provisioning::metrics_page::metrics;

use crate::promql::{self, Expression, Selector};

/// What Prometheus adds to every series.
const TARGET_LABELS: [&str; 3] = ["job", "instance", "service"];
/// Series that Prometheus makes itself, with their labels.
const OF_PROMETHEUS: [(&str, &[&str]); 5] = [
    ("up", &[]),
    ("scrape_samples_scraped", &[]),
    ("scrape_duration_seconds", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity"]),
    ("ALERTS_FOR_STATE", &["alertname", "severity"]),
];
/// Functions that counters belong under.
const OF_COUNTERS: [&str; 4] = ["rate", "increase", "irate", "resets"];
/// Counters that one panel also shows as they are.
const BARE_COUNTERS: [&str; 1] = ["process_cpu_seconds_total"];
/// Totals of the database, the same from every replica.
const SHARED: [&str; 4] =
    ["minitwit_users", "minitwit_messages", "minitwit_followers", "minitwit_active_users"];

/// What is wrong with an expression: it cannot be read, or names what nothing exposes.
pub fn expression(text: &str) -> Vec<String> {
    match promql::read(text) {
        Ok(expression) => names(&expression),
        Err(error) => vec![format!("cannot be read: {error}")],
    }
}

fn names(expression: &Expression) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut known: BTreeSet<&str> = TARGET_LABELS.into_iter().chain(["le"]).collect();
    for selector in &expression.selectors {
        let Some(labels) = labels_of(&selector.name) else {
            wrong.push(format!("{} is exposed by nothing", selector.name));
            continue;
        };
        for (label, ..) in &selector.matchers {
            if !labels.contains(&label.as_str()) && !TARGET_LABELS.contains(&label.as_str()) {
                wrong.push(format!("{} has no label {label}", selector.name));
            }
        }
        known.extend(labels);
        wrong.extend(usage(selector));
    }
    let strange = expression.labels.iter().filter(|label| !known.contains(label.as_str()));
    wrong.extend(strange.map(|label| format!("no series of it has the label {label}")));
    let without =
        expression.quantiles.iter().filter(|kept| !kept.iter().any(|label| label == "le"));
    wrong.extend(without.map(|_| "histogram_quantile without le".to_owned()));
    wrong
}

/// The labels of a series, or of a part of a histogram; `None` when nothing exposes it.
fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    if let Some((_, labels)) = OF_PROMETHEUS.iter().find(|(known, _)| *known == name) {
        return Some(labels.to_vec());
    }
    let (metric, part) = metric_of(name)?;
    let le = (part == "_bucket").then_some("le");
    Some(metric.labels.iter().copied().chain(le).collect())
}

/// The metric that exposes a series, and the suffix of a histogram's part.
pub fn metric_of(name: &str) -> Option<(&'static Metric, &'static str)> {
    metrics().find_map(|metric| {
        let suffix = name.strip_prefix(metric.name)?;
        let parts: &[&'static str] = match metric.kind {
            Kind::Histogram(_) => &["_bucket", "_sum", "_count"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        parts.iter().find(|part| **part == suffix).map(|part| (metric, *part))
    })
}

/// Whether a selector is used as what it is.
fn usage(selector: &Selector) -> Option<String> {
    let name = &selector.name;
    let is_under = |functions: &[&str]| {
        selector.inside.first().is_some_and(|function| functions.contains(&function.as_str()))
    };
    let (metric, _) = metric_of(name)?;
    let is_gauge = metric.kind == Kind::Gauge;
    if !is_gauge && !is_under(&OF_COUNTERS) && !BARE_COUNTERS.contains(&name.as_str()) {
        return Some(format!("{name} only grows: ask for its rate or increase"));
    }
    if is_gauge && is_under(&["rate", "increase", "irate"]) {
        return Some(format!("{name} is a gauge, which has no rate"));
    }
    (SHARED.contains(&name.as_str()) && is_under(&["sum", "avg", "count"]))
        .then(|| format!("{name} is the same on all replicas: take its max"))
}

/// What is wrong with the query of a link, in the words of the panel's own parser.
pub fn logs_query(query: &str) -> Vec<String> {
    let parsed = logsearch::query::parse(query);
    parsed.notices.iter().map(|notice| format!("{query:?}: {}", notice.message)).collect()
}

/// What is wrong with the address of a link into the panel.
fn link(url: &str) -> Vec<String> {
    let Some((path, parameters)) = url.split_once('?') else {
        return vec![format!("{url}: no time")];
    };
    let mut wrong = Vec::new();
    let page = path.strip_prefix("${admin_url}").unwrap_or("?");
    if !PAGES.contains(&page) {
        wrong.push(format!("{url}: the panel has no {page}"));
    }
    if !parameters.starts_with("from=${__from}&to=${__to}") {
        wrong.push(format!("{url}: it forgets the time that is shown"));
    }
    let filled = filled(parameters);
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&filled).unwrap();
    let queries = pairs.iter().filter(|(name, _)| name == "q");
    wrong.extend(queries.flat_map(|(_, query)| logs_query(query)));
    wrong
}

/// An address with a value for each variable, the worst one that a label has.
fn filled(parameters: &str) -> String {
    let mut parts = parameters.split("${");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let value = match variable.trim_start_matches("__field.labels.") {
            "__from" | "__to" => "1700000000000",
            "http_route:percentencode" | "__data.fields.Route:percentencode" => {
                "%2F%7Busername%7D%2Ffollow"
            }
            "db_query_summary:percentencode" => "messages.of_user",
            "status" => "404",
            "surface" => "web",
            "level" => "ERROR",
            "job_name" => "backup",
            "reason" => "body_too_large",
            other => panic!("no value for the variable {other}"),
        };
        text.push_str(value);
        text.push_str(rest);
    }
    text
}

/// What is wrong with a panel.
fn panel(panel: &Panel) -> Vec<String> {
    let mut wrong = Vec::new();
    let description = panel.description;
    if !description.ends_with('.') || description.len() < 20 {
        wrong.push(format!("describes itself as {description:?}"));
    }
    let has_content = match panel.kind {
        PanelKind::Alerts => true,
        PanelKind::Notes => !panel.text.is_empty(),
        _ => !panel.unit.is_empty() && !panel.targets.is_empty(),
    };
    if !has_content || panel.title.is_empty() {
        wrong.push("lacks a unit, a query or a title".to_owned());
    }
    for target in &panel.targets {
        wrong.extend(expression(&target.expr));
        wrong.extend(selection(&target.expr));
        wrong.extend(window(panel, &target.expr));
        wrong.extend(legend(&target.expr, target.legend));
    }
    wrong.extend(panel.links.iter().flat_map(|given| link(&given.url)));
    wrong
}

/// Every selector follows the variables of the dashboard.
fn selection(expr: &str) -> Vec<String> {
    let selectors = promql::read(expr).map(|read| read.selectors).unwrap_or_default();
    let follows = |selector: &Selector, label: &str| {
        let wanted = (label, format!("${label}"));
        let mut matchers = selector.matchers.iter();
        matchers.any(|(name, op, value)| {
            matches!(op, MatchOp::Re(_)) && (name.as_str(), value) == (wanted.0, &wanted.1)
        })
    };
    let strays = selectors.iter().filter(|s| !follows(s, "job") || !follows(s, "instance"));
    strays.map(|selector| format!("{} does not follow $job and $instance", selector.name)).collect()
}

/// A rate follows the zoom, unless the window is part of what the panel says.
fn window(panel: &Panel, expr: &str) -> Option<String> {
    let is_fixed = expr.contains("[5m]") || expr.contains("[1h]");
    let is_graph = matches!(panel.kind, PanelKind::Lines | PanelKind::Stacked | PanelKind::Heatmap);
    let is_rate = expr.contains("rate(") && is_fixed && !expr.contains("$__rate_interval");
    let is_said = ["rate", "faster than", "mean"].iter().any(|word| panel.title.contains(word));
    (is_graph && is_rate && !is_said).then(|| format!("{expr}: a graph follows $__rate_interval"))
}

/// Names of series use labels that are left.
fn legend(expr: &str, legend: &str) -> Vec<String> {
    let labels = promql::read(expr).map(|read| read.labels).unwrap_or_default();
    let used = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let missing = used.filter(|label| !labels.iter().any(|known| known == label));
    let mut wrong: Vec<_> = missing
        .map(|label| format!("{expr}: names its series by {label}, which is gone"))
        .collect();
    let variables: Vec<_> =
        legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()).collect();
    if let Ok(parsed) = promql::parse(expr)
        && !variables.is_empty()
        && !is_named(&parsed, &variables)
    {
        wrong.push(format!("{expr}: a series has none of {variables:?}, and is called Value"));
    }
    if legend.is_empty() {
        wrong.push(format!("{expr}: its series has no name"));
    }
    wrong
}

/// Whether every series of an expression has at least one of these labels.
fn is_named(expr: &Expr, labels: &[&str]) -> bool {
    match expr {
        Expr::Paren(paren) => is_named(&paren.expr, labels),
        Expr::Unary(unary) => is_named(&unary.expr, labels),
        Expr::Binary(binary) if binary.op.id() == T_LOR => {
            is_named(&binary.lhs, labels) && is_named(&binary.rhs, labels)
        }
        Expr::Binary(binary) => match (&*binary.lhs, &*binary.rhs) {
            (Expr::NumberLiteral(_), other) | (other, Expr::NumberLiteral(_)) => {
                is_named(other, labels)
            }
            (left, _) => is_named(left, labels),
        },
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            Some(LabelModifier::Include(kept)) => {
                labels.iter().any(|label| kept.labels.iter().any(|known| known == label))
            }
            Some(LabelModifier::Exclude(_)) => true,
            // Of the largest all labels are kept.
            None => aggregate.op.to_string() == "topk" && is_named(&aggregate.expr, labels),
        },
        Expr::Call(call) if call.func.name == "label_replace" => {
            let target = call.args.args[1].to_string();
            labels.iter().any(|label| target.trim_matches('"') == *label)
                || is_named(&call.args.args[0], labels)
        }
        Expr::Call(call) => call.args.args.iter().any(|argument| is_named(argument, labels)),
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Subquery(_) => true,
        _ => false,
    }
}

#[test]
fn every_panel_keeps_the_rules() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for (dashboard, given) in dashboards::panels() {
        count += 1;
        let place = format!("{} / {}", dashboard.title, given.title);
        wrong.extend(panel(given).into_iter().map(|what| format!("{place}: {what}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 70, "only {count} panels");
}

#[test]
fn titles_and_ids_are_unique() {
    let mut titles = BTreeSet::new();
    for (dashboard, panel) in dashboards::panels() {
        assert!(titles.insert((dashboard.uid, panel.title)), "two panels {}", panel.title);
    }
}

#[test]
fn annotations_ask_for_what_is_exposed() {
    for mark in &ANNOTATIONS {
        let expr = mark.expr.replace("%J", SELECTION);
        assert_eq!(expression(&expr), Vec::<String>::new(), "{}", mark.title);
    }
}

#[test]
fn what_is_wrong_is_found() {
    for (text, complaint) in [
        ("sum(", "cannot be read"),
        ("minitwit_user", "exposed by nothing"),
        (r#"minitwit_users{color="red"}"#, "no label color"),
        ("sum by (color) (up)", "the label color"),
        (
            "histogram_quantile(0.9, sum(rate(http_server_request_duration_seconds_bucket[5m])))",
            "without le",
        ),
        ("minitwit_inserts_total", "only grows"),
        ("http_server_request_duration_seconds_count", "only grows"),
        ("http_server_request_duration_seconds", "exposed by nothing"),
        ("rate(minitwit_users[5m])", "is a gauge"),
        ("sum(minitwit_users)", "take its max"),
    ] {
        let wrong = expression(text);
        assert!(wrong.len() == 1 && wrong[0].contains(complaint), "{text}: {wrong:?}");
    }
    assert_eq!(legend("sum by (job) (up)", "{{instance}}").len(), 2);
    assert_eq!(selection("up{job=~\"$job\"}").len(), 1);
    assert_eq!(legend("sum by (job) (up)", "{{job}}"), Vec::<String>::new());
    assert_eq!(legend("sum by (job) (up) > 0 or vector(0)", "{{job}}").len(), 1);
    assert_eq!(legend("sum by (job) (up) or sum(up)", "{{job}}").len(), 1);
    let named = r#"sum by (job) (up) or on () label_replace(sum(up), "job", "none", "", "")"#;
    assert_eq!(legend(named, "{{job}}"), Vec::<String>::new());
    assert_eq!(legend("up", "").len(), 1);
    assert_eq!(logs_query("lveel:error").len(), 1);
    assert_eq!(link("${admin_url}/admin/nowhere?from=${__from}&to=${__to}").len(), 1);
    assert_eq!(link("${admin_url}/admin/logs?q=x").len(), 1);
}
