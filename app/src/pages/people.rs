//! Lists of users: found by the beginning of a name, the followers of one, and whom one follows.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::render::render;
use crate::avatar::{Avatar, avatar};
use crate::db::Person;
use crate::domain::{PAGE_SIZE, cut_page};
use crate::error::AppError;
use crate::links;
use crate::middleware::session::Visit;
use crate::state::AppState;

/// `?q=<beginning of a name>`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Search {
    q: String,
}

/// `?before=<id>` continues behind a follow.
#[derive(Debug, Default, Deserialize)]
pub struct Position {
    before: Option<String>,
}

impl Position {
    fn cursor(&self) -> Option<i64> {
        self.before.as_ref()?.parse().ok()
    }
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    visit: Visit,
    list: List,
    /// Whether the list begins here.
    first: bool,
    people: Vec<Person>,
    has_more: bool,
    gravatar: bool,
}

/// Which list it is.
enum List {
    Found { text: String },
    Followers { username: String },
    Following { username: String },
}

impl List {
    fn path(&self) -> String {
        match self {
            Self::Found { .. } => links::PEOPLE.to_owned(),
            Self::Followers { username } => links::followers(username),
            Self::Following { username } => links::following(username),
        }
    }
}

impl PeoplePage {
    fn new(
        state: &AppState,
        visit: Visit,
        list: List,
        first: bool,
        mut people: Vec<Person>,
    ) -> Self {
        let has_more = cut_page(&mut people);
        Self { visit, list, first, people, has_more, gravatar: state.settings.gravatar }
    }

    fn title(&self) -> String {
        match &self.list {
            List::Found { .. } => "Find People".to_owned(),
            List::Followers { username } => format!("{}'s Followers", links::shown(username)),
            List::Following { username } => format!("Followed by {}", links::shown(username)),
        }
    }

    /// Whose list it is.
    fn owner(&self) -> Option<&str> {
        match &self.list {
            List::Found { .. } => None,
            List::Followers { username } | List::Following { username } => Some(username),
        }
    }

    /// What was searched for.
    fn searched(&self) -> &str {
        match &self.list {
            List::Found { text } => text,
            _ => "",
        }
    }

    /// Where "View more" goes. A search is refined instead.
    fn more(&self) -> Option<String> {
        let last = self.people.last().filter(|_| self.has_more && self.owner().is_some());
        last.map(|last| links::before(&self.list.path(), last.id))
    }

    fn avatar(&self, email: &str) -> Avatar {
        avatar(email, self.gravatar)
    }
}

/// `GET /-/people`.
pub async fn find(
    State(state): State<AppState>,
    Query(search): Query<Search>,
    visit: Visit,
) -> Result<Response, AppError> {
    show(&state, visit, List::Found { text: search.q }, &Position::default()).await
}

/// `GET /-/user/{username}/followers`.
pub async fn followers(
    State(state): State<AppState>,
    Path(username): Path<String>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    show(&state, visit, List::Followers { username }, &position).await
}

/// `GET /-/user/{username}/following`.
pub async fn following(
    State(state): State<AppState>,
    Path(username): Path<String>,
    Query(position): Query<Position>,
    visit: Visit,
) -> Result<Response, AppError> {
    show(&state, visit, List::Following { username }, &position).await
}

async fn show(
    state: &AppState,
    visit: Visit,
    list: List,
    position: &Position,
) -> Result<Response, AppError> {
    let (db, cursor, limit) = (&state.db, position.cursor(), PAGE_SIZE + 1);
    let people = match &list {
        List::Found { text } => db.find_people(text, limit).await?,
        List::Followers { username } => db.followers(username, cursor, limit).await?,
        List::Following { username } => db.following(username, cursor, limit).await?,
    };
    let page = PeoplePage::new(state, visit, list, cursor.is_none(), people);
    // An empty list may be that of nobody.
    if let Some(owner) = page.owner().filter(|_| page.people.is_empty())
        && !db.user_exists(owner).await?
    {
        return Err(AppError::NotFound);
    }
    render(&page)
}
