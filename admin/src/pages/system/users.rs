//! Who uses the host, newest first, with what they did in figures, and the way from each to their
//! messages and to what the logs have of them.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;

use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::View;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;
use crate::host::User;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::tabs::{self, Tab};

/// Users per page.
const ROWS: usize = 50;
/// Characters of a name that are searched for.
const TEXT: usize = 200;

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    layout: Layout,
    tabs: Vec<Tab>,
    q: String,
    rows: Vec<UserRow>,
    first: Option<String>,
    older: Option<String>,
}

struct UserRow {
    name: String,
    joined: String,
    joined_full: String,
    messages: String,
    flagged: String,
    followers: String,
    follows: String,
    active: String,
    active_full: String,
    messages_url: String,
    flagged_url: String,
    logs: String,
}

/// `GET /users`.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let host = panel.moderation.as_deref().ok_or(PanelError::NotFound)?;
    let q: String = params.get("q").unwrap_or_default().trim().chars().take(TEXT).collect();
    let before = params.get("before").and_then(|before| before.parse::<i64>().ok());
    let found = host.users(&q, before, ROWS).await?;
    let view = View::of(params.window(panel.now()));
    let part = |before: &str| panel.links.listing("/users", &[("q", &q), ("before", before)]);
    render(&UsersPage {
        layout: Layout::new(&panel, &operator, Section::System, "Users", "/users", &view),
        tabs: tabs::of(&panel, "/users", &view),
        rows: found.items.iter().map(|user| row(user, &panel, &view)).collect(),
        first: before.map(|_| part("")),
        older: found.next.map(|next| part(&next.to_string())),
        q,
    })
}

fn row(user: &User, panel: &Panel, view: &View) -> UserRow {
    let now = view.window.now;
    let clause = Query::value_clause(fields::USER_NAME, ValueRef::Str(&user.name)).to_string();
    let full = |at: Option<i64>| at.map(format::rfc3339_short).unwrap_or_default();
    let messages =
        |show| panel.links.listing("/moderation", &[("author", &*user.name), ("show", show)]);
    UserRow {
        name: user.name.clone(),
        joined: user.joined.map_or_else(|| "–".to_owned(), format::day),
        joined_full: full(user.joined),
        messages: format::count(user.messages),
        flagged: if user.flagged > 0 { format::count(user.flagged) } else { String::new() },
        followers: format::count(user.followers),
        follows: format::count(user.follows),
        active: user.last_active.map_or_else(|| "–".to_owned(), |at| format::ago(at, now)),
        active_full: full(user.last_active),
        messages_url: messages(""),
        flagged_url: messages("flagged"),
        logs: panel.links.logs(&view.query(clause)),
    }
}
