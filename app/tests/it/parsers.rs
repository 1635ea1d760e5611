//! Whatever bytes a client sends, on every listener: an answer of the contract or a closed connection, never a
//! failure of the service, and the next client is served.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use proptest::{collection, option, sample, string};

use crate::harness::{Backend, SIMULATOR, on, raw_and_end};
use crate::hostile::{get, status};
use crate::known_routes::{API_ROUTES, Row, SITE_ROUTES};

/// Requests on each listener.
const REQUESTS: usize = 400;

/// A request of parts that are good or bad, in any order, and sometimes bytes of nothing.
fn requests(routes: &[Row]) -> impl Strategy<Value = Vec<u8>> {
    let text = |pattern: &str| string::bytes_regex(pattern).unwrap();
    let method = sample::select(vec!["GET", "POST", "HEAD", "PUT", "get", "OPTIONS", "\u{1}", ""]);
    let path = sample::select(routes.iter().map(|(_, path, _)| *path).collect::<Vec<_>>());
    let query = option::of(text("(?-u)\\?([a-z]{0,8}=?[ -~\\x80-\\xff]{0,12}&?){0,4}"));
    let version = sample::select(vec!["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1", ""]);
    let header = sample::select(vec![
        "Content-Length: 5",
        "Content-Length: -1",
        "Transfer-Encoding: chunked",
        "Content-Type: application/json",
        "Content-Type: application/x-www-form-urlencoded",
        "Cookie: sid=%ff; flash=f%00.u%ff.zz",
        "X-Forwarded-For: 1.2.3.4, x",
        "traceparent: 00-0-0-0",
        "Origin: null",
        "Sec-Fetch-Site: same-origin",
        "Accept-Encoding: gzip;q=x",
        "Expect: 100-continue",
        ": no name",
        "No colon",
    ]);
    let headers = collection::vec(header, 0..5);
    let body = option::of(text("(?-u)[ -~\\x00-\\xff]{0,40}"));
    let whole = (method, path, query, version, headers, body).prop_map(
        |(method, path, query, version, headers, body)| {
            let mut bytes = format!("{method} {path}").into_bytes();
            bytes.extend(query.unwrap_or_default());
            let head = format!(" {version}\r\nHost: x\r\nAuthorization: {SIMULATOR}\r\n");
            bytes.extend(head.into_bytes());
            bytes.extend(headers.join("\r\n").into_bytes());
            bytes.extend(b"\r\n\r\n");
            bytes.extend(body.unwrap_or_default());
            bytes
        },
    );
    proptest::prop_oneof![9 => whole, 1 => text("(?-u)[\\x00-\\xff]{0,80}")]
}

#[tokio::test]
async fn any_bytes_get_an_answer_or_a_closed_connection() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let served = app.serve().await;
        let mut runner = TestRunner::deterministic();
        for (address, routes) in [(served.site, SITE_ROUTES), (served.api, API_ROUTES)] {
            let requests = requests(routes);
            for _ in 0..REQUESTS {
                let request = requests.new_tree(&mut runner).unwrap().current();
                let answer = raw_and_end(address, &request).await;
                let status = status(&answer);
                let text = String::from_utf8_lossy(&request);
                // 505 is for a version of HTTP that is another.
                assert!(status < 500 || status == 505, "{status} for {text:?}");
                assert!(answer.is_empty() || status > 0, "no HTTP for {text:?}");
            }
        }
        assert_eq!(status(&raw_and_end(served.site, &get("/public", "")).await), 200);
        let errors = app.records().all();
        assert!(errors.iter().all(|record| record.level != tracing::Level::ERROR), "{errors:?}");
    })
    .await;
}
