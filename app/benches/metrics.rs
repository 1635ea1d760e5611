//! What measuring costs: a scrape of a fresh service, a request, a statement, and a scrape of a service
//! that exposes as much as it can. `cargo bench -p minitwit --bench metrics`; bars: 3 µs, and 10 ms.
//! Logs and jobs, which expose some 350 series more, are not part of it.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use minitwit::exposition::{self, Exposition};
use minitwit::metrics::{self, Outcome, Request, RequestMetrics, StatementMetrics, Surface};
use minitwit::routes;
use tokio::runtime::Runtime;

const ROUTES: [&str; 8] = [
    "/",
    "/public",
    "/login",
    "/register",
    "/add_message",
    "/{username}",
    "/{username}/follow",
    "<unmatched>",
];

/// More than the service may measure apart.
const TOO_MANY: u16 = 300;

fn request(surface: Surface, route: &str, status: u16) -> Request<'_> {
    let (method, duration, statements) = ("GET", Duration::from_micros(830), 2);
    let outcome = Outcome::of(status);
    Request { surface, method, route, status, outcome, duration, statements }
}

/// Requests and statements beyond every bound, with the statuses that site and API have.
fn invent(requests: &RequestMetrics, statements: &StatementMetrics) {
    for number in 0..TOO_MANY {
        let (route, status) = (format!("/invented/{number}"), 200 + number % 4 * 100);
        for surface in [Surface::Web, Surface::Api, Surface::Ops] {
            requests.began(surface);
            requests.ended(&request(surface, &route, status));
        }
        let name: &'static str = Box::leak(format!("table{number}.read").into());
        for error_type in ["", "taken", "pool_timeout", "unavailable", "other"] {
            statements.ended(name, error_type, Duration::from_micros(200));
        }
    }
}

/// What rendering the exposition costs, under a name that says how long it is.
fn scrape(criterion: &mut Criterion, runtime: &Runtime, exposition: &Exposition, of: &str) {
    let text = runtime.block_on(exposition.render());
    let series = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count();
    criterion.bench_function(&format!("scrape {of}, {series} series"), |bencher| {
        bencher.iter(|| runtime.block_on(exposition.render()).len());
    });
}

fn measure(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let recorder = exposition::recorder().unwrap();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).unwrap();
    let requests = RequestMetrics::new(220);
    let statements = StatementMetrics::new("sqlite");
    metrics::start("sqlite", &["read", "write"], None);
    requests.expect_answers(&routes::EXPECTED_RESPONSES);
    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite"));
    let exposition = runtime.block_on(async {
        let db = Db::open(&url, PoolSizes { sqlite_readers: 4, postgres: 1 }).await.unwrap();
        db.expect_statements();
        Exposition::new(handle.clone(), db, dir.path().into(), None, None)
    });
    scrape(criterion, &runtime, &exposition, "a fresh service");

    // As often as the service does it: what was observed waits in memory until then.
    let mut observed = 0_u64;
    let mut upkeep = || {
        observed += 1;
        if observed.is_multiple_of(10_000) {
            handle.run_upkeep();
        }
    };
    let mut routes = ROUTES.iter().cycle();
    criterion.bench_function("observe a request", |bencher| {
        bencher.iter(|| {
            requests.began(Surface::Web);
            requests.ended(black_box(&request(Surface::Web, routes.next().unwrap(), 200)));
            upkeep();
        });
    });
    criterion.bench_function("observe a statement", |bencher| {
        bencher.iter(|| {
            statements.ended(black_box("messages.public"), "", Duration::from_micros(200));
            upkeep();
        });
    });

    invent(&requests, &statements);
    scrape(criterion, &runtime, &exposition, "a service that exposes all it can");
}

criterion_group!(benches, measure);
criterion_main!(benches);
