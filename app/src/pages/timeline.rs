//! The three timelines: everybody's, one's own with those one follows, and a single author's; and how many
//! messages came after one.

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::render::render;
use crate::avatar::{Avatar, avatar};
use crate::db::{Asking, MAX_COUNTED, Profile};
use crate::domain::{Message, PAGE_SIZE, Page, Part, cut_page, mention};
use crate::error::AppError;
use crate::links;
use crate::middleware::session::{Found, Visit};
use crate::state::AppState;

/// `?before=<id>` continues behind a message; `?p=<number>` is the course's page number from 0.
#[derive(Debug, Default, Deserialize)]
pub struct Position {
    before: Option<String>,
    p: Option<String>,
    /// Whom a message is to answer, on one's own timeline.
    to: Option<String>,
}

/// Longest name that is answered to, in bytes; what is longer is nobody's.
const MAX_NAME: usize = 1024;

impl Position {
    fn page(&self) -> Page {
        Page::from_query(self.before.as_deref(), self.p.as_deref())
    }

    /// What a message begins with.
    fn draft(&self) -> String {
        let name = self.to.as_deref().filter(|name| !name.is_empty() && name.len() <= MAX_NAME);
        name.map(|name| format!("{} ", mention(name))).unwrap_or_default()
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
    Home { username: String, draft: String },
    Author { profile: Profile, relation: Relation },
}

impl Kind {
    fn is_public(&self) -> bool {
        matches!(self, Self::Public)
    }

    fn is_home(&self) -> bool {
        matches!(self, Self::Home { .. })
    }

    fn is_author(&self) -> bool {
        matches!(self, Self::Author { .. })
    }

    /// Whether it is the visitor's own page.
    fn is_self(&self) -> bool {
        matches!(self, Self::Author { relation: Relation::Myself, .. })
    }

    /// The path of the timeline's beginning.
    fn path(&self) -> String {
        match self {
            Self::Public => "/public".to_owned(),
            Self::Home { .. } => "/".to_owned(),
            Self::Author { profile, .. } => links::user(&profile.username),
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

impl Relation {
    fn of(visit: &Visit, profile: &Profile) -> Self {
        match &visit.user {
            None => Self::Stranger,
            Some(user) if user.username == profile.username => Self::Myself,
            Some(_) if profile.followed => Self::Following,
            Some(_) => Self::NotFollowing,
        }
    }
}

impl TimelinePage {
    fn new(
        state: &AppState,
        visit: Visit,
        kind: Kind,
        page: Page,
        mut messages: Vec<Message>,
    ) -> Self {
        let has_more = cut_page(&mut messages);
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
            Kind::Author { profile, .. } => {
                format!("{}'s Timeline", links::shown(&profile.username))
            }
        }
    }

    /// What a search engine shows under the title.
    fn description(&self) -> String {
        match &self.kind {
            Kind::Public => "The latest messages from everyone on MiniTwit.".to_owned(),
            Kind::Home { .. } => "Messages from you and the people you follow.".to_owned(),
            Kind::Author { profile, .. } => {
                format!("The latest messages from {} on MiniTwit.", links::shown(&profile.username))
            }
        }
    }

    /// Where the page asks for newer messages. Only at the beginning of the public timeline: elsewhere asking
    /// would cost more, or keep the visitor's session alive.
    fn newer(&self) -> Option<String> {
        let newest = self.messages.first().filter(|_| self.first && self.kind.is_public())?;
        Some(format!("{}?after={}", links::NEWER, newest.id))
    }

    /// Address, number and word of each list of people that an author has.
    fn counts(&self) -> Vec<(String, String, &'static str)> {
        let Kind::Author { profile, .. } = &self.kind else { return Vec::new() };
        let number = |count: i64| {
            if count > MAX_COUNTED { format!("{MAX_COUNTED}+") } else { count.to_string() }
        };
        let name = &profile.username;
        vec![
            (links::followers(name), number(profile.followers), "followers"),
            (links::following(name), number(profile.following), "following"),
        ]
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
    let kind = Kind::Home { username: user.username.clone(), draft: position.draft() };
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
    let asking = Asking::visitor(visit.user.as_ref().map(|user| user.id));
    let timeline = state.db.author_timeline(username, asking, page, PAGE_SIZE + 1).await?;
    let (profile, messages) = match timeline {
        Some(timeline) => (Some(timeline.profile), timeline.messages),
        // Past the last page there is no row that would tell a user without more from no user.
        None if page.offset > 0 => (state.db.profile(username, asking).await?, Vec::new()),
        None => (None, Vec::new()),
    };
    let profile = profile.ok_or(AppError::NotFound)?;
    let kind = Kind::Author { relation: Relation::of(&visit, &profile), profile };
    render(&TimelinePage::new(state, visit, kind, page, messages))
}

/// `?after=<id>`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: String,
}

/// How many messages a reader of the public timeline has not seen.
#[derive(Debug, Serialize)]
pub struct Newer {
    /// At most a page of them.
    count: i64,
}

/// `GET /-/newer`, which the script of the public timeline asks now and then.
pub async fn newer(
    State(state): State<AppState>,
    Query(After { after }): Query<After>,
) -> Result<Json<Newer>, AppError> {
    let after = after.parse().unwrap_or(i64::MAX);
    Ok(Json(Newer { count: state.db.newer_messages(after, PAGE_SIZE).await? }))
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
