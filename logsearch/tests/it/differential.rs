//! The embedded store against brute force: generated records and generated queries, with partitions,
//! merges, the memory tail and restarts in between. The matcher decides what is right.

use std::sync::Arc;
use std::time::Duration;

use logsearch::MemoryStore;
use logsearch::embedded::{EmbeddedStore, Options};
use logsearch::fields;
use logsearch::query::{Comparison, Field, Matcher, Number, Operand, Query};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::store::{Aggregate, Aggregation, LogStore, PercentileGroup, Search, TimeRange};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const HOUR: i64 = 3_600_000_000;
const START: i64 = 1_700_000_000_000_000;

fn pick(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(ToOwned::to_owned)
}

fn message() -> impl Strategy<Value = String> {
    let word = pick(&[
        "request",
        "Timeout",
        "database",
        "is",
        "locked",
        "user",
        "ÄRGER",
        "sim",
        "fllws",
        "数据库",
        "42",
        "a_b",
        "x\u{1b}[31m",
        "\u{212a}elvin",
        "GET",
    ]);
    let separator = pick(&[" ", " ", "/", ".", ": ", "-"]);
    prop::collection::vec((word, separator), 0..7)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, gap)| [word, gap]).collect())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        pick(&[
            "/sim/msgs/anna",
            "/sim/Msgs/bob",
            "/public",
            "/sim/fllws/ø",
            "/msgs/Simulated%20User%2078",
            "/msgs/Simulated User 78",
            "/%E6%95%B0/%zz",
            "GET",
            "get",
            "5",
            "500"
        ]),
        pick(&["5.5", "true", "", "a\nb", "\u{212a}", "k", "ſ", "S", "1e16", "-3", "007"]),
        pick(&["Straße", "STRASSE", "ΣΑΣ", "σας", "u\u{308}nlu\u{308}", "ÜNLÜ", "\u{10fffd}"]),
        pick(&["18446744073709551615", "9223372036854775808", "9223372036854775807", "042 x"]),
        "[a-c]{0,2}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::Str),
        3 => prop_oneof![-3_i64..12, 400_i64..600, Just(i64::MAX), Just(10_000_000_000_000_000)]
            .prop_map(Value::Int),
        1 => prop_oneof![Just(5.0), Just(5.5), Just(-0.25), Just(1e16), Just(1e300)].prop_map(Value::Float),
        1 => any::<bool>().prop_map(Value::Bool),
    ]
}

/// Fields of every kind, each also with values of the wrong type.
const NAMES: &[&str] = &[
    fields::STATUS,
    fields::ROUTE,
    fields::PATH,
    fields::DURATION,
    fields::USER_ID,
    fields::REQUEST_ID,
    fields::ERROR_MESSAGE,
    fields::CALLSITE,
    "custom.tag",
    "custom.size",
    "odd.\u{7}name",
];

fn record_fields() -> impl Strategy<Value = Vec<(String, Value)>> {
    let usual = (
        prop::option::of((400_i64..600).prop_map(Value::Int)),
        prop::option::of((0_i64..2_000).prop_map(Value::Int)),
        prop::option::of(text().prop_map(Value::Str)),
        prop::option::of(message().prop_map(Value::Str)),
    );
    let odd = prop::collection::btree_map(pick(NAMES), value(), 0..4);
    (usual, odd).prop_map(|((status, duration, path, error), odd)| {
        let usual = [
            (fields::STATUS, status),
            (fields::DURATION, duration),
            (fields::PATH, path),
            (fields::ERROR_MESSAGE, error),
        ];
        let mut all = odd;
        for (name, value) in usual {
            if let Some(value) = value {
                all.entry(name.to_owned()).or_insert(value);
            }
        }
        all.into_iter().collect()
    })
}

prop_compose! {
    fn record()(
        gap in prop_oneof![10 => 0_i64..2_000_000, 1 => -90_000_000_i64..0],
        level in prop::sample::select(Level::ALL.to_vec()),
        target in pick(&["minitwit::api", "minitwit::db", "Tower"]),
        message in message(),
        fields in record_fields(),
    ) -> LogRecord {
        LogRecord { timestamp: gap, sequence: 0, level, target, message, fields }
    }
}

fn field() -> impl Strategy<Value = Field> {
    let all = NAMES.iter().copied().chain([
        fields::LEVEL,
        fields::TARGET,
        fields::MESSAGE,
        fields::SEQUENCE,
        "custom.missing",
        "error.stack_trace",
    ]);
    let names: Vec<&'static str> = all.collect();
    (prop::sample::select(names), prop::sample::select(vec![1, 1_000])).prop_map(|(name, scale)| {
        let scale = if name == fields::DURATION { scale } else { 1 };
        Field { typed: name.into(), name: name.into(), scale }
    })
}

