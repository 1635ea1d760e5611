//! What a click on a field of a record does: the query or the columns change, at an address that can be
//! shared. A row's buttons name the field by its number, which keeps a page of a hundred rows small; the
//! clause is made here, by the printer, from the record itself.

use logsearch::query::{Chips, Query, parse};

use super::{event, rows};
use crate::context::error::PanelError;
use crate::context::links::{Links, View};
use crate::context::panel::Panel;
use crate::context::params::Params;

/// The edit a click makes.
enum Edit {
    Add(Query),
    Exclude(Query),
    /// Replaces the whole query.
    Only(Query),
}

/// Target URL of a click; `None` if the URL has none.
pub async fn target(
    panel: &Panel,
    params: &Params,
    view: &View,
    chips: &Chips,
) -> Result<Option<String>, PanelError> {
    if let Some(column) = params.get("col") {
        let columns = view.toggled_columns(column);
        return Ok(Some(panel.links.logs(&view.columns(columns))));
    }
    let Some((kind, text)) = ["add", "not", "only"]
        .into_iter()
        .find_map(|kind| params.get(kind).map(|text| (kind, text)))
    else {
        return Ok(None);
    };
    let clause = match params.get("at") {
        Some(id) => clause_of(panel, id, text).await?,
        None => parse(text).query,
    };
    let edit = match kind {
        "add" => Edit::Add(clause),
        "not" => Edit::Exclude(clause),
        _ => Edit::Only(clause),
    };
    Ok(Some(address(&panel.links, view, chips, edit)))
}

fn address(links: &Links, view: &View, chips: &Chips, edit: Edit) -> String {
    let q = match edit {
        Edit::Add(clause) => chips.clone().with(clause).to_string(),
        Edit::Exclude(clause) => chips.clone().with(!clause).to_string(),
        Edit::Only(clause) => clause.to_string(),
    };
    links.logs(&view.query(q))
}

/// The clause for the field of that number, or for the event type of the record.
async fn clause_of(panel: &Panel, id: &str, text: &str) -> Result<Query, PanelError> {
    let record = event::find(panel, id).await?;
    if text == "type" {
        return Ok(rows::type_clause(&record));
    }
    let number = text.parse().ok();
    number.and_then(|number| rows::field_clause(&record, number)).ok_or(PanelError::NotFound)
}
