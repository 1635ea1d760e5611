//! What people posted, newest first, hidden messages too: found by author and text, flagged and unflagged
//! by operators. The flag hides a message from every reader of the host; nothing is deleted.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;

use crate::access::audit::audit;
use crate::access::forms::OperatorForm;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;
use crate::host::{Message, MessageFilter, Moderation};
use crate::ui::layout::{Layout, Section, render};
use crate::ui::tabs::{self, Tab};

/// Messages per page.
const ROWS: usize = 50;
/// Characters of a text that are searched for.
const TEXT: usize = 200;

/// Which messages a page can show: value, title, what the host is asked.
const SHOWN: [(&str, &str, Option<bool>); 3] =
    [("", "all", None), ("flagged", "flagged", Some(true)), ("shown", "not flagged", Some(false))];

#[derive(Template)]
#[template(path = "moderation.html")]
struct ModerationPage {
    layout: Layout,
    tabs: Vec<Tab>,
    may_change: bool,
    filter: MessageFilter,
    shows: Vec<(&'static str, &'static str, bool)>,
    show: &'static str,
    rows: Vec<MessageRow>,
    first: Option<String>,
    older: Option<String>,
}

struct MessageRow {
    message: Message,
    when: String,
    when_full: String,
    of_author: String,
    logs: String,
    action: String,
}

/// `GET /moderation`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let host = host(&panel)?;
    let (filter, show) = filter(&params);
    let found = host.messages(&filter, ROWS).await?;
    let view = View::of(params.window(panel.now()));
    let newest = MessageFilter { before: None, ..filter.clone() };
    let older = found.next.map(|next| MessageFilter { before: Some(next), ..filter.clone() });
    render(&ModerationPage {
        layout: Layout::new(&panel, &operator, Section::System, "Messages", "/moderation", &view),
        tabs: tabs::of(&panel, "/moderation", &view),
        may_change: operator.may_change(),
        shows: SHOWN.iter().map(|(value, title, _)| (*value, *title, *value == show)).collect(),
        show,
        rows: found.items.into_iter().map(|message| row(message, &panel, &view)).collect(),
        first: filter.before.map(|_| url(&panel, &newest, show)),
        older: older.map(|older| url(&panel, &older, show)),
        filter,
    })
}

fn host(panel: &Panel) -> Result<&dyn Moderation, PanelError> {
    panel.moderation.as_deref().ok_or(PanelError::NotFound)
}

fn filter(params: &Params) -> (MessageFilter, &'static str) {
    let text = |name| -> String {
        params.get(name).unwrap_or_default().trim().chars().take(TEXT).collect()
    };
    let wanted = params.get("show").unwrap_or_default();
    let (show, _, flagged) =
        *SHOWN.iter().find(|(value, ..)| *value == wanted).unwrap_or(&SHOWN[0]);
    let before = params.get("before").and_then(|before| before.parse().ok());
    (MessageFilter { author: text("author"), text: text("q"), flagged, before }, show)
}

/// The page with this filter.
fn url(panel: &Panel, filter: &MessageFilter, show: &str) -> String {
    let before = filter.before.map(|before| before.to_string()).unwrap_or_default();
    let parameters =
        [("q", &*filter.text), ("author", &filter.author), ("show", show), ("before", &before)];
    panel.links.listing("/moderation", &parameters)
}

fn row(message: Message, panel: &Panel, view: &View) -> MessageRow {
    let clause = Query::value_clause(fields::USER_NAME, ValueRef::Str(&message.author)).to_string();
    let of_author = MessageFilter { author: message.author.clone(), ..MessageFilter::default() };
    MessageRow {
        when: format::day_time(message.at),
        when_full: format::rfc3339_short(message.at),
        of_author: url(panel, &of_author, ""),
        logs: panel.links.logs(&view.query(clause)),
        action: panel.links.path(&format!("/moderation/{}", message.id)),
        message,
    }
}

/// `POST /moderation/{id}`: flags the message or takes the flag away, and goes back to the list.
pub async fn set_flagged(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<i64>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let flagged = match form.get("set") {
        Some("flagged") => true,
        Some("shown") => false,
        _ => return Err(PanelError::Invalid("Invalid form: choose flag or unflag.".to_owned())),
    };
    let message = host(&panel)?.set_flagged(id, flagged).await?.ok_or(PanelError::NotFound)?;
    let action = if flagged { "message.flag" } else { "message.unflag" };
    let author = &message.author;
    let done = if flagged { "flagged" } else { "unflagged" };
    audit!(
        action,
        by,
        { message.id = id, message.author = author },
        "message {id} of {author} {done}"
    );
    let (filter, show) = filter(&form);
    Ok(Redirect::to(&url(&panel, &filter, show)).into_response())
}
