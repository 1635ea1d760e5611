//! The service, wired in order: data directory, database, operator, state, routers, listeners, jobs;
//! and taken down in the opposite one.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use admin::metrics::{Metrics, Sampler};
use logsearch::error_chain;

use crate::clock::Clock;
use crate::config::{Config, DEFAULT_SIMULATOR_AUTH, ListenConfig, Surfaces};
use crate::control::{Control, ControlSocket};
use crate::data_dir::DataDir;
use crate::db::{DatabaseUrl, Db};
use crate::durable::DurableRecords;
use crate::exposition::Exposition;
use crate::jobs::Jobs;
use crate::listen::Listener;
use crate::ops::charts;
use crate::ops::panel::Panel;
use crate::signals::Signals;
use crate::state::AppState;
use crate::supervise::{Group, Supervisor};
use crate::telemetry::Telemetry;
use crate::{build, metrics, operators, process, routes, runtime, waiting};

/// Runs the service until a signal ends it, or one of its tasks ends without being asked to.
///
/// # Errors
/// When it cannot start, and when a task ended early; it is stopped in order then, too.
pub async fn run(config: &Config, data_dir: &DataDir, telemetry: &Telemetry) -> anyhow::Result<()> {
    #[cfg(feature = "chaos")]
    crate::chaos::check_listener(config.listen.ops)?;
    let mut signals = Signals::listen()?;
    raise_file_limit();
    let mut running = tokio::select! {
        running = start(config, data_dir, telemetry) => running?,
        // The start may take as long as the database is away.
        name = signals.wait() => {
            tracing::info!(process.signal = name, "stopped before the start was over");
            return Ok(());
        }
    };
    let ended = tokio::select! {
        name = signals.wait() => {
            tracing::info!(process.signal = name, "stopping");
            Ok(())
        }
        ended = running.supervisor.ended_early() => {
            tracing::error!(error.message = %ended, "stopping");
            Err(ended)
        }
    };
    tokio::select! {
        () = running.stop() => {}
        never = signals.exit_on_second() => never,
    }
    tracing::info!("stopped");
    Ok(ended?)
}

/// Everything that must be stopped before the process exits.
struct Running {
    state: AppState,
    supervisor: Supervisor,
    jobs: Jobs,
    /// Listeners of site and API, which stop first.
    public: Group,
    /// The listener of the ops pages and the control socket, which answer to the end.
    ops: Group,
    /// Looks at the metrics, and what they are made of.
    upkeep: Group,
}

async fn start(
    config: &Config,
    data_dir: &DataDir,
    telemetry: &Telemetry,
) -> anyhow::Result<Running> {
    let url = config.data.database();
    let db = waiting::until_open(&config.listen, || open_database(config, &url)).await?;
    let durable = DurableRecords::of(Arc::clone(&telemetry.logs));
    let state = AppState::new(config, db, Clock::default(), durable);
    operators::ensure(&state, config.account.admin_password(), data_dir.path()).await?;
    let supervisor = Supervisor::default();
    let [public, ops, upkeep] = [(); 3].map(|()| supervisor.group());
    measure_from_now_on(&state).await?;
    upkeep.spawn_endless("event loop lag", runtime::watch_lag());
    let exposition = Exposition::new(
        telemetry.metrics.clone(),
        state.db.clone(),
        data_dir.path().into(),
        wal(&url),
        Some(Arc::clone(&telemetry.logs)),
    );
    upkeep.spawn_endless("metrics upkeep", exposition.clone().keep_up());
    warn_about_public_credentials(config);
    let past = Arc::new(past(config, data_dir));
    sample(&upkeep, &past, &exposition);

    note_version(&state).await;
    let jobs = Jobs::new(&state, config, routes::unobserved(&state)).await?;
    let panel = Panel {
        logs: Arc::clone(&telemetry.logs),
        levels: telemetry.levels.clone(),
        jobs: jobs.clone(),
        alert_token: config.alert.token(data_dir.path())?,
        metrics: past,
        external_links: config.listen.external_links(),
    };
    let listeners = bind(&config.listen, &state, &exposition, panel).await?;
    serve(listeners, &public, &ops, config.listen.shutdown_grace.0);
    jobs.start().await?;
    serve_commands(data_dir, telemetry, &ops);
    Ok(Running { state, supervisor, jobs, public, ops, upkeep })
}

impl Running {
    async fn stop(self) {
        self.state.draining.start();
        self.jobs.stop().await;
        // Who asks whether this process is ready is told that it is not, for as long as requests run.
        self.public.stop().await;
        if !self.state.tasks.finish(CLOSE_TIMEOUT).await {
            tracing::warn!("aborted requests of disconnected clients");
        }
        self.ops.stop().await;
        self.upkeep.stop().await;
        if tokio::time::timeout(CLOSE_TIMEOUT, self.state.db.close()).await.is_err() {
            tracing::warn!("closed the database with a statement still running");
        }
    }
}

