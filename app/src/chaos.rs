//! Faults on demand, to see that the right alert fires and goes again. Only in builds with the feature
//! `chaos`, and only on an ops listener that nobody outside the machine reaches.
//!
//! A fault lasts until `/chaos/off`. What it does to requests stands in [`disturb`], to jobs in [`job`];
//! the others are tasks beside them. What it does to the database stands in `db::chaos`.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::error::AppError;
use crate::state::AppState;

static FAULTS: Mutex<Option<Faults>> = Mutex::new(None);

/// What is wrong just now.
#[derive(Default)]
struct Faults {
    /// Of the requests that read, this share is answered with 500.
    errors: f64,
    /// Accumulated share of failures that are due.
    due: f64,
    latency: Duration,
    /// So many requests panic.
    panics: u64,
    /// Accepted messages are discarded.
    discard: bool,
    /// Jobs that fail, and jobs that hang.
    failing: Vec<String>,
    hanging: Vec<String>,
    /// Held memory, connections and transactions.
    held: Vec<Box<dyn Any + Send>>,
    off: CancellationToken,
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.off.cancel();
    }
}

fn with<T>(look: impl FnOnce(&mut Faults) -> T) -> T {
    look(FAULTS.lock().get_or_insert_default())
}

/// Fails unless the ops listener is out of reach for others.
pub fn check_listener(ops: SocketAddr) -> anyhow::Result<()> {
    anyhow::ensure!(
        ops.ip().is_loopback(),
        "this build can inject faults; it only runs with --ops on a loopback address, not on {ops}"
    );
    Ok(())
}

/// The strength of a fault; each looks at its own.
#[derive(Debug, Deserialize)]
pub struct Strength {
    #[serde(default = "Strength::all")]
    share: f64,
    #[serde(default = "Strength::one")]
    count: u64,
    #[serde(default = "Strength::half_a_second")]
    ms: u64,
    #[serde(default = "Strength::one")]
    mib: usize,
    #[serde(default)]
    name: String,
}

impl Strength {
    fn all() -> f64 {
        1.0
    }

    fn one<T: From<u8>>() -> T {
        1.into()
    }

    fn half_a_second() -> u64 {
        500
    }
}

/// `POST /chaos/{fault}`.
pub async fn post(
    State(state): State<AppState>,
    Path(fault): Path<String>,
    Query(strength): Query<Strength>,
) -> Result<StatusCode, AppError> {
    tracing::warn!(chaos.fault = fault, "chaos");
    let Strength { share, count, ms, mib, name } = strength;
    match fault.as_str() {
        "off" => drop(FAULTS.lock().take()),
        "errors" => with(|faults| faults.errors = share),
        "latency" => with(|faults| faults.latency = Duration::from_millis(ms)),
        "panic" => with(|faults| faults.panics = count),
        "discard" => with(|faults| faults.discard = true),
        "job-fail" => with(|faults| faults.failing.push(name)),
        "job-hang" => with(|faults| faults.hanging.push(name)),
        "memory" => allocate(mib).await?,
        "connections" => hold(state.db.hold_connections().await?),
        "reader" => hold(state.db.hold_reader().await?),
        "sql" => run_slow_statements(&state),
        "block" => block_workers(Duration::from_millis(ms)),
        "log-errors" => log_errors(Duration::from_millis(ms)),
        "lose-logs" => tracing::info!("{}", LogsItself(4)),
        _ => return Err(AppError::NotFound),
    }
    Ok(StatusCode::NO_CONTENT)
}

fn hold(what: impl Any + Send) {
    with(|faults| faults.held.push(Box::new(what)));
}

/// Beside the event loop, which touching so much memory would hold up.
async fn allocate(mib: usize) -> Result<(), AppError> {
    let memory = tokio::task::spawn_blocking(move || vec![1_u8; mib << 20]).await;
    hold(memory.map_err(anyhow::Error::from)?);
    Ok(())
}

/// Repeats until the faults are off.
fn repeat<F: Future<Output = ()> + Send>(step: impl Fn() -> F + Send + 'static) {
    let off = with(|faults| faults.off.clone());
    tokio::spawn(async move { off.run_until_cancelled(forever(step)).await });
}

async fn forever<F: Future<Output = ()>>(step: impl Fn() -> F) {
    loop {
        step().await;
    }
}

fn run_slow_statements(state: &AppState) {
    for _ in 0..2 {
        let db = state.db.clone();
        repeat(move || {
            let db = db.clone();
            async move {
                if let Err(error) = db.run_slowly().await {
                    tracing::warn!(
                        error.message = error.chain(),
                        "could not run the slow statement"
                    );
                }
            }
        });
    }
}

/// As code does that forgets `spawn_blocking`, on every worker.
fn block_workers(time: Duration) {
    for _ in 0..tokio::runtime::Handle::current().metrics().num_workers() {
        repeat(move || async move {
            std::thread::sleep(time);
            tokio::task::yield_now().await;
        });
    }
}

fn log_errors(pause: Duration) {
    repeat(move || async move {
        tracing::error!(error.message = "injected fault", "injected error outside of a request");
        tokio::time::sleep(pause).await;
    });
}

/// A value that logs while it is formatted. The log takes that once and loses what comes deeper.
struct LogsItself(u8);

impl fmt::Display for LogsItself {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(deeper) = self.0.checked_sub(1) {
            tracing::info!("{}", Self(deeper));
        }
        formatter.write_str("formatted")
    }
}

/// The layer around the handlers of site and API.
///
/// # Panics
/// When that is asked for.
pub async fn disturb(request: Request, next: Next) -> Response {
    let (latency, panics, fails, discards) = with(|faults| {
        let panics = faults.panics > 0;
        faults.panics = faults.panics.saturating_sub(1);
        faults.due += if request.method().is_safe() { faults.errors } else { 0.0 };
        let fails = faults.due >= 1.0;
        faults.due -= if fails { 1.0 } else { 0.0 };
        (faults.latency, panics, fails, faults.discard && is_post_of_message(&request))
    });
    tokio::time::sleep(latency).await;
    assert!(!panics, "injected fault");
    if discards {
        return StatusCode::NO_CONTENT.into_response();
    }
    // It has run its statements by then, as a request that fails by itself.
    let response = next.run(request).await;
    if fails {
        return AppError::Internal(anyhow::anyhow!("injected fault")).into_response();
    }
    response
}

fn is_post_of_message(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && (path.contains("/msgs/") || path.ends_with("/add_message"))
}

/// What a run of a job meets before its work.
pub async fn job(name: &str) -> anyhow::Result<()> {
    let is = |names: &[String]| names.iter().any(|known| known == name);
    let (fails, hangs) =
        with(|faults| (is(&faults.failing), is(&faults.hanging).then(|| faults.off.clone())));
    if let Some(off) = hangs {
        off.cancelled().await;
    }
    anyhow::ensure!(!fails, "injected fault");
    Ok(())
}
