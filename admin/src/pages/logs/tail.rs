//! Live tail: matching records from now on, as server-sent events. A stream that reconnects says what
//! it saw last and gets what it missed from the store; one that is too slow is told how many records it
//! missed. Streams are counted; they end after an hour, and soon after the guard would refuse them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt};
use logsearch::query::{Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{Cursor, Search, StoreError, TimeRange};
use logsearch::{Subscription, Update};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::rows::{Row, Rows};
use crate::access::guard::GuardRecheck;
use crate::access::operator::Operator;
use crate::context::error::PanelError;
use crate::context::links::{Links, Place, View, cursor};
use crate::context::panel::Panel;
use crate::context::params::Params;
use crate::context::turns::{Permit, Turn};

/// Maximum number of records that a reconnect catches up on.
const MISSED: usize = 500;
/// Maximum lifetime of a stream; browsers reconnect, so that a forgotten page does not hold one
/// forever.
const MAX_STREAM: Duration = Duration::from_hours(1);
/// Interval at which the guard rechecks open streams.
const RECHECK: Duration = Duration::from_secs(30);
/// Maximum number of records per burst; of more, only the newest are sent.
const BURST: usize = 100;
/// Minimum interval between bursts.
const PACE: Duration = Duration::from_millis(500);

/// A record as the page's script needs it: texts only, addresses made by `links`.
#[derive(Serialize)]
struct Live {
    id: String,
    time: String,
    full: String,
    level: &'static str,
    /// Parts of the message, each with whether it is what the query looks for.
    message: Vec<(String, bool)>,
    url: String,
    context: String,
    request: String,
    cells: Vec<(String, String, bool, String)>,
}

/// `GET /logs/tail`.
pub async fn tail(
    State(panel): State<Arc<Panel>>,
    operator: Operator,
    headers: HeaderMap,
    Extension(guard): Extension<GuardRecheck>,
    params: Params,
) -> Result<Response, PanelError> {
    let too_many = PanelError::TooMany("live tails are open");
    let Some(turn) = panel.turns.take(Turn::Tail, &operator.name).await else {
        return Err(too_many);
    };
    let permit = Arc::clone(&panel.streams).try_acquire_owned().map_err(|_| too_many)?;
    let view = params.view(panel.now());
    let tail = Tail::open(panel, view, &headers, guard, (permit, turn)).await?;
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Sse::new(tail.events()).keep_alive(alive).into_response())
}

/// The newest record that the client has: a reconnect says what came last, a page that has just loaded
/// what it shows.
fn seen(headers: &HeaderMap, view: &View) -> Option<Cursor> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    last.and_then(Links::parse_event_id).or(match view.place {
        Place::Newer(shown) => Some(shown),
        _ => None,
    })
}

/// The newest records behind this one, oldest first, and how many more there are.
async fn missed(
    panel: &Panel,
    query: &Query,
    seen: Cursor,
) -> Result<(Vec<LogRecord>, u64), StoreError> {
    let search =
        Search::new(query.clone()).within(TimeRange { from: seen.0, to: i64::MAX }).limit(MISSED);
    let page = panel.store.search(&search).await?;
    let mut records = page.records;
    let is_whole = page.next.is_none() || records.iter().any(|record| cursor(record) <= seen);
    records.retain(|record| cursor(record) > seen);
    records.reverse();
    let mut passed_over = 0;
    if let (false, Some(first)) = (is_whole, records.first()) {
        let range = TimeRange { from: seen.0.saturating_add(1), to: first.timestamp };
        passed_over = panel.store.count(range, query).await?;
    }
    Ok((records, passed_over))
}

struct Tail {
    panel: Arc<Panel>,
    view: View,
    query: Query,
    columns: Vec<String>,
    /// What came before the stream began, until it is sent.
    missed: Option<(Vec<LogRecord>, u64)>,
    newest: Option<(i64, u64)>,
    subscription: Subscription,
    guard: GuardRecheck,
    /// Time of the next recheck by the guard.
    next_recheck: Instant,
    end: Instant,
    _permits: (OwnedSemaphorePermit, Permit),
}

