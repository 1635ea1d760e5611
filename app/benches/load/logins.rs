//! Two hundred log-ins at once, and what a visitor of the public timeline notices of them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http_body_util::Full;
use minitwit::client;
use tokio::task::JoinSet;

use crate::service::{PATIENCE, Place, get};

const LOG_INS: usize = 200;

/// Slowest hundredth of the timeline, slowest refusal, and memory.
pub async fn beside_a_timeline(place: &Place) {
    let service = place.start();
    get(service.site, "/public", "").await;
    let before = service.memory();
    let mut log_ins = JoinSet::new();
    for number in 0..LOG_INS {
        log_ins.spawn(log_in(service.site, number));
    }
    let mut visits = Vec::new();
    let mut refusals = Vec::new();
    while !log_ins.is_empty() {
        let started = Instant::now();
        get(service.site, "/public", "").await;
        visits.push(started.elapsed());
        while let Some(ended) = log_ins.try_join_next() {
            let (status, after) = ended.unwrap();
            assert!([200, 429, 503].contains(&status), "{status}");
            if status != 200 {
                refusals.push(after);
            }
        }
    }
    visits.sort_unstable();
    refusals.sort_unstable();
    let slowest_hundredth = visits[(visits.len() * 99).div_ceil(100) - 1];
    eprintln!("{} visits, {} of {LOG_INS} log-ins refused", visits.len(), refusals.len());
    let name = |figure: &str| format!("{figure} beside {LOG_INS} log-ins");
    place.row(&name("p99 of GET /public"), millis(slowest_hundredth), "ms", 50.0);
    let median = refusals.get(refusals.len() / 2).copied().unwrap_or_default();
    place.row(&name("p50 of a refusal"), millis(median), "ms", 20.0);
    // Two hashes at once at the size of OWASP's first choice; ours are smaller.
    place.row(&name("growth of memory"), service.memory() - before, "MB", 38.0);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A wrong password for a name of its own; the status and how long it took.
async fn log_in(site: std::net::SocketAddr, number: usize) -> (u16, Duration) {
    let form = format!("username=nobody+{number}&password=wrong");
    let request = http::Request::post("/login").header(HOST, "localhost");
    let request = request.body(Full::<Bytes>::from(form)).unwrap();
    let started = Instant::now();
    let answer = client::send(site, request, PATIENCE).await.unwrap();
    (answer.status.as_u16(), started.elapsed())
}
