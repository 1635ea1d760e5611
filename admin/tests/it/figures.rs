//! What a page counts is what an export has.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::record::LogRecord;
use logsearch::store::LogStore;
use logsearch::testing::WebLog;

use crate::harness::App;
use crate::host::Host;
use crate::html::Page;

/// How many records the export of what a page of the logs shows has.
async fn exported(app: &App, url: &str) -> usize {
    let (_, view) = url.split_once("/ops/logs?").unwrap();
    let answer = app.get(&format!("/ops/logs/export.ndjson?{view}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.text.lines().filter(|line| line.starts_with('{') && line.ends_with('}')).count()
}

/// A number as a page writes it, alone or before what it counts.
fn count(text: &str) -> usize {
    text.split(' ').next().unwrap().replace(',', "").parse().unwrap()
}

/// What a page says it found in all.
fn total(page: &Page) -> usize {
    count(&page.one("[data-total]").text())
}

/// Figures, each with the address behind it.
type Linked = Vec<(String, usize)>;

/// The total of a page of the logs, the values of its sidebar, and the bars of its histogram.
fn figures(page: &Page) -> (usize, Linked, Linked) {
    let values = page.all("[data-facet] li").into_iter();
    let values = values.filter(|value| value.has("a.value[title]"));
    let values = values.map(|value| {
        (value.one("a.value").attr("href").to_owned(), count(&value.one(".num").text()))
    });
    let bars = page.all(".histogram tbody tr").into_iter().map(|bar| {
        let sum = bar.texts(".num").iter().map(|text| count(text)).sum();
        (bar.one("a").attr("href").to_owned(), sum)
    });
    (total(page), values.collect(), bars.collect())
}

/// Compares the total, every value of the sidebar and every bar with the exports behind their links.
/// Returns the total and how many figures were compared.
async fn compare(app: &App, url: &str) -> (usize, usize) {
    let (total, values, bars) = figures(&app.get(url).await.page());
    assert_eq!(exported(app, url).await, total, "{url}");

    let mut compared = 1;
    for (link, shown) in values {
        assert_eq!(exported(app, &link).await, shown, "{link}");
        compared += 1;
    }
    let mut sum = 0;
    for (link, shown) in bars {
        assert_eq!(exported(app, &link).await, shown, "{link}");
        sum += shown;
        compared += 1;
    }
    assert_eq!(sum, total, "the bars of {url}");
    (total, compared)
}

/// Queries of every kind that the stores answer in another way: all, by level, by number, by text, by
/// value, without a value, by a word in any field.
const QUERIES: [&str; 7] = [
    "",
    "level%3E%3Dwarn",
    "duration:%3E20ms",
    "-level:info",
    "status:%5B400+TO+599%5D",
    "route:/*+-status:200",
    "request",
];

async fn compare_all(app: &App) {
    let (mut found, mut compared) = (Vec::new(), 0);
    for q in QUERIES {
        let (total, figures) = compare(app, &format!("/ops/logs?from=24h&q={q}")).await;
        found.push(total);
        compared += figures;
    }
    assert_eq!(found[0], 3_000);
    assert!(found[1..].iter().all(|total| (1..3_000).contains(total)), "{found:?}");
    assert!(compared > 100, "{compared}");
}

#[tokio::test]
async fn every_figure_equals_the_export_behind_its_link() {
    compare_all(&App::with_log(3_000).await).await;
}

/// With records in closed partitions, in the one that is written, and in none yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_figure_over_partitions_and_tail_equals_the_export_behind_its_link() {
    const TAIL: usize = 250;
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        partition_records: 900,
        commit_records: 100_000,
        commit_interval: Duration::from_hours(1),
        max_age: Duration::from_hours(100 * 365 * 24),
        deadline: Duration::from_mins(1),
        ..Options::default()
    };
    let store = Arc::new(EmbeddedStore::open(directory.path(), options).unwrap());
    let records: Vec<LogRecord> = WebLog::new(7).take(3_000).collect();
    let now = records.iter().map(|record| record.timestamp).max().unwrap() + 1_000_000;
    let (indexed, tail) = records.split_at(records.len() - TAIL);
    for batch in indexed.chunks(125) {
        store.append(batch.to_vec()).await.unwrap();
        assert!(store.flush(Duration::from_mins(1)).await);
    }
    store.append(tail.to_vec()).await.unwrap();
    let partitions = store.disk_status().partitions;
    assert!(partitions.len() > 2, "{partitions:?}");
    let in_partitions: u64 = partitions.iter().map(|partition| partition.records).sum();
    assert_eq!(in_partitions, indexed.len() as u64);
    compare_all(&App::over(Host::default(), store, now)).await;
}

