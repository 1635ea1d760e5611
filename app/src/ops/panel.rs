//! The panel of operations, mounted: logs, requests, system.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{MethodRouter, get, post};
use logsearch::Logs;
use logsearch::filter::LevelControl;

use super::alert_hook::AlertHook;
use super::alerts::HostAlerts;
use super::host::PanelHost;
use super::{alert_hook, messages, operator, problem, users};
use crate::alerts::AlertInbox;
use crate::auth::AlertToken;
use crate::build;
use crate::db::Db;
use crate::jobs::Jobs;
use crate::middleware::{security, wait};
use crate::state::AppState;

/// Dependencies of the panel.
#[derive(Clone)]
pub struct Panel {
    /// The log pipeline and index.
    pub logs: Arc<Logs>,
    /// Log levels of the index.
    pub levels: LevelControl,
    /// The scheduled jobs.
    pub jobs: Jobs,
    /// The inbox of alerts.
    pub alerts: AlertInbox,
    /// Token of alerting systems.
    pub alert_token: AlertToken,
    /// The metric history.
    pub metrics: Arc<admin::metrics::Metrics>,
    /// Names and URLs of other tools that monitor this service.
    pub external_links: Vec<(&'static str, String)>,
}

impl Panel {
    /// Where browsers reach Grafana, if that is set.
    pub fn grafana(&self) -> Option<String> {
        let link = self.external_links.iter().find(|(name, _)| *name == "Grafana");
        link.map(|(_, url)| url.clone())
    }
}

/// A page that shows rows of the database, and may wait for them.
fn rows(state: &AppState, methods: MethodRouter<Db>) -> MethodRouter {
    methods.with_state(state.db.clone()).layer(from_fn(wait::rows))
}

/// Routes of the panel and its sign-in pages; `/` redirects to the panel.
pub fn router(state: &AppState, panel: Panel) -> Router {
    let database = state.db.system_name();
    let alerts = HostAlerts { inbox: panel.alerts.clone(), grafana: panel.grafana() };
    let [logs, counted, stored] = [&panel.logs; 3].map(Arc::clone);
    let pages = admin::Admin::new(panel.logs.store())
        .at(operator::PANEL)
        .service("MiniTwit", env!("CARGO_PKG_VERSION"))
        .logout(operator::LOGOUT)
        .host(PanelHost::new(state, panel.jobs, alerts, panel.metrics))
        .page("Messages", messages::PATH, rows(state, get(messages::show)))
        .route(messages::MESSAGE_PATH, rows(state, post(messages::set_flagged)))
        .page("Users", users::PATH, rows(state, get(users::show)))
        .live(move |query| logs.subscribe(query))
        .levels(panel.levels)
        .pipeline_counts(move || counted.counts())
        .disk_status(move || stored.disk_status())
        .traffic_filter("-fields.surface:ops")
        .build_info("version", env!("CARGO_PKG_VERSION"))
        .build_info("revision", build::REVISION)
        .build_info("compiler", build::RUSTC)
        .build_info("database", database);
    let pages = panel
        .external_links
        .into_iter()
        .fold(pages, |pages, (name, url)| pages.external_link(name, url));
    let guard_state = state.clone();
    let pages: Router<AppState> =
        pages.router(move |parts| operator::guard(guard_state.clone(), parts));
    let login = Router::new()
        .route(operator::LOGIN, get(operator::login_form).post(operator::login))
        .route(operator::LOGOUT, post(operator::logout))
        .route(operator::STYLE, get(operator::style))
        .layer(from_fn(security::same_site));
    let alerts = Router::new()
        .route(alert_hook::PATH, post(alert_hook::post))
        .with_state(AlertHook::new(panel.alerts, panel.alert_token, state.clock.clone()));
    Router::new()
        .merge(pages)
        .merge(login)
        .layer(from_fn(problem::own_bodies))
        .route("/", get(async || Redirect::to(operator::PANEL)))
        .with_state(state.clone())
        .merge(alerts)
}
