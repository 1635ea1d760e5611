//! What every [`LogStore`] promises, one function per promise. Each takes a fresh, empty store and
//! panics when the promise is broken. [`log_store_suite!`](crate::log_store_suite) runs them all.

#![expect(clippy::missing_panics_doc, reason = "to panic is how a test says no")]

mod compare;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::compare::{compare, compare_aggregation};
use super::{Queries, WebLog, odd_records};
use crate::fields;
use crate::memory::MemoryStore;
use crate::query::{Query, parse};
use crate::record::{Level, LogRecord, Value};
use crate::store::{
    Aggregate, Aggregation, Bucket, Cursor, LogStore, MAX_PAGE, Pages, Search, TimeRange,
};

/// How long a store may take to make records searchable before the suite gives up.
const TIMEOUT: Duration = Duration::from_secs(30);

type Store = Arc<dyn LogStore>;

/// Appends records and waits until the store says that they can be found.
pub async fn fill(store: &dyn LogStore, records: Vec<LogRecord>) {
    store.append(records).await.expect("append");
    let appended = now();
    let deadline = Instant::now() + TIMEOUT;
    while store.status().await.expect("status").searchable_until < appended {
        assert!(Instant::now() < deadline, "records were not searchable after {TIMEOUT:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Microseconds since the Unix epoch.
fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// A search for the first so many matches.
pub fn search(text: &str, range: TimeRange, ascending: bool, limit: usize) -> Search {
    Search::new(parse(text).query).within(range).ascending(ascending).limit(limit)
}

/// Collects all matching records, page by page.
pub async fn walk(store: &dyn LogStore, mut search: Search) -> Vec<LogRecord> {
    let mut records = Vec::new();
    loop {
        let page = store.search(&search).await.expect("search");
        assert!(!page.partial, "a search over the suite's data ran into its deadline");
        assert!(page.records.len() <= search.limit.clamp(1, MAX_PAGE), "a page is too long");
        assert!(page.next.is_none() || !page.records.is_empty(), "an empty page has no next");
        records.extend(page.records);
        match page.next {
            Some(next) => search.after = Some(next),
            None => return records,
        }
    }
}

/// A store in memory with exactly the records of another, for comparison.
pub async fn reference(store: &dyn LogStore) -> MemoryStore {
    let memory = MemoryStore::new();
    let records = walk(store, search("*", TimeRange::ALL, true, MAX_PAGE)).await;
    memory.append(records).await.expect("append to memory");
    memory
}

fn cursor(record: &LogRecord) -> Cursor {
    (record.timestamp, record.sequence)
}

/// A record with this time and message, and a number that no other record of the suite has.
fn record(number: u64, timestamp: i64, message: &str) -> LogRecord {
    LogRecord {
        timestamp,
        sequence: number,
        level: Level::ALL[usize::try_from(number % 5).unwrap_or(0)],
        target: "suite".into(),
        message: message.into(),
        fields: vec![("suite.number".into(), Value::Int(i64::try_from(number).unwrap_or(0)))],
    }
}

fn numbers(records: &[LogRecord]) -> Vec<&Value> {
    records.iter().filter_map(|record| record.field("suite.number")).collect()
}

async fn count(store: &dyn LogStore, range: TimeRange, text: &str) -> u64 {
    store.count(range, &parse(text).query).await.expect("count")
}

/// Promise: a record is found once the store says so.
pub async fn a_record_is_found_once_the_store_says_so(store: Store) {
    for number in 1..=5 {
        fill(&*store, vec![record(number, 1_000, "hello")]).await;
        let found = walk(&*store, search("hello", TimeRange::ALL, false, 10)).await;
        assert_eq!(found.len() as u64, number);
    }
    assert_eq!(store.status().await.expect("status").records, 5);
}

/// Promise: records come back as they were given. Fields may come back in another order.
pub async fn records_come_back_as_they_were_given(store: Store) {
    let given: Vec<LogRecord> = odd_records(1).take(300).chain(WebLog::new(1).take(300)).collect();
    let given: Vec<LogRecord> =
        (1..).zip(given).map(|(n, r)| LogRecord { sequence: n, ..r }).collect();
    fill(&*store, given.clone()).await;
    let mut found = walk(&*store, search("*", TimeRange::ALL, true, 100)).await;
    assert!(found.iter().map(|record| record.sequence).collect::<HashSet<_>>().len() == 600);
    found.sort_by_key(|record| record.sequence);
    for (given, found) in given.iter().zip(&found) {
        assert_eq!(sorted(given), LogRecord { sequence: given.sequence, ..sorted(found) });
    }
}

fn sorted(record: &LogRecord) -> LogRecord {
    let mut record = record.clone();
    record.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    record
}

/// Promise: every record is on exactly one page in both orders. Fifty records share each microsecond.
pub async fn every_record_is_on_exactly_one_page_in_both_orders(store: Store) {
    let given =
        (1..=500).map(|n| record(n, 10 + i64::try_from(n).unwrap_or(0) / 50, "page")).collect();
    fill(&*store, given).await;
    let oldest = walk(&*store, search("page", TimeRange::ALL, true, 7)).await;
    let newest = walk(&*store, search("page", TimeRange::ALL, false, 37)).await;
    assert_eq!(oldest.len(), 500);
    assert!(oldest.windows(2).all(|pair| cursor(&pair[0]) < cursor(&pair[1])), "oldest first");
    assert!(newest.iter().rev().eq(&oldest), "newest first is oldest first backwards");
    let again = walk(&*store, search("page", TimeRange::ALL, true, 1)).await;
    assert_eq!(again.len(), 500, "pages of one");
}

/// Promise: a page walk over ten thousand records is complete.
pub async fn a_page_walk_over_ten_thousand_records_is_complete(store: Store) {
    for chunk in (1..=10_000).collect::<Vec<u64>>().chunks(2_500) {
        let given =
            chunk.iter().map(|n| record(*n, i64::try_from(n / 3).unwrap_or(0), "walk")).collect();
        fill(&*store, given).await;
    }
    let found = walk(&*store, search("walk", TimeRange::ALL, false, 613)).await;
    let mut seen = HashSet::new();
    assert!(found.iter().all(|record| seen.insert(cursor(record))), "no record twice");
    assert_eq!(found.len(), 10_000);
    let whole =
        store.search(&search("walk", TimeRange::ALL, false, usize::MAX)).await.expect("search");
    assert_eq!((whole.records.len(), whole.next), (MAX_PAGE, None));
}

/// Promise: a cursor stays where it is while records arrive.
pub async fn a_cursor_stays_where_it_is_while_records_arrive(store: Store) {
    fill(&*store, (0..2_000).map(|n| record(n, n.cast_signed() / 3, "early")).collect()).await;
    for ascending in [false, true] {
        let mut asked = search("early", TimeRange::ALL, ascending, 90);
        let wanted = walk(&*store, asked.clone()).await;
        let mut found = Vec::new();
        loop {
            let page = store.search(&asked).await.expect("search");
            found.extend(page.records);
            let Some(next) = page.next else { break };
            asked.after = Some(next);
            // Around the cursor, of its very time too, and enough for the store to put in order.
            let times = [next.0 - 1, next.0, next.0 + 1].into_iter().cycle().take(300);
            fill(&*store, times.map(|time| record(9_999, time, "late")).collect()).await;
        }
        assert_eq!(found, wanted, "ascending {ascending}");
    }
}

/// Promise: a window includes its start and excludes its end.
pub async fn a_window_includes_its_start_and_excludes_its_end(store: Store) {
    fill(&*store, (1..=9).map(|n| record(n, i64::try_from(n).unwrap_or(0) * 10, "w")).collect())
        .await;
    let range = TimeRange { from: 30, to: 60 };
    let found = walk(&*store, search("*", range, true, 100)).await;
    assert_eq!(numbers(&found), [&Value::Int(3), &Value::Int(4), &Value::Int(5)]);
    assert_eq!(count(&*store, range, "w").await, 3);
    assert_eq!(count(&*store, TimeRange { from: 31, to: 61 }, "w").await, 3);
    assert_eq!(count(&*store, TimeRange { from: 90, to: 91 }, "*").await, 1);
}

/// Promise: an empty or reversed window has no records.
pub async fn an_empty_or_reversed_window_has_no_records(store: Store) {
    fill(&*store, vec![record(1, 10, "w")]).await;
    for (from, to) in [(10, 10), (11, 10), (11, 20), (0, 10), (i64::MAX, i64::MIN)] {
        let range = TimeRange { from, to };
        let page = store.search(&search("*", range, false, 10)).await.expect("search");
        assert_eq!((page.records.len(), page.next), (0, None), "{range:?}");
        assert_eq!(count(&*store, range, "*").await, 0, "{range:?}");
    }
    let reversed = TimeRange { from: 11, to: 10 };
    let histogram = Aggregation::Histogram { interval: 1 };
    let answer = store.aggregate(reversed, &parse("*").query, &histogram).await;
    assert_eq!(answer.expect("histogram"), Aggregate::Histogram(Vec::new()));
}

/// Promise: text is found in any case.
pub async fn text_is_found_in_any_case(store: Store) {
    let messages = ["Database IS Locked", "database locked", "ÄRGER im Café", "数据库 is locked"];
    fill(&*store, (1..).zip(messages).map(|(n, text)| record(n, 5, text)).collect()).await;
    for (text, hits) in [
        ("locked", 3),
        ("LOCKED", 3),
        ("\"is locked\"", 2),
        ("\"locked is\"", 0),
        ("database", 2),
        ("ärger", 1),
        ("CAFÉ", 1),
        ("数据", 1),
        ("据数", 0),
        ("lock", 0),
        ("lock*", 3),
        ("-locked", 1),
        ("database -is", 1),
        ("NOT database", 2),
        ("target:SUITE", 4),
        ("target:=SUITE", 0),
    ] {
        assert_eq!(count(&*store, TimeRange::ALL, text).await, hits, "{text}");
    }
}

/// Promise: an expression regards case only when told to.
pub async fn an_expression_regards_case_only_when_told_to(store: Store) {
    let mut record = record(1, 5, "GET /public");
    for name in [fields::METHOD, "suite.method"] {
        record.fields.push((name.into(), Value::Str("GET".into())));
    }
    fill(&*store, vec![record]).await;
    for field in ["message", "method", "suite.method"] {
        for (pattern, hits) in [("get", 1), ("(?-i)GET", 1), ("(?-i)get", 0)] {
            let text = format!("{field}=~\"{pattern}\"");
            assert_eq!(count(&*store, TimeRange::ALL, &text).await, hits, "{text}");
        }
    }
}

/// Promise: an unknown field matches nothing and is no error.
pub async fn an_unknown_field_matches_nothing_and_is_no_error(store: Store) {
    fill(&*store, vec![record(1, 5, "hello")]).await;
    for text in [
        "no.such:1",
        "no.such:*",
        "no.such>1",
        "no.such=~\"x\"",
        "no.such:a*",
        "user:x",
        "status:[1 TO 5]",
    ] {
        assert_eq!(count(&*store, TimeRange::ALL, text).await, 0, "{text}");
        assert_eq!(count(&*store, TimeRange::ALL, &format!("-{text}")).await, 1, "-{text}");
    }
}

async fn with_web_log(store: &dyn LogStore, records: usize) -> (MemoryStore, TimeRange) {
    let records: Vec<LogRecord> = WebLog::new(7).take(records).collect();
    let from = records.iter().map(|record| record.timestamp).min().unwrap_or(0);
    let to = records.iter().map(|record| record.timestamp).max().unwrap_or(0) + 1;
    fill(store, records).await;
    (reference(store).await, TimeRange { from, to })
}

/// Promise: bars are contiguous and add up to the count.
pub async fn bars_are_contiguous_and_add_up_to_the_count(store: Store) {
    let (_, range) = with_web_log(&*store, 2_000).await;
    for text in ["*", "level>=warn", "request_id:*"] {
        let interval = range.interval(60);
        let bars = store.histogram(range, &parse(text).query, interval).await.expect("histogram");
        assert!(bars.len() <= 60 && bars.len() > 10, "{} bars", bars.len());
        assert!(bars.windows(2).all(|pair| pair[1].start - pair[0].start == interval));
        assert!(bars.iter().all(|bar| bar.start % interval == 0), "aligned to the epoch");
        assert!(bars[0].start <= range.from && bars[0].start + interval > range.from);
        let sum: u64 = bars.iter().flat_map(|bar: &Bucket| bar.counts).sum();
        assert_eq!(sum, count(&*store, range, text).await, "{text}");
    }
}

/// Promise: a histogram with too many bars is refused.
pub async fn a_histogram_with_too_many_bars_is_refused(store: Store) {
    fill(&*store, vec![record(1, 5, "hello")]).await;
    for (range, interval) in [
        (TimeRange { from: 0, to: 10_001 }, 1),
        (TimeRange { from: 0, to: 10 }, 0),
        (TimeRange { from: 0, to: 10 }, -1),
        (TimeRange::ALL, 86_400_000_000),
    ] {
        assert!(store.histogram(range, &Query::All, interval).await.is_err(), "{range:?}");
    }
}

/// Promise: top values others and missing add up to the count.
pub async fn top_values_others_and_missing_add_up_to_the_count(store: Store) {
    let (_, range) = with_web_log(&*store, 2_000).await;
    let names =
        ["http.route", "level", "target", "user.name", "http.response.status_code", "no.such"];
    let query = parse("-level:trace").query;
    let tops = store.top_values(range, &query, &names, 4).await.expect("top values");
    let total = count(&*store, range, "-level:trace").await;
    assert!(tops.iter().map(|top| top.field.as_str()).eq(names));
    for top in tops {
        assert!(top.values.len() <= 4);
        let listed: u64 = top.values.iter().map(|(_, count)| count).sum();
        assert_eq!(listed + top.others + top.missing, total, "{top:?}");
        let mut ordered = top.values.clone();
        ordered.sort_by(|(a, left), (b, right)| right.cmp(left).then(a.cmp(b)));
        assert_eq!(top.values, ordered);
    }
}

/// Promise: percentiles are within two percent.
pub async fn percentiles_are_within_two_percent(store: Store) {
    let (reference, range) = with_web_log(&*store, 5_000).await;
    for by in [None, Some("http.route".to_owned()), Some("code.callsite".to_owned())] {
        let asked = Aggregation::Percentiles {
            field: fields::DURATION.into(),
            by,
            size: 5,
            percents: vec![0.0, 50.0, 95.0, 99.0, 100.0],
        };
        compare_aggregation(&*store, &reference, range, "*", &asked).await;
        compare_aggregation(&*store, &reference, range, "no.such:*", &asked).await;
    }
}

/// Promise: event types show the newest record of each place.
pub async fn event_types_show_the_newest_record_of_each_place(store: Store) {
    let (reference, range) = with_web_log(&*store, 2_000).await;
    for text in ["*", "level>=info", "callsite:*"] {
        let asked = Aggregation::EventTypes { size: 6 };
        compare_aggregation(&*store, &reference, range, text, &asked).await;
    }
}

/// Promise: the context of a record is what stands around it.
pub async fn the_context_of_a_record_is_what_stands_around_it(store: Store) {
    fill(&*store, (1..=40).map(|n| record(n, i64::try_from(n / 4).unwrap_or(0), "c")).collect())
        .await;
    let all = walk(&*store, search("*", TimeRange::ALL, true, 100)).await;
    let query = Arc::new(parse("c").query);
    let context = store.context(cursor(&all[20]), query, 5).await.expect("context");
    assert_eq!(context.before, all[15..20]);
    assert_eq!(context.after, all[21..26]);
    let first =
        store.context(cursor(&all[0]), Arc::new(parse("*").query), 3).await.expect("context");
    assert_eq!((first.before.len(), first.after.len()), (0, 3));
}

/// Promise: an export has every matching record.
pub async fn an_export_has_every_matching_record(store: Store) {
    let (reference, range) = with_web_log(&*store, 3_000).await;
    let wanted = walk(&reference, search("request_id:*", range, true, MAX_PAGE)).await;
    let mut pages = Pages::new(store, search("request_id:*", range, true, 100));
    let mut found = Vec::new();
    while let Some(page) = pages.next().await.expect("page") {
        found.extend(page);
    }
    assert_eq!(found, wanted);
}

/// Promise: answers over a web log equal brute force.
pub async fn answers_over_a_web_log_equal_brute_force(store: Store) {
    let (reference, range) = with_web_log(&*store, 3_000).await;
    let records: Vec<LogRecord> = WebLog::new(7).take(3_000).collect();
    for text in Queries::new(3, &records).take(60) {
        compare(&*store, &reference, range, &text).await;
    }
}

/// Promise: answers over odd records equal brute force.
pub async fn answers_over_odd_records_equal_brute_force(store: Store) {
    let records: Vec<LogRecord> = odd_records(5).take(400).collect();
    fill(&*store, records.clone()).await;
    let reference = reference(&*store).await;
    let range = TimeRange { from: -750_000, to: 10_000_001 };
    for text in Queries::new(5, &records).take(120) {
        compare(&*store, &reference, range, &text).await;
    }
}
