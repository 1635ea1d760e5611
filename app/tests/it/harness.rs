//! The service in a test: routers, database, clock, log and metrics of its own.
//!
//! Requests go through the routers without a port ([`Browser`], [`Simulator`]) or over a socket
//! ([`TestApp::serve`]). Log and metrics are those of the test's thread: tests use the current-thread
//! runtime, which `#[tokio::test]` is.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use admin::exposition::Sample;
use axum::Router;
use axum::body::Body;
use clap::Parser;
use http::{HeaderMap, Method};
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use minitwit::auth::SessionToken;
use minitwit::clock::Clock;
use minitwit::config::Config;
use minitwit::db::{DatabaseUrl, Db};
use minitwit::domain::{MessageText, NewUser};
use minitwit::durable::DurableRecords;
use minitwit::exposition::{self, Exposition};
use minitwit::listen::Listener;
use minitwit::routes;
use minitwit::state::AppState;
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing_subscriber::layer::SubscriberExt;

pub use crate::client::{Answer, Browser, Simulator, raw, raw_and_end, request, send};
use crate::records::Records;
use crate::{log_fields, postgres};

/// Default credentials of the course's simulator.
pub const SIMULATOR: &str = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";
/// A wait for a condition gives up after this long.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// Runs each of the named `async fn(TestApp)` on both databases.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                $crate::harness::on($crate::harness::Backend::Sqlite, super::$name).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                $crate::harness::on($crate::harness::Backend::Postgres, super::$name).await;
            })+
        }
    };
}
pub(crate) use on_both_databases;

/// Runs a test on one database, unless it is not installed.
pub async fn on<F: Future<Output = ()>>(backend: Backend, test: impl FnOnce(TestApp) -> F) {
    if let Some(app) = TestApp::start(backend).await {
        test(app).await;
    }
}

/// The service.
pub struct TestApp {
    pub state: AppState,
    pub clock: Clock,
    pub config: Box<Config>,
    pub site: Router,
    pub api: Router,
    pub ops: Router,
    pub instruments: Rc<Instruments>,
    database: Rc<Database>,
}

/// Where the data is; goes with the last who uses it.
struct Database {
    dir: TempDir,
    url: DatabaseUrl,
    _postgres: Option<postgres::Database>,
}

/// Log and metrics of this thread.
pub struct Instruments {
    pub records: Records,
    pub metrics: PrometheusHandle,
    _recorder: metrics::LocalRecorderGuard<'static>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl Instruments {
    fn install() -> Self {
        let records = Records::default();
        let subscriber = tracing_subscriber::registry().with(records.clone());
        // The guard borrows the recorder; a test binary is short-lived.
        let recorder: &'static PrometheusRecorder =
            Box::leak(exposition::recorder().unwrap().into());
        Self {
            records,
            metrics: recorder.handle(),
            _recorder: metrics::set_default_local_recorder(recorder),
            _subscriber: tracing::subscriber::set_default(subscriber),
        }
    }
}

impl Drop for Instruments {
    /// The end of a test, when it has not failed already.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            log_fields::assert_known();
        }
    }
}

#[derive(Parser)]
struct Args {
    #[command(flatten)]
    config: Config,
}

impl TestApp {
    /// On an empty database; `None` when PostgreSQL is not installed.
    pub async fn start(backend: Backend) -> Option<Self> {
        Self::start_with(backend, &[]).await
    }

    /// The same with further arguments of the command line.
    pub async fn start_with(backend: Backend, args: &[&str]) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (url, postgres) = match backend {
            Backend::Sqlite => (DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite")), None),
            Backend::Postgres => {
                let database = postgres::shared()?.create_database();
                (DatabaseUrl::Postgres(database.url()), Some(database))
            }
        };
        let database = Rc::new(Database { dir, url, _postgres: postgres });
        Some(Self::open(database, args, Rc::new(Instruments::install()), Clock::default()).await)
    }

    /// On a database that somebody else looks after.
    pub async fn start_on(url: DatabaseUrl, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = Rc::new(Database { dir, url, _postgres: None });
        Self::open(database, args, Rc::new(Instruments::install()), Clock::default()).await
    }

    /// Another process of the service on the same database, with the same clock, log and metrics.
    pub async fn twin(&self) -> Self {
        let (database, instruments) = (Rc::clone(&self.database), Rc::clone(&self.instruments));
        Self::open(database, &[], instruments, self.clock.clone()).await
    }

    /// The service after a restart.
    pub async fn restart(self) -> Self {
        self.state.db.close().await;
        self.twin().await
    }

