//! All routes of the panel. Layers are listed innermost first.

use std::future::Future;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};

use crate::access::operator::Operator;
use crate::access::{guard, headers, limits, same_site, zone};
use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::pages::alerts::{self, response, rule};
use crate::pages::errors::{self, group};
use crate::pages::logs::{self, completion, event, export, patterns, searches, tail};
use crate::pages::requests::{self, request};
use crate::pages::sql::{self, plan, statement};
use crate::pages::system::{self, operators, replicas};
use crate::pages::{compare, metrics, now, theme};
use crate::ui::{assets, error_page};

/// A path of the service's own, below the prefix, with what answers there.
pub struct OwnRoute {
    pub path: &'static str,
    pub handler: MethodRouter,
}

/// Builds the router of all pages below the prefix, the service's own among them.
pub fn router<S, G, F>(panel: Arc<Panel>, own: Vec<OwnRoute>, guard: G) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    G: Fn(Parts) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Operator, Response>> + Send + 'static,
{
    let at = |path: &str| panel.links.path(path);
    let streaming = guard.clone();
    let streaming =
        move |request: Request, next: Next| guard::recheck(streaming.clone(), request, next);
    let guarded = move |request: Request, next: Next| guard::guard(guard.clone(), request, next);
    let pages = Router::new()
        .route(panel.links.base(), get(now::show))
        .route(&at("/logs"), get(logs::show))
        .route(&at("/logs/export.ndjson"), get(export::ndjson))
        .route(&at("/logs/export.csv"), get(export::csv))
        .route(&at("/logs/tail"), get(tail::tail).layer(from_fn(streaming)))
        .route(&at("/alerts"), get(alerts::show))
        .route(&at("/alerts/{rule}"), get(rule::show))
        .route(&at("/alerts/{rule}/acknowledge"), post(response::acknowledge))
        .route(&at("/logs/complete"), get(completion::get))
        .route(&at("/logs/patterns"), get(patterns::show))
        .route(&at("/logs/searches"), get(searches::show).post(searches::save))
        .route(&at("/logs/searches/{id}"), post(searches::change))
        .route(&at("/errors"), get(errors::show))
        .route(&at("/compare"), get(compare::show))
        .route(&at("/metrics"), get(metrics::show))
        .route(&at("/metrics/data.json"), get(metrics::data))
        .route(&at("/errors/{fingerprint}"), get(group::show).post(group::set_state))
        .route(&at("/system"), get(system::show))
        .route(&at("/system/levels"), post(system::set_levels))
        .route(&at("/system/jobs/{name}"), post(system::run_job))
        .route(&at("/system/replica"), post(replicas::choose))
        .route(&at("/operators"), get(operators::show).post(operators::add))
        .route(&at("/operators/{name}"), post(operators::change))
        .route(&at("/operators/{name}/password"), post(operators::set_password))
        .route(&at("/operators/{name}/sessions"), post(operators::end))
        .route(&at("/theme"), post(theme::choose))
        .route(&at("/zone"), post(theme::choose_zone))
        .route(&at("/events/{id}"), get(event::show))
        .route(&at("/events/{id}/context"), get(event::context))
        .route(&at("/requests"), get(requests::show))
        .route(&at("/requests/sql"), get(sql::show))
        .route(&at("/requests/sql/{fingerprint}"), get(statement::show))
        .route(&at("/requests/sql/{fingerprint}/plan"), get(plan::show))
        .route(&at("/requests/{id}"), get(request::show))
        .route(&at("/assets/{hash}/{*name}"), get(assets::get))
        // For a proxy that shows other pages to who is signed in here: the guard has answered for others.
        .route(&at("/session"), get(async || StatusCode::NO_CONTENT))
        .route(&at("/{*rest}"), get(async || PanelError::NotFound));
    with_own(pages, own, &panel)
        .layer(from_fn_with_state(Arc::clone(&panel), limits::take_turn))
        .layer(from_fn(same_site::same_site))
        .layer(from_fn_with_state(Arc::clone(&panel), error_page::errors))
        .layer(from_fn(guarded))
        .layer(from_fn(zone::zoned))
        .layer(from_fn(headers::headers))
        .with_state(panel)
}

/// Adds the pages of the service's own.
fn with_own(
    pages: Router<Arc<Panel>>,
    own: Vec<OwnRoute>,
    panel: &Arc<Panel>,
) -> Router<Arc<Panel>> {
    own.into_iter().fold(pages, |pages, OwnRoute { path, handler }| {
        let handler = handler.with_state(()).layer(Extension(Arc::clone(panel)));
        pages.route(&panel.links.path(path), handler)
    })
}
