//! Pages that are sent in two pieces: the records first, then what was counted. Together they are one page.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{line, log};

/// The pieces of a page, as they are sent.
async fn pieces(app: &App, path: &str) -> Vec<String> {
    let request = Request::get(path).header("authorization", "letmein operator");
    let mut body = app.answer(request.body(Body::empty()).unwrap()).await.into_body();
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        pieces.push(String::from_utf8(data.to_vec()).unwrap());
    }
    pieces
}

#[tokio::test]
async fn records_come_first_and_counts_after_them() {
    let app = App::start(log((0..30).map(|n| line(&format!("line {n}")).at(n)))).await;
    for (path, rows) in [("/ops/logs", "tr.record"), ("/ops/logs/patterns", ".patterns tbody tr")] {
        let pieces = pieces(&app, path).await;
        assert_eq!(pieces.len(), 2, "{path}");
        let first = Page::parse(&pieces[0]);
        assert!(first.has(rows) && !first.has("[data-total]"), "{path}");
        assert!(pieces[0].starts_with("<!doctype html>"), "{path}");
        assert!(pieces[1].trim_end().ends_with("</html>"), "{path}");
        let whole = pieces.concat();
        for once in ["<!doctype", "<main", "</main>", "<body", "</body>", "</html>", "id=\"help\""]
        {
            assert_eq!(whole.matches(once).count(), 1, "{path}: {once}");
        }
        let page = Page::parse(&whole);
        for part in ["list", "over", "fields"] {
            page.one(&format!("main > .logs > [data-part={part}]"));
        }
        assert_eq!(page.one("[data-total]").text(), "30 records");
    }
}

#[tokio::test]
async fn pages_of_one_piece_are_whole_documents_too() {
    let app = App::with_log(300).await;
    for path in ["", "/requests", "/errors", "/alerts", "/metrics", "/system", "/nothing"] {
        let text = app.get(&format!("/ops{path}")).await.text;
        assert!(
            text.starts_with("<!doctype html>") && text.trim_end().ends_with("</html>"),
            "{path}"
        );
        for once in ["<main", "</main>", "<body", "</body>", "id=\"said\""] {
            assert_eq!(text.matches(once).count(), 1, "{path}: {once}");
        }
    }
}

#[tokio::test]
async fn text_of_a_record_cannot_end_a_piece() {
    let hostile = ["<!--later-->", "</main></body></html>", "{% endblock %}", "-->"];
    let app = App::start(log(hostile.map(line))).await;
    let pieces = pieces(&app, "/ops/logs").await;
    assert_eq!(pieces.len(), 2);
    let page = Page::parse(&pieces.concat());
    let mut texts = page.texts("tr.record summary");
    texts.reverse();
    assert_eq!(texts, hostile);
    assert_eq!(page.one("[data-total]").text(), "4 records");
}
