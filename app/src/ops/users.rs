//! The page Users of the panel: who uses the site, newest first, with what they did in figures, and the way
//! from each to their messages and to what the logs have of them.

use admin::{HostError, OwnPage, PanelError, format};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::Query;
use logsearch::record::ValueRef;

use super::messages;
use crate::db::{Db, ModeratedUser};

/// The page, below the prefix of the panel.
pub const PATH: &str = "/users";
/// Users per page.
const ROWS: i64 = 50;
/// Characters of a name that are searched for.
const TEXT: usize = 200;

#[derive(Template)]
#[template(path = "panel_users.html", escape = "panel")]
struct UsersPage {
    here: String,
    keep: Vec<(&'static str, String)>,
    q: String,
    rows: Vec<Row>,
    first: Option<String>,
    older: Option<String>,
}

struct Row {
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
pub async fn show(State(db): State<Db>, page: OwnPage) -> Result<Response, PanelError> {
    let params = page.params();
    let q: String = params.get("q").unwrap_or_default().trim().chars().take(TEXT).collect();
    let before = params.get("before").and_then(|before| before.parse::<i64>().ok());
    let (users, next) = db.moderated_users(&q, before, ROWS).await.map_err(HostError::from)?;
    let part = |before: &str| page.url(PATH, &[("q", &q), ("before", before)]);
    let body = UsersPage {
        here: page.url(PATH, &[]),
        keep: page.keep(),
        rows: users.iter().map(|user| row(user, &page)).collect(),
        first: before.map(|_| part("")),
        older: next.map(|next| part(&next.to_string())),
        q,
    };
    page.render("Users", PATH, &body)
}

fn row(user: &ModeratedUser, page: &OwnPage) -> Row {
    let count = |count: i64| format::count(u64::try_from(count).unwrap_or(0));
    let clause = Query::value_clause(fields::USER_NAME, ValueRef::Str(&user.username));
    let messages = |show| page.url(messages::PATH, &[("author", &*user.username), ("show", show)]);
    Row {
        name: user.username.clone(),
        joined: format::day(user.created_at),
        joined_full: format::rfc3339_short(user.created_at),
        messages: count(user.messages.0),
        flagged: if user.messages.1 > 0 { count(user.messages.1) } else { String::new() },
        followers: count(user.followers.0),
        follows: count(user.followers.1),
        active: user.last_active.map_or_else(|| "–".to_owned(), |at| format::ago(at, page.now())),
        active_full: user.last_active.map(format::rfc3339_short).unwrap_or_default(),
        messages_url: messages(""),
        flagged_url: messages("flagged"),
        logs: page.logs(&clause),
    }
}
