//! The page of an error group: occurrences, latest records, and whether it is resolved.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use logsearch::fields;
use logsearch::record::LogRecord;

use super::rows::{self, GroupRow, Resolution};
use crate::access::audit::audit;
use crate::access::forms::OperatorForm;
use crate::context::error::PanelError;
use crate::context::links::{Links, View};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::window::Window;
use crate::data::error_states::{self, Releases};
use crate::data::errors;
use crate::data::record::text_of;
use crate::format;
use crate::host::{ErrorState, ErrorStates};
use crate::pages::logs::rows::{Row, Rows};
use crate::pages::visit::Visit;
use crate::ui::layout::{Layout, Section, render};

/// Records shown.
const RECORDS: usize = 20;
/// Values shown per field.
const VALUES: usize = 5;
/// Around the last sight of an error that is not in the window, in microseconds.
const AROUND: i64 = 3_600 * format::SECOND;

#[derive(Template)]
#[template(path = "error_group.html")]
struct ErrorGroupPage {
    layout: Layout,
    notices: Vec<String>,
    /// What is known of it in the window.
    group: Option<GroupRow>,
    message: String,
    place: String,
    state: Resolution,
    first_seen: Option<String>,
    /// Fields with their most frequent values and how many of its records have each.
    values: Vec<(&'static str, Vec<(String, String)>)>,
    rows: Vec<Row>,
    columns: Vec<String>,
    can_resolve: bool,
    action: String,
}

/// An error group, as far as the log and the host know it.
struct Known {
    fingerprint: String,
    state: Option<ErrorState>,
    view: View,
    /// Its records of the window.
    found: Option<(errors::Group, Vec<LogRecord>)>,
    message: String,
    place: String,
    notices: Vec<String>,
}

/// `GET /errors/{fingerprint}`.
pub async fn show(visit: Visit, Path(fingerprint): Path<String>) -> Result<Response, PanelError> {
    let known = Known::find(&visit, fingerprint).await?;
    let path = Links::error_path(&known.fingerprint);
    let layout = visit.layout(Section::Errors, &format::title(&known.message), &path, &known.view);
    render(&ErrorGroupPage::load(layout, &visit, known).await)
}

impl Known {
    async fn find(visit: &Visit, fingerprint: String) -> Result<Self, PanelError> {
        let (panel, mut notices) = (&visit.panel, Vec::new());
        let state = error_states::all(panel, &mut notices).await.remove(&fingerprint);
        let view = view(panel, &visit.params, state.as_ref());
        let within = |range| errors::find(panel.store.as_ref(), range, &fingerprint);
        let found = within(view.window.range()).await?;
        let (message, place) = match (&found, &state) {
            (Some((group, _)), _) => (group.newest.message.clone(), group.place.clone()),
            (None, Some(state)) => (state.sample.clone(), state.place.clone()),
            (None, None) => {
                let around = within(view.window.surroundings()).await?;
                let (group, _) = around.ok_or(PanelError::NotFound)?;
                (group.newest.message.clone(), group.place)
            }
        };
        Ok(Self { fingerprint, state, view, found, message, place, notices })
    }
}

impl ErrorGroupPage {
    async fn load(layout: Layout, visit: &Visit, known: Known) -> Self {
        let Known { state, view, found, mut notices, .. } = known;
        let (panel, links) = (&visit.panel, &visit.panel.links);
        let releases = Releases::around(panel, &view, &mut notices).await;
        let mut resolution = Resolution { text: "open".to_owned(), ..Resolution::default() };
        if let Some(state) = &state {
            let newest = found.as_ref().map_or(0, |(group, _)| group.newest.timestamp);
            let back = error_states::note_return(panel, state, newest, &releases, &mut notices);
            resolution = rows::resolution(state, back.await.as_deref(), view.window.now);
        }
        let records = found.as_ref().map_or(&[][..], |(_, records)| records);
        let columns = ["request_id".to_owned(), "user".to_owned()];
        let group = found.as_ref().map(|(group, _)| {
            let row = rows::row(group, &view, links);
            GroupRow { releases: releases.over(row.seen.0, row.seen.1), ..row }
        });
        Self {
            layout,
            notices,
            group,
            message: known.message.chars().take(600).collect(),
            place: known.place,
            state: resolution,
            first_seen: state.map(|state| format::rfc3339_short(state.first_seen)),
            values: values(records),
            rows: Rows::new(links, &columns, &view).list(records.iter().take(RECORDS)),
            columns: columns.to_vec(),
            can_resolve: panel.host.error_states().is_some() && visit.operator.may_change(),
            action: links.path(&Links::error_path(&known.fingerprint)),
        }
    }
}

/// The window of the URL; by default around the last occurrence.
fn view(panel: &Panel, params: &Params, state: Option<&ErrorState>) -> View {
    let view = params.frame(panel.now());
    match state {
        Some(state) if params.get("from").is_none() => {
            let (from, to) = (state.last_seen - AROUND, state.last_seen + AROUND);
            let is_inside = view.window.range().contains(state.last_seen);
            let around = Window::absolute(from, to, view.window.now);
            if is_inside { view } else { view.within(around) }
        }
        _ => view,
    }
}

/// Top values of selected fields.
fn values(records: &[LogRecord]) -> Vec<(&'static str, Vec<(String, String)>)> {
    let known = [("route", fields::ROUTE), ("user", fields::USER_NAME), ("job", fields::JOB)];
    let of = |(title, field): (&'static str, &str)| {
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for value in records.iter().filter_map(|record| text_of(record, field)) {
            *counts.entry(value).or_default() += 1;
        }
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown = counts.into_iter().take(VALUES);
        (
            title,
            shown
                .map(|(value, count)| (format::value(&value), format::count(count)))
                .collect::<Vec<_>>(),
        )
    };
    known.into_iter().map(of).filter(|(_, values)| !values.is_empty()).collect()
}

/// `POST /errors/{fingerprint}`: resolves or reopens the error.
pub async fn set_state(
    State(panel): State<Arc<Panel>>,
    Path(fingerprint): Path<String>,
    OperatorForm { by, form }: OperatorForm,
) -> Result<Response, PanelError> {
    let host = panel.host.error_states().ok_or(PanelError::NotFound)?;
    match form.get("set") {
        Some("resolved") => resolve(&panel, host, &fingerprint, &by, &form).await?,
        Some("open") => {
            if !host.reopen(&fingerprint).await? {
                return Err(PanelError::NotFound);
            }
            audit!("error.reopen", by, { error.fingerprint = fingerprint }, "error reopened");
        }
        _ => return Err(PanelError::Invalid("Invalid form: choose resolve or reopen.".into())),
    }
    let view = form.frame(panel.now());
    Ok(Redirect::to(&panel.links.page(&Links::error_path(&fingerprint), &view)).into_response())
}

async fn resolve(
    panel: &Panel,
    host: &dyn ErrorStates,
    fingerprint: &str,
    by: &str,
    form: &Params,
) -> Result<(), PanelError> {
    let mut notices = Vec::new();
    let known = error_states::all(panel, &mut notices).await.remove(fingerprint);
    let view = form.frame(panel.now());
    let releases = Releases::around(panel, &view, &mut notices).await;
    let found = errors::find(panel.store.as_ref(), view.window.range(), fingerprint).await?;
    let now = panel.now();
    let mut state = match (known, found) {
        (Some(known), _) => known,
        (None, Some((group, _))) => ErrorState {
            fingerprint: fingerprint.to_owned(),
            sample: group.newest.message.chars().take(300).collect(),
            first_seen: group.first,
            last_seen: group.newest.timestamp,
            place: group.place,
            ..ErrorState::default()
        },
        (None, None) => return Err(PanelError::NotFound),
    };
    state.resolved_at = now;
    by.clone_into(&mut state.resolved_by);
    state.resolved_version = releases.at(now);
    host.resolve(&state).await?;
    let place = &state.place;
    audit!("error.resolve", by, { error.fingerprint = fingerprint, error.place = place }, "error resolved");
    Ok(())
}
