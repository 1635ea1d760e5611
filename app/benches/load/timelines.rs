//! Timelines with some messages against timelines with a hundred times as many.
//!
//! Two services run side by side and are asked in turn, so that whatever else the machine does meets
//! both alike.

use std::time::Instant;

use minitwit::auth::SessionToken;

use crate::postgres::Cluster;
use crate::service::{Place, Service, get};

const SMALL: u64 = 10_000;
const LARGE: u64 = 1_000_000;
const FOLLOWED: u64 = 500;
/// Requests of each kind to each service; the first tenth is not counted.
const SAMPLES: usize = 2_000;
const BAR: f64 = 1.2;

/// The ratio of the medians of the public and of a personal timeline.
pub async fn at_a_hundred_times_the_messages(cluster: Option<&'static Cluster>) {
    let token = SessionToken::generate().unwrap();
    let (small, large) = (Place::new(cluster), Place::new(cluster));
    fill(&small, SMALL, &token).await;
    fill(&large, LARGE, &token).await;
    let services = [small.start(), large.start()];
    let cookie = format!("sid={}", token.to_cookie());
    for service in &services {
        let answer = get(service.site, "/", &cookie).await;
        assert!(String::from_utf8_lossy(&answer.body).contains("My Timeline"));
    }
    for (name, path, cookie) in
        [("GET /public", "/public", ""), ("GET / with 500 followed", "/", &cookie)]
    {
        let [few, many] = medians(&services, path, cookie).await;
        eprintln!("{name}: p50 {few:.3} ms, with 1 M messages {many:.3} ms");
        large.row(&format!("p50 of {name}, 1 M to 10 k messages"), many / few, "times", BAR);
    }
}

/// Of each service, in milliseconds.
async fn medians(services: &[Service; 2], path: &str, cookie: &str) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..SAMPLES {
        // Neither is always the second.
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let started = Instant::now();
            get(services[which].site, path, cookie).await;
            times[which].push(started.elapsed());
        }
    }
    times.map(|mut times| {
        times.drain(..SAMPLES / 10);
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    })
}

/// A thousand readers, the first of whom is logged in and follows 500 of the others, and their messages,
/// a second apart.
async fn fill(place: &Place, messages: u64, token: &SessionToken) {
    let hash = token.hash().map(|byte| format!("{byte:02x}")).concat();
    let users = "INSERT INTO users (username, email, pw_hash, created_at)
        SELECT 'reader ' || i, 'reader' || i || '@example.com', 'none', 0";
    let follow = format!(
        "INSERT INTO followers (who_id, whom_id, created_at) SELECT r.id, u.id, 0 FROM users r, users u
         WHERE r.username = 'reader 1' AND u.id > r.id ORDER BY u.id LIMIT {FOLLOWED};"
    );
    let session = |token: &str, now: &str| {
        format!(
            "INSERT INTO sessions SELECT {token}, id, {now}, {now} FROM users
             WHERE username = 'reader 1';"
        )
    };
    let written = "INSERT INTO messages (author_id, text, pub_date)
        SELECT (SELECT MIN(id) FROM users) + (i * 7919) % 1000, 'message number ' || i,
               1500000000000000 + i * 1000000";
    let count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <";
    let sqlite = format!(
        "{count} 1000) {users} FROM n; {follow} {} {count} {messages}) {written} FROM n;",
        session(&format!("x'{hash}'"), "unixepoch() * 1000000"),
    );
    let postgres = format!(
        "{users} FROM generate_series(1, 1000) i; {follow} {}
         {written} FROM generate_series(1::BIGINT, {messages}) i;",
        session(&format!("'\\x{hash}'"), "(extract(epoch FROM now()) * 1000000)::BIGINT"),
    );
    place.sql(&sqlite, &postgres).await;
    // What a database does to itself over time.
    place.sql("PRAGMA optimize = 0x10002;", "VACUUM ANALYZE;").await;
}
