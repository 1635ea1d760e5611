//! The page of a request: its waterfall, SQL and log records. Its id encodes its time, so the URL
//! needs no window.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use logsearch::fields;
use logsearch::query::{Field, Query};
use logsearch::record::{Level, LogRecord, ValueRef};
use logsearch::store::{MAX_PAGE, Search, TimeRange};

use super::rows::status_class;
use super::steps::steps;
use crate::context::error::PanelError;
use crate::context::links::{Links, View, path};
use crate::context::panel::Panel;
use crate::context::window::Window;
use crate::data::baseline::{Compared, compare};
use crate::data::profile::{Profile, Statement, is_step, time_of_id};
use crate::data::record::{chain, number_of, text_of};
use crate::data::requests::gave_up;
use crate::format::{self, SECOND};
use crate::pages::logs::export::pretty_json;
use crate::pages::logs::rows::{Row, Rows, curl};
use crate::pages::visit::Visit;
use crate::ui::charts::Waterfall;
use crate::ui::layout::{Layout, Section, render};
use crate::ui::table::{Column, Table, figure, number, text};

/// Maximum number of records shown.
const RECORDS: usize = 500;
/// Maximum number of records that figures are made of; beyond it the request's own record has the totals.
const COUNTED: usize = 20_000;
/// The longest a request may take to be found by its id, in microseconds.
const MAX_DURATION: i64 = 6 * 3_600 * SECOND;
/// Length of the window around the request, in microseconds.
const AROUND: i64 = 5 * 60 * SECOND;

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    layout: Layout,
    id: String,
    method: String,
    route: String,
    path: String,
    status: String,
    status_class: &'static str,
    duration: String,
    database: String,
    user: String,
    when: String,
    repeats: u64,
    is_repeated: bool,
    waterfall: Waterfall,
    has_steps: bool,
    statements: Table<StatementRow>,
    distinct: usize,
    runs: u64,
    rows: Vec<Row>,
    more: bool,
    headers: Vec<(String, String)>,
    json: String,
    curl: String,
    compared: Vec<Compared>,
    compared_with: String,
    failure: Option<(String, Vec<String>)>,
    similar: String,
    logs: String,
}

/// A row of the statements table.
pub struct StatementRow {
    pub name: String,
    pub sql: String,
    pub callsite: String,
    pub times: u64,
    pub total: String,
    pub each: String,
    pub rows: String,
    pub failed: bool,
    pub is_repeated: bool,
    pub everywhere: String,
}

/// What is known of a request.
struct Found {
    id: String,
    /// Oldest first.
    records: Vec<LogRecord>,
    profile: Profile,
    /// Its own record, or its newest as long as it runs.
    facts: LogRecord,
    compared: Vec<Compared>,
    compared_with: u64,
}

/// `GET /requests/{id}`.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, PanelError> {
    let found = Found::load(&visit.panel, id).await?;
    let Profile { start, duration, .. } = found.profile;
    let window = Window::absolute(start - AROUND, start + duration + AROUND, visit.panel.now());
    let (view, section) = (visit.params.frame_of(window), Section::Requests);
    let path = Links::request_path(&found.id);
    let layout = visit.fixed(section, &found.title(), &path, &view);
    render(&RequestPage::new(layout, found, &view, &visit.panel.links))
}

impl Found {
    async fn load(panel: &Panel, id: String) -> Result<Self, PanelError> {
        let records = records(panel, &id).await?;
        let profile = Profile::new(&records);
        let facts = profile.end.as_ref().or(records.last()).cloned();
        let facts = facts.ok_or(PanelError::NotFound)?;
        let (compared, compared_with) = compare(panel.store.as_ref(), &facts).await?;
        Ok(Self { id, records, profile, facts, compared, compared_with })
    }
}

impl Found {
    /// `GET /public 503`.
    fn title(&self) -> String {
        let text = |name| text_of(&self.facts, name).unwrap_or_default();
        let route = text_of(&self.facts, fields::ROUTE).unwrap_or_else(|| text(fields::PATH));
        format::title(&format!("{} {route} {}", text(fields::METHOD), text(fields::STATUS)))
    }
}

