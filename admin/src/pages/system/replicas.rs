//! The replicas section of System: who serves, and whose logs a browser is shown.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::forms::OwnForm;
use crate::context::error::PanelError;
use crate::context::links::path;
use crate::context::panel::Panel;
use crate::format;
use crate::host::{Deploy, Replica, Replicas};

/// A row of the table.
pub struct ReplicaRow {
    pub replica: Replica,
    pub version: String,
    pub started: String,
    pub started_full: String,
    pub state: String,
    pub class: &'static str,
    pub records: String,
}

/// The section: a table, and where a POST chooses a replica.
pub struct ReplicasView {
    pub rows: Vec<ReplicaRow>,
    pub choose: String,
}

/// The section; without rows when the host does not know its replicas.
pub fn view(panel: &Panel, now: i64) -> ReplicasView {
    let replicas = panel.host.replicas().map(Replicas::list).unwrap_or_default();
    let rows = replicas.into_iter().map(|replica| row(replica, now)).collect();
    ReplicasView { rows, choose: panel.links.path(path::REPLICA) }
}

fn row(replica: Replica, now: i64) -> ReplicaRow {
    let (state, class) = match replica.is_ready {
        Some(true) => ("ready".to_owned(), ""),
        Some(false) => ("not ready".to_owned(), "warn"),
        None => (format!("last heard from {}", format::ago(replica.seen, now)), "error"),
    };
    let Replica { version, revision, .. } = replica.clone();
    ReplicaRow {
        version: Deploy { version, revision, ..Deploy::default() }.label(),
        started: format::ago(replica.started, now),
        started_full: format::rfc3339_short(replica.started),
        state,
        class,
        records: format::count(replica.records),
        replica,
    }
}

/// `POST /system/replica`: sends this browser to another replica.
pub async fn choose(State(panel): State<Arc<Panel>>, own: OwnForm) -> Result<Response, PanelError> {
    let replicas = panel.host.replicas().ok_or(PanelError::NotFound)?;
    let id = own.form.get("replica").unwrap_or_default();
    let cookie = replicas.choose(id).ok_or_else(|| {
        let sentence = "This replica is gone, or cannot be chosen; reload System.";
        PanelError::Refused(sentence.to_owned())
    })?;
    let back = panel.links.page(path::SYSTEM, &own.form.frame(panel.now()));
    let back = Redirect::to(&back);
    Ok(([(SET_COOKIE, cookie)], back).into_response())
}