fn number() -> impl Strategy<Value = Number> {
    let floats = prop_oneof![
        (-3_i32..12).prop_map(f64::from),
        (400_i32..600).prop_map(f64::from),
        Just(5.5),
        Just(0.7),
        Just(1e16),
        Just(-0.25),
    ];
    let large = [9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX, i64::MIN];
    prop_oneof![
        4 => floats.prop_map(Number::from),
        1 => prop::sample::select(large.to_vec()).prop_map(Number::from),
        1 => prop::sample::select(vec![u64::MAX, u64::MAX - 1, 1 << 63]).prop_map(Number::from),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    let words = pick(&["warn", "ERROR", "is locked", "minitwit::api", "timeout", "数据", "--"]);
    prop_oneof![
        number().prop_map(Operand::Number),
        text().prop_map(Operand::Text),
        words.prop_map(Operand::Text),
    ]
}

fn clause() -> impl Strategy<Value = Query> {
    let wild = pick(&[
        "*", "/sim/*", "g?t", "*s*", "min*::*", "time*", "/sim/fl*", "5*", "*locked", "?",
        "is.lock*", "*0?",
    ]);
    let regex = pick(&[
        "^/sim/(msgs|fllws)/",
        "^/sim/m",
        "(?-i)GET",
        "k",
        "^s?",
        "5",
        "^$",
        "locked.*user",
        "[^a-z]",
        r"\d\d",
        "tr.e",
        "^min",
    ]);
    let comparison = prop::sample::select(vec![
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ]);
    let bounds = prop_oneof![
        (number(), number()).prop_map(|(a, b)| (Operand::Number(a), Operand::Number(b))),
        (text(), text()).prop_map(|(a, b)| (Operand::Text(a), Operand::Text(b))),
    ];
    prop_oneof![
        1 => Just(Query::All),
        1 => Just(Query::Nothing),
        4 => message().prop_map(Query::Text),
        4 => text().prop_map(Query::Text),
        3 => pick(&[
            "is locked", "timeout", "数据", "…", "kelvin", "is lock*", "sim/f*", "user 7*", "数*", "5", "42",
            "strass*", "18446744073709551615",
        ])
        .prop_map(Query::Phrase),
        3 => pick(&["*lock*", "sim*", "?", "*0?", "fl*", "*", "/sim/fl*", "*u*", "5*", "is.lock*", "1844*"])
            .prop_map(Query::TextWild),
        6 => (field(), operand()).prop_map(|(field, wanted)| Query::Eq(field, wanted)),
        3 => (field(), text()).prop_map(|(field, text)| Query::Exact(field, text)),
        3 => (field(), text()).prop_map(|(field, text)| Query::PhraseIn(field, text)),
        4 => (field(), wild).prop_map(|(field, wild)| Query::Wild(field, wild)),
        4 => (field(), regex).prop_map(|(field, regex)| Query::Regex(field, regex)),
        4 => (field(), comparison, number()).prop_map(|(f, c, n)| Query::Compare(f, c, n)),
        3 => (field(), bounds).prop_map(|(field, (low, high))| Query::Range(field, low, high)),
        2 => (field(), prop::collection::vec(operand(), 1..4)).prop_map(|(f, o)| Query::In(f, o)),
        3 => field().prop_map(Query::Exists),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    clause().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|query| Query::Not(Box::new(query))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Query::And),
            prop::collection::vec(inner, 1..4).prop_map(Query::Or),
        ]
    })
}

/// Queries that exclude: alone, below others, from few and from many records.
fn negation() -> impl Strategy<Value = Query> {
    let not = |query| Query::Not(Box::new(query));
    prop_oneof![
        3 => clause().prop_map(not),
        2 => field().prop_map(move |field| not(Query::Exists(field))),
        2 => query().prop_map(not),
        1 => query().prop_map(move |query| not(not(query))),
        3 => (clause(), prop::collection::vec(clause(), 1..3)).prop_map(move |(from, excluded)| {
            Query::And(std::iter::once(from).chain(excluded.into_iter().map(not)).collect())
        }),
        1 => prop::collection::vec(clause(), 2..4)
            .prop_map(move |all| Query::And(all.into_iter().map(not).collect())),
        1 => (clause(), clause()).prop_map(move |(a, b)| Query::Or(vec![a, not(b)])),
    ]
}

/// Seeded, so that a failure can be looked at again.
struct Generator(TestRunner);

