//! Patterns: records by the place in the code that emitted them.

use logsearch::fields;
use logsearch::record::Level;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{Line, line, log};

/// Sixty types of records: the n-th has n records; and one of code that says no place.
fn lines() -> Vec<Line> {
    let of = |n: i64| {
        let one = line(&format!("kind {n}")).text(fields::CALLSITE, &format!("src/kind.rs:{n}"));
        (0..n).map(move |second| one.clone().at(second))
    };
    let mut lines: Vec<Line> = (1..=60).flat_map(of).collect();
    let foreign = line("of a library").level(Level::Warn).target("hyper::proto").at(90);
    lines.extend((0..70).map(|_| foreign.clone()));
    lines
}

async fn patterns(app: &App, query: &str) -> Page {
    app.get(&format!("/ops/logs/patterns?from=1h{query}")).await.page()
}

#[tokio::test]
async fn types_come_by_their_number_of_records_each_with_its_newest() {
    let app = App::start(log(lines())).await;
    let page = patterns(&app, "").await;
    let counts: Vec<i64> =
        page.texts(".patterns td:first-child").iter().map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts.len(), 50, "the most frequent");
    assert_eq!(counts[..3], [70, 60, 59]);
    assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
    let examples = page.texts(".patterns td > a:not(.minus)");
    assert_eq!(examples[..2], ["of a library", "kind 60"].map(str::to_owned));
    let drawn = page.all(".patterns svg").len();
    assert_eq!(drawn, 20, "each drawing is a search of its own");
    assert_eq!(page.one("[data-total]").text(), "1,900 records");
}

#[tokio::test]
async fn a_type_leads_to_its_records_and_can_be_left_out() {
    let app = App::start(log(lines())).await;
    let page = patterns(&app, "").await;
    for (at, count, left) in [(0, "70 ", "1,830 "), (1, "60 ", "1,840 ")] {
        let row = page.all(".patterns tbody tr")[at];
        let only = app.get(row.one("td > a:not(.minus)").attr("href")).await.page();
        assert!(only.one("[data-total]").text().starts_with(count), "{at}");
        let without = app.get(row.one("a.minus").attr("href")).await.page();
        assert!(without.one("[data-total]").text().starts_with(left), "{at}");
        assert!(without.has(".patterns"), "it stays on the page");
    }
}

#[tokio::test]
async fn shares_are_of_what_the_query_finds() {
    let app = App::start(log(lines())).await;
    let page =
        patterns(&app, "&q=callsite:%22src/kind.rs:1%22+OR+callsite:%22src/kind.rs:2%22").await;
    let shares = page.texts(".patterns td:nth-child(2)");
    assert_eq!(shares, ["66.7%", "33.3%"]);
    let none = patterns(&app, "&q=nothing_has_this").await;
    assert!(none.has("[data-empty=records]") && !none.has(".patterns"));
}
