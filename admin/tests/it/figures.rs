//! What a page counts is what an export has.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::record::LogRecord;
use logsearch::store::LogStore;
use logsearch::testing::WebLog;

use crate::harness::{App, attributes};
use crate::host::Host;

/// How many records the export of what a page of the logs shows has.
async fn exported(app: &App, url: &str) -> usize {
    let (_, view) = url.split_once("/ops/logs?").unwrap();
    let answer = app.get(&format!("/ops/logs/export.ndjson?{view}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.text.lines().filter(|line| line.starts_with('{') && line.ends_with('}')).count()
}

fn count(text: &str) -> usize {
    text.replace(',', "").parse().unwrap()
}

/// Texts up to a `<` behind each of these.
fn cells<'a>(html: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    html.split(before).skip(1).map(|rest| rest.split('<').next().unwrap())
}

/// Compares the total, every value of the sidebar and every bar with the exports behind their links.
/// Returns the total and how many figures were compared.
async fn compare(app: &App, url: &str) -> (usize, usize) {
    let page = app.get(url).await.text;
    let total = cells(&page, "<p class=\"sum\"><strong>").next().unwrap();
    let total = count(total.split(' ').next().unwrap());
    assert_eq!(exported(app, url).await, total, "{url}");

    let mut compared = 1;
    for value in page.split("<a class=\"value ").skip(1) {
        let link = attributes(&format!(" {value}"), "href").swap_remove(0);
        let shown = count(cells(value, "<span class=\"num\">").next().unwrap());
        assert_eq!(exported(app, &link).await, shown, "{link}");
        compared += 1;
    }
    let table = page.split("<figcaption>").nth(1).unwrap().split("</figcaption>").next().unwrap();
    let mut sum = 0;
    for row in table.split("<tr><td><a").skip(1) {
        let link = attributes(row, "href").swap_remove(0);
        let shown: usize = cells(row, "<td class=\"num\">").map(count).sum();
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
    let partitions = store.status().await.unwrap().partitions;
    assert!(partitions.len() > 2, "{partitions:?}");
    let in_partitions: u64 = partitions.iter().map(|partition| partition.records).sum();
    assert_eq!(in_partitions, indexed.len() as u64);
    compare_all(&App::over(Host::default(), store, now)).await;
}

#[tokio::test]
async fn the_cells_of_the_heatmap_count_all_requests_and_lead_to_theirs() {
    let app = App::with_log(3_000).await;
    let requests = |page: &str| {
        let sum = cells(page, "<p class=\"sum\"><strong>").next().unwrap();
        count(sum.split(' ').next().unwrap())
    };
    let page = app.get("/ops/requests?from=24h&q=-route:/nothing").await.text;
    let figure = page.split("<figure class=\"heatmap\">").nth(1).unwrap();
    let (drawing, rest) = figure.split_once("</svg>").unwrap();
    let mut drawn = attributes(drawing, "href");
    let table = rest.split_once("</table>").unwrap().0;
    let mut sum = 0;
    for cell in table.split("<td class=\"num\"><a").skip(1) {
        let link = attributes(cell, "href").swap_remove(0);
        let shown = count(cell.split(['>', '<']).nth(1).unwrap());
        assert_eq!(requests(&app.get(&link).await.text), shown, "{link}");
        let at = drawn.iter().position(|url| *url == link).unwrap();
        drawn.swap_remove(at);
        sum += shown;
    }
    assert_eq!(sum, requests(&page));
    assert!(sum > 500 && drawn.is_empty(), "{sum}, {drawn:?}");
}

#[tokio::test]
async fn the_heatmap_of_metrics_is_that_of_the_requests() {
    let app = App::with_log(800).await;
    let figure = |page: &str| {
        let figure = page.split("<figure class=\"heatmap\">").nth(1).unwrap();
        figure.split("</figure>").next().unwrap().to_owned()
    };
    let [metrics, alone, requests] =
        ["metrics", "metrics/durations", "requests"].map(|page| format!("/ops/{page}?from=2m"));
    let requests = figure(&app.get(&requests).await.text);
    assert!(requests.matches("<rect").count() > 20, "{requests}");
    assert_eq!(figure(&app.get(&metrics).await.text), requests);
    assert_eq!(figure(&app.get(&alone).await.text), requests);
}

/// The address behind the button for older or newer records.
fn pager(page: &str, parameter: &str) -> Option<String> {
    let pagers = page.split("<p class=\"pager\">").skip(1);
    pagers
        .filter_map(|pager| attributes(pager, "href").into_iter().next())
        .find(|url| url.contains(parameter))
}

#[tokio::test]
async fn going_to_older_records_and_back_shows_each_once() {
    let app = App::with_log(350).await;
    let mut url = "/ops/logs?from=24h".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = app.get(&url).await.text;
        let rows = attributes(&page, "id").into_iter();
        ids.extend(rows.filter(|id| id.starts_with('e')));
        match pager(&page, "older=") {
            Some(older) => url = older,
            None => break,
        }
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), all), (350, 350));
    let page = app.get(&url).await.text;
    let newer = pager(&page, "newer=").unwrap();
    assert_eq!(app.get(&newer).await.text.matches("<tr class=\"record ").count(), 100);
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
    let page = app.get("/ops/logs?q=usr:anna").await.text;
    assert!(page.contains("no field") && page.contains("q=user:anna"), "{page}");
    let long = "x".repeat(5_000);
    assert_eq!(app.get(&format!("/ops/logs?q={long}")).await.status, StatusCode::OK);
    let empty = app.get("/ops/logs?from=5m&q=zzzz").await.text;
    assert!(empty.contains("No records in this window") && empty.contains("from=24h"));
}
