//! The whole state of a page is in its address, and every link and form of the page that leads to it again
//! keeps all of it but what it is there to change.

use std::collections::{BTreeMap, BTreeSet};

use super::around::is_in;
use crate::harness::App;
use crate::html::{Element, Page};

/// What every page takes.
const SHARED: &str = "from=2026-10-01T00:00:00Z&to=2026-12-01T00:00:00Z&refresh=30";
/// What a link or a form may change at once; a page of a list begins anew with each of them.
const CHANGES: [&[&str]; 12] = [
    &["from", "to"],
    &["refresh"],
    &["q"],
    // The other window of a comparison, and that it follows from this one.
    &["before-from", "before-to"],
    &["before-from", "before-to", "by"],
    // A cell of a heat map.
    &["q", "from", "to"],
    &["sort"],
    // The head of a column takes its table out of an order of its own.
    &["by"],
    &["cols"],
    &["fields"],
    &["scope"],
    &["tail"],
];

type Parameters = BTreeMap<String, String>;

/// A URL without its fragment: path and parameters.
fn parts(url: &str) -> (&str, Parameters) {
    let url = url.split('#').next().unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    (path, serde_urlencoded::from_str(query).unwrap())
}

/// The names of parameters that are not the same in both.
fn changed<'a>(one: &'a Parameters, other: &'a Parameters) -> BTreeSet<&'a str> {
    let names = one.keys().chain(other.keys());
    names.filter(|name| one.get(*name) != other.get(*name)).map(String::as_str).collect()
}

#[track_caller]
fn is_one_change(changed: &BTreeSet<&str>, what: &str) {
    let fits = |allowed: &&[&str]| {
        changed.iter().all(|name| allowed.contains(name) || matches!(*name, "older" | "newer"))
    };
    assert!(CHANGES.iter().any(fits), "{what} changes {changed:?}");
}

/// What a form sends that nobody touches, buttons apart.
fn sent(form: &Element) -> Parameters {
    let controls = form.all("input[name], select[name]");
    let pair = |one: &Element| {
        let value = one.find("value").unwrap_or_default();
        (one.attr("name").to_owned(), value.to_owned())
    };
    controls.iter().map(pair).filter(|(_, value)| !value.is_empty()).collect()
}

fn check_links(page: &Page, url: &str) -> usize {
    let (path, here) = parts(url);
    let mut count = 0;
    for link in page.all("a[href]") {
        let (there_path, there) = parts(link.attr("href"));
        // Home, the menus, saved searches, examples and what fires begin anew, and a firing of a rule is a page
        // of its own.
        let begins = "a.brand, a.version, a[data-firing], nav[aria-label=Pages], nav[aria-label=Views], nav[aria-label=System], [data-help], nav[aria-label='Saved searches'], \
                      [data-section=firings], [data-mark], [data-context], [data-request]";
        if there_path == path && !is_in(link, begins) {
            is_one_change(&changed(&here, &there), &format!("{url}: {}", link.html()));
            count += 1;
        }
    }
    count
}

fn check_forms(page: &Page, url: &str) {
    let (path, here) = parts(url);
    for form in page.all("form[action]:not([method])") {
        if form.attr("action") == path {
            let sent = sent(&form);
            let is_place = |name: &str| matches!(name, "older" | "newer");
            let lost = here.iter().filter(|(name, _)| !sent.contains_key(*name) && !is_place(name));
            let lost: Vec<_> = lost.collect();
            assert!(lost.is_empty(), "{url}: a form loses {lost:?}: {}", form.html());
        }
    }
    for form in page.all("main form[method=post]") {
        let sent = sent(&form);
        assert_eq!(sent.get("refresh").map(String::as_str), Some("30"), "{url}: {}", form.html());
    }
}

/// The path that a link of a page leads to.
async fn path_of(app: &App, page: &str, css: &str) -> String {
    let page = app.get(page).await.page();
    let links = page.values(css, "href");
    parts(links.first().unwrap_or_else(|| panic!("no {css}"))).0.to_owned()
}

