//! The query box, the same on every page that searches records: clauses as chips, notices, corrections,
//! completion, a help sheet, and the jump from an id to the page of what has it.

use axum::response::{IntoResponse, Redirect, Response};
use logsearch::query::{Chip, Chips, Notice, Parsed, Query, parse};
use logsearch::store::{LogStore, Search, StoreError};
use logsearch::{Found, Id};

use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;

/// Fields outside the catalogue that are looked for in the store; a query has few.
const LOOKED_FOR: usize = 4;

/// What the help sheet shows: a query and what it finds. Each is a link that runs it.
pub const EXAMPLES: [(&str, &str); 18] = [
    ("locked", "a word, in any text of a record"),
    ("\"database is locked\"", "words next to each other"),
    ("\"database is lo*\"", "the last word is only begun"),
    ("*ock*", "part of a word"),
    ("Wayne posted", "both words"),
    ("level:error OR status:5xx", "one or the other"),
    ("-target:minitwit::observe", "not this one"),
    ("level>=warn", "this severity and above"),
    ("status:5xx", "a class of statuses"),
    ("duration:>250ms", "slower than; also us, s, min"),
    ("duration:[100ms TO 1s]", "from, to"),
    ("route:\"/msgs/{username}\"", "a value as it is"),
    ("path:/msgs/*", "values that start so; ? is one character"),
    ("user:\"Octavia Niss\"", "a value, in any case"),
    ("user:(\"Octavia Niss\" OR \"Wayne Niss\")", "one of these values"),
    ("error:*", "has the field"),
    ("-error:*", "does not have the field"),
    ("target=~\"^minitwit::\"", "a regular expression"),
];

/// An example of the help sheet.
pub struct Example {
    pub text: &'static str,
    pub meaning: &'static str,
    pub url: String,
}

/// A clause under the box.
pub struct ChipView {
    pub text: String,
    pub enabled: bool,
    pub toggle: String,
    pub negate: String,
    pub remove: String,
}

/// The box and what stands under it.
pub struct QueryBox {
    pub chips: Vec<ChipView>,
    pub notices: Vec<String>,
    pub suggestion: Option<(String, String)>,
    /// The same query in message and error only, for a window in which all texts take too long.
    pub cheaper: Option<(String, String)>,
    /// Hidden fields of the form.
    pub keep: Vec<(&'static str, String)>,
    /// URL of the completion.
    pub complete: String,
    pub examples: Vec<Example>,
}

impl QueryBox {
    /// The box of the page at `path` for a view.
    pub fn new(links: &Links, path: &str, view: &View, parsed: &Parsed) -> Self {
        let example = |(text, meaning)| Example {
            text,
            meaning,
            url: links.page(path, &view.query(text).tailing(false)),
        };
        Self {
            chips: chip_views(&Chips::of(parsed), view, links, path),
            notices: parsed.notices.iter().map(ToString::to_string).collect(),
            suggestion: suggestion(parsed, view, links, path),
            cheaper: parsed.query.in_sentences().map(|query| {
                let q = query.to_string();
                (q.clone(), links.page(path, &view.query(q)))
            }),
            keep: view.form_fields(),
            complete: links.page_in(path::COMPLETION, &view.window),
            examples: EXAMPLES.into_iter().map(example).collect(),
        }
    }
}

/// Parses the query of a view. Fields that no record has are told like everything else that the query box
/// has to say; when the store does not answer, the page says so anyway.
pub async fn read(panel: &Panel, view: &View) -> Parsed {
    let mut parsed = parse(&view.q);
    let unknown = unknown_fields(panel.store.as_ref(), &parsed, &view.q).await;
    parsed.notices.extend(unknown.unwrap_or_default());
    parsed
}

async fn unknown_fields(
    store: &dyn LogStore,
    parsed: &Parsed,
    text: &str,
) -> Result<Vec<Notice>, StoreError> {
    let mut notices = Vec::new();
    for field in parsed.query.dynamic_fields().into_iter().take(LOOKED_FOR) {
        let search = Search::new(Query::Exists(field.clone())).limit(1);
        let page = store.search(&search).await?;
        if page.records.is_empty() && !page.partial {
            notices.push(Notice::unknown_field(field, text));
        }
    }
    Ok(notices)
}

/// Where a query leads that is nothing but an id: to the page of the one thing that has it. `None` for every
/// other query, and when the store does not answer.
pub async fn jump(panel: &Panel, parsed: &Parsed) -> Option<Response> {
    let id = Id::of(&parsed.query)?;
    let found = id.find(panel.store.as_ref()).await.ok()??;
    let url = match found {
        Found::Event(cursor) => panel.links.event(cursor),
        Found::Request(id) => panel.links.request(&id),
        _ => return None,
    };
    Some(Redirect::to(&url).into_response())
}

fn chip_views(chips: &Chips, view: &View, links: &Links, path: &str) -> Vec<ChipView> {
    let url = |chips: Chips| links.page(path, &view.query(chips.to_string()));
    let chip = |(at, chip): (usize, &Chip)| ChipView {
        text: chip.query.to_string(),
        enabled: chip.enabled,
        toggle: url(chips.clone().toggled(at)),
        negate: url(chips.clone().negated(at)),
        remove: url(chips.clone().without(at)),
    };
    chips.0.iter().enumerate().map(chip).collect()
}

/// The corrected query and its URL for the first misspelt word.
fn suggestion(parsed: &Parsed, view: &View, links: &Links, path: &str) -> Option<(String, String)> {
    let notice = parsed.notices.iter().find(|notice| notice.suggestion.is_some())?;
    let name = notice.suggestion?;
    let (start, end) = (notice.span.start, notice.span.end);
    let typed = view.q.get(start..end)?;
    let length = typed.find([':', '=', '<', '>', '!']).unwrap_or(typed.len());
    let q = format!("{}{name}{}", view.q.get(..start)?, view.q.get(start + length..)?);
    Some((q.clone(), links.page(path, &view.query(q))))
}
