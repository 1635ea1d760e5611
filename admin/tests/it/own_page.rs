//! A page of the service's own inside the panel.

use std::sync::{Arc, Mutex};

use admin::{OperatorForm, OwnPage, PanelError, audit};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::query::parse;

use crate::harness::App;
use crate::hostile::PAYLOADS;

/// The orders of the shop: a text each, and whether it is canceled.
#[derive(Clone)]
pub struct Orders(Arc<Mutex<Vec<(String, bool)>>>);

impl Default for Orders {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(PAYLOADS.map(|text| (text.to_owned(), false)).to_vec())))
    }
}

#[derive(Template)]
#[template(
    source = "<a href=\"{{ logs }}\">logs</a><input name=\"q\" aria-label=\"Query\" value=\"{{ q }}\">\
        {% for (text, is_canceled) in orders %}<p{% if *is_canceled %} class=\"canceled\"{% endif %}>\
        {{ text }}</p>{% endfor %}",
    ext = "html",
    escape = "panel"
)]
struct OrdersPage {
    q: String,
    logs: String,
    orders: Vec<(String, bool)>,
}

/// `GET /orders`.
pub async fn show(State(orders): State<Orders>, page: OwnPage) -> Result<Response, PanelError> {
    let q = page.params().get("q").unwrap_or_default().to_owned();
    let logs = page.logs(&parse("route:/orders").query);
    let orders = orders.0.lock().unwrap().clone();
    page.render("Orders", "/orders", &OrdersPage { q, logs, orders })
}

/// `POST /orders/{id}`.
pub async fn cancel(
    State(orders): State<Orders>,
    Path(id): Path<usize>,
    page: OwnPage,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    orders.0.lock().unwrap().get_mut(id).ok_or(PanelError::NotFound)?.1 = true;
    audit!("order.cancel", by, { order.id = id }, "order canceled");
    let q = form.get("q").unwrap_or_default();
    Ok(Redirect::to(&page.url("/orders", &[("q", q)])).into_response())
}

#[tokio::test]
async fn a_page_of_the_service_looks_like_those_of_the_panel() {
    let app = App::with_log(50).await;
    let (own, system) = (app.get("/ops/orders?from=15m").await, app.get("/ops/system").await);
    assert_eq!(own.status, StatusCode::OK);
    let policy = "content-security-policy";
    assert_eq!(own.headers[policy], system.headers[policy]);
    let (own, system) = (own.page(), system.page());
    assert_eq!(own.one("title").text(), "Orders · shop");
    assert_eq!(own.one(".tabs [aria-current]").text(), "Orders");
    assert!(own.has("nav[aria-label=Pages] a") && own.has("details.who"));
    assert!(system.values(".tabs a", "href").contains(&"/ops/orders".to_owned()));
    assert!(own.has("main a[href='/ops/logs?q=route:/orders&from=15m']"));
}

#[tokio::test]
async fn an_order_is_canceled_by_an_operator_from_the_same_site() {
    let app = App::with_log(50).await;
    let cancel = async |role, site| app.post("/ops/orders/3", role, "q=a%26b", site).await;
    assert_eq!(cancel("viewer", "same-origin").await.status, StatusCode::FORBIDDEN);
    assert_eq!(cancel("operator", "cross-site").await.status, StatusCode::FORBIDDEN);
    assert!(!app.get("/ops/orders").await.page().has(".canceled"));
    let answer = cancel("operator", "same-origin").await;
    assert_eq!(answer.headers["location"], "/ops/orders?q=a%26b");
    assert!(app.get("/ops/orders").await.page().has(".canceled"));
    let long = "x".repeat(40_000);
    let answer = app.post("/ops/orders/3", "operator", &long, "same-origin").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let missing = app.post("/ops/orders/999", "operator", "", "same-origin").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.page().one("title").text() == "Error · shop");
}
