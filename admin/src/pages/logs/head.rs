//! The head of Logs and Patterns: the query box, and links with the same query.

use logsearch::query::Parsed;

use super::searches::Menu;
use crate::context::links::{View, path};
use crate::context::panel::Panel;
use crate::pages::query_box::QueryBox;
use crate::ui::shell;

/// The head of a page over a query.
pub struct Head {
    pub query: QueryBox,
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

impl Head {
    /// Builds the head of the page at `path` for `view`.
    pub fn new(panel: &Panel, path: &'static str, view: &View, parsed: &Parsed) -> Self {
        let links = &panel.links;
        let tab = |name, to: &'static str| (name, links.page(to, &view.tailing(false)), to == path);
        let pinned = view.tailing(false).within(view.window.pinned());
        Self {
            query: QueryBox::new(links, path, view, parsed),
            export_ndjson: links.export("ndjson", view),
            export_csv: links.export("csv", view),
            link: links.page(path, &pinned),
            curl: shell::export(&links.export("ndjson", &pinned)),
            tabs: vec![tab("Records", path::LOGS), tab("Patterns", path::PATTERNS)],
            stop: view.tail.then(|| links.logs(&view.tailing(false))),
            saved: None,
        }
    }
}
