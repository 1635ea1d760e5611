//! The query plan of a statement, loaded on demand.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use crate::context::error::PanelError;
use crate::context::links::Links;
use crate::data::statements::text_for;
use crate::format;
use crate::pages::visit::Visit;
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
pub async fn show(visit: Visit, Path(fingerprint): Path<String>) -> Result<Response, PanelError> {
    let panel = &visit.panel;
    let plans = panel.host.plans().ok_or(PanelError::NotFound)?;
    let view = visit.frame();
    let sql = text_for(panel, &view, &fingerprint).await?;
    let title = format!("Plan of {}", format::title(&sql));
    render(&PlanPage {
        layout: visit.fixed(Section::Requests, &title, &Links::plan_path(&sql), &view),
        statement: panel.links.page_in(&Links::statement_path(&sql), &view.window),
        plan: plans.plan(&sql).await?,
        sql,
    })
}
