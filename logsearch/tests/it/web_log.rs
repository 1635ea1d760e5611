//! The generated web log is what benchmarks say it is.

use std::collections::HashSet;

use logsearch::export;
use logsearch::query::{Matcher, parse};
use logsearch::record::LogRecord;
use logsearch::testing::{BENCHMARK_QUERIES, WebLog};

const RECORDS: usize = 50_000;

#[test]
fn the_web_log_has_the_documented_shape() {
    let log: Vec<LogRecord> = WebLog::new(1).take(RECORDS).collect();
    let bytes: usize = log.iter().map(|record| export::line(record).len() + 1).sum();
    let statements = log.iter().filter(|record| record.field("db.query.text").is_some()).count();
    let hours = (log[RECORDS - 1].timestamp - log[0].timestamp) / 3_600_000_000 * 20;
    let users: HashSet<_> =
        log.iter().filter_map(|r| r.field("user.name")).map(|v| format!("{v:?}")).collect();
    assert!((285..=310).contains(&(bytes / RECORDS)), "{} bytes a record", bytes / RECORDS);
    assert!((570..=610).contains(&(statements * 1_000 / RECORDS)), "{statements} statements");
    assert!((20..=28).contains(&hours), "{hours} hours a million");
    assert!((1_000..=5_000).contains(&users.len()), "{} users", users.len());
    assert!(log.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert!(log.windows(2).all(|pair| pair[1].timestamp - pair[0].timestamp > -3_100));
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| WebLog::new(seed).take(1_000).collect::<Vec<_>>();
    assert_eq!(log(3), log(3));
    assert_ne!(log(3), log(4));
}

#[test]
fn every_benchmark_query_is_read_without_a_notice_and_finds_something() {
    let id = WebLog::new(1).request_id(17);
    for query in BENCHMARK_QUERIES {
        let parsed = parse(&query.text.replace("{request_id}", &id));
        assert!(parsed.notices.is_empty(), "{} {:?}", query.name, parsed.notices);
        let matcher = Matcher::new(&parsed.query);
        let hits = WebLog::new(1).take(RECORDS).filter(|record| matcher.matches(record)).count();
        println!("{:<22} {hits:>6} of {RECORDS}", query.name);
        assert!(hits > 0, "{}", query.name);
    }
}
