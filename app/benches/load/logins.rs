//! Two hundred people who log in at once, and what a visitor of the public timeline notices of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http_body_util::Full;
use minitwit::client as http_client;
use tokio::task::JoinSet;

use crate::service::{Place, TIMEOUT, get};

const CLIENTS: u8 = 200;
const WARMING: u32 = 15_000;
const LASTING: Duration = Duration::from_secs(8);
/// What a refused client is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Slowest hundredth of the timeline, a usual refusal, and memory.
pub async fn beside_a_timeline(place: &Place) {
    // Behind a proxy: of one address all but the first few would be refused for guessing.
    let service = place.start_with(&["--trusted-proxies", "127.0.0.0/8"]);
    // As large as visits make it, by their records in the log index.
    for _ in 0..WARMING {
        get(service.site, "/public", "").await;
    }
    let before = service.memory();
    let end = Instant::now() + LASTING;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(keep_logging_in(service.site, number, end));
    }
    let mut visits = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        get(service.site, "/public", "").await;
        visits.push(started.elapsed());
    }
    let growth = service.memory() - before;
    let mut refusals = clients.join_all().await.concat();
    visits.sort_unstable();
    refusals.sort_unstable();
    eprintln!("{} visits, {} refusals", visits.len(), refusals.len());
    let name = |figure: &str| format!("{figure} beside {CLIENTS} log-ins");
    let slowest_hundredth = visits[(visits.len() * 99).div_ceil(100) - 1];
    place.row(&name("p99 of GET /public"), millis(slowest_hundredth), "ms", 50.0);
    let median = refusals.get(refusals.len() / 2).copied().unwrap_or_default();
    place.row(&name("p50 of a refusal"), millis(median), "ms", 20.0);
    // Two hashes at once at the size of OWASP's first choice; ours are smaller.
    place.row(&name("growth of memory"), growth, "MB", 38.0);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Wrong passwords, one after the other; how long each refusal for want of a place took.
async fn keep_logging_in(site: SocketAddr, client: u8, end: Instant) -> Vec<Duration> {
    let mut refusals = Vec::new();
    for attempt in 0_u32.. {
        let started = Instant::now();
        if started >= end {
            break;
        }
        let status = log_in(site, client, attempt).await;
        assert!([200, 503].contains(&status), "{status}");
        if status == 503 {
            refusals.push(started.elapsed());
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
    refusals
}

/// The status of one attempt, for a name and from an address of its own.
async fn log_in(site: SocketAddr, client: u8, attempt: u32) -> u16 {
    let form = format!("username=nobody+{client}+{attempt}&password=wrong");
    let address = format!("198.{}.{}.{client}", 18 + attempt / 256 % 2, attempt % 256);
    let request = http::Request::post("/login").header(HOST, "localhost");
    let request = request.header("x-forwarded-for", address);
    let request = request.body(Full::<Bytes>::from(form)).unwrap();
    http_client::send(site, request, TIMEOUT).await.unwrap().status.as_u16()
}
