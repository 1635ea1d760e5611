//! The start page for incidents, from top to bottom: severity, errors, affected routes with
//! examples, and recent changes.

mod changes;
mod status;
mod tiles;

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use logsearch::query::{Chips, Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, StoreError, TimeRange};

use super::errors::rows::{GroupRow, annotate, groups_of};
use super::now::changes::Change;
use super::now::status::Status;
use super::requests::rows::{RequestRow, RouteRow, request_row, route_row};
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::path;
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::data::chart_data::chart_data;
use crate::data::profile::REPEATING;
use crate::data::requests;
use crate::ui::assets;
use crate::ui::layout::{Layout, Section, render};
use tiles::Tiles;

/// Maximum length of each list.
const LINES: usize = 8;
/// Parsed [`REPEATING`].
static MANY_REPEATS: LazyLock<Query> = LazyLock::new(|| parse(REPEATING).query);

#[derive(Template)]
#[template(path = "now.html")]
struct NowPage {
    layout: Layout,
    plot_style: String,
    figures: Tiles,
    notices: Vec<String>,
    groups: Vec<GroupRow>,
    errors_url: String,
    routes: Vec<RouteRow>,
    slow: Vec<RequestRow>,
    slow_url: String,
    repeating: Vec<RequestRow>,
    repeating_url: String,
    status: Status,
    changes: Vec<Change>,
}

/// `GET` of the prefix itself.
pub async fn show(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    params: Params,
) -> Result<Response, PanelError> {
    let view = params.frame(panel.now());
    let (range, links, store) = (view.window.range(), &panel.links, panel.store.as_ref());
    let all = requests::ends(&panel.traffic_filter.query);
    let repeating = all.clone().and(MANY_REPEATS.clone());
    let (
        chart_data,
        times,
        mut routes,
        mut groups,
        slow,
        repeating,
        (changes, missing),
        status_line,
    ) = tokio::try_join!(
        chart_data(&panel, view.window, tiles::POINTS),
        async { Ok(tiles::times(store, &view, &panel.traffic_filter.query).await?) },
        async { Ok(requests::routes(store, range, &all).await?) },
        async { Ok(groups_of(store, &view, links, &Query::All).await?) },
        async { Ok(requests::costliest(store, range, &all, logsearch::fields::DURATION).await?) },
        async { Ok(newest(store, range, &repeating).await?) },
        async { Ok(changes::changes(&panel, range).await?) },
        async { Ok(Status::now(&panel).await) },
    )?;
    let repeating_of_traffic = requests::of_traffic(REPEATING, &panel.traffic_filter.text);
    let traffic = Chips::parse(&panel.traffic_filter.text);
    let unknown = annotate(&panel, &view, &mut groups).await;
    let status = store.status().await?;
    routes.sort_by(|left, right| right.badness().total_cmp(&left.badness()));
    render(&NowPage {
        layout: Layout::new(&panel, &operator, Section::Now, "Now", "", &view),
        plot_style: assets::url(links, "metrics.css"),
        figures: Tiles::new(&chart_data, &times, &view, links),
        notices: [status.notices, missing, unknown].concat(),
        groups: groups.into_iter().take(LINES).collect(),
        errors_url: links.page_in(path::ERRORS, &view.window),
        routes: routes
            .iter()
            .take(LINES)
            .map(|route| route_row(route, &view, links, &traffic))
            .collect(),
        slow: slow.0.iter().take(LINES).map(|one| request_row(one, links)).collect(),
        slow_url: links
            .page(path::REQUESTS, &view.query(&panel.traffic_filter.text).sorted("slow")),
        repeating: repeating.iter().map(|one| request_row(one, links)).collect(),
        repeating_url: links.page(path::REQUESTS, &view.query(repeating_of_traffic)),
        status: status_line,
        changes,
    })
}

async fn newest(
    store: &dyn LogStore,
    range: TimeRange,
    query: &Query,
) -> Result<Vec<LogRecord>, StoreError> {
    let search = Search::new(query.clone()).within(range).limit(LINES);
    Ok(store.search(&search).await?.records)
}
