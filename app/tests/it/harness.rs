//! The service in a test: routers, database, clock, log and metrics of its own.
//!
//! Requests go through the routers without a port ([`Browser`], [`Simulator`]) or over a socket
//! ([`TestApp::serve`]). Log and metrics are those of the test's thread: tests use the current-thread
//! runtime, which `#[tokio::test]` is.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use clap::Parser;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::{PrometheusHandle, PrometheusRecorder};
use minitwit::auth::SessionToken;
use minitwit::clock::Clock;
use minitwit::config::Config;
use minitwit::db::{DatabaseUrl, Db};
use minitwit::domain::{MessageText, NewUser};
use minitwit::exposition::{self, Exposition};
use minitwit::listen::Listener;
use minitwit::routes;
use minitwit::state::AppState;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::postgres;
use crate::records::Records;

/// What the course's simulator sends.
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
    pub config: Config,
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
        let db = Db::open(&database.url, config.data.pool_sizes()).await.unwrap();
        db.migrate().await.unwrap();
        let state = AppState::new(&config, db.clone(), clock.clone());
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
        sum(&self.instruments.metrics.render(), name, labels)
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

/// Sends bytes as they are and reads until the server closes.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, false).await
}

/// The same, and says that nothing more will come.
pub async fn raw_and_end(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, true).await
}

async fn exchange(address: SocketAddr, bytes: &[u8], end: bool) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    // At once: a server that refuses early stops reading, and then closes.
    let writing = async {
        let _refused_early = writer.write_all(bytes).await;
        if end {
            let _refused_early = writer.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let reading = async {
        let _reset = reader.read_to_end(&mut answer).await;
    };
    let both = async {
        tokio::select! {
            () = reading => {},
            () = writing => {},
        }
    };
    assert!(tokio::time::timeout(DEADLINE, both).await.is_ok(), "the server does not close");
    answer
}

/// A request with the one header that every client sends.
pub fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(HOST, "localhost")
}

/// The whole answer of a router.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless the page holds this text.
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.text().contains(text), "{text:?} is missing in:\n{}", self.text());
        self
    }

    /// Fails if the page holds this text.
    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.text().contains(text), "{text:?} should not be in:\n{}", self.text());
        self
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{:?}\n{}", self.headers, self.text());
        self
    }

    /// Fails unless it redirects there.
    #[track_caller]
    pub fn goes_to(&self, location: &str) -> &Self {
        self.is(302);
        assert_eq!(self.header(LOCATION.as_str()), location);
        self
    }
}

/// A client of the site that keeps cookies.
#[derive(Clone)]
pub struct Browser {
    pub router: Router,
    pub cookies: Vec<(String, String)>,
    /// Sent with every request.
    pub headers: HeaderMap,
}

impl Browser {
    /// `GET`, without following a redirect.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(request(Method::GET, path), Body::empty()).await
    }

    /// `POST` of a form, without following a redirect.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = serde_urlencoded::to_string(form).unwrap();
        let kind = "application/x-www-form-urlencoded";
        self.send(request(Method::POST, path).header(CONTENT_TYPE, kind), body.into()).await
    }

    /// `GET`, and where that leads.
    pub async fn visit(&mut self, path: &str) -> Answer {
        let answer = self.get(path).await;
        self.follow(answer).await
    }

    /// `POST` of a form, and where that leads.
    pub async fn submit(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, form).await;
        self.follow(answer).await
    }

    async fn follow(&mut self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            if answer.status != StatusCode::FOUND {
                return answer;
            }
            let location = answer.header(LOCATION.as_str()).to_owned();
            answer = self.get(&location).await;
        }
        panic!("redirects do not end");
    }

    /// Any request with this browser's cookies.
    pub async fn send(&mut self, mut request: http::request::Builder, body: Body) -> Answer {
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, pairs.collect::<Vec<_>>().join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = send(&self.router, request.body(body).unwrap()).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A client of the simulator API.
#[derive(Clone)]
pub struct Simulator {
    pub router: Router,
    /// In front of every path.
    pub mount: &'static str,
}

impl Simulator {
    /// `GET` with credentials.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Some(SIMULATOR), Body::empty()).await
    }

    /// `POST` of JSON with credentials.
    pub async fn post(&self, path: &str, body: serde_json::Value) -> Answer {
        self.send(Method::POST, path, Some(SIMULATOR), body.to_string().into()).await
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&str>,
        body: Body,
    ) -> Answer {
        let path = format!("{}{path}", self.mount);
        let mut request = request(method, &path).header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        send(&self.router, request.body(body).unwrap()).await
    }

    /// The id of the last command.
    pub async fn latest(&self) -> i64 {
        self.get("/latest").await.json()["latest"].as_i64().unwrap()
    }
}

/// The sum of the samples of an exposition with this name and these labels.
pub fn sum(exposition: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = labels.iter().map(|(label, value)| format!("{label}=\"{value}\""));
    let wanted: Vec<_> = wanted.collect();
    let value = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, labels) = series.split_once('{').unwrap_or((series, ""));
        let matches = metric == name && wanted.iter().all(|wanted| labels.contains(wanted));
        matches.then(|| value.parse::<f64>().unwrap())
    };
    exposition.lines().filter(|line| !line.starts_with('#')).filter_map(value).sum()
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
