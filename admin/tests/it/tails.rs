//! Many who follow a busy log at once, some of whom do not read: the log does not wait for them, nothing
//! piles up, and the service answers as before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use admin::{Admin, Operator, Role, SessionValid};
use axum::Router;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use http_body_util::BodyExt;
use logsearch::{Logs, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;

const TAILS: usize = 50;
/// Of them so many never read.
const STUCK: usize = 10;
/// Events a second, for how long.
const RATE: u32 = 1_000;
const SECONDS: u32 = 6;
/// What the process may grow by meanwhile, in KiB: buffers of sockets and streams, and the index.
const GROWTH: u64 = 64 * 1024;
/// The longest a request of the service may take, also on a busy machine without optimization.
const LONGEST: Duration = Duration::from_secs(2);

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// How long the service takes to answer.
async fn answer(address: SocketAddr) -> Duration {
    let started = Instant::now();
    let mut stream = ask(address, "/").await;
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_tails_of_a_busy_log_leave_the_service_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(dir.path(), Options::default()).unwrap();
    let logs = Arc::new(logs);
    let subscriber = Arc::new(tracing_subscriber::registry().with(layer));
    let followed = Arc::clone(&logs);
    let panel = Admin::new(logs.store()).at("/ops").live(move |query| followed.subscribe(query));
    let guard = async |_| Ok(Operator::new("everybody", Role::Viewer));
    let app: Router = Router::new().route("/", get(async || "hello")).merge(panel.router(guard));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    let read = Arc::new(AtomicU64::new(0));
    let mut stuck = Vec::new();
    for number in 0..TAILS {
        let mut stream = ask(address, "/ops/logs/tail").await;
        if number < STUCK {
            stuck.push(stream);
            continue;
        }
        let read = Arc::clone(&read);
        tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                read.fetch_add(length as u64, Ordering::Relaxed);
            }
        });
    }

    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut longest = Duration::ZERO;
    let mut before = 0;
    for tick in 0..SECONDS * 100 {
        ticks.tick().await;
        tracing::subscriber::with_default(Arc::clone(&subscriber), || {
            for number in 0..RATE / 100 {
                tracing::info!(
                    tick,
                    number,
                    "an event of a busy service, about as long as they are"
                );
            }
        });
        if tick % 50 == 0 {
            longest = longest.max(answer(address).await);
        }
        if tick == SECONDS * 30 {
            before = resident();
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(longest < LONGEST, "an answer took {longest:?}");
    assert!(grown < GROWTH, "{grown} KiB more");
    let counts = logs.counts();
    assert_eq!(counts.emitted_total(), u64::from(RATE * SECONDS));
    let lost: u64 = counts.dropped.iter().flatten().sum();
    assert_eq!(lost, 0, "the log waits for nobody and loses nothing");
    let each = read.load(Ordering::Relaxed) / (TAILS - STUCK) as u64;
    assert!(each > 20_000, "{each} bytes for each who reads");
    drop(stuck);
}

#[tokio::test]
async fn a_tail_ends_with_the_session_that_began_it() {
    let dir = tempfile::tempdir().unwrap();
    let (layer, logs) = Logs::start(dir.path(), Options::default()).unwrap();
    let subscriber = Arc::new(tracing_subscriber::registry().with(layer));
    let tell = |text: &str| {
        tracing::subscriber::with_default(Arc::clone(&subscriber), || tracing::info!("{text}"));
    };
    let logs = Arc::new(logs);
    // The log has a thread of its own, which does not wait: time stands still for the step alone.
    let minute_later = async || {
        tokio::time::pause();
        tokio::time::advance(Duration::from_mins(1)).await;
        tokio::time::resume();
    };
    let followed = Arc::clone(&logs);
    let panel = Admin::new(logs.store()).live(move |query| followed.subscribe(query));
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    // The session ends when it is no longer used; a stream that is open is no use.
    let guard = move |parts: Parts| {
        let is_asked_again = parts.extensions.get::<SessionValid>().is_some();
        let refused = is_asked_again && over.load(Ordering::Relaxed);
        let refusal = || StatusCode::UNAUTHORIZED.into_response();
        let somebody = Operator::new("somebody", Role::Viewer);
        std::future::ready(if refused { Err(refusal()) } else { Ok(somebody) })
    };
    let app: Router = panel.router(guard);
    let request = Request::get("/admin/logs/tail").body(Body::empty()).unwrap();
    let mut stream = app.oneshot(request).await.unwrap().into_body();
    let mut next = async || {
        loop {
            let frame = stream.frame().await?.unwrap().into_data().unwrap();
            // A sign of life, after a minute in which nothing came.
            if !frame.starts_with(b":") {
                return Some(frame);
            }
        }
    };
    assert!(next().await.is_some(), "it says that it stands");
    minute_later().await;
    tell("while the session lasts");
    let shown = next().await.expect("the stream goes on");
    assert!(String::from_utf8_lossy(&shown).contains("while the session lasts"));
    is_over.store(true, Ordering::Relaxed);
    minute_later().await;
    tell("after it");
    assert_eq!(next().await, None);
}
