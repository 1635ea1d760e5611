//! Every page of the panel in a real browser: what the content policy lets happen when attackers wrote
//! what is shown, barriers, and where each link leads.

use std::collections::BTreeSet;

use http::StatusCode;
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::json;

use crate::accessibility::Axe;
use crate::harness::Backend;
use crate::ops_browser::Ops;

/// What attackers write where it is logged. Each would call `canary` if it ran.
const PAYLOADS: [&str; 5] = [
    "<script>canary()</script>",
    "\"><img src=x onerror=canary()>",
    "'><svg onload=canary()>",
    "</title></textarea></script><iframe srcdoc='<script>parent.canary()</script>'>",
    "{{constructor.constructor('canary()')()}}",
];
/// Counts, on every page, the payloads that ran and what the policy forbade, also what the console of
/// the browser would not show.
const WATCH: &str =
    "window.ran = 0; window.canary = () => { window.ran += 1; }; window.forbidden = [];
    document.addEventListener('securitypolicyviolation', event => {
        window.forbidden.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
    });";
/// Links that stand for records: a value that was counted, a pattern, a bar of the histogram, the
/// records of a statement, of an error, of a route.
const PROMISES: &str = ".facet li:not(.hint) .value, .patterns td > a, .histogram svg a, \
    .differs td a, .groups td.num a, .figures td.num a";

/// A service that has everything a page can show.
async fn full(backend: Backend) -> Option<Ops> {
    let ops = Ops::start(backend).await?;
    ops.app.user("reader").await;
    ops.app.message("reader", "a message").await;
    ops.break_everything().await;
    ops.alert("MiniTwitErrorLogs").await;
    let saved = [("name", "What fails"), ("q", "level:error"), ("from", "1h")];
    ops.operator.post("/admin/logs/searches", &saved).await.is(303);
    ops.recorded().await;
    Some(ops)
}

/// Opens a page and what is folded on it: everything but the menus, and of records, which are all alike,
/// the first two.
async fn unfolded(ops: &Ops, page: &str) {
    ops.open(page).await;
    let unfold = "[...document.querySelectorAll('details:not(.menu)')]\
        .filter((e, at, all) => !e.closest('tr.record') || at < 2 || !all[at - 2].closest('tr.record'))\
        .forEach(e => { e.open = true; })";
    ops.driver.eval(unfold).await;
}

#[tokio::test]
async fn hostile_texts_run_on_no_page_and_no_page_breaks_its_policy_or_width() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    for payload in PAYLOADS {
        let encoded = percent_encoding::utf8_percent_encode(payload, NON_ALPHANUMERIC).to_string();
        let path = format!("/seeded/panic/{encoded}");
        let status = ops.visit(&ops.seeded, &path, payload).await.status;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        // Names with a slash are refused at the registration.
        if !payload.contains('/') {
            ops.app.user(payload).await;
            ops.app.message(payload, payload).await;
            ops.app.browser_of(payload).await.get(&format!("/{encoded}")).await.is(200);
        }
        let saved = [("name", payload), ("q", payload), ("cols", payload)];
        ops.operator.post("/admin/logs/searches", &saved).await.is(303);
        tracing::error!(
            error.message = payload,
            user.name = payload,
            event.action = payload,
            "{payload}"
        );
    }
    ops.break_everything().await;
    ops.alert("MiniTwitErrorLogs").await;
    let watch = json!({ "source": WATCH });
    ops.driver.devtools("Page.addScriptToEvaluateOnNewDocument", watch).await;
    for page in ops.pages().await {
        unfolded(&ops, &page).await;
        assert_eq!(ops.driver.eval("window.ran").await, 0, "{page}");
        let foreign = "document.querySelectorAll('main iframe, main img, main script, main [onload], \
            main [onerror], style').length";
        assert_eq!(ops.driver.eval(foreign).await, 0, "{page}");
        assert_eq!(ops.driver.eval("window.forbidden").await, json!([]), "{page}");
        assert_eq!(ops.driver.complaints().await, Vec::<String>::new(), "{page}");
        for url in ops.driver.requests().await {
            assert!(url.starts_with(&ops.base), "{page} asks {url}");
        }
        for width in [390, 1280] {
            ops.driver.look(width, "light").await;
            let hidden = "(root => root.scrollWidth - root.clientWidth)(document.documentElement)";
            assert_eq!(ops.driver.eval(hidden).await, 0, "{page} at {width}");
        }
    }
}

#[tokio::test]
async fn no_page_has_a_barrier_in_any_look() {
    let Some(axe) = Axe::load() else { return };
    let Some(ops) = full(Backend::Sqlite).await else { return };
    let impacts = ["minor", "moderate", "serious", "critical"];
    let mut found = Vec::new();
    for page in ops.pages().await.into_iter().chain(["/admin/nothing".to_owned()]) {
        unfolded(&ops, &page).await;
        found.extend(axe.barriers(&ops.driver, &page, &impacts).await);
    }
    // What covers a page: the sheet of keys, and each menu.
    ops.open("/admin/system").await;
    ops.driver.press("?").await;
    found.extend(axe.barriers_in("#help", &ops.driver, "the keys", &impacts).await);
    for menu in ["Share", "last", "⟳", "octavia"] {
        ops.open("/admin/logs?q=nothing_has_this").await;
        let open = format!(
            "[...document.querySelectorAll('.menu')].filter(menu => \
                menu.firstElementChild.textContent.includes('{menu}')).map(menu => menu.open = true)"
        );
        assert_eq!(ops.driver.eval(&open).await, json!([true]), "{menu}");
        found.extend(axe.barriers_in(".menu[open] .sheet", &ops.driver, menu, &impacts).await);
    }
    assert_eq!(found, [""; 0]);
}

/// The links of the page the browser shows, inside the panel, without what only logs out.
async fn links(ops: &Ops) -> Vec<String> {
    let links = format!(
        "[...document.links].filter(a => a.origin === location.origin)\
            .map(a => [a.pathname + a.search, a.matches('{PROMISES}')])"
    );
    let links: Vec<(String, bool)> = serde_json::from_value(ops.driver.eval(&links).await).unwrap();
    let promising: BTreeSet<&String> =
        links.iter().filter(|(_, is_promise)| *is_promise).map(|(link, _)| link).collect();
    for link in promising {
        // A click on a value that was counted shows records; one on a value that is on changes nothing.
        if link.starts_with("/admin/logs?") {
            assert!(ops.operator.get(link).await.page().has("tr.record"), "{link} is empty");
        }
    }
    links.into_iter().map(|(link, _)| link).collect()
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_with_scripts_and_without() {
    let Some(ops) = full(Backend::Sqlite).await else { return };
    let mut seen = BTreeSet::new();
    for with_scripts in [true, false] {
        if !with_scripts {
            ops.driver.without_scripts().await;
        }
        let mut found = 0;
        for page in ops.pages().await {
            ops.open(&page).await;
            for link in links(&ops).await {
                found += 1;
                if seen.insert(link.clone()) {
                    let status = ops.operator.get(&link).await.status;
                    let fine = status == StatusCode::OK || status.is_redirection();
                    assert!(fine, "{page} leads to {link}: {status}");
                }
            }
            for url in ops.driver.requests().await {
                assert!(url.starts_with(&ops.base), "{page} asks {url}");
            }
        }
        assert!(found > 1_000, "{found} links, scripts: {with_scripts}");
    }
}