impl RequestPage {
    fn new(layout: Layout, found: Found, view: &View, links: &Links) -> Self {
        let Found { id, records, profile, facts, .. } = found;
        let text = |name| text_of(&facts, name).unwrap_or_default();
        let (status, route) = (text(fields::STATUS), text(fields::ROUTE));
        let with = |name, text: &str| {
            view.query(Query::value_clause(name, ValueRef::Str(text)).to_string())
        };
        let steps = steps(&profile, &records);
        // The others are drawn as steps.
        let said = records.iter().filter(|record| !is_step(record));
        let statements = &profile.statements;
        let path = Links::request_path(&id);
        let own = view.anywhere();
        let at = (&own, links, path.as_str());
        Self {
            layout,
            curl: curl(&facts),
            headers: headers(&records),
            compared: found.compared,
            compared_with: format::plural(found.compared_with, "request"),
            failure: failure(&records),
            similar: links.page(path::REQUESTS, &with(fields::ROUTE, &route)),
            logs: links.logs(&with(fields::REQUEST_ID, &id)),
            id,
            method: text(fields::METHOD),
            path: text(fields::PATH),
            route,
            status_class: if gave_up(&facts) { "error" } else { status_class(&status) },
            status: match status {
                status if status.is_empty() => "running".to_owned(),
                status if gave_up(&facts) => format!("{status} gave up"),
                status => status,
            },
            duration: format::duration(profile.duration),
            database: database(&facts, &profile),
            user: text(fields::USER_NAME),
            when: format::rfc3339(profile.start),
            repeats: profile.most_repeats(),
            is_repeated: statements.iter().any(Statement::is_repeated),
            has_steps: !steps.is_empty(),
            waterfall: Waterfall::new(&steps, profile.until()),
            distinct: statements.len(),
            runs: statements.iter().map(|one| one.times).sum(),
            statements: Table::new("statements", &COLUMNS, profile.statements, at, |one| {
                row(&one, links, view)
            }),
            more: said.clone().nth(RECORDS).is_some(),
            rows: Rows::new(links, &[], view).list(said.take(RECORDS)),
            json: crate::ui::escape::json(&pretty_json(&facts)),
        }
    }
}

/// The columns of the statements table.
const COLUMNS: [Column<Statement>; 5] = [
    text("statement", |one| format!("{} {}", one.name, one.sql)),
    figure("runs", |one| number(Some(one.times.cast_signed()))),
    figure("total", |one| number(Some(one.micros))),
    figure("avg", |one| number(Some(one.micros / one.times.cast_signed().max(1)))),
    figure("rows", |one| number(Some(one.rows))),
];

/// The records of a request, oldest first.
async fn records(panel: &Panel, id: &str) -> Result<Vec<LogRecord>, PanelError> {
    let Some(field) = Field::parse(fields::REQUEST_ID) else { return Ok(Vec::new()) };
    let range = time_of_id(id).map_or(TimeRange::ALL, |at| TimeRange {
        from: at.saturating_sub(60 * SECOND),
        to: at.saturating_add(MAX_DURATION),
    });
    let search = Search::new(Query::Exact(field, id.to_owned())).within(range).oldest_first();
    let (mut records, mut next) = (Vec::new(), None);
    loop {
        let page = panel.store.search(&search.clone().after(next).limit(MAX_PAGE)).await?;
        records.extend(page.records);
        next = page.next;
        if next.is_none() || records.len() >= COUNTED {
            return Ok(records);
        }
    }
}

/// How the names of request headers begin in records.
const HEADER: &str = "http.request.header.";

/// Recorded request headers by their HTTP name.
fn headers(records: &[LogRecord]) -> Vec<(String, String)> {
    let fields = records.iter().flat_map(|record| &record.fields);
    let named = fields.filter_map(|(name, value)| {
        let header = match name.as_str() {
            "user_agent.original" => "user-agent",
            name => name.strip_prefix(HEADER)?,
        };
        Some((header.to_owned(), value.as_ref().text().into_owned()))
    });
    let mut headers: Vec<(String, String)> = named.collect();
    headers.sort();
    headers.dedup();
    headers
}

/// What failed, outermost first: the newest error of the request, else its newest record with a chain.
fn failure(records: &[LogRecord]) -> Option<(String, Vec<String>)> {
    let newest = records.iter().rev();
    let failed = newest.clone().find(|record| record.level == Level::Error);
    let failed = failed.or_else(|| {
        newest.into_iter().find(|record| record.field(fields::ERROR_MESSAGE).is_some())
    })?;
    Some((failed.message.clone(), chain(failed)))
}

/// Time in the database and number of statements: by the request's own record, which knows every statement,
/// or by those that were recorded. What went on after the client had left is told apart.
fn database(end: &LogRecord, profile: &Profile) -> String {
    let number = |name| number_of(end, name).unwrap_or(0);
    let told = u64::try_from(number(fields::DB_COUNT)).unwrap_or(0);
    let [during, after] = profile.database();
    let (count, micros) = if told > 0 { (told, number(fields::DB_DURATION)) } else { during };
    let more = match after {
        (0, 0) => String::new(),
        (0, micros) => format!("; after the client left {} more", format::duration(micros)),
        (count, micros) => {
            let (lasted, statements) =
                (format::duration(micros), format::plural(count, "statement"));
            format!("; after the client left {lasted} more, {statements}")
        }
    };
    if count == 0 {
        return format!("no SQL{more}");
    }
    let statements = format::plural(count, "statement");
    format!("{} in the database, {statements}{more}", format::duration(micros))
}

fn row(statement: &Statement, links: &Links, view: &View) -> StatementRow {
    let times = i64::try_from(statement.times).unwrap_or(i64::MAX).max(1);
    StatementRow {
        name: statement.name.clone(),
        sql: statement.sql.clone(),
        callsite: statement.callsite.clone(),
        times: statement.times,
        total: format::duration(statement.micros),
        each: format::duration(statement.micros / times),
        rows: statement.rows.to_string(),
        failed: statement.failed,
        is_repeated: statement.is_repeated(),
        everywhere: links.page_in(&Links::statement_path(&statement.sql), &view.window),
    }
}
