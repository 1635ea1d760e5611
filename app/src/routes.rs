//! Every path of the program. Layers are listed innermost first.

mod expected_responses;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state as layer, map_request_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::{Method, Uri};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use crate::error::{AppError, refused};
use crate::exposition::Exposition;
use crate::links::{LOGOUT_EVERYWHERE, NEWER, PEOPLE};
use crate::metrics::Surface;
use crate::middleware::observe::observe;
use crate::middleware::{client, detach, errors, panics, security, session, strict, wait};
use crate::ops::panel::{self, Panel};
use crate::ops::{health, problem, runbooks, scrape};
use crate::pages::{account, confirm, follow, message, people, timeline};
use crate::state::AppState;
use crate::{api, assets, request_profile};

pub use expected_responses::{COUNTED_ROUTES, EXPECTED_RESPONSES, LEFT_POSTS};

/// The site, with the simulator API under `/api` and `/sim`.
pub fn site(state: &AppState) -> Router {
    let pages = Router::new()
        .route("/", get(timeline::home))
        .route("/public", get(timeline::public))
        .route("/add_message", get(timeline::author_add_message).post(message::post))
        .route("/api/add_message", post(message::post))
        .route("/login", get(account::login_form).post(account::login))
        .route("/register", get(account::register_form).post(account::register))
        .route("/logout", get(account::logout).post(account::logout))
        .route(LOGOUT_EVERYWHERE, post(account::logout_everywhere))
        .route(PEOPLE, get(people::find))
        .route(NEWER, get(timeline::newer))
        .route("/-/message/{id}", get(message::show))
        .route("/-/message/{id}/delete", get(message::ask_to_delete).post(message::delete))
        .route("/public/{number}", get(timeline::old_public))
        .route("/timeline/{number}", get(timeline::old_home))
        .route("/{username}", get(timeline::author))
        .route("/{username}/follow", get(follow::follow).post(follow::follow))
        .route("/{username}/unfollow", get(follow::unfollow).post(follow::unfollow))
        .route("/{username}/{number}", get(timeline::old_author))
        .route("/-/user/{username}", get(timeline::author))
        .route("/-/user/{username}/followers", get(people::followers))
        .route("/-/user/{username}/following", get(people::following))
        .route("/-/user/{username}/follow", get(follow::follow).post(follow::follow))
        .route("/-/user/{username}/unfollow", get(follow::unfollow).post(follow::unfollow))
        .fallback(async || AppError::NotFound);
    let pages = handlers(pages)
        .layer(from_fn(confirm::ask))
        .layer(layer(state.clone(), session::session))
        .route("/static/{name}", get(assets::get))
        .route("/favicon.ico", get(assets::favicon))
        .route("/robots.txt", get(assets::robots))
        .layer(from_fn(security::same_site))
        .layer(layer(state.clone(), detach::finish_changes))
        .layer(from_fn(wait::public))
        .layer(layer(state.clone(), time_limit))
        .with_state(state.clone());
    let pages = observed(pages, state, Surface::Web)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    let api = api(state);
    let site =
        Router::new().merge(pages).nest_service("/api", api.clone()).nest_service("/sim", api);
    // The course's tests and the site's form post to the same path; JSON is for the API.
    Router::new().fallback_service(tower::ServiceExt::map_request(site, json_to_api))
}

