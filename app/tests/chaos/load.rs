//! Somebody who uses the service: reads the site, reads and posts through the API, twenty times a second
//! at most, and does not mind what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::programs::{ask, until};

/// Default credentials of the course's simulator.
const SIMULATOR: &str = "Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh";
/// Nobody waits longer, so that a slow service does not pile up requests.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Goes on until it is dropped.
pub struct Load {
    pause: Arc<AtomicU64>,
    _stop: DropGuard,
}

impl Load {
    /// Registers who posts, and begins; each request is given up after so long.
    pub async fn start(site: SocketAddr, api: SocketAddr, patience: Duration) -> Self {
        until("somebody is registered", async || {
            let body = r#"{"username":"octavia","email":"a@b","pwd":"secret"}"#;
            let answer = ask(api, command("/register"), body).await?;
            (answer.status == 204).then_some(()).ok_or_else(|| answer.status.to_string())
        })
        .await;
        let (stop, pause) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let load = Self { pause: Arc::clone(&pause), _stop: stop.clone().drop_guard() };
        load.every(Duration::from_millis(50));
        tokio::spawn(stop.run_until_cancelled_owned(run(site, api, pause, patience)));
        load
    }

    /// So long from one request to the next, from now on.
    pub fn every(&self, pause: Duration) {
        let millis = u64::try_from(pause.as_millis()).unwrap();
        self.pause.store(millis, Ordering::Relaxed);
    }
}

async fn run(site: SocketAddr, api: SocketAddr, pause: Arc<AtomicU64>, patience: Duration) {
    for number in 0_u64.. {
        let request = async move {
            match number % 4 {
                0 => ask(site, Request::get("/public"), "").await,
                1 => ask(api, command("/msgs").method("GET"), "").await,
                _ => ask(api, command("/msgs/octavia"), r#"{"content":"from the gate"}"#).await,
            }
        };
        tokio::spawn(tokio::time::timeout(patience, request));
        tokio::time::sleep(Duration::from_millis(pause.load(Ordering::Relaxed))).await;
    }
}

fn command(path: &str) -> http::request::Builder {
    Request::post(path).header(AUTHORIZATION, SIMULATOR).header(CONTENT_TYPE, "application/json")
}

/// Guesses a password twice a second.
pub async fn guess_passwords(site: SocketAddr) {
    loop {
        let form =
            Request::post("/login").header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let _refused = ask(site, form, "username=octavia&password=guess").await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

/// Asks for everything in every way there is an answer to, also as another site would: each answer of a
/// route is a label set of its own, and together they are more than the service of the gate has room for.
pub async fn ask_in_every_way(site: SocketAddr) {
    let pages = ["/", "/public", "/login", "/register", "/logout", "/add_message", "/robots.txt"];
    let names = ["/octavia", "/octavia/follow", "/octavia/unfollow", "/-/user/octavia", "/nobody"];
    let old = ["/octavia/1", "/public/1", "/timeline/1", "/favicon.ico", "/static/style.css"];
    let other =
        ["/-/user/octavia/follow", "/-/user/octavia/unfollow", "/api/add_message", "/a/b/c"];
    for path in pages.iter().chain(&names).chain(&old).chain(&other) {
        for method in ["GET", "HEAD", "POST"] {
            for from in ["same-origin", "cross-site"] {
                let request = Request::builder().method(method).uri(*path);
                let _refused = ask(site, request.header("sec-fetch-site", from), "").await;
            }
        }
    }
}

/// Holds a connection and says nothing on it; opens it anew when it is closed.
pub async fn idle(address: SocketAddr) {
    loop {
        if let Ok(stream) = TcpStream::connect(address).await {
            // Readable is what a closed one becomes.
            let _closed = stream.readable().await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
