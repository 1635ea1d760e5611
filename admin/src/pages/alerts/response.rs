//! What somebody on call does about an alert: the runbook on its page, and acknowledging it with a note.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::audit::audit;
use crate::access::forms::OperatorForm;
use crate::context::error::PanelError;
use crate::context::links::Links;
use crate::context::panel::Panel;
use crate::host::{Acknowledgement, Alerts};
use crate::ui::markdown::{MarkdownSection, sections};

/// Longest note, in characters.
pub const MAX_NOTE: usize = 500;
/// The sections of a runbook that say what to do, in this order.
const STEPS: [&str; 2] = ["Mitigate", "Investigate"];

/// The runbook of a rule.
#[derive(Default)]
pub struct RunbookView {
    /// What to do.
    pub steps: Vec<MarkdownSection>,
    /// Everything else: background, fix, verification.
    pub more: Vec<MarkdownSection>,
}

impl RunbookView {
    /// From the host's Markdown. Runbooks link to each other by the names of their files.
    pub fn new(host: &dyn Alerts, rule: &str, links: &Links) -> Self {
        let Some(markdown) = host.runbook(rule) else { return Self::default() };
        let link = |url: &str| match url.strip_suffix(".md").filter(|name| !name.contains('/')) {
            Some(name) => Some(links.alert(name, None)),
            None => host.runbook_link(url),
        };
        let all = sections(&markdown, link);
        let headed = all.into_iter().filter(|section| !section.heading.is_empty());
        let is_step = |section: &MarkdownSection| STEPS.contains(&section.heading.as_str());
        let (mut steps, more): (Vec<_>, Vec<_>) = headed.partition(is_step);
        steps.sort_by_key(|step| STEPS.iter().position(|heading| *heading == step.heading));
        Self { steps, more }
    }
}

/// `POST /alerts/{rule}/acknowledge`: with the number of the alert and a note.
pub async fn acknowledge(
    State(panel): State<Arc<Panel>>,
    Path(rule): Path<String>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let host = panel.host.alerts().filter(|host| host.can_acknowledge());
    let host = host.ok_or(PanelError::NotFound)?;
    let id = form.get("id").and_then(|id| id.parse().ok()).ok_or(PanelError::NotFound)?;
    let note = form.get("note").unwrap_or_default().trim();
    if note.chars().count() > MAX_NOTE {
        return Err(PanelError::Invalid(format!("A note has at most {MAX_NOTE} characters.")));
    }
    let acknowledgement =
        Acknowledgement { by: by.clone(), at: panel.now(), note: note.to_owned() };
    if !host.acknowledge(id, acknowledgement).await? {
        return Err(PanelError::NotFound);
    }
    audit!("alert.acknowledge", by, { alert.name = rule }, "alert acknowledged: {note}");
    let back = panel.links.page(&Links::alert_path(&rule, Some(id)), &form.frame(panel.now()));
    Ok(Redirect::to(&back).into_response())
}
