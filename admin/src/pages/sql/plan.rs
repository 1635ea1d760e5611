//! The query plan of a statement, loaded on demand.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::Links;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::statements::text_for;
use crate::ui::layout::{Layout, Section, render};

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    layout: Layout,
    statement: String,
    sql: String,
    /// `None` when the service has no such statement.
    plan: Option<Vec<String>>,
}

/// `GET /requests/sql/{fingerprint}/plan`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    Path(fingerprint): Path<String>,
    params: Params,
) -> Result<Response, PanelError> {
    let plans = panel.host.plans().ok_or(PanelError::NotFound)?;
    let view = params.frame(panel.now());
    let sql = text_for(&panel, &view, &fingerprint).await?;
    let sql = sql.ok_or(PanelError::NotFound)?;
    let path = Links::plan_path(&sql);
    render(&PlanPage {
        layout: Layout::new(&panel, &operator, Section::Requests, "Plan", &path, &view),
        statement: panel.links.page_in(&Links::statement_path(&sql), &view.window),
        plan: plans.plan(&sql).await?,
        sql,
    })
}
