//! The head of Logs and Patterns: query box, clauses as chips, parser notices, and links with the
//! same query.

use logsearch::query::{Chip, Chips, Parsed};

use super::searches::Menu;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;

/// The head of a page over a query.
pub struct Head {
    pub chips: Vec<ChipView>,
    pub notices: Vec<String>,
    pub suggestion: Option<(String, String)>,
    /// Hidden fields of the query form.
    pub keep: Vec<(&'static str, String)>,
    pub complete: String,
    pub export_ndjson: String,
    pub export_csv: String,
    /// URL of the same view with absolute times.
    pub link: String,
    pub curl: String,
    pub tabs: Vec<(&'static str, String, bool)>,
    /// URL that stops the live tail; `None` if it is off.
    pub stop: Option<String>,
    /// Saved searches, where the page offers them.
    pub saved: Option<Menu>,
}

/// A clause under the query box.
pub struct ChipView {
    pub text: String,
    pub enabled: bool,
    pub toggle: String,
    pub negate: String,
    pub remove: String,
}

impl Head {
    /// Builds the head of the page at `path` for `view`.
    pub fn new(panel: &Panel, path: &'static str, view: &View, parsed: &Parsed) -> Self {
        let links = &panel.links;
        let tab = |name, to: &'static str| (name, links.page(to, &view.tailing(false)), to == path);
        let pinned = view.tailing(false).within(view.window.pinned());
        Self {
            chips: chip_views(&Chips::of(parsed), view, links, path),
            notices: parsed.notices.iter().map(ToString::to_string).collect(),
            suggestion: suggestion(parsed, view, links, path),
            keep: view.form_fields(),
            complete: links.page_in(path::COMPLETION, &view.window),
            export_ndjson: links.export("ndjson", view),
            export_csv: links.export("csv", view),
            link: links.page(path, &pinned),
            curl: curl(&links.export("ndjson", &pinned)),
            tabs: vec![tab("Records", path::LOGS), tab("Patterns", path::PATTERNS)],
            stop: view.tail.then(|| links.logs(&view.tailing(false))),
            saved: None,
        }
    }
}

/// A command for a shell; who runs it knows the host and has a session of their own.
fn curl(url: &str) -> String {
    format!("curl --cookie \"$PANEL_COOKIE\" \"$PANEL_HOST{url}\"")
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

/// The corrected query and its URL for the first misspelt field.
fn suggestion(parsed: &Parsed, view: &View, links: &Links, path: &str) -> Option<(String, String)> {
    let notice = parsed.notices.iter().find(|notice| notice.suggestion.is_some())?;
    let name = notice.suggestion?;
    let (start, end) = (notice.span.start, notice.span.end);
    let typed = view.q.get(start..end)?;
    let length = typed.find([':', '=', '<', '>', '!']).unwrap_or(typed.len());
    let q = format!("{}{name}{}", view.q.get(..start)?, view.q.get(start + length..)?);
    Some((q.clone(), links.page(path, &view.query(q))))
}