#[tokio::test]
async fn the_cells_of_the_heatmap_count_all_requests_and_lead_to_theirs() {
    let app = App::with_log(3_000).await;
    let page = app.get("/ops/requests?from=24h&q=-route:/nothing").await;
    let (mut drawn, table, requests) = {
        let page = page.page();
        let cells = page.all(".heatmap td.num a").into_iter();
        let cells = cells.map(|cell| (cell.attr("href").to_owned(), count(&cell.text())));
        (page.values(".heatmap svg a", "href"), cells.collect::<Linked>(), total(&page))
    };
    let mut sum = 0;
    for (link, shown) in table {
        assert_eq!(total(&app.get(&link).await.page()), shown, "{link}");
        let at = drawn.iter().position(|url| *url == link).unwrap();
        drawn.swap_remove(at);
        sum += shown;
    }
    assert_eq!(sum, requests);
    assert!(sum > 500 && drawn.is_empty(), "{sum}, {drawn:?}");
}

#[tokio::test]
async fn the_heatmap_of_metrics_is_that_of_the_requests() {
    let app = App::with_log(800).await;
    let figure = async |path: &str| app.get(path).await.page().one("figure.heatmap").html();
    let [metrics, requests] = ["metrics", "requests"].map(|page| format!("/ops/{page}?from=2m"));
    let requests = figure(&requests).await;
    assert!(requests.matches("<rect").count() > 20, "{requests}");
    assert_eq!(figure(&metrics).await, requests);
}

/// The address behind the button for older or newer records.
fn pager(page: &Page, direction: &str) -> Option<String> {
    page.values(&format!("[data-page={direction}]"), "href").pop()
}

#[tokio::test]
async fn going_to_older_records_and_back_shows_each_once() {
    let app = App::with_log(350).await;
    let mut url = "/ops/logs?from=24h".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = app.get(&url).await.page();
        ids.extend(page.values("tr.record", "id"));
        match pager(&page, "older") {
            Some(older) => url = older,
            None => break,
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (350, 350));
    let newer = pager(&app.get(&url).await.page(), "newer").unwrap();
    assert_eq!(app.get(&newer).await.page().all("tr.record").len(), 100);
}

#[tokio::test]
async fn a_click_on_a_field_changes_the_query_at_an_address_to_share() {
    let app = App::with_log(100).await;
    let to = async |query: &str| {
        let answer = app.get(&format!("/ops/logs?{query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{query}");
        answer.headers["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(to("q=rows&add=status:200").await, "/ops/logs?q=rows+status:200");
    assert_eq!(to("q=status:200&not=status:200").await, "/ops/logs?q=-status:200");
    assert_eq!(to("q=a&only=level:warn&from=15m").await, "/ops/logs?q=level:warn&from=15m");
    assert_eq!(to("col=route").await, "/ops/logs?cols=request_id,duration,route");
    assert_eq!(to("col=duration").await, "/ops/logs?cols=request_id");
}

#[tokio::test]
async fn every_query_has_a_page_and_what_was_not_understood_is_said() {
    let app = App::with_log(100).await;
    for q in ["%28%28%28", "a+AND", "%22open", "status:%3E", "%00%ff", "level:%28a", "%23%23"] {
        let answer = app.get(&format!("/ops/logs?q={q}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{q}");
    }
    let page = app.get("/ops/logs?q=usr:anna").await.page();
    assert!(page.has(".notice a[href*='q=user:anna']"), "{:?}", page.texts(".notice"));
    let long = "x".repeat(5_000);
    assert_eq!(app.get(&format!("/ops/logs?q={long}")).await.status, StatusCode::OK);
    let empty = app.get("/ops/logs?from=5m&q=zzzz").await.page();
    assert!(empty.has("[data-empty=records] a[href*='from=24h']"), "a wider window is offered");
}
