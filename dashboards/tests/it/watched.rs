//! Dashboards, alerts and their links where they are used: a service under load, watched by a real
//! Prometheus. Every query has an answer, every selector finds series, every color has a series to paint,
//! and every link leads to a page with something on it. What only a fault brings about is listed.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::time::{Duration, Instant};

use minitwit::clock::Clock;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use promql_parser::label::MatchOp;
use provisioning::dashboards;
use provisioning::dashboards::build::{Panel, SELECTION};
use provisioning::dashboards::model::ANNOTATIONS;
use regex::Regex;
use tempfile::TempDir;

use crate::alerts;
use crate::committed::SOURCE;
use crate::installed::installed;
use crate::operator::log_in;
use crate::program::{Program, minitwit};
use crate::promql::{self, Selector};
use crate::running::{Prometheus, Sample, Service, get, get_as, post_form};

/// How long the panels may take to fill. They took 17 s on two busy cores.
const FILLED: Duration = Duration::from_secs(90);
const PASSWORD: &str = "a password of the watched";
/// What a page of the panel says that found nothing.
const EMPTY: &str = "class=\"empty\"";
/// What a page of the panel says that did not understand its address.
const NOTICE: &str = "class=\"notice\"";

/// Selectors that find nothing while nothing fails and no certificate is watched.
const SELDOM_FOUND: [&str; 2] = [
    r#"db_client_operation_duration_seconds_count{error_type!~"|taken"}"#,
    "minitwit_certificate_expiry_timestamp_seconds{}",
];
/// Series that a panel paints and that appear when something fails; and the API redirects nobody.
const SELDOM_PAINTED: [&str; 3] = [".* failure", ".* missed", "3.."];
/// Panels with a query that has an answer only while something fails, or when the service has an option for it.
const SELDOM_ANSWERED: [(&str, &str); 2] = [
    ("Database readable and writable", "minitwit_database_write_fault{"),
    ("Certificate expires in", "minitwit_certificate_expiry_timestamp_seconds{"),
];
/// Queries of links that find something when something fails, or is slow.
const FOUND_WHEN_FAILING: [&str; 12] = [
    "status:5xx OR error_type:abandoned",
    "surface:${__field.labels.surface} status:5xx",
    "error_type:${__field.labels.reason}",
    "level:ERROR",
    "duration>250",
    "duration>500",
    "queries>5",
    "target:panic",
    "target:logsearch*",
    "target:minitwit::db* level>=warn",
    "message:\"label sets\"",
    "message:\"slow statement\"",
];

/// A service that is used and watched.
struct Watched {
    dir: TempDir,
    service: Service,
    prometheus: Prometheus,
    _load: Program,
}

