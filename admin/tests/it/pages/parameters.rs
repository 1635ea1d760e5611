//! Every parameter of every page with every odd value: a page or a refusal, never an error, and never the
//! value as markup.

use crate::harness::App;
use crate::html::Page;

/// What no page was written for.
const ODD: [&str; 24] = [
    "",
    " ",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e308",
    "NaN",
    "true",
    "null",
    "<b onclick=x>&quot;\"'`",
    "../../etc/passwd",
    "//evil.example",
    "javascript:alert(1)",
    "a:b:c,d:e",
    "((((((((((",
    "\"unclosed",
    "level:>= OR NOT",
    "/re(gex/",
    "*?[]{}\\",
    "\u{202e}\u{0}\u{7f}\u{feff}",
    "日本語 ünïcödé 🦀",
    "2026-13-45T99:99:99Z",
];

/// Every parameter that any page reads.
const NAMES: [&str; 19] = [
    "q",
    "from",
    "to",
    "cols",
    "sort",
    "by",
    "fields",
    "refresh",
    "tail",
    "older",
    "newer",
    "at",
    "scope",
    "add",
    "not",
    "col",
    "caret",
    "before-from",
    "before-to",
];

const PAGES: [&str; 14] = [
    "",
    "/logs",
    "/logs/patterns",
    "/logs/searches",
    "/logs/complete",
    "/requests",
    "/requests/sql",
    "/errors",
    "/compare",
    "/alerts",
    "/alerts/Errors",
    "/metrics",
    "/system",
    "/orders",
];

fn is_plain(page: &Page, what: &str) {
    assert!(!page.has("[onclick]"), "{what}");
    for url in page.links() {
        assert!(!url.starts_with("//") && !url.starts_with("javascript:"), "{what}: {url}");
    }
}

#[tokio::test]
async fn one_odd_parameter_is_no_error_on_any_page() {
    let app = App::with_log(30).await;
    for (at, path) in PAGES.into_iter().enumerate() {
        for (by, name) in NAMES.into_iter().enumerate() {
            // A sixth of the values each, all of them over the pages.
            for value in ODD.into_iter().skip((at + by) % 6).step_by(6) {
                let query = serde_urlencoded::to_string([(name, value)]).unwrap();
                let url = format!("/ops{path}?{query}");
                let answer = app.get(&url).await;
                let status = answer.status.as_u16();
                assert!(matches!(status, 200 | 303 | 404), "{url}: {status}");
                if status != 303 && path != "/logs/complete" {
                    is_plain(&answer.page(), &url);
                }
            }
        }
    }
}

#[tokio::test]
async fn all_parameters_at_once_and_each_one_twice_are_no_error() {
    let app = App::with_log(60).await;
    for path in PAGES {
        for value in ODD {
            // Those of a click lead elsewhere.
            let shown = NAMES.iter().filter(|name| !matches!(**name, "add" | "not" | "col"));
            let twice: Vec<_> = shown.flat_map(|name| [(*name, "first"), (*name, value)]).collect();
            let query = serde_urlencoded::to_string(&twice).unwrap();
            let answer = app.get(&format!("/ops{path}?{query}")).await;
            assert_eq!(answer.status, 200, "{path} {value:?}");
            if path != "/logs/complete" {
                is_plain(&answer.page(), path);
            }
        }
    }
}

#[tokio::test]
async fn an_odd_segment_of_a_path_is_not_found() {
    let app = App::with_log(60).await;
    for value in ODD.into_iter().filter(|value| !value.trim().is_empty()) {
        let segment = value.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        for path in ["/requests", "/errors", "/events", "/requests/sql", "/assets/x"] {
            let url = format!("/ops{path}/{segment}");
            let answer = app.get(&url).await;
            assert!(matches!(answer.status.as_u16(), 400 | 404), "{url}: {}", answer.status);
            is_plain(&answer.page(), &url);
        }
        // A rule of any name may have fired before anybody knew of it.
        let rule = app.get(&format!("/ops/alerts/{segment}")).await;
        assert!(matches!(rule.status.as_u16(), 200 | 404), "{value:?}: {}", rule.status);
        is_plain(&rule.page(), value);
    }
}

#[tokio::test]
async fn a_very_long_parameter_is_cut_or_refused() {
    let app = App::with_log(20).await;
    for name in NAMES {
        let url = format!("/ops/logs?{name}={}", "x".repeat(20_000));
        let answer = app.get(&url).await;
        let status = answer.status.as_u16();
        assert!(matches!(status, 200 | 303 | 404), "{name}: {status}");
    }
}
