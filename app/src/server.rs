//! The service, wired in order: data directory, database, operator, state, routers, listeners, jobs;
//! and taken down in the opposite one.

use std::io::{self, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admin::metrics::{Metrics, Sampler};
use logsearch::error_chain;
use parking_lot::Mutex;

use crate::alerts::{self, AlertInbox};
use crate::clock::Clock;
use crate::config::{Config, DEFAULT_SIMULATOR_AUTH, ListenConfig, Surfaces};
use crate::control::{Control, ControlSocket};
use crate::data_dir::DataDir;
use crate::db::{self, DatabaseUrl, Db};
use crate::durable::DurableRecords;
use crate::exposition::Exposition;
use crate::jobs::Jobs;
use crate::listen::Listener;
use crate::operators::FirstPassword;
use crate::ops::charts;
use crate::ops::panel::Panel;
use crate::signals::Signals;
use crate::state::AppState;
use crate::supervise::{Group, Supervisor};
use crate::telemetry::Telemetry;
use crate::{
    build, database_watch, metrics, operators, process, replicas, routes, runtime, waiting,
};

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
        signal = signals.wait() => {
            tracing::info!(process.signal = signal.name, "stopped before the start was over");
            return Ok(());
        }
    };
    let ended = tokio::select! {
        signal = signals.wait() => {
            tracing::info!(process.signal = signal.name, "stopping");
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
    Db::check_created(&url)?;
    let db = Db::lazy(&url, config.data.pool_sizes())?;
    let durable = DurableRecords::of(Arc::clone(&telemetry.logs));
    let state = AppState::new(config, db, Clock::default(), durable);
    state.operators.keep_in(data_dir.path());
    state.throttle.read_key(data_dir.path());
    measure_from_now_on(&state);
    // Shown to the operator when it goes out of scope.
    let first_password = Mutex::new(None);
    let away = match open(config, data_dir, &state, &url, &first_password).await {
        Err(error) if db::away(&error).is_none() => return Err(error),
        first_try => first_try.err(),
    };
    let supervisor = Supervisor::default();
    let [public, ops, upkeep] = [(); 3].map(|()| supervisor.group());
    let (exposition, past) = keep_up(config, data_dir, telemetry, &state, &upkeep);
    warn_about_readers(data_dir.path(), &url);
    keep_replica_known(&upkeep, &state, &url, telemetry);
    warn_about_public_credentials(config);
    let inbox = receive_alerts(config, data_dir, &state, &upkeep)?;
    let jobs = Jobs::new(&state, config, routes::unobserved(&state)).await?;
    let panel = Panel {
        logs: Arc::clone(&telemetry.logs),
        levels: telemetry.levels.clone(),
        jobs: jobs.clone(),
        alerts: inbox,
        alert_token: config.alert.token(data_dir.path())?,
        metrics: past,
        external_links: config.listen.external_links(),
    };
    let mut listeners = vec![bind_ops(&config.listen, &state, &exposition, panel).await?];
    serve_commands(data_dir, telemetry, &ops);
    if let Some(error) = away {
        // What the outage is looked into with does not wait for its end.
        state.starting.set(true);
        serve(listeners.drain(..), &public, &ops, config.listen.shutdown_grace.0);
        operators::assume_configured(&state, config.account.admin_password()).await?;
        let open = || open(config, data_dir, &state, &url, &first_password);
        waiting::until_open(&config.listen, error, open).await?;
    }
    watch_database(&upkeep, &state, url);
    // Who waits for the ops pages to be announced finds the others announced as well.
    listeners.splice(0..0, bind(&config.listen, &state).await?);
    serve(listeners, &public, &ops, config.listen.shutdown_grace.0);
    drop(first_password);
    state.starting.set(false);
    jobs.start().await?;
    upkeep.spawn_endless("clock watch", jobs.clone().watch_clock());
    Ok(Running { state, supervisor, jobs, public, ops, upkeep })
}

/// Everything of the start that asks the database, so that it can be tried again: one that is slow when many replicas
/// start is as good as one that is away.
async fn open(
    config: &Config,
    data_dir: &DataDir,
    state: &AppState,
    url: &DatabaseUrl,
    first_password: &Mutex<Option<FirstPassword>>,
) -> anyhow::Result<()> {
    open_database(&state.db, url).await?;
    let made_up = operators::ensure(state, config.account.admin_password(), data_dir.path());
    if let Some(password) = made_up.await? {
        *first_password.lock() = Some(password.before(first_steps(&config.listen)));
    }
    state.operators.refresh().await?;
    state.throttle.open().await?;
    state.throttle.keep_key(data_dir.path());
    metrics::simulator_latest(state.db.latest().await?.unwrap_or(-1));
    note_version(state).await;
    Ok(())
}

/// What somebody does who started the service for the first time.
fn first_steps(listen: &ListenConfig) -> Vec<String> {
    let site = matches!(listen.role, Surfaces::All | Surfaces::Site)
        .then(|| format!("Sign up:         http://{}/register", listen.site));
    let load = matches!(listen.role, Surfaces::All | Surfaces::Api)
        .then(|| format!("Send some load:  minitwit simulate --url http://{}", listen.api));
    let panel = format!("Look inside:     http://{}/admin", listen.ops);
    site.into_iter().chain(load).chain([panel]).collect()
}

/// Watches whether the database works, and whether its file is still the one that was opened.
fn watch_database(upkeep: &Group, state: &AppState, url: DatabaseUrl) {
    if let DatabaseUrl::Sqlite(path) = &url {
        let (db, clock) = (state.db.clone(), state.clock.clone());
        let watching = db.watch_file(path.clone(), move || clock.now());
        upkeep.spawn_endless("database file", watching);
    }
    upkeep.spawn_endless("database watch", database_watch::run(state.db.clone(), url));
}

/// Starts the tasks that look after metrics and operator accounts for as long as the service runs.
fn keep_up(
    config: &Config,
    data_dir: &DataDir,
    telemetry: &Telemetry,
    state: &AppState,
    upkeep: &Group,
) -> (Exposition, Arc<Metrics>) {
    upkeep.spawn_endless("event loop lag", runtime::watch_lag());
    upkeep.spawn_endless("operator accounts", state.operators.clone().run());
    upkeep.spawn_endless("sign-in throttle", state.throttle.clone().run());
    let exposition = Exposition::new(
        telemetry.metrics.clone(),
        state.db.clone(),
        data_dir.path().into(),
        wal(&config.data.database()),
        Some(Arc::clone(&telemetry.logs)),
    );
    upkeep.spawn_endless("metrics upkeep", exposition.clone().keep_up());
    let past = Arc::new(past(config, data_dir));
    sample(upkeep, &past, &exposition);
    (exposition, past)
}

impl Running {
    async fn stop(self) {
        self.state.draining.set(true);
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

/// Opens and migrates the database. Why it is away is known to whoever asks then.
async fn open_database(db: &Db, url: &DatabaseUrl) -> anyhow::Result<()> {
    // It is tried whatever was found before.
    db.health().set(None, None);
    let opened: anyhow::Result<()> = db.connect_or_create(url).await.map_err(Into::into);
    let fault = opened.as_ref().err().and_then(db::away);
    db.health().set(fault, fault);
    opened?;
    tracing::info!(db.url = ?url, "database open");
    Ok(())
}

/// Initializes the expected series with zero.
fn measure_from_now_on(state: &AppState) {
    let db = &state.db;
    metrics::start(db.system_name(), db.pool_names(), None);
    let requests = &state.requests;
    requests.expect_routes(&routes::COUNTED_ROUTES);
    requests.expect_answers(routes::EXPECTED_RESPONSES.iter().chain(&routes::LEFT_POSTS));
    db.expect_statements();
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

/// Keeps this replica known to the others, and the others to it.
fn keep_replica_known(upkeep: &Group, state: &AppState, url: &DatabaseUrl, telemetry: &Telemetry) {
    let draining = state.draining.clone();
    let source = replicas::Source {
        db: state.db.clone(),
        is_shared: matches!(url, DatabaseUrl::Postgres(_)),
        clock: state.clock.clone(),
        is_draining: Box::new(move || draining.is_on()),
        logs: Arc::clone(&telemetry.logs),
    };
    let replicas = state.replicas.clone();
    upkeep.spawn("replicas", |stop| replicas.keep_up(source, stop));
}

/// Opens the alert inbox and keeps it like the database and the API of the alerting system.
fn receive_alerts(
    config: &Config,
    data_dir: &DataDir,
    state: &AppState,
    upkeep: &Group,
) -> anyhow::Result<AlertInbox> {
    let inbox = AlertInbox::open(data_dir.path(), state.clock.clone());
    let channels = config.alert.channels();
    let notice = alerts::channels_notice(&channels);
    if notice.is_problem {
        tracing::warn!("{}", notice.text);
    }
    inbox.set_channels(channels);
    upkeep.spawn_endless("alert storage", inbox.clone().keep_stored(state.db.clone()));
    if let Some(api) = config.alert.api()? {
        upkeep.spawn_endless("alert reconciliation", inbox.clone().keep_reconciled(api));
    }
    Ok(inbox)
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

async fn bind(config: &ListenConfig, state: &AppState) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if matches!(config.role, Surfaces::All | Surfaces::Site) {
        listeners.push(Listener::bind("site", config.site, routes::site(state)).await?);
    }
    if matches!(config.role, Surfaces::All | Surfaces::Api) {
        listeners.push(Listener::bind("api", config.api, routes::api(state)).await?);
    }
    Ok(listeners)
}

async fn bind_ops(
    config: &ListenConfig,
    state: &AppState,
    exposition: &Exposition,
    panel: Panel,
) -> anyhow::Result<Listener> {
    let ops = routes::ops(state, exposition.clone(), Some(panel));
    Listener::bind(OPS, config.ops, ops).await
}

fn serve(
    listeners: impl IntoIterator<Item = Listener>,
    public: &Group,
    ops: &Group,
    grace: Duration,
) {
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

/// Warns about what others on the machine may read. New files are private; these were there before.
fn warn_about_readers(data_dir: &Path, url: &DatabaseUrl) {
    let database = match url {
        DatabaseUrl::Sqlite(path) => Some(path.as_path()),
        DatabaseUrl::Postgres(_) => None,
    };
    for path in [Some(data_dir), database].into_iter().flatten() {
        let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
        if mode & 0o077 != 0 {
            tracing::warn!(
                file.path = %path.display(),
                "other users of this machine may read the data; run `chmod -R go= {}`",
                path.display()
            );
        }
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
