//! What measuring costs: a request, a statement, and a scrape of a service that was used and of one
//! that exposes as much as it can. `cargo bench -p minitwit --bench metrics`; bars: 3 µs, 3 µs, 10 ms.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use minitwit::exposition::{self, Exposition};
use minitwit::metrics::{self, Request, RequestMetrics, StatementMetrics, Surface};

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

fn request(route: &str, status: u16) -> Request<'_> {
    let (surface, method) = (Surface::Web, "GET");
    let (duration, statements) = (Duration::from_micros(830), 2);
    Request { surface, method, route, status, duration, statements }
}

fn measure(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let recorder = exposition::recorder().unwrap();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).unwrap();
    let requests = RequestMetrics::new(180);
    let statements = StatementMetrics::new("sqlite");
    metrics::start("sqlite", &["read", "write"], None);

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
            requests.ended(black_box(&request(routes.next().unwrap(), 200)));
            upkeep();
        });
    });
    criterion.bench_function("observe a statement", |bencher| {
        bencher.iter(|| {
            statements.ended(black_box("messages.public"), "", Duration::from_micros(200));
            upkeep();
        });
    });

    let dir = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(dir.path().join("minitwit.sqlite"));
    let exposition = runtime.block_on(async {
        let db = Db::open(&url, PoolSizes { sqlite_readers: 4, postgres: 1 }).await.unwrap();
        Exposition::new(handle.clone(), db, dir.path().into(), None, None)
    });
    let mut scrape = |name| {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(exposition.render()).len());
        });
    };
    scrape("scrape a service that was used");
    let invented: Vec<_> = (0..200).map(|number| format!("/invented/{number}")).collect();
    for (route, status) in invented.iter().zip((200..220).cycle()) {
        requests.ended(&request(route, status));
    }
    for number in 0..100 {
        let name: &'static str = Box::leak(format!("table{number}.read").into());
        statements.ended(name, "", Duration::from_micros(200));
    }
    scrape("scrape a service with the most series");
}

criterion_group!(benches, measure);
criterion_main!(benches);