impl Watched {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = Service::start(dir.path(), &["--admin-password", PASSWORD]);
        let prometheus = Prometheus::start(dir.path(), service.ops);
        let mut load = minitwit();
        load.args(["simulate", "--rate", "20", "--users", "20", "--duration", "10m", "--url"]);
        let load = Program::start(load.arg(format!("http://{}", service.api)));
        Self { dir, service, prometheus, _load: load }
    }

    /// Visitors of the site, somebody who is refused, and an operator who looks for something in the logs.
    async fn visit(&self) {
        for path in ["/public", "/login", "/nobody", "/no/such/page"] {
            get(self.service.site, path).await.unwrap();
        }
        let wrong = [("username", "nobody"), ("password", "wrong")];
        post_form(self.service.site, "/login", &wrong).await.unwrap();
        get(self.service.api, "/msgs").await.unwrap();
        let mut search = minitwit();
        search.args(["logs", "search", "level>=warn", "--data-dir"]).arg(self.dir.path());
        search.stdout(Stdio::null()).stderr(Stdio::null());
        let searched = tokio::task::spawn_blocking(move || search.status().unwrap());
        assert!(searched.await.unwrap().success());
    }

    /// What Grafana is answered, with everything selected.
    async fn samples(&self, expr: &str) -> Vec<Sample> {
        self.prometheus.samples(&promql::with_variables(expr, "15s")).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_watched_answers_and_leads_on() {
    if installed("prometheus").is_none() {
        return;
    }
    let watched = Watched::start();
    every_query_has_an_answer(&watched).await;
    every_variable_has_values(&watched).await;
    every_expression_is_understood(&watched).await;
    every_selector_finds_series(&watched).await;
    every_color_has_a_series(&watched).await;
    let cookie = log_in(watched.service.ops, PASSWORD).await;
    every_link_of_a_panel_leads_on(&watched, &cookie).await;
    every_link_of_an_alert_leads_on(&watched, &cookie).await;
}

async fn every_query_has_an_answer(watched: &Watched) {
    let targets = dashboards::panels()
        .flat_map(|(_, panel)| panel.targets.iter().map(|target| (panel.title, &target.expr)));
    let is_seldom = |(title, expr): &(&str, &String)| {
        SELDOM_ANSWERED.iter().any(|(panel, metric)| panel == title && expr.contains(metric))
    };
    let (seldom, mut waiting): (BTreeSet<_>, BTreeSet<_>) = targets.partition(is_seldom);
    assert_eq!(seldom.len(), SELDOM_ANSWERED.len(), "{seldom:?}");
    assert!(waiting.len() > 80, "only {} queries", waiting.len());
    let started = Instant::now();
    while !waiting.is_empty() {
        assert!(started.elapsed() < FILLED, "these stay empty: {waiting:#?}");
        watched.visit().await;
        let mut empty = BTreeSet::new();
        for (title, expr) in waiting {
            if watched.samples(expr).await.iter().all(|sample| sample.value.is_nan()) {
                empty.insert((title, expr));
            }
        }
        waiting = empty;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The lists that a person chooses from hold what is there.
async fn every_variable_has_values(watched: &Watched) {
    let pattern = Regex::new(r"^label_values\((.+), (\w+)\)$").unwrap();
    for (_, dashboard) in dashboards::ALL.iter() {
        let json = dashboard.json();
        let variables = json["templating"]["list"].as_array().unwrap().iter();
        for variable in variables.filter(|variable| variable["type"] == "query") {
            let definition = variable["definition"].as_str().unwrap();
            let [selector, label] = pattern.captures(definition).unwrap().extract().1;
            let found = watched.samples(&format!("count by ({label}) ({selector})")).await;
            assert!(found.iter().all(|sample| !sample.labels[label].is_empty()), "{definition}");
            assert_eq!(found.len(), 1, "{definition}: {found:?}");
        }
    }
}

/// What marks a moment, and most alerts, have nothing to say of a service that is well.
async fn every_expression_is_understood(watched: &Watched) {
    for mark in &ANNOTATIONS {
        watched.samples(&mark.expr.replace("%J", SELECTION)).await;
    }
    for group in SOURCE.recording.iter().chain(&SOURCE.groups) {
        for rule in &group.rules {
            watched.samples(&rule.expr).await;
        }
    }
}

async fn every_selector_finds_series(watched: &Watched) {
    let panels = dashboards::panels().flat_map(|(_, panel)| &panel.targets);
    let expressions = panels.map(|target| target.expr.clone()).chain(alerts::expressions());
    let read = |text: String| promql::read(&text).unwrap().selectors;
    let selectors: BTreeSet<_> = expressions.flat_map(read).map(|s| text_of(&s)).collect();
    assert!(selectors.len() > 60, "only {} selectors", selectors.len());
    let mut lost = Vec::new();
    for selector in selectors {
        let is_there = !watched.samples(&selector).await.is_empty();
        if is_there == SELDOM_FOUND.contains(&selector.as_str()) {
            lost.push(selector);
        }
    }
    assert!(lost.is_empty(), "these find nothing, or are said to and do: {lost:#?}");
}

/// A selector without what every series has, which other tests look at.
fn text_of(selector: &Selector) -> String {
    let matchers =
        selector.matchers.iter().filter(|(label, ..)| label != "job" && label != "instance");
    let matchers = matchers.map(|(label, op, value)| {
        let op = match op {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Re(_) => "=~",
            MatchOp::NotRe(_) => "!~",
        };
        format!("{label}{op}{value:?}")
    });
    format!("{}{{{}}}", selector.name, matchers.collect::<Vec<_>>().join(","))
}

async fn every_color_has_a_series(watched: &Watched) {
    for (dashboard, panel) in dashboards::panels().filter(|(_, panel)| !panel.overrides.is_empty())
    {
        let names = names_of_series(watched, panel).await;
        for given in &panel.overrides {
            let pattern = Regex::new(&format!("^(?:{})$", given.series)).unwrap();
            let is_there = names.iter().any(|name| pattern.is_match(name));
            let place = format!("{} / {}: {}", dashboard.title, panel.title, given.series);
            assert!(is_there || SELDOM_PAINTED.contains(&given.series), "{place} of {names:?}");
        }
    }
}

/// What the series of a panel are called.
async fn names_of_series(watched: &Watched, panel: &Panel) -> BTreeSet<String> {
    let variable = Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let mut names = BTreeSet::new();
    for target in &panel.targets {
        for sample in watched.samples(&target.expr).await {
            let value = |found: &regex::Captures<'_>| {
                sample.labels.get(&found[1]).cloned().unwrap_or_default()
            };
            names.insert(variable.replace_all(target.legend, value).into_owned());
        }
    }
    names
}

/// Links are followed for every series, and of those that ask the same one leads to something.
async fn every_link_of_a_panel_leads_on(watched: &Watched, cookie: &str) {
    for place in ["logs", "requests", "requests/sql"] {
        let nothing = format!("/admin/{place}?q=route%3A%2Fnobody%2Fasked%2Ffor%2Fthis");
        assert!(!has_something(watched, cookie, &nothing).await, "{place}");
    }
    let mut found = BTreeMap::new();
    for (_, panel) in dashboards::panels().filter(|(_, panel)| !panel.links.is_empty()) {
        let series = series_of(watched, panel).await;
        for link in &panel.links {
            let leads_on = found.entry(query_of(&link.url)).or_insert(false);
            let addresses = series.iter().filter_map(|labels| filled(&link.url, labels));
            for address in addresses.collect::<BTreeSet<_>>() {
                *leads_on |= has_something(watched, cookie, &address).await;
            }
        }
    }
    for query in FOUND_WHEN_FAILING {
        assert!(found.remove(query).is_some(), "no link asks for {query}");
    }
    found.retain(|_, leads_on| !*leads_on);
    assert!(found.is_empty(), "nothing behind {:#?}", found.keys());
}

/// What a link asks for.
fn query_of(url: &str) -> String {
    let (_, query) = url.split_once("&q=").unwrap();
    percent_decode_str(query).decode_utf8().unwrap().into_owned()
}

/// The labels of what a panel shows; once without any.
async fn series_of(watched: &Watched, panel: &Panel) -> Vec<BTreeMap<String, String>> {
    let mut series = vec![BTreeMap::new()];
    for target in &panel.targets {
        series.extend(watched.samples(&target.expr).await.into_iter().map(|sample| sample.labels));
    }
    series
}

/// A page that has to be there.
async fn page(watched: &Watched, cookie: &str, address: &str) -> String {
    let answer = get_as(cookie, watched.service.ops, address).await.unwrap();
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, 200, "{address}: {text}");
    text
}

/// Whether there is something on the page behind a link of a panel, which has to understand it.
async fn has_something(watched: &Watched, cookie: &str, address: &str) -> bool {
    let text = page(watched, cookie, address).await;
    assert!(!text.contains(NOTICE), "{address}: {text}");
    !text.contains(EMPTY)
}

/// The address behind a link as Grafana makes it of a series, without its host; `None` where the series
/// lacks a label.
fn filled(url: &str, labels: &BTreeMap<String, String>) -> Option<String> {
    let mut parts = url.split("${");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        text.push_str(&value_of(variable, labels)?);
        text.push_str(rest);
    }
    Some(text)
}