/// Every kind of page with every parameter that it takes.
async fn urls(app: &App) -> Vec<String> {
    let logs = "q=level%3E%3Dinfo+-user:nobody&cols=user,status&sort=old&fields=status";
    let before = "before-from=2026-09-01T00:00:00Z&before-to=2026-10-01T00:00:00Z";
    let event = path_of(app, "/ops/logs?from=30d", "tr.record [data-link]").await;
    let request = path_of(app, "/ops/requests?from=30d&q=db_count:*", "[data-request]").await;
    let error = path_of(app, "/ops/errors?from=30d", ".groups td:first-child > a").await;
    let statement =
        path_of(app, "/ops/requests/sql?from=30d", ".links a[href^='/ops/requests/sql/']").await;
    vec![
        format!("/ops?{SHARED}&by=groups:count,routes:p95:reversed"),
        format!("/ops/logs?{SHARED}&{logs}"),
        format!("/ops/logs?{SHARED}&{logs}&tail=1"),
        format!("/ops/logs/patterns?{SHARED}&{logs}&by=types:count:reversed"),
        format!("/ops/logs/searches?{SHARED}&{logs}&by=searches:name"),
        format!("/ops/requests?{SHARED}&q=status:*&sort=slow-of-routes&by=routes:p99"),
        format!("/ops/requests/sql?{SHARED}&q=route:*&sort=p95&by=statements:runs"),
        format!("{statement}?{SHARED}&by=slowest:runs"),
        format!("/ops/errors?{SHARED}&q=level:*&by=groups:users"),
        format!("{error}?{SHARED}"),
        format!("/ops/compare?{SHARED}&{before}&q=status:*&by=compared-statements:runs"),
        format!("/ops/alerts?{SHARED}"),
        format!("/ops/alerts/Errors?at=2&{SHARED}&by=groups:count"),
        format!("/ops/metrics?{SHARED}"),
        format!("/ops/system?{SHARED}&by=jobs:job"),
        format!("/ops/orders?{SHARED}&q=whale&author=x%26y&page%26=2"),
        // These show the same in every window.
        "/ops/operators?refresh=30".to_owned(),
        format!("{event}?refresh=30"),
        format!("{event}/context?scope=target&q=level:warn&cols=user,status&refresh=30"),
        format!("{request}?refresh=30&by=statements:rows"),
    ]
}

#[tokio::test]
async fn every_link_and_form_of_a_page_keeps_what_it_does_not_change() {
    let app = App::with_log(1_000).await;
    for url in urls(&app).await {
        let answer = app.get(&url).await;
        assert_eq!(answer.status, 200, "{url}");
        let page = answer.page();
        let count = check_links(&page, &url);
        assert!(count >= 4, "{url} has {count} links to itself");
        check_forms(&page, &url);
        // Where a theme leads back to is this very page.
        let back = page.one("form.themes:not(.zones) input[name=back]").attr("value");
        let ((path, there), (here_path, here)) = (parts(back), parts(&url));
        assert_eq!((path, changed(&here, &there)), (here_path, BTreeSet::new()), "{url}: {back}");
    }
}

#[tokio::test]
async fn a_window_is_named_by_an_address_only_when_somebody_chose_one() {
    let app = App::with_log(100).await;
    // Alerts begin seven days ago by themselves, and an hour ago when that is asked for.
    let window = |page: &Page| page.one(".window input[name=from]").attr("value").to_owned();
    let page = app.get("/ops/alerts").await.page();
    assert_eq!(window(&page), "7d");
    let hour = page.all(".window .presets a").into_iter().find(|link| link.text() == "1h").unwrap();
    assert_eq!(window(&app.get(hour.attr("href")).await.page()), "1h");
    // And do not make the other pages begin there.
    let logs = page.one("nav[aria-label=Pages] a[data-go=l]").attr("href");
    assert_eq!(logs, "/ops/logs");
    let chosen = app.get("/ops/alerts?from=2h").await.page();
    let logs = chosen.one("nav[aria-label=Pages] a[data-go=l]").attr("href");
    assert_eq!(logs, "/ops/logs?from=2h");
}

#[tokio::test]
async fn what_was_changed_by_a_form_leads_back_to_the_page_as_it_was() {
    let app = App::with_log(400).await;
    let error = path_of(&app, "/ops/errors?from=30d", ".groups td:first-child > a").await;
    let state = "from=30d&refresh=30&by=jobs:job";
    for (path, body, back) in [
        ("/ops/system/levels", "levels=debug&minutes=5", "/ops/system"),
        ("/ops/system/jobs/tidy", "", "/ops/system"),
        ("/ops/operators", "name=new&role=viewer&password=long+enough", "/ops/operators"),
        (&*error, "set=resolved", &*error),
        ("/ops/logs/searches/0", "set=name&name=other", "/ops/logs/searches"),
    ] {
        let answer = app.post(path, "operator", &format!("{body}&{state}"), "same-origin").await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        let (there, parameters) = parts(answer.headers["location"].to_str().unwrap());
        assert_eq!((there, parameters), (back, parts(&format!("?{state}")).1), "{path}");
    }
}
