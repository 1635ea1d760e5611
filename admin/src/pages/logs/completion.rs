//! Completion for the query box, as JSON. The log library decides what to suggest; suggestions are
//! inserted into the query here, so that only the printer handles quoting.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use logsearch::{Suggestion, suggest};
use serde::Serialize;

use crate::context::error::PanelError;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;

/// Maximum number of suggestions.
const OFFERED: usize = 12;

/// A suggestion.
#[derive(Serialize)]
pub struct Choice {
    /// Text of the suggestion.
    label: String,
    /// Its description, or its number of occurrences.
    hint: String,
    /// The query text with this choice in it.
    q: String,
    /// Where the caret stands then, in UTF-16 units, as browsers count.
    caret: usize,
}

/// `GET /logs/complete`: `q` is the text, `caret` a byte of it.
pub async fn get(
    State(panel): State<Arc<Panel>>,
    params: Params,
) -> Result<Json<Vec<Choice>>, PanelError> {
    // Not the view's text: spaces at its end matter here.
    let text = params.raw("q").unwrap_or_default();
    let caret = params.get("caret").and_then(|caret| caret.parse().ok()).unwrap_or(text.len());
    let range = params.window(panel.now()).range();
    let offered = suggest(panel.store.as_ref(), range, text, caret, OFFERED).await?;
    let choice = |one: &Suggestion| {
        let (q, caret) = offered.completion.choose(text, &one.text);
        let caret = q.get(..caret).unwrap_or(&q).encode_utf16().count();
        Choice { label: format::value(&one.text), hint: hint(one), q, caret }
    };
    Ok(Json(offered.items.iter().map(choice).collect()))
}

fn hint(one: &Suggestion) -> String {
    if one.help.is_empty() && one.count > 0 {
        return format::count(one.count);
    }
    one.help.to_owned()
}
