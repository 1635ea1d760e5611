//! What the query box offers while somebody types: names of fields, the most frequent first, and values
//! with their counts in the window, given the rest of the query. A choice is put into the text here, so
//! that quoting is the printer's business alone.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use logsearch::fields::{self, CATALOGUE, Kind};
use logsearch::query::{Completing, Completion, Field, Query, complete, parse};
use logsearch::store::{Search, StoreError, TimeRange};
use serde::Serialize;

use crate::error::PanelError;
use crate::format;
use crate::pages::summary;
use crate::panel::Panel;
use crate::params::{Params, short_name};

/// Choices offered at once.
const OFFERED: usize = 12;
/// Values of a field that are looked through.
const VALUES: usize = 200;
/// Newest records that say which fields are in use.
const SAMPLE: usize = 300;

/// A choice.
#[derive(Serialize)]
pub struct Choice {
    /// What is offered.
    label: String,
    /// What it means, or how often it is there.
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
    let completion = complete(text, caret);
    let range = params.window(panel.now()).range();
    let found = match &completion.what {
        Completing::Nothing => Vec::new(),
        Completing::Field { prefix } => names(&panel, range, prefix).await?,
        Completing::Value { field, prefix } => {
            values(&panel, range, text, &completion, field, prefix).await?
        }
    };
    let choice = |(label, hint): (String, String)| {
        let (q, caret) = completion.choose(text, &label);
        let caret = q.get(..caret).unwrap_or(&q).encode_utf16().count();
        Choice { label, hint, q, caret }
    };
    Ok(Json(found.into_iter().take(OFFERED).map(choice).collect()))
}

/// Names of fields with their meaning, those in use first.
async fn names(
    panel: &Panel,
    range: TimeRange,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    let used = used(panel, range).await?;
    let mut names: Vec<(usize, String, String)> = CATALOGUE
        .iter()
        .map(|field| {
            let count = used.get(field.name).copied().unwrap_or(0);
            (count, field.short_name().to_owned(), field.help.to_owned())
        })
        .collect();
    let own = used.iter().filter(|(name, _)| fields::definition(name).is_none());
    names.extend(own.map(|(name, count)| (*count, name.clone(), String::new())));
    let prefix = prefix.to_lowercase();
    // The beginning of a name before a part of it, then by use; the catalogue's order settles the rest.
    names.retain(|(_, name, _)| name.to_lowercase().contains(&prefix));
    names.sort_by_key(|(count, name, _)| {
        (!name.to_lowercase().starts_with(&prefix), std::cmp::Reverse(*count))
    });
    Ok(names.into_iter().map(|(_, name, help)| (name, help)).collect())
}

/// How many of the newest records have each field.
async fn used(panel: &Panel, range: TimeRange) -> Result<HashMap<String, usize>, StoreError> {
    let search =
        Search { range, query: Arc::new(Query::All), ascending: false, after: None, limit: SAMPLE };
    let mut used = HashMap::new();
    for name in [fields::LEVEL, fields::TARGET, fields::MESSAGE] {
        used.insert(name.to_owned(), SAMPLE);
    }
    for record in panel.store.search(&search).await?.records {
        for (name, _) in record.fields {
            *used.entry(name).or_insert(0) += 1;
        }
    }
    Ok(used)
}

/// The most frequent values of a field with their counts.
async fn values(
    panel: &Panel,
    range: TimeRange,
    text: &str,
    completion: &Completion,
    field: &Field,
    prefix: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    if matches!(field.kind(), Kind::Text | Kind::Microseconds) {
        return Ok(Vec::new());
    }
    let begins = begins_with(field, prefix);
    // The rest of the query narrows the values, unless it leaves none: then all of the window count.
    let rest = rest_of(text, completion, &begins);
    let mut found = top(panel, range, &rest, field).await?;
    if found.is_empty() {
        found = top(panel, range, &begins, field).await?;
    }
    let prefix = prefix.to_lowercase();
    found.retain(|(value, _)| value.to_lowercase().contains(&prefix));
    found.sort_by_key(|(value, _)| !value.to_lowercase().starts_with(&prefix));
    Ok(found.into_iter().map(|(value, count)| (value, format::count(count))).collect())
}

async fn top(
    panel: &Panel,
    range: TimeRange,
    query: &Query,
    field: &Field,
) -> Result<Vec<(String, u64)>, StoreError> {
    let store = panel.store.as_ref();
    let top = summary::top_values(store, range, query, vec![field.name.clone()], VALUES).await?;
    Ok(top.into_iter().next().map(|top| top.values).unwrap_or_default())
}

/// Only what starts like this, where that can be said without quotes; else everything.
fn begins_with(field: &Field, prefix: &str) -> Query {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if prefix.is_empty() || !prefix.chars().all(is_plain) || field.kind() == Kind::Level {
        return Query::All;
    }
    parse(&format!("{}:{prefix}*", short_name(&field.name))).query
}

/// The query without the clause that is being typed.
fn rest_of(text: &str, completion: &Completion, begins: &Query) -> Query {
    let span = completion.span.clone();
    let (Some(before), Some(after)) = (text.get(..span.start), text.get(span.end..)) else {
        return begins.clone();
    };
    // Back over the operator and the name, and over what turns the clause around.
    let before = before.trim_end_matches(|c: char| !c.is_whitespace() && c != '(');
    let chips = parse(&format!("{before} {after}")).chips;
    if *begins == Query::All { chips.query() } else { chips.with(begins.clone()).query() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clause_being_typed_does_not_narrow_its_own_values() {
        for (text, rest) in [
            ("level:err", "*"),
            ("route:/a -level:err", "route:/a"),
            ("level:err timeout", "timeout"),
        ] {
            let caret = text.find("err").unwrap() + 3;
            let completion = complete(text, caret);
            let query = rest_of(text, &completion, &Query::All);
            assert_eq!(query, parse(rest).query, "{text}");
        }
    }
}
