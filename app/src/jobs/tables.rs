//! Jobs that count or tidy tables.

use std::time::Duration;

use super::{Context, Outcome};
use crate::clock::micros;
use crate::metrics::{self, Model, Surface};
use crate::operator_cache::{self, IDLE};

/// Windows of the active users.
const WINDOWS: [(&str, Duration); 3] = [
    ("5m", Duration::from_mins(5)),
    ("1h", Duration::from_hours(1)),
    ("24h", Duration::from_hours(24)),
];

/// The time of day counts for so long as perhaps wrong after it was set.
const UNTRUSTED: Duration = Duration::from_hours(1);

/// Sets the gauges of the business.
pub async fn business_totals(context: Context) -> anyhow::Result<Outcome> {
    let db = &context.state.db;
    let totals = db.totals().await?;
    metrics::totals(totals.users, totals.messages, totals.followers);
    metrics::db_file_bytes("main", db.size().await?);
    let now = context.state.clock.now();
    for (name, window) in WINDOWS {
        metrics::active_users(name, db.active_users(now - micros(window)).await?);
    }
    if let Some(latest) = db.latest().await? {
        metrics::simulator_latest(latest);
    }
    Ok(Outcome::Done(format!(
        "counted {} users, {} messages, {} follows",
        totals.users, totals.messages, totals.followers
    )))
}

/// Removes sessions and failed log-ins that no request will look at again.
pub async fn expired_sessions(context: Context) -> anyhow::Result<Outcome> {
    let state = &context.state;
    // What a clock calls expired that was just set may not be, and cannot be brought back.
    if state.clock.since_step().is_some_and(|ago| ago < UNTRUSTED) {
        return Ok(Outcome::Skipped("the clock was set less than an hour ago".to_owned()));
    }
    let now = state.clock.now();
    // A session never outlives either span unseen.
    let unseen = state.settings.session_idle.min(state.settings.session_max);
    let sessions =
        state.db.delete_idle_sessions(now - micros(unseen), now + micros(unseen)).await?;
    metrics::deleted(Model::Session, Surface::Ops, sessions);
    let operators = state
        .db
        .delete_idle_operator_sessions(now - micros(IDLE), now + micros(operator_cache::MAX))
        .await?;
    let failures = state.throttle.sweep().await?;
    Ok(Outcome::Done(format!(
        "removed {sessions} user sessions, {operators} operator sessions and {failures} failed sign-in counters"
    )))
}
