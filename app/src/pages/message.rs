//! Posting a message.

use axum::extract::State;
use serde::Deserialize;

use super::form::Form;
use crate::domain::{Flash, MessageText};
use crate::error::AppError;
use crate::metrics::{self, Model, Surface};
use crate::middleware::session::{Found, SignedIn};
use crate::state::AppState;

/// The twit box.
#[derive(Debug, Deserialize)]
pub struct MessageForm {
    text: String,
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