impl Generator {
    fn new(seed: u8) -> Self {
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    fn next<S: Strategy>(&mut self, strategy: &S) -> S::Value {
        strategy.new_tree(&mut self.0).unwrap().current()
    }
}

/// Small everything, so that a few thousand records have partitions, merges and a tail.
fn small() -> Options {
    Options {
        partition_records: 700,
        commit_records: 40,
        commit_interval: Duration::from_millis(40),
        writer_bytes: 15_000_000,
        deadline: Duration::from_mins(1),
        max_age: Duration::from_hours(100 * 365 * 24),
        ..Options::default()
    }
}

struct Expected {
    records: Vec<LogRecord>,
    /// The same, for questions about all of them.
    memory: MemoryStore,
    clock: i64,
}

impl Expected {
    fn new() -> Self {
        Self { records: Vec::new(), memory: MemoryStore::new(), clock: START }
    }

    /// Records as the store will number them.
    fn add(&mut self, generator: &mut Generator, count: usize) -> Vec<LogRecord> {
        let mut batch = Vec::new();
        for _ in 0..count {
            let mut record = generator.next(&record());
            self.clock += record.timestamp;
            record.timestamp = self.clock;
            batch.push(record);
        }
        batch
    }

    /// The clock goes back now and then, so the last record need not be the newest.
    fn span(&self) -> (i64, i64) {
        let times = || self.records.iter().map(|record| record.timestamp);
        (times().min().unwrap_or(START), times().max().unwrap_or(START))
    }

