//! Pages work without scripts: what needs one is not shown without it, and every change is a form.

use super::around::is_in;
use crate::harness::App;
use crate::html::Page;

async fn pages(app: &App) -> Vec<(String, Page)> {
    let mut urls: Vec<String> = [
        "",
        "/logs",
        "/logs?tail=1",
        "/logs/patterns",
        "/logs/searches",
        "/requests",
        "/requests/sql",
        "/errors",
        "/compare",
        "/alerts",
        "/alerts/Errors",
        "/metrics",
        "/system",
        "/operators",
        "/orders",
    ]
    .map(|path| format!("/ops{path}"))
    .into();
    for (from, css) in [
        ("/ops/logs?from=30d", "tr.record [data-link]"),
        ("/ops/logs?from=30d", "tr.record [data-context]"),
        ("/ops/requests?from=30d&q=db_count:*", "[data-request]"),
        ("/ops/errors?from=30d", ".groups td:first-child > a"),
    ] {
        let url = app.get(from).await.page().values(css, "href").swap_remove(0);
        urls.push(url.split('#').next().unwrap().to_owned());
    }
    let mut pages = Vec::new();
    for url in urls {
        let page = app.get(&url).await.page();
        pages.push((url, page));
    }
    pages
}

#[tokio::test]
async fn buttons_that_need_a_script_are_shown_with_one_alone() {
    let app = App::with_log(500).await;
    for (url, page) in pages(&app).await {
        for button in page.all("button[type=button]") {
            assert!(is_in(button, ".script-only"), "{url}: {}", button.html());
        }
        for button in page.all("button:not([type=button])") {
            assert!(is_in(button, "form"), "{url}: {}", button.html());
        }
    }
    let style = include_str!("../../../assets/admin.css");
    assert!(style.contains(".script-only"), "the style hides what needs a script");
}

#[tokio::test]
async fn links_lead_somewhere_and_forms_go_somewhere() {
    let app = App::with_log(500).await;
    for (url, page) in pages(&app).await {
        for link in page.all("a:not(svg a)") {
            let href = link.find("href").unwrap_or_else(|| panic!("{url}: {}", link.html()));
            assert!(!href.is_empty() && href != "#", "{url}: {}", link.html());
            if let Some(id) = href.strip_prefix('#') {
                // A place of the page that exists.
                let has = page.has(&format!("[id='{id}']"));
                assert!(has, "{url} has no {href}");
            }
        }
        for form in page.all("form:not([method=dialog])") {
            let action = form.find("action").unwrap_or_default();
            assert!(action.starts_with("/ops"), "{url}: {}", form.html());
            let method = form.find("method").unwrap_or("get");
            assert!(matches!(method, "get" | "post"), "{url}: {method}");
            let is_sent = form.has("button:not([type=button])") || form.has("input[type=search]");
            assert!(is_sent, "{url}: {}", form.html());
        }
    }
}

#[tokio::test]
async fn a_page_that_refreshes_or_follows_does_so_without_scripts() {
    let app = App::with_log(100).await;
    for path in ["", "/requests", "/errors", "/alerts", "/metrics", "/system", "/operators"] {
        let text = app.get(&format!("/ops{path}?refresh=10")).await.text;
        assert!(
            text.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"),
            "{path}"
        );
        let text = app.get(&format!("/ops{path}")).await.text;
        assert!(!text.contains("http-equiv=\"refresh\""), "{path}");
    }
}

#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let app = App::with_log(500).await;
    for (url, page) in pages(&app).await {
        for script in page.all("script") {
            assert!(script.attr("src").starts_with("/ops/assets/"), "{url}");
            assert_eq!(script.text(), "", "{url}");
        }
        assert!(!page.has("style") && !page.has("[style]") && !page.has("iframe"), "{url}");
        for link in page.all("link[rel=stylesheet]") {
            assert!(link.attr("href").starts_with("/ops/assets/"), "{url}");
        }
    }
}

#[tokio::test]
async fn ids_of_a_page_are_unique_and_labels_belong_to_something() {
    let app = App::with_log(500).await;
    for (url, page) in pages(&app).await {
        let mut ids = page.values("[id]", "id");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{url}");
        for label in page.all("label") {
            assert!(label.has("input, select, textarea"), "{url}: {}", label.html());
        }
        assert_eq!(page.all("main h1").len(), 1, "{url} has one heading of the first level");
        // Levels of headings follow each other.
        let mut before = 1;
        for heading in page.all("main h1, main h2, main h3, main h4") {
            let level: u32 = heading.html()[2..3].parse().unwrap();
            assert!(level <= before + 1, "{url}: {}", heading.html());
            before = level;
        }
    }
}