/// Name of the ops listener, which stops last.
const OPS: &str = "ops";
/// Behind the grace of requests neither a probe nor a statement should still run; and a supervisor
/// kills after ten seconds.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Opens and migrates the database.
async fn open_database(config: &Config, url: &DatabaseUrl) -> anyhow::Result<Db> {
    let db = Db::open(url, config.data.pool_sizes()).await?;
    db.migrate().await?;
    tracing::info!(db.url = ?url, "database open");
    Ok(db)
}

/// Initializes the expected series with zero and starts sampling the runtime.
async fn measure_from_now_on(state: &AppState) -> anyhow::Result<()> {
    let db = &state.db;
    metrics::start(db.system_name(), db.pool_names(), db.latest().await?);
    state.requests.expect(&routes::EXPECTED_RESPONSES);
    db.expect_statements();
    Ok(())
}

/// Starts the sampler for the panel's charts.
fn sample(upkeep: &Group, past: &Arc<Metrics>, exposition: &Exposition) {
    let exposition = exposition.clone();
    let mut sampler = Sampler::start(Arc::clone(past), move || {
        let exposition = exposition.clone();
        async move { exposition.render().await }
    });
    upkeep.spawn("metrics sampler", async move |stop| {
        let ended = stop.run_until_cancelled(sampler.ended()).await;
        if ended.is_none() {
            sampler.stop().await;
        }
    });
}

/// Without the control socket commands cannot reach this process, and everything else works.
fn serve_commands(data_dir: &DataDir, telemetry: &Telemetry, ops: &Group) {
    let control = Control { logs: Arc::clone(&telemetry.logs), levels: telemetry.levels.clone() };
    match ControlSocket::bind(data_dir.path()) {
        Ok(socket) => ops.spawn("control socket", |stop| socket.serve(control, stop)),
        Err(error) => tracing::warn!(
            error.message = error_chain(error.as_ref()),
            "could not open the control socket"
        ),
    }
}

/// Records a deployment if this version did not run before. A failure is only logged.
async fn note_version(state: &AppState) {
    let (version, revision) = (env!("CARGO_PKG_VERSION"), build::REVISION);
    match state.db.started_version(version, revision, state.clock.now()).await {
        Ok(true) => tracing::info!(
            service.version = version,
            service.revision = revision,
            "new version deployed"
        ),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(error.message = error.chain(), "could not record the deployment");
        }
    }
}

/// Loads the metric history of earlier runs; on failure the history stays in memory.
fn past(config: &Config, data_dir: &DataDir) -> Metrics {
    let host = process::host_name().unwrap_or_else(|| "this host".to_owned());
    let past = charts::metrics(format!("{host}, ops at {}", config.listen.ops));
    if let Err(error) = past.keep_in(&data_dir.path().join("metrics")) {
        tracing::warn!(error.message = %error, "metric history unavailable, keeping it in memory only");
    }
    past
}

fn wal(url: &DatabaseUrl) -> Option<PathBuf> {
    match url {
        DatabaseUrl::Sqlite(path) => Some(format!("{}-wal", path.display()).into()),
        DatabaseUrl::Postgres(_) => None,
    }
}

async fn bind(
    config: &ListenConfig,
    state: &AppState,
    exposition: &Exposition,
    panel: Panel,
) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if matches!(config.role, Surfaces::All | Surfaces::Site) {
        listeners.push(Listener::bind("site", config.site, routes::site(state)).await?);
    }
    if matches!(config.role, Surfaces::All | Surfaces::Api) {
        listeners.push(Listener::bind("api", config.api, routes::api(state)).await?);
    }
    let ops = routes::ops(state, exposition.clone(), Some(panel));
    listeners.push(Listener::bind(OPS, config.ops, ops).await?);
    Ok(listeners)
}

fn serve(listeners: Vec<Listener>, public: &Group, ops: &Group, grace: Duration) {
    for listener in listeners {
        tracing::info!(
            listener.name = listener.name,
            listener.address = %listener.address,
            "listening"
        );
        print_address(&listener);
        let (group, grace) =
            if listener.name == OPS { (ops, grace.min(CLOSE_TIMEOUT)) } else { (public, grace) };
        group.spawn(listener.name, |stop| listener.serve(stop, grace));
    }
}

/// Prints the URLs of the listeners on a terminal.
#[expect(clippy::print_stderr, reason = "a greeting on a terminal, not a log record")]
fn print_address(listener: &Listener) {
    if io::stderr().is_terminal() {
        eprintln!("  {:<5} http://{}/", listener.name, listener.address);
    }
}

fn warn_about_public_credentials(config: &Config) {
    let is_default = config.account.simulator_auth().0 == DEFAULT_SIMULATOR_AUTH;
    let is_public = |address: std::net::SocketAddr| !address.ip().is_loopback();
    if is_default && (is_public(config.listen.api) || is_public(config.listen.site)) {
        tracing::warn!(
            "the simulator API is exposed with the publicly known default credentials; set \
             MINITWIT_SIMULATOR_AUTH"
        );
    }
}

/// Each connection is a file descriptor, and the usual soft limit is 1,024.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(error.message = %error, "could not raise the open file limit");
    }
}
