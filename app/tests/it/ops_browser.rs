//! The panel in a real browser over a service with real faults: what the tests of its pages have in
//! common. An operator is logged in, and every fault a service should not have can be made to happen.

use std::sync::{Arc, Once};
use std::time::Duration;

use admin::Role;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, REFERER, USER_AGENT};
use http::{Method, StatusCode};
use logsearch::chain_panic_hook;
use minitwit::error::AppError;
use minitwit::listen::Listener;
use minitwit::metrics::Surface;
use minitwit::routes;
use minitwit::state::AppState;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::harness::{Answer, Backend, TestApp, eventually, request, send};
use crate::panel::{Panel, Somebody, TOKEN};
use crate::raw_sql::Raw;
use crate::webdriver::Driver;

/// The pages whose address is known, each in the states it has: with and without records, searched,
/// followed, refreshing.
const PAGES: [&str; 28] = [
    "/admin",
    "/admin/logs",
    "/admin/logs?q=level%3E%3Dwarn+usr:x&cols=route,user,error,user_agent",
    "/admin/logs?q=nothing_has_this&from=5m",
    "/admin/logs?tail=1",
    "/admin/logs?fields=db&refresh=10",
    "/admin/logs/patterns",
    "/admin/logs/patterns?q=nothing_has_this",
    "/admin/logs/searches",
    "/admin/requests?sort=queries",
    "/admin/requests?q=nothing_has_this",
    "/admin/requests/sql",
    "/admin/requests/sql?q=nothing_has_this",
    "/admin/errors",
    "/admin/errors?q=nothing_has_this",
    "/admin/compare",
    "/admin/compare?q=nothing_has_this&before-from=what",
    "/admin/metrics",
    "/admin/metrics?from=24h",
    "/admin/alerts",
    "/admin/alerts/MiniTwitLatencyBudgetBurnFast",
    "/admin/system",
    "/admin/moderation",
    "/admin/moderation?q=nothing_has_this",
    "/admin/users",
    "/admin/users?q=nothing_has_this",
    "/admin/operators",
    "/admin/login",
];

/// How often the seeded route repeats its statement.
pub const REPEATS: usize = 36;
/// How long the seeded statement waits for a lock; longer than what is called slow.
const SLOW: Duration = Duration::from_millis(400);

/// The ops listener of a service with faults, and a browser in which an operator is logged in.
pub struct Ops {
    pub app: TestApp,
    pub seeded: Router,
    pub operator: Somebody,
    pub driver: Driver,
    pub base: String,
    _stop: DropGuard,
    _subscriber: tracing::subscriber::DefaultGuard,
    pub panel: Panel,
}

/// As the program has it; on threads of other tests it finds nobody to tell.
static HOOK: Once = Once::new();

