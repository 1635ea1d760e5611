//! A client that leaves before its answer: what the request was doing, and what it did afterwards.

use std::time::Duration;

use http::StatusCode;

use super::{RequestProfile, SLOW, StatementRuns, Statements, micros, running};

/// The moment a client left.
#[derive(Debug)]
pub(super) struct Departure {
    /// Microseconds from the start of the request.
    at: u64,
    statements: Statements,
    is_abandoned: bool,
}

impl RequestProfile {
    /// Whether a client that leaves now, after the service had the request for that long, gives up a
    /// service that is late or failing.
    pub fn is_failing(&self, service_time: Duration) -> bool {
        service_time >= SLOW || self.runs().iter().any(StatementRuns::has_failed)
    }

    /// Notes that the client left without an answer, and whether it gave up a late or failing service.
    /// What is done from now on belongs to afterwards.
    pub fn client_left(&self, service_time: Duration) -> bool {
        let is_abandoned = self.is_failing(service_time);
        let at = micros(self.started.elapsed());
        let departure = Departure { at, statements: self.statements_now(), is_abandoned };
        *self.departure.lock() = Some(departure);
        is_abandoned
    }

    /// Whether its client has given it up because the service was late or failing.
    pub fn is_abandoned(&self) -> bool {
        self.departure.lock().as_ref().is_some_and(|departure| departure.is_abandoned)
    }

    /// What the request was at when its client gave up, in words for operators.
    pub fn cause(&self) -> String {
        let statements = self.statements.lock();
        let failed = statements.runs.iter().find(|run| run.has_failed());
        if let Some(run) = failed {
            return format!(
                "client gave up after statement {} failed: {}",
                run.name, run.error_type
            );
        }
        let running = statements.running.first().map(running::Begun::name);
        let cancelled = || statements.runs.iter().find(|run| run.error_type == running::CANCELLED);
        match running.or_else(|| cancelled().map(|run| run.name)) {
            Some(name) => format!("client gave up while statement {name} was waiting or running"),
            None => "client gave up before the service answered".to_owned(),
        }
    }

    /// Logs what was done after the client had left; nothing if it is still there. A change is finished
    /// whoever waits for it.
    pub fn finished(&self, status: StatusCode) {
        let Some(left) = self.departure.lock().take() else { return };
        let now = self.statements_now();
        now.runs.iter().filter_map(|run| left.since(run)).for_each(|run| run.log());
        let duration_us = micros(self.started.elapsed()).saturating_sub(left.at);
        let count = now.count.saturating_sub(left.statements.count);
        let db_us = now.micros.saturating_sub(left.statements.micros);
        macro_rules! record {
            ($level:ident) => {
                tracing::$level!(
                    duration_us,
                    db.count = count,
                    db.duration_us = db_us,
                    "finished after the client had left: {}",
                    status.as_u16()
                )
            };
        }
        if status.is_server_error() { record!(warn) } else { record!(info) }
    }
}

impl Departure {
    /// What a statement did after the client had left.
    fn since(&self, run: &StatementRuns) -> Option<StatementRuns> {
        let Some(before) = self.statements.runs.iter().find(|before| before.name == run.name)
        else {
            return Some(*run);
        };
        let (times, micros) =
            (run.times.saturating_sub(before.times), run.micros.saturating_sub(before.micros));
        let rows = run.rows.saturating_sub(before.rows);
        let is_more = times > 0 || micros > 0;
        is_more.then_some(StatementRuns { times, micros, rows, offset: self.at, ..*run })
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;
    use std::sync::Arc;

    use super::super::RunningStatement;
    use super::*;

    fn run(name: &'static str, micros: u64, error_type: &'static str) -> StatementRuns {
        let source = Location::caller();
        StatementRuns { name, sql: "", source, times: 1, micros, rows: 0, offset: 0, error_type }
    }

    #[tokio::test]
    async fn a_statement_that_runs_is_part_of_both_sides() {
        let profile = Arc::new(RequestProfile::default());
        let work = async {
            let waiting = RunningStatement::begin(run("wait", 0, ""));
            assert!(!profile.is_failing(Duration::from_millis(20)), "on time");
            assert!(profile.client_left(SLOW), "late");
            assert_eq!(profile.totals().statements, 1, "what runs is counted");
            assert!(profile.cause().contains("statement wait"), "{}", profile.cause());
            waiting.end(run("wait", 2_000_000, "timeout"));
        };
        Arc::clone(&profile).scope(work).await;
        let left = profile.departure.lock().take().unwrap();
        let after = left.since(&profile.runs()[0]).unwrap();
        assert_eq!((after.times, after.offset), (0, left.at));
        assert!(after.micros > 1_500_000, "{after:?}");
        assert!(left.since(&run("later", 7, "")).is_some_and(|run| run.times == 1));
    }

    #[tokio::test]
    async fn a_cancelled_statement_is_no_failure_of_the_database() {
        let profile = Arc::new(RequestProfile::default());
        let scoped = async { drop(RunningStatement::begin(run("read", 0, ""))) };
        Arc::clone(&profile).scope(scoped).await;
        assert_eq!(profile.runs()[0].error_type, running::CANCELLED);
        assert!(!profile.client_left(Duration::from_millis(1)) && !profile.is_abandoned());
        let scoped = async { RunningStatement::begin(run("a", 0, "")).end(run("a", 1, "busy")) };
        Arc::clone(&profile).scope(scoped).await;
        assert!(profile.client_left(Duration::from_millis(1)), "it hit an error");
        assert!(profile.is_abandoned());
    }
}