    async fn open(
        database: Rc<Database>,
        args: &[&str],
        instruments: Rc<Instruments>,
        clock: Clock,
    ) -> Self {
        let dir = database.dir.path();
        let fixed = ["minitwit", "--data-dir", dir.to_str().unwrap()];
        let mut config = Args::parse_from(fixed.iter().chain(args)).config;
        config.data.database_url = Some(database.url.clone());
        let config = Box::new(config);
        let db = Box::pin(Db::open(&database.url, config.data.pool_sizes())).await.unwrap();
        Box::pin(db.migrate()).await.unwrap();
        let state = AppState::new(&config, db.clone(), clock.clone(), DurableRecords::default());
        Box::pin(state.throttle.open()).await.unwrap();
        Box::pin(state.operators.refresh()).await.unwrap();
        let latest = db.latest().await.unwrap();
        minitwit::metrics::start(db.system_name(), db.pool_names(), latest);
        let exposition = Exposition::new(instruments.metrics.clone(), db, dir.into(), None, None);
        let (site, api) = (routes::site(&state), routes::api(&state));
        let ops = routes::ops(&state, exposition, None);
        Self { state, clock, config, site, api, ops, instruments, database }
    }

    /// The same service with other arguments.
    pub async fn with(self, args: &[&str]) -> Self {
        let (database, instruments) = (Rc::clone(&self.database), Rc::clone(&self.instruments));
        let clock = self.clock.clone();
        self.state.db.close().await;
        Self::open(database, args, instruments, clock).await
    }

    /// The directory of this test.
    pub fn dir(&self) -> &std::path::Path {
        self.database.dir.path()
    }

    /// Where the data is.
    pub fn database_url(&self) -> &DatabaseUrl {
        &self.database.url
    }

    /// What was logged.
    pub fn records(&self) -> &Records {
        &self.instruments.records
    }

    /// The sum of all samples of a metric that carry these labels.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let text = self.instruments.metrics.render();
        let read = admin::exposition::parse(&text);
        assert_eq!(read.bad_lines, 0, "{text}");
        let carries = |sample: &Sample<'_>| {
            labels.iter().all(|(label, value)| sample.label(label) == Some(value))
        };
        let wanted = read.samples.iter().filter(|sample| sample.name == name && carries(sample));
        wanted.map(|sample| sample.value).sum()
    }

    /// Every value that a label has in some sample.
    pub fn label_values(&self, label: &str) -> BTreeSet<String> {
        let text = self.instruments.metrics.render();
        let samples = admin::exposition::parse(&text).samples;
        samples.iter().filter_map(|sample| sample.label(label).map(str::to_owned)).collect()
    }

    /// A user, without the cost of a password: it cannot log in, [`TestApp::browser_of`] can.
    pub async fn user(&self, name: &str) -> i64 {
        let user = NewUser::check(name, &format!("{name}@example.com"), "p", None, 1).unwrap();
        self.state.db.create_user(&user, "no password", self.clock.now()).await.unwrap();
        self.id(name).await
    }

    /// The id of a user.
    pub async fn id(&self, name: &str) -> i64 {
        self.state.db.credentials(name).await.unwrap().unwrap().user.id
    }

    /// A message posted at a time of the test's choosing, in microseconds.
    pub async fn message_at(&self, author: &str, text: &str, at: i64) {
        let text = MessageText::parse(text).unwrap();
        assert!(self.state.db.post_message(author, &text, at).await.unwrap());
    }

    /// A message posted now.
    pub async fn message(&self, author: &str, text: &str) {
        self.message_at(author, text, self.clock.now()).await;
    }

    /// Somebody without cookies on the site.
    pub fn browser(&self) -> Browser {
        Browser { router: self.site.clone(), cookies: Vec::new(), headers: HeaderMap::new() }
    }

    /// A browser in which a user is logged in.
    pub async fn browser_of(&self, name: &str) -> Browser {
        let token = SessionToken::generate().unwrap();
        let user = self.id(name).await;
        let now = self.clock.now();
        self.state.db.create_session(&token.hash(), user, now).await.unwrap();
        let mut browser = self.browser();
        browser.cookies.push(("sid".to_owned(), token.to_cookie()));
        browser
    }

    /// The course's simulator at the API's own address.
    pub fn simulator(&self) -> Simulator {
        Simulator { router: self.api.clone(), mount: "" }
    }

    /// A request to the ops pages.
    pub async fn ops(&self, path: &str) -> Answer {
        send(&self.ops, request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Serves on free ports until the value is dropped.
    pub async fn serve(&self) -> Served {
        let stop = CancellationToken::new();
        let serve = async |name, router: &Router| {
            let address = ([127, 0, 0, 1], 0).into();
            let listener = Listener::bind(name, address, router.clone()).await.unwrap();
            let address = listener.address;
            tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(1)));
            address
        };
        let site = serve("site", &self.site).await;
        let api = serve("api", &self.api).await;
        let ops = serve("ops", &self.ops).await;
        Served { site, api, ops, _stop: stop.drop_guard() }
    }
}

/// The service on sockets.
pub struct Served {
    pub site: SocketAddr,
    pub api: SocketAddr,
    pub ops: SocketAddr,
    _stop: DropGuard,
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "never: {what}");
}