/// The simulator API, at the root of its own listener.
pub fn api(state: &AppState) -> Router {
    // Not a layer of the router: a method that a path does not take is 405 whoever asks.
    let with_credentials =
        |methods: MethodRouter<AppState>| methods.route_layer(layer(state.clone(), api::authorize));
    let messages_of_user = get(api::messages::list_of_user).post(api::messages::post);
    let follows = get(api::follows::list).post(api::follows::post);
    let commands = Router::new()
        .route("/msgs", with_credentials(get(api::messages::list)))
        .route("/msgs/{username}", with_credentials(messages_of_user))
        .route("/fllws/{username}", with_credentials(follows))
        .route("/register", post(api::register::post));
    let commands = handlers(commands)
        .route_layer(layer(state.clone(), api::record_latest))
        .route("/latest", get(api::latest::get))
        .route("/openapi.json", get(api::docs::openapi))
        .route("/docs", get(api::docs::page))
        .route("/docs.css", get(api::docs::style))
        .fallback(async || AppError::NotFound)
        .layer(from_fn(security::same_site))
        .layer(layer(state.clone(), detach::finish_changes))
        .layer(from_fn(wait::public))
        .layer(layer(state.clone(), time_limit))
        .with_state(state.clone());
    observed(commands, state, Surface::Api)
}

/// What is never public: health, metrics, and the panel where there are logs to show.
pub fn ops(state: &AppState, exposition: Exposition, panel: Option<Panel>) -> Router {
    let grafana = panel.as_ref().and_then(Panel::grafana);
    let ops = Router::new()
        .route("/favicon.ico", get(assets::favicon))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .with_state(state.clone())
        .route("/metrics", get(scrape::get))
        .with_state(exposition)
        .route("/runbooks/{alert}", get(runbooks::get))
        .with_state(grafana)
        .fallback(async || AppError::NotFound);
    let ops = match panel {
        Some(panel) => ops.merge(panel::router(state, panel)),
        None => ops,
    };
    let ops = ops.layer(from_fn(security::same_scheme));
    #[cfg(feature = "chaos")]
    let ops = ops.merge(
        Router::new().route("/chaos/{fault}", post(crate::chaos::post)).with_state(state.clone()),
    );
    // Pages of the panel are long and few: half the bytes for a little time. Pages of the site are short
    // and many.
    observed(ops.layer(from_fn(wait::panel)), state, Surface::Ops)
        .layer(CompressionLayer::new().quality(CompressionLevel::Default))
}

/// The public timeline and the API's list as a check inside the program reads them: the same handlers,
/// but not counted as anybody's visit.
pub fn unobserved(state: &AppState) -> Router {
    Router::new()
        .route("/public", get(timeline::public))
        .route("/msgs", get(api::messages::list))
        .with_state(state.clone())
}

/// Handlers as a stage of their requests. A build with the feature `chaos` can be told to break them.
fn handlers(handlers: Router<AppState>) -> Router<AppState> {
    #[cfg(feature = "chaos")]
    let handlers = handlers.layer(from_fn(crate::chaos::disturb));
    handlers.layer(from_fn(handler))
}

async fn handler(request: Request, next: Next) -> Response {
    let _stage = request_profile::stage("handler");
    next.run(request).await
}

/// What surrounds every surface.
pub fn observed(router: Router, state: &AppState, surface: Surface) -> Router {
    let strict = router
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(strict::strict))
        .layer(from_fn(panics::catch));
    let with_bodies = match surface {
        Surface::Web => strict.layer(from_fn(errors::pages)),
        Surface::Api => strict.layer(from_fn(errors::json)),
        Surface::Ops => strict.layer(from_fn(problem::pages)),
    };
    with_bodies
        .layer(layer((state.clone(), surface), observe))
        .layer(layer((state.clone(), surface), security::headers))
        .layer(map_request_with_state(state.clone(), client::identify))
}

/// The layer that ends what takes too long.
async fn time_limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(state.settings.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(elapsed) => refused("timeout", AppError::Unavailable(elapsed.into())),
    }
}

/// How the content type of the API's requests starts.
const JSON: &str = "application/json";

fn json_to_api(mut request: Request) -> Request {
    let kind = request.headers().get(http::header::CONTENT_TYPE);
    let is_json = kind
        .and_then(|kind| kind.as_bytes().first_chunk())
        .is_some_and(|start: &[u8; JSON.len()]| start.eq_ignore_ascii_case(JSON.as_bytes()));
    if is_json && request.method() == Method::POST && request.uri().path() == "/register" {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = format!("/api/register{query}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}
