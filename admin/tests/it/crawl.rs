//! Every link of every page leads somewhere.

use std::collections::{HashSet, VecDeque};

use crate::harness::App;

/// Pages that are opened at most: enough for every kind of page from every other.
const PAGES: usize = 400;

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere() {
    let app = App::with_log(400).await;
    let mut queue = VecDeque::from(["/ops".to_owned()]);
    let mut seen: HashSet<String> = queue.iter().cloned().collect();
    let mut kinds: HashSet<String> = HashSet::new();
    let mut opened = 0;
    while let Some(url) = queue.pop_front() {
        if opened == PAGES {
            break;
        }
        opened += 1;
        let answer = app.get(&url).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{url}");
        for link in answer.page().links() {
            // Another place of the page, or the page once more.
            if link.starts_with('#') || link.is_empty() {
                continue;
            }
            // Other tools lie elsewhere, and what alerting systems point to.
            let is_told = url.starts_with("/ops/alerts/") && link.starts_with("https://");
            if is_told || link.starts_with("https://grafana.example/") {
                continue;
            }
            assert!(link.starts_with("/ops"), "{url} leads to {link}");
            if seen.insert(link.clone()) {
                // A page of a new kind first, so that all kinds are seen.
                let kind: String = link.chars().filter(|c| !c.is_ascii_digit()).take(18).collect();
                if kinds.insert(kind) { queue.push_front(link) } else { queue.push_back(link) }
            }
        }
    }
    assert!(opened > 100, "{opened}");
    assert!(seen.iter().any(|url| url.starts_with("/ops/compare?from=2026")));
    assert!(seen.contains("/ops/alerts") && seen.iter().any(|url| url.starts_with("/ops/alerts/")));
}

#[tokio::test]
async fn a_link_that_promises_records_shows_them() {
    let app = App::with_log(2_000).await;
    let page = app.get("/ops/logs?from=24h").await.page();
    let facets: Vec<String> = page
        .links()
        .into_iter()
        .filter(|url| url.starts_with("/ops/logs?q=") || url.starts_with("/ops/logs?from="))
        .collect();
    assert!(facets.len() > 40, "{}", facets.len());
    // Examples of the help sheet are tested over records that have all they name.
    let examples = page.values("[data-help] td a", "href");
    let promises = facets.iter().filter(|url| !examples.contains(url));
    for url in promises.filter(|url| !url.contains("q=-") && !url.contains("cols=")) {
        let page = app.get(url).await.page();
        let is_window = url.contains("from=2026") || url.contains("from=5m");
        assert!(is_window || page.has("tr.record"), "{url}");
    }
}