impl Ops {
    /// `None` when there is no browser, or no PostgreSQL where that is asked for.
    pub async fn start(backend: Backend) -> Option<Self> {
        let driver = Driver::start().await?;
        let app = TestApp::start(backend).await?;
        let (panel, layer) = Panel::with_layer(&app).await;
        let recorded = tracing_subscriber::registry()
            .with(app.records().clone())
            .with(layer.with_filter(LevelFilter::INFO));
        let subscriber = tracing::subscriber::set_default(recorded);
        HOOK.call_once(chain_panic_hook);
        let operator = panel.log_in(&app, "octavia", Role::Operator).await;
        let stop = CancellationToken::new();
        let address = ([127, 0, 0, 1], 0).into();
        let listener = Listener::bind("ops", address, panel.router.clone()).await.unwrap();
        let base = format!("http://{}", listener.address);
        tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(1)));
        let (name, value) = operator.cookie.split_once('=').unwrap();
        let cookie = json!({ "url": base, "name": name, "value": value });
        driver.devtools("Network.setCookie", cookie).await;
        let seeded = routes::observed(seeds(&app.state), &app.state, Surface::Web);
        Some(Self {
            seeded,
            operator,
            driver,
            base,
            app,
            _stop: stop.drop_guard(),
            _subscriber: subscriber,
            panel,
        })
    }

    pub async fn open(&self, path: &str) {
        self.driver.open(&format!("{}{path}", self.base)).await;
    }

    pub async fn path(&self) -> String {
        self.driver.url().await.trim_start_matches(&self.base).to_owned()
    }

    /// Clicks the first link or button of the page for which a JavaScript condition on `e` holds, and
    /// waits for the next page.
    pub async fn follow(&self, condition: &str) {
        let before = self.path().await;
        let click = format!(
            "(e => e ? (e.click(), true) : false)([...document.querySelectorAll('main a, main button')]\
             .find(e => {condition}))"
        );
        assert_eq!(self.driver.eval(&click).await, true, "{before} has nothing where {condition}");
        eventually("the next page", async || self.path().await != before).await;
    }

    /// Whether the page shows this text, also in what is folded.
    pub async fn says(&self, text: &str) -> bool {
        let text = Value::from(text);
        let says = format!("document.querySelector('main').textContent.includes({text})");
        self.driver.eval(&says).await == true
    }

    /// A request to a seeded route or the site, as an attacker would send it.
    pub async fn visit(&self, router: &Router, path: &str, header: &str) -> Answer {
        let header = http::HeaderValue::from_bytes(header.as_bytes()).unwrap();
        let request = request(Method::GET, path)
            .header(USER_AGENT, header.clone())
            .header(REFERER, header)
            .body(Body::empty());
        send(router, request.unwrap()).await
    }

    /// Waits until everything recorded can be found.
    pub async fn recorded(&self) {
        let logs = Arc::clone(&self.panel.logs);
        let flushed = tokio::task::spawn_blocking(move || logs.flush(Duration::from_secs(20)));
        assert!(flushed.await.unwrap());
    }

    /// Every fault once: a statement that repeats itself, one that waits for a lock, a panic, and a
    /// burst of errors while a table is gone.
    pub async fn break_everything(&self) {
        let visit = async |path: &str| self.visit(&self.seeded, path, "a client").await.status;
        assert_eq!(visit("/seeded/n-plus-1").await, StatusCode::OK);
        assert_eq!(visit("/seeded/panic/one").await, StatusCode::INTERNAL_SERVER_ERROR);

        self.app.state.db.set_latest(1).await.unwrap();
        let mut raw = Raw::connect(&self.app).await;
        raw.execute("BEGIN").await.unwrap();
        raw.execute("UPDATE simulator_latest SET value = value").await.unwrap();
        let mut slow = Box::pin(visit("/seeded/slow"));
        let blocked = tokio::time::timeout(SLOW, &mut slow).await;
        assert!(blocked.is_err(), "the lock does not hold");
        raw.execute("COMMIT").await.unwrap();
        assert_eq!(slow.await, StatusCode::OK);

        raw.execute("ALTER TABLE messages RENAME TO gone").await.unwrap();
        for _ in 0..40 {
            let status = self.visit(&self.app.site, "/public", "a client").await.status;
            assert!(status.is_server_error(), "{status}");
        }
        raw.execute("ALTER TABLE gone RENAME TO messages").await.unwrap();
        self.recorded().await;
    }

    /// Tells the panel, as an alerting system does, that a rule fires.
    pub async fn alert(&self, rule: &str) {
        let started = jiff::Timestamp::from_microsecond(self.app.clock.now() - 60_000_000);
        let body = json!({ "version": "1", "status": "firing", "alerts": [{
            "status": "firing", "fingerprint": "c6eadffa33fcdf37",
            "labels": { "alertname": rule, "severity": "warning" },
            "annotations": { "summary": "Errors are logged", "logs_query": "level:error" },
            "startsAt": started.unwrap().to_string(), "endsAt": "0001-01-01T00:00:00Z",
        }] });
        let request = request(Method::POST, "/admin/api/alerts")
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        send(&self.panel.router, request.unwrap()).await.is(200);
    }

    /// The first link of a page that begins so and has more behind it.
    async fn link(&self, page: &str, start: &str) -> String {
        let links = self.operator.get(page).await.is(200).page().links().into_iter();
        let mut links = links.map(|link| link.split('#').next().unwrap().to_owned());
        let found = links.find(|link| link.starts_with(start) && link.len() > start.len());
        found.unwrap_or_else(|| panic!("{page} has no link to {start}"))
    }

    /// Every page of the panel in each of its states, and one of each kind that has an id in its
    /// address. Needs faults, an alert and a saved search to be there.
    pub async fn pages(&self) -> Vec<String> {
        let mut pages = PAGES.map(str::to_owned).to_vec();
        let event = self.link("/admin/logs?q=level:error", "/admin/events/").await;
        let event = event.trim_end_matches("/context").to_owned();
        pages.push(format!("{event}/context"));
        pages.push(event);
        for (page, start) in [
            ("/admin/requests", "/admin/requests/0"),
            ("/admin/requests/sql", "/admin/requests/sql/"),
            ("/admin/errors", "/admin/errors/"),
            ("/admin/alerts", "/admin/alerts/"),
        ] {
            pages.push(self.link(page, start).await);
        }
        let is_statement = |page: &&String| page.starts_with("/admin/requests/sql/");
        let statement = pages.iter().find(is_statement).unwrap();
        let (path, window) = statement.split_once('?').unwrap_or((statement, ""));
        pages.push(format!("{path}/plan?{window}"));
        for page in &pages {
            self.operator.get(page).await.is(200);
        }
        pages
    }
}

/// Routes with the faults that a service should not have, under the layers of the service.
fn seeds(state: &AppState) -> Router {
    pub async fn repeat(State(state): State<AppState>) -> Result<&'static str, AppError> {
        for number in 0..REPEATS {
            state.db.user_exists(&format!("user {number}")).await?;
        }
        Ok("done")
    }
    pub async fn slow(State(state): State<AppState>) -> Result<&'static str, AppError> {
        state.db.set_latest(7).await?;
        Ok("done")
    }
    pub async fn panic(path: axum::extract::Path<String>) -> &'static str {
        panic!("the seeded panic says {}", path.0)
    }
    Router::new()
        .route("/seeded/n-plus-1", get(repeat))
        .route("/seeded/slow", get(slow))
        .route("/seeded/panic/{text}", get(panic))
        .with_state(state.clone())
}
