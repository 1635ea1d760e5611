//! A foreign service with the panel in it, over records of a seed.

use std::sync::Arc;

use admin::metrics::Metrics;
use admin::{
    Admin, Alerts, Deploys, ErrorStates, Health, Jobs, Operator, Operators, Role, SavedSearches,
};
use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt;
use logsearch::MemoryStore;
use logsearch::filter::{LevelControl, Levels};
use logsearch::record::LogRecord;
use logsearch::store::LogStore;
use logsearch::testing::WebLog;
use tower::ServiceExt;

use crate::host::Host;
use crate::html::Page;
use crate::keeper::Keeper;
use crate::own_page::{self, Orders};

/// A state the panel knows nothing of.
#[derive(Clone)]
pub struct Shop {
    pub token: &'static str,
}

/// What the service offers its panel.
struct Offered {
    host: Host,
    keeper: Keeper,
    metrics: Metrics,
}

impl admin::Host for Offered {
    fn jobs(&self) -> Option<&dyn Jobs> {
        Some(&self.keeper)
    }

    fn alerts(&self) -> Option<&dyn Alerts> {
        Some(&self.host)
    }

    fn deploys(&self) -> Option<&dyn Deploys> {
        Some(&self.host)
    }

    fn error_states(&self) -> Option<&dyn ErrorStates> {
        Some(&self.keeper)
    }

    fn searches(&self) -> Option<&dyn SavedSearches> {
        Some(&self.keeper)
    }

    fn operators(&self) -> Option<&dyn Operators> {
        Some(&self.keeper)
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(&self.host)
    }

    fn metrics(&self) -> Option<&Metrics> {
        Some(&self.metrics)
    }
}

pub struct App {
    router: Router,
    pub levels: LevelControl,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The text as HTML.
    pub fn page(&self) -> Page {
        Page::parse(&self.text)
    }
}

impl App {
    /// With the first records of a web service's log, and a clock a second behind the last one.
    pub async fn with_log(records: usize) -> Self {
        let records: Vec<LogRecord> = WebLog::new(7).take(records).collect();
        let end = records.iter().map(|record| record.timestamp).max().unwrap_or(0);
        Self::start_in(Host::busy(end), records).await
    }

    pub async fn start(records: Vec<LogRecord>) -> Self {
        Self::start_with(records, |panel| panel).await
    }

    /// With a panel that has more options.
    pub async fn start_with(records: Vec<LogRecord>, options: impl FnOnce(Admin) -> Admin) -> Self {
        let now = after(&records);
        let store = Arc::new(MemoryStore::new());
        store.append(records).await.unwrap();
        Self::build(Some(Host::default()), store, now, options)
    }

    /// A panel of a service that offers nothing but its log.
    pub fn bare(store: Arc<dyn LogStore>) -> Self {
        Self::build(None, store, crate::lines::START, |panel| panel)
    }

    /// In a host that knows of alerts and deployments.
    pub async fn start_in(host: Host, records: Vec<LogRecord>) -> Self {
        let now = after(&records);
        let store = Arc::new(MemoryStore::new());
        store.append(records).await.unwrap();
        Self::over(host, store, now)
    }

    /// Over any store, at this time.
    pub fn over(host: Host, store: Arc<dyn LogStore>, now: i64) -> Self {
        Self::build(Some(host), store, now, |panel| panel)
    }

    fn build(
        host: Option<Host>,
        store: Arc<dyn LogStore>,
        now: i64,
        options: impl FnOnce(Admin) -> Admin,
    ) -> Self {
        let levels = LevelControl::new(Levels::parse("info").unwrap());
        let state = Shop { token: "letmein" };
        let guard_state = state.clone();
        let guard = move |parts: Parts| {
            let state = guard_state.clone();
            async move { admit(&state, &parts) }
        };
        let panel = Admin::new(store).at("/ops").service("shop", "1.4.2").clock(move || now);
        let panel = match host {
            Some(host) => offer(panel, host, levels.clone(), now),
            None => panel,
        };
        let panel = options(panel);
        let router = Router::<Shop>::new()
            .route("/", get(async || "shop"))
            .merge(panel.router(guard))
            .with_state(state);
        Self { router, levels }
    }

    /// The answer as it is sent.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.answer(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// As an operator.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_as("operator", path).await
    }

    pub async fn get_as(&self, role: &str, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("letmein {role}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, role: &str, body: &str, site: &str) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("letmein {role}"))
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// A second behind the last of these records.
fn after(records: &[LogRecord]) -> i64 {
    records.iter().map(|record| record.timestamp).max().unwrap_or(0) + 1_000_000
}

/// Everything a service may offer the panel.
fn offer(panel: Admin, host: Host, levels: LevelControl, now: i64) -> Admin {
    let (keeper, metrics) = (Keeper::new(now), crate::metrics::watched_until(now));
    let orders = Orders::default();
    panel
        .levels(levels)
        .host(Offered { host, keeper, metrics })
        .page("Orders", "/orders", get(own_page::show).with_state(orders.clone()))
        .route("/orders/{id}", post(own_page::cancel).with_state(orders))
        .external_link("Grafana", "https://grafana.example/?a=b&c=d")
}

#[expect(clippy::result_large_err, reason = "a guard refuses with the answer it wants")]
fn admit(state: &Shop, parts: &Parts) -> Result<Operator, Response> {
    let header = parts.headers.get("authorization").and_then(|header| header.to_str().ok());
    match header.and_then(|header| header.split_once(' ')) {
        Some((token, role)) if token == state.token => {
            let role = if role == "operator" { Role::Operator } else { Role::Viewer };
            Ok(Operator::new("octavia", role))
        }
        _ => Err(StatusCode::UNAUTHORIZED.into_response()),
    }
}
