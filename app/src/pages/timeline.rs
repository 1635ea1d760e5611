//! The three timelines: everybody's, one's own with those one follows, and a single author's.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::render::render;
use crate::avatar::{Avatar, avatar};
use crate::domain::{Message, PAGE_SIZE, Page};
use crate::error::AppError;
use crate::links;
use crate::middleware::session::{Found, Visit};
use crate::state::AppState;

/// `?before=<id>` continues behind a message; `?p=<number>` is the course's page number from 0.
#[derive(Debug, Default, Deserialize)]
pub struct Position {
    before: Option<String>,
    p: Option<String>,
}

impl Position {
    fn page(&self) -> Page {
        Page::from_query(self.before.as_deref(), self.p.as_deref())
    }
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct TimelinePage {
    visit: Visit,
    kind: Kind,
    /// Path of the first page of the timeline.
    path: String,
    /// Whether this is that beginning.
    first: bool,
    messages: Vec<Message>,
    /// Where "View more" goes; `None` on the last page.
    more: Option<String>,
    gravatar: bool,
}

/// Whose timeline, with what only it shows.
enum Kind {
    Public,
    Home { username: String },
    Author { username: String, email: String, relation: Relation },
}

impl Kind {
    fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }

    fn is_home(&self) -> bool {
        matches!(self, Self::Home { .. })
    }

    /// The path of the timeline's beginning.
    fn path(&self) -> String {
        match self {
            Self::Public => "/public".to_owned(),
            Self::Home { .. } => "/".to_owned(),
            Self::Author { username, .. } => links::user(username),
        }
    }
}

/// Relation of the visitor to the author.
enum Relation {
    Stranger,
    Myself,
    Following,
    NotFollowing,
}

impl TimelinePage {
    fn new(
        state: &AppState,
        visit: Visit,
        kind: Kind,
        page: Page,
        mut messages: Vec<Message>,
    ) -> Self {
        // One more than shown was asked for: it says whether there is a next page.
        let page_size = usize::try_from(PAGE_SIZE).unwrap_or(0);
        let has_more = messages.len() > page_size;
        messages.truncate(page_size);
        let last = messages.last().filter(|_| has_more);
        let path = kind.path();
        let more = last.map(|message| links::before(&path, message.id));
        let first = page == Page::default();
        Self { visit, kind, path, first, messages, more, gravatar: state.settings.gravatar }
    }

    fn title(&self) -> String {
        match &self.kind {
            Kind::Public => "Public Timeline".to_owned(),
            Kind::Home { .. } => "My Timeline".to_owned(),
            Kind::Author { username, .. } => format!("{}'s Timeline", links::shown(username)),
        }
    }

    /// What a search engine shows under the title.
    fn description(&self) -> String {
        match &self.kind {
            Kind::Public => "The latest messages from everyone on MiniTwit.".to_owned(),
            Kind::Home { .. } => "Messages from you and the people you follow.".to_owned(),
            Kind::Author { username, .. } => {
                format!("The latest messages from {} on MiniTwit.", links::shown(username))
            }
        }
    }

    fn avatar(&self, email: &str) -> Avatar {
        avatar(email, self.gravatar)
    }
}

/// `GET /public`.
pub async fn public(
    State(state): State<AppState>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    let page = position.page();
    let messages = state.db.public_timeline(page, PAGE_SIZE + 1).await?;
    render(&TimelinePage::new(&state, visit, Kind::Public, page, messages))
}

/// `GET /`: one's own timeline, or everybody's for who is not logged in.
pub async fn home(
    State(state): State<AppState>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    let Some(user) = &visit.user else { return Ok(Found::at("/public").into_response()) };
    let page = position.page();
    let timeline = state.db.home_timeline(user.id, visit.follows, page, PAGE_SIZE + 1);
    let messages = timeline.await?;
    let kind = Kind::Home { username: user.username.clone() };
    render(&TimelinePage::new(&state, visit, kind, page, messages))
}

/// `GET /{username}`.
pub async fn author(
    State(state): State<AppState>,
    Path(username): Path<String>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    show_author(&state, &username, &position, visit).await
}

/// `GET /add_message`: by the contract a user's page, should somebody have that name.
pub async fn author_add_message(
    State(state): State<AppState>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    show_author(&state, "add_message", &position, visit).await
}

async fn show_author(
    state: &AppState,
    username: &str,
    position: &Position,
    visit: Visit,
) -> Result<Response, AppError> {
    let page = position.page();
    let asking = visit.user.as_ref().map(|user| user.id);
    let timeline = state.db.author_timeline(username, asking, page, PAGE_SIZE + 1).await?;
    let Some(timeline) = timeline else {
        // Behind the last page there is no row that would tell a user without more from no user.
        let beyond_the_end = page.offset > 0 && state.db.user_exists(username).await?;
        let home = Found::at(links::user(username));
        return if beyond_the_end { Ok(home.into_response()) } else { Err(AppError::NotFound) };
    };
    let relation = match &visit.user {
        None => Relation::Stranger,
        Some(user) if user.username == timeline.username => Relation::Myself,
        Some(_) if timeline.followed => Relation::Following,
        Some(_) => Relation::NotFollowing,
    };
    let kind = Kind::Author { username: timeline.username, email: timeline.email, relation };
    render(&TimelinePage::new(state, visit, kind, page, timeline.messages))
}

/// `GET /public/{number}` and its like: an older MiniTwit grew its page in the path.
pub async fn old_public() -> Found {
    Found::at("/public")
}

/// `GET /timeline/{number}`.
pub async fn old_home() -> Found {
    Found::at("/")
}

/// `GET /{username}/{number}`.
pub async fn old_author(
    Path((username, number)): Path<(String, String)>,
) -> Result<Found, AppError> {
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { Ok(Found::at(links::user(&username))) } else { Err(AppError::NotFound) }
}