fn value_of(variable: &str, labels: &BTreeMap<String, String>) -> Option<String> {
    let now = Clock::default().now() / 1000;
    let (name, format) = variable.split_once(':').unwrap_or((variable, ""));
    let label = match name {
        "admin_url" => return Some(String::new()),
        "__from" => return Some((now - 3_600_000).to_string()),
        "__to" => return Some(now.to_string()),
        "__data.fields.Route" => "http_route",
        name => name.strip_prefix("__field.labels.").unwrap(),
    };
    let value = labels.get(label)?;
    if format == "percentencode" {
        return Some(utf8_percent_encode(value, NON_ALPHANUMERIC).to_string());
    }
    let is_plain = value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    assert!(is_plain, "{variable} is {value:?} and is not encoded");
    Some(value.clone())
}

async fn every_link_of_an_alert_leads_on(watched: &Watched, cookie: &str) {
    for rule in SOURCE.alerts().map(|rule| rule.complete(&SOURCE.routing.links).unwrap()) {
        // Runbooks are in Grafana, and an alert that the service is down leads nowhere in it.
        if let Some(address) = rule.annotations.get("logs") {
            let (_, address) = address.split_once("://").unwrap();
            let (_, path) = address.split_once('/').unwrap();
            let text = page(watched, cookie, &format!("/{path}")).await;
            assert!(text.contains(rule.name()), "{path}: {text}");
        }
    }
}