impl Tail {
    async fn open(
        panel: Arc<Panel>,
        view: View,
        headers: &HeaderMap,
        guard: GuardRecheck,
        permits: (OwnedSemaphorePermit, Permit),
    ) -> Result<Self, PanelError> {
        let query = parse(&view.q).query;
        // Subscribed before the store is asked, so that nothing falls between the two.
        let subscription = panel.pipeline.live.as_ref().ok_or(PanelError::NotFound)?(&query);
        let seen = seen(headers, &view);
        let missed = match seen {
            Some(seen) => missed(&panel, &query, seen).await?,
            None => (Vec::new(), 0),
        };
        Ok(Self {
            columns: view.shown_columns(),
            newest: missed.0.last().map(cursor).or(seen),
            missed: Some(missed),
            subscription,
            guard,
            next_recheck: Instant::now() + RECHECK,
            end: Instant::now() + MAX_STREAM,
            _permits: permits,
            panel,
            view,
            query,
        })
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures_util::stream::unfold(self, async |mut tail| {
            let event = tail.next().await?;
            Some((Ok(event), tail))
        })
        .fuse()
    }

    async fn next(&mut self) -> Option<Event> {
        // Sent even when nothing was missed: it says that the stream stands.
        if let Some((missed, passed_over)) = self.missed.take() {
            return Some(self.event(&missed, passed_over));
        }
        let mut records = Vec::new();
        let mut passed_over = 0;
        let update = self.update().await?;
        self.take(update, &mut records, &mut passed_over);
        // What follows soon goes along, so that a burst is one change of the page.
        let until = Instant::now() + PACE;
        while let Ok(Some(update)) = tokio::time::timeout_at(until, self.subscription.next()).await
        {
            self.take(update, &mut records, &mut passed_over);
        }
        Some(self.event(&records, passed_over))
    }

    /// The next update; `None` when the stream ends or the guard rejects it.
    async fn update(&mut self) -> Option<Update> {
        loop {
            let until = self.end.min(self.next_recheck);
            let next = tokio::time::timeout_at(until, self.subscription.next()).await;
            if Instant::now() >= self.end || !self.is_still_let_in().await {
                return None;
            }
            if let Ok(update) = next {
                return update;
            }
        }
    }

    async fn is_still_let_in(&mut self) -> bool {
        let now = Instant::now();
        if now < self.next_recheck {
            return true;
        }
        self.next_recheck = now + RECHECK;
        self.guard.is_let_in().await
    }

    fn take(&self, update: Update, records: &mut Vec<LogRecord>, passed_over: &mut u64) {
        match update {
            Update::Gap(count) => *passed_over += count,
            Update::Records(new) => {
                records.extend(new.into_iter().filter(|record| Some(cursor(record)) > self.newest));
                if records.len() > BURST {
                    let surplus = records.len() - BURST;
                    *passed_over += surplus as u64;
                    records.drain(..surplus);
                }
            }
        }
    }

    fn event(&mut self, records: &[LogRecord], passed_over: u64) -> Event {
        let rows = Rows::new(&self.panel.links, &self.columns, &self.view).marking(&self.query);
        let live: Vec<Live> = records.iter().map(|record| Live::new(rows.row(record))).collect();
        let event = Event::default().event("records");
        let event = match records.last() {
            Some(last) => {
                self.newest = Some(cursor(last));
                event.id(Links::event_id(cursor(last)))
            }
            None => event,
        };
        let data = serde_json::to_string(&(live, passed_over)).unwrap_or_default();
        event.data(data)
    }
}

impl Live {
    fn new(row: Row) -> Self {
        let visible = |text: &str| crate::ui::escape::visible(text);
        let message = row.message.iter().map(|piece| (visible(&piece.text), piece.is_match));
        let message = message.collect();
        let cells = row.cells.into_iter();
        Self {
            id: row.id,
            time: row.time,
            full: row.time_full,
            level: row.level,
            message,
            url: row.url,
            context: row.context,
            request: row.request,
            cells: cells
                .map(|cell| (visible(&cell.text), cell.url, cell.is_number, visible(&cell.whole)))
                .collect(),
        }
    }
}
