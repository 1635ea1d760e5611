//! Pages while something they need is away: the store, the accounts, jobs and searches of the host.

use std::sync::Arc;

use axum::http::StatusCode;
use logsearch::MemoryStore;
use logsearch::record::LogRecord;
use logsearch::store::{
    Aggregate, Aggregation, LogStore, Search, SearchPage, StoreError, StoreErrorKind, StoreStatus,
    TimeRange,
};

use crate::harness::App;
use crate::host::Host;
use crate::lines::{START, line, log};

/// A store that answers nothing, or searches alone.
struct Broken {
    kind: StoreErrorKind,
    searches: Option<MemoryStore>,
}

impl Broken {
    fn error<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::bare(self.kind, "segment 7 is damaged at /var/lib/logs"))
    }
}

#[async_trait::async_trait]
impl LogStore for Broken {
    async fn append(&self, _: Vec<LogRecord>) -> Result<(), StoreError> {
        self.error()
    }

    async fn search(&self, search: &Search) -> Result<SearchPage, StoreError> {
        match &self.searches {
            Some(store) => store.search(search).await,
            None => self.error(),
        }
    }

    async fn aggregate(
        &self,
        _: TimeRange,
        _: &logsearch::query::Query,
        _: &Aggregation,
    ) -> Result<Aggregate, StoreError> {
        self.error()
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.error()
    }
}

fn broken(kind: StoreErrorKind) -> App {
    App::over(Host::default(), Arc::new(Broken { kind, searches: None }), START)
}

const PAGES: [&str; 13] = [
    "",
    "/logs",
    "/logs/patterns",
    "/logs/export.ndjson",
    "/requests",
    "/requests/sql",
    "/requests/x",
    "/errors",
    "/compare",
    "/errors/0123456789abcdef",
    "/alerts/Errors",
    "/system",
    "/events/1-1",
];

#[tokio::test]
async fn a_store_that_is_away_is_said_and_can_be_tried_again() {
    let app = broken(StoreErrorKind::Unavailable);
    for path in PAGES {
        let answer = app.get(&format!("/ops{path}")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        let page = answer.page();
        assert!(page.has("[data-error='503'] a[href='']"), "{path} can be tried again");
        assert!(page.has("nav a[href^='/ops/logs']"), "{path} has the menu");
    }
}

#[tokio::test]
async fn a_defect_of_the_store_is_an_error_of_ours() {
    let app = broken(StoreErrorKind::Internal);
    for path in PAGES {
        let answer = app.get(&format!("/ops{path}")).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(answer.page().has("[data-error='500']"), "{path}");
    }
}

#[tokio::test]
async fn records_are_shown_although_they_could_not_be_counted() {
    let searches = MemoryStore::new();
    searches.append(log([line("is here")])).await.unwrap();
    let kind = StoreErrorKind::Timeout;
    let store = Broken { kind, searches: Some(searches) };
    let app = App::over(Host::default(), Arc::new(store), START + 1);
    let answer = app.get("/ops/logs").await;
    assert_eq!(answer.status, StatusCode::OK, "the records came first");
    let page = answer.page();
    assert_eq!(page.texts("tr.record summary"), ["is here"]);
    assert!(page.one(".over .notice a").attr("href").starts_with("/ops/logs"));
    assert!(!page.has("[data-total]"));
}

#[tokio::test]
async fn a_host_that_is_away_leaves_the_rest_of_a_page() {
    let app =
        App::start_in(Host { is_away: true, ..Host::default() }, log([line("is here")])).await;
    for (path, rest) in [
        ("", "[data-section=errors]"),
        ("/logs", "tr.record"),
        ("/errors", "[data-total]"),
        ("/metrics", ".plot"),
        ("/system", "[data-section=store]"),
    ] {
        let answer = app.get(&format!("/ops{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let page = answer.page();
        assert!(page.has(".notice") && page.has(rest), "{path}: {:?}", page.texts(".notice"));
        assert!(!answer.text.contains("the database is not available"), "{path}");
    }
}

#[tokio::test]
async fn pages_of_what_the_host_does_not_offer_are_not_there() {
    let store: Arc<dyn LogStore> = Arc::new(MemoryStore::new());
    let app = App::bare(store);
    for path in ["/operators", "/moderation", "/users", "/logs/searches", "/logs/tail"] {
        assert_eq!(app.get(&format!("/ops{path}")).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["", "/logs", "/requests", "/errors", "/alerts", "/metrics", "/system"] {
        let answer = app.get(&format!("/ops{path}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(!answer.page().has(".notice"), "{path}");
    }
    let alerts = app.get("/ops/alerts").await.page();
    assert!(alerts.has("[data-empty=host]"));
    let system = app.get("/ops/system").await.page();
    assert!(!system.has("[data-section=jobs]") && !system.has("[data-section=levels]"));
    for (path, body) in
        [("/system/levels", "levels=debug"), ("/system/jobs/tidy", ""), ("/errors/x", "set=open")]
    {
        let answer = app.post(&format!("/ops{path}"), "operator", body, "same-origin").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}
