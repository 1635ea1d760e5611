//! One message: posting it, showing it alone, and deleting one's own.

use admin::audit;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::confirm::ConfirmPage;
use super::form::Form;
use super::render::render;
use crate::avatar::{Avatar, avatar};
use crate::domain::{Flash, Message, MessageText, Part};
use crate::error::AppError;
use crate::links;
use crate::metrics::{self, Model, Surface};
use crate::middleware::session::{Found, SignedIn, Visit};
use crate::state::AppState;

/// The twit box.
#[derive(Debug, Deserialize)]
pub struct MessageForm {
    text: String,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    visit: Visit,
    message: Message,
    gravatar: bool,
}

impl MessagePage {
    fn avatar(&self, email: &str) -> Avatar {
        avatar(email, self.gravatar)
    }
}

/// `POST /add_message`. An empty text posts nothing and says nothing.
pub async fn post(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
    Form(form): Form<MessageForm>,
) -> Result<Found, AppError> {
    if form.text.is_empty() {
        return Ok(Found::at("/"));
    }
    let text = MessageText::parse(&form.text).map_err(|e| AppError::Invalid(e.to_string()))?;
    let posted = state.db.post_message(&user.username, &text, state.clock.now()).await?;
    if !posted {
        return Err(AppError::Unauthorized);
    }
    metrics::inserted(Model::Message, Surface::Web);
    Ok(Found::at("/").saying(Flash::Posted))
}

/// `GET /-/message/{id}`.
pub async fn show(
    State(state): State<AppState>,
    Path(id): Path<String>,
    visit: Visit,
) -> Result<Response, AppError> {
    let message = state.db.message(parse(&id)?).await?.ok_or(AppError::NotFound)?;
    render(&MessagePage { visit, message, gravatar: state.settings.gravatar })
}

/// `GET /-/message/{id}/delete`: the question, which works without scripts.
pub async fn ask_to_delete(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
    Path(id): Path<String>,
    visit: Visit,
) -> Result<Response, AppError> {
    let message = state.db.message(parse(&id)?).await?;
    let own = message.filter(|message| message.author == user.username);
    let Message { id, text, .. } = own.ok_or(AppError::NotFound)?;
    render(&ConfirmPage {
        visit,
        question: "Do you want to delete this message?".to_owned(),
        explanation: "It disappears for everyone and cannot be restored.",
        quote: Some(text),
        change: "Delete",
        action: links::delete_message(id),
        back: links::message(id),
    })
}

/// `POST /-/message/{id}/delete`.
pub async fn delete(
    State(state): State<AppState>,
    SignedIn(user): SignedIn,
    Path(id): Path<String>,
) -> Result<Found, AppError> {
    let id = parse(&id)?;
    if !state.db.delete_message(id, user.id, state.clock.now()).await? {
        return Err(AppError::NotFound);
    }
    metrics::deleted(Model::Message, Surface::Web, 1);
    let author = user.username.as_str();
    audit!(
        "message.delete",
        author,
        { message.id = id, message.author = author },
        "message {id} deleted by its author {author}"
    );
    Ok(Found::at(links::user(author)).saying(Flash::Deleted))
}

/// What is no number is no message.
fn parse(id: &str) -> Result<i64, AppError> {
    id.parse().map_err(|_| AppError::NotFound)
}