    fn matching(&self, query: &Query, range: TimeRange) -> Vec<&LogRecord> {
        let matcher = Matcher::new(query);
        let inside =
            |record: &&LogRecord| range.from <= record.timestamp && record.timestamp < range.to;
        let mut found: Vec<_> =
            self.records.iter().filter(inside).filter(|record| matcher.matches(*record)).collect();
        found.sort_by_key(|record| (record.timestamp, record.sequence));
        found
    }
}

async fn append(store: &EmbeddedStore, expected: &mut Expected, batch: &[LogRecord]) {
    let stored = store.wal().append_records(batch);
    let stored: Vec<_> = stored.records().map(LogRecord::from).collect();
    expected.memory.append(stored.clone()).await.unwrap();
    expected.records.extend(stored);
}

async fn pages(store: &EmbeddedStore, search: &Search) -> Vec<LogRecord> {
    let (mut search, mut all) = (search.clone(), Vec::new());
    loop {
        let page = store.search(&search).await.unwrap();
        assert!(!page.partial);
        all.extend(page.records);
        let Some(next) = page.next else { return all };
        search.after = Some(next);
    }
}

async fn check(
    store: &EmbeddedStore,
    expected: &Expected,
    query: &Query,
    generator: &mut Generator,
) {
    let (a, b) = generator.next(&(0_i64..100, 0_i64..100));
    let (oldest, newest) = expected.span();
    let at = |percent| oldest + (newest - oldest) * percent / 100;
    let narrow = TimeRange { from: at(a.min(b)), to: at(a.max(b)) + 1 };
    for range in [TimeRange { from: START - 100 * HOUR, to: i64::MAX / 2 }, narrow] {
        let mut wanted = expected.matching(query, range);
        for ascending in [true, false] {
            let limit = generator.next(&prop::sample::select(vec![3_usize, 50, 1_000]));
            let query = Arc::new(query.clone());
            let search = Search::new(query).within(range).ascending(ascending).limit(limit);
            // Small pages over everything take long; a few of them show the cursor works.
            let found = if limit == 3 && wanted.len() > 30 {
                store.search(&search).await.unwrap().records
            } else {
                pages(store, &search).await
            };
            if !ascending {
                wanted.reverse();
            }
            let wanted: Vec<_> = wanted.iter().take(found.len().max(3)).collect();
            let same = found.iter().eq(wanted.iter().map(|record| **record));
            assert!(
                same,
                "{query:?} {range:?} ascending {ascending}: {} found, {} wanted, first difference {:?}",
                found.len(),
                wanted.len(),
                found.iter().zip(&wanted).find(|(a, b)| *a != ***b),
                query = search.query
            );
            if limit != 3 {
                assert_eq!(found.len(), expected.matching(&search.query, range).len());
            }
        }
        let count = store.aggregate(range, query, &Aggregation::Count).await.unwrap();
        assert_eq!(count, Aggregate::Count(wanted.len() as u64), "{query:?} {range:?}");
    }
    check_aggregations(store, expected, query, narrow, generator).await;
}

/// One of each kind; over everything now and then, over a part mostly.
async fn check_aggregations(
    store: &EmbeddedStore,
    expected: &Expected,
    query: &Query,
    narrow: TimeRange,
    generator: &mut Generator,
) {
    let (oldest, newest) = expected.span();
    let everything = TimeRange { from: oldest - HOUR, to: newest + HOUR };
    let range = generator.next(&prop_oneof![1 => Just(everything), 2 => Just(narrow)]);
    for aggregation in generator.next(&aggregations(range)) {
        let found = store.aggregate(range, query, &aggregation).await;
        let found = found.unwrap_or_else(|error| panic!("{aggregation:?} in {range:?}: {error}"));
        let wanted = expected.memory.aggregate(range, query, &aggregation).await.unwrap();
        let same = match (&found, &wanted) {
            (Aggregate::Percentiles(found), Aggregate::Percentiles(wanted)) => {
                found.len() == wanted.len() && found.iter().zip(wanted).all(is_close)
            }
            _ => found == wanted,
        };
        assert!(same, "{aggregation:?} of {query:?} in {range:?}\n{found:?}\n{wanted:?}");
    }
}

fn aggregations(range: TimeRange) -> impl Strategy<Value = Vec<Aggregation>> {
    let name = || field().prop_map(|field| field.name);
    let size = || prop::sample::select(vec![0_usize, 1, 3, 1_000]);
    let interval = prop_oneof![
        Just(range.interval(1)),
        Just(range.interval(60)),
        // Of no usual length, so that bars and blocks of the index never agree.
        (2_i64..400).prop_map(move |bars| (range.to - range.from) / bars + 1),
    ];
    let histogram = interval.prop_map(|interval| Aggregation::Histogram { interval });
    let top = (prop::collection::vec(name(), 1..3), size())
        .prop_map(|(fields, size)| Aggregation::TopValues { fields, size });
    let percents = vec![0.0, 12.5, 50.0, 99.0, 100.0];
    let percentiles =
        (name(), prop::option::of(name()), size()).prop_map(move |(field, by, size)| {
            Aggregation::Percentiles { field, by, size, percents: percents.clone() }
        });
    let types = size().prop_map(|size| Aggregation::EventTypes { size });
    (histogram, top, percentiles, types).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

/// Percentiles are given to 2 %, everything about the groups exactly.
fn is_close((found, wanted): (&PercentileGroup, &PercentileGroup)) -> bool {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= b.abs() * 0.02;
    found.value == wanted.value
        && found.count == wanted.count
        && found.percentiles.len() == wanted.percentiles.len()
        && found.percentiles.iter().zip(&wanted.percentiles).all(near)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_equals_brute_force() {
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
    for seed in 0..seeds {
        let mut generator = Generator::new(seed);
        let directory = tempfile::tempdir().unwrap();
        let mut expected = Expected::new();
        for round in 0..3 {
            let store = EmbeddedStore::open(directory.path(), small()).unwrap();
            for _ in 0..6 {
                let batch = expected.add(&mut generator, 60);
                append(&store, &mut expected, &batch).await;
                if round % 2 == 0 {
                    assert!(store.flush(Duration::from_mins(1)).await);
                }
                for _ in 0..6 {
                    let query = generator.next(&query());
                    check(&store, &expected, &query, &mut generator).await;
                }
            }
            let status = store.status().await.unwrap();
            assert_eq!(
                (status.records, &status.notices),
                (expected.records.len() as u64, &Vec::new())
            );
        }
    }
}

/// Segments of several blocks of documents, since what is excluded is taken out block by block; windows cut
/// them and the partitions, and the end of the log is in memory.
#[tokio::test(flavor = "multi_thread")]
async fn negations_equal_brute_force_over_blocks_partitions_and_the_tail() {
    let options = Options {
        partition_records: 4_000,
        commit_records: 2_600,
        commit_interval: Duration::from_hours(1),
        ..small()
    };
    let mut generator = Generator::new(77);
    let directory = tempfile::tempdir().unwrap();
    let mut expected = Expected::new();
    for round in 0..2 {
        let store = EmbeddedStore::open(directory.path(), options.clone()).unwrap();
        for count in [2_600, 700] {
            let batch = expected.add(&mut generator, count);
            append(&store, &mut expected, &batch).await;
            // The last of all stays in memory.
            if round == 0 || count > 1_000 {
                assert!(store.flush(Duration::from_mins(1)).await);
            }
            for _ in 0..15 {
                let query = generator.next(&negation());
                check(&store, &expected, &query, &mut generator).await;
            }
        }
        let status = store.status().await.unwrap();
        assert_eq!(status.records, expected.records.len() as u64);
    }
}
