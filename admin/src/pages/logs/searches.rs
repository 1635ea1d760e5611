//! Searches with a name, shared by everybody who uses the panel: saved from the logs, opened from there
//! or from their own page, renamed and deleted by who saved them and by operators.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use crate::access::audit::audit;
use crate::access::forms::OwnForm;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Place, View, path};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::format;
use crate::host::{Saved, SavedSearch, SavedSearches};
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::{Column, Table, figure, number, text, unsorted};

/// Maximum length of names in characters, and of views in bytes.
const NAME: usize = 80;
const VIEW: usize = 8 * 1024;
/// Searches in the menu of the logs.
const MENU: usize = 20;
/// The logs do not wait longer for the menu: they are needed most while the database is away.
const TIMEOUT: Duration = Duration::from_millis(200);

#[derive(Template)]
#[template(path = "searches.html")]
struct SearchesPage {
    layout: Layout,
    logs: String,
    menu: Menu,
    rows: Table<SearchRow>,
}

struct SearchRow {
    search: SavedSearch,
    url: String,
    q: String,
    window: String,
    columns: String,
    when: String,
    /// URL for changes; empty if another operator owns it.
    action: String,
}

/// What the logs offer: saved searches, and to save what is shown.
pub struct Menu {
    /// Name and address of some.
    pub saved: Vec<(String, String)>,
    /// The page with all of them.
    pub all: String,
    /// Where a POST saves, and the view it brings.
    pub action: String,
    pub keep: Vec<(&'static str, String)>,
}

/// The menu for a view; `None` if the host stores no searches.
pub async fn menu(panel: &Panel, view: &View) -> Option<Menu> {
    let host = panel.host.searches()?;
    let listed = tokio::time::timeout(TIMEOUT, host.list()).await;
    // Without its list the menu still leads to the page, which says what is wrong.
    let listed = listed.ok().and_then(Result::ok).unwrap_or_default();
    let saved = listed.iter().take(MENU).map(|search| (search.name.clone(), open(panel, search)));
    Some(Menu { saved: saved.collect(), ..empty_menu(panel, view) })
}

fn empty_menu(panel: &Panel, view: &View) -> Menu {
    Menu {
        saved: Vec::new(),
        all: panel.links.page(path::SEARCHES, view),
        action: panel.links.path(path::SEARCHES),
        keep: view.form_fields(),
    }
}

/// What was saved, read as an address is: whatever stands there is a view.
fn view(panel: &Panel, search: &SavedSearch) -> View {
    Params::parse(&search.view).view(panel.now())
}

fn open(panel: &Panel, search: &SavedSearch) -> String {
    panel.links.logs(&view(panel, search))
}

fn host(panel: &Panel) -> Result<&dyn SavedSearches, PanelError> {
    panel.host.searches().ok_or(PanelError::NotFound)
}

/// `GET /logs/searches`.
pub async fn show(visit: Visit) -> Result<Response, PanelError> {
    let searches = host(&visit.panel)?.list().await?;
    let current = visit.view();
    let path = path::SEARCHES;
    render(&SearchesPage {
        layout: visit.layout(Section::Logs, "Saved searches", path, &current),
        logs: visit.panel.links.logs(&current),
        menu: empty_menu(&visit.panel, &current),
        rows: Table::new(
            "searches",
            &COLUMNS,
            searches,
            (&current, &visit.panel.links, path),
            |search| row(&visit.panel, &visit.operator, search),
        ),
    })
}

/// The columns of the table.
const COLUMNS: [Column<SavedSearch>; 6] = [
    text("name", |search| search.name.clone()),
    text("query", |search| Params::parse(&search.view).get("q").unwrap_or_default().to_owned()),
    unsorted("window"),
    unsorted("columns"),
    figure("saved", |search| number(Some(search.created))),
    unsorted("actions"),
];

fn row(panel: &Panel, operator: &Operator, search: SavedSearch) -> SearchRow {
    let view = view(panel, &search);
    let may_change = operator.may_change() || operator.name == search.owner;
    let action = || panel.links.search(search.id);
    SearchRow {
        url: panel.links.logs(&view),
        q: view.q.clone(),
        window: view.window.label(),
        columns: view.cols_text(),
        when: format::day_time(search.created),
        action: if may_change { action() } else { String::new() },
        search,
    }
}

/// A name without anything invisible in it.
fn name(form: &Params) -> Result<String, PanelError> {
    let name = form.get("name").unwrap_or_default().trim();
    let is_fine = !name.is_empty()
        && name.chars().count() <= NAME
        && !name.chars().any(|c| c.is_control() || crate::ui::escape::is_hidden(c));
    let sentence = || format!("Names must have 1 to {NAME} visible characters.");
    is_fine.then(|| name.to_owned()).ok_or_else(|| PanelError::Invalid(sentence()))
}

fn done(saved: Saved, name: &str) -> Result<(), PanelError> {
    match saved {
        Saved::Done => Ok(()),
        Saved::Unknown => Err(PanelError::NotFound),
        Saved::NameTaken => {
            let sentence = format!("A search named {name} already exists; choose another name.");
            Err(PanelError::Refused(sentence))
        }
        Saved::Full => {
            let sentence = "The limit of saved searches is reached; delete one first.";
            Err(PanelError::Refused(sentence.to_owned()))
        }
    }
}

/// `POST /logs/searches`: saves the view in the form, and opens it.
pub async fn save(
    State(panel): State<Arc<Panel>>,
    OwnForm { operator, form, .. }: OwnForm,
) -> Result<Response, PanelError> {
    let by = operator.name;
    let name = name(&form)?;
    let view = form.view(panel.now());
    let view = View { place: Place::Start, tail: false, ..view };
    let url = panel.links.logs(&view);
    let text = url.split_once('?').map_or("", |(_, text)| text);
    if text.len() > VIEW {
        return Err(PanelError::Invalid("The search is too long to save.".to_owned()));
    }
    done(host(&panel)?.save(&name, &by, text).await?, &name)?;
    audit!("search.save", by, { search.name = name, logs.query = view.q }, "search saved");
    Ok(Redirect::to(&url).into_response())
}

/// `POST /logs/searches/{id}`: renames or deletes a search.
pub async fn change(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<i64>,
    own: OwnForm,
) -> Result<Response, PanelError> {
    let host = host(&panel)?;
    let searches = host.list().await?;
    let search = searches.iter().find(|search| search.id == id).ok_or(PanelError::NotFound)?;
    own.of(&search.owner)?;
    let (by, form) = (own.operator.name, own.form);
    let back = panel.links.page(path::SEARCHES, &form.view(panel.now()));
    match form.get("set") {
        Some("name") => {
            let name = name(&form)?;
            done(host.rename(id, &name).await?, &name)?;
            audit!("search.rename", by, { search.id = id, search.name = name }, "search renamed");
        }
        Some("gone") => {
            done(host.delete(id).await?, "")?;
            audit!("search.delete", by, { search.id = id }, "search deleted");
        }
        _ => return Err(PanelError::Invalid("Invalid form: choose rename or delete.".into())),
    }
    Ok(Redirect::to(&back).into_response())
}
