//! Properties of the query language: every input is a query, printing is the inverse of parsing,
//! hostile input costs little.

use std::thread;
use std::time::Duration;

use logsearch::query::{Chips, Field, MAX_CHARS, Matcher, Notice, Query, complete, parse};
use logsearch::record::{Level, LogRecord, Value, ValueRef};
use logsearch::testing::quoted;
use proptest::prelude::*;

/// Pieces that mean something to the parser, alone and next to each other.
const PIECES: &[&str] = &[
    "a",
    "B",
    "error",
    "é",
    "数",
    " ",
    "  ",
    "\t",
    "(",
    ")",
    "\"",
    "\\",
    "-",
    "!",
    "+",
    "#",
    "*",
    "?",
    ":",
    "::",
    "=",
    "==",
    "!=",
    "=~",
    "!~",
    "~",
    ">",
    ">=",
    "<",
    "<=",
    "[",
    "]",
    "[1 TO 5]",
    "[* TO 5]",
    "[a TO b]",
    "[warn TO error]",
    "IN [",
    "IN",
    ",",
    " TO ",
    "AND",
    "OR",
    "NOT",
    " and ",
    " or ",
    " not ",
    "&&",
    "||",
    "|",
    "{",
    "}",
    "{\"",
    "[ERROR] ",
    "level:",
    "level>=",
    "level",
    "warn",
    "status:",
    "status",
    "5xx",
    "404",
    "5",
    "1.5",
    "1e3",
    "007",
    "ms",
    "250ms",
    "duration:",
    "duration_ms>",
    "db_count",
    "user:",
    "user",
    "message:",
    "my.field:",
    "my.time_ms>",
    "@level:",
    "usr:",
    "path:/a/",
    "_exists_:",
    "null",
    "f.g:(",
    ":(",
    "x/y.z",
    "2026-11-22 10:00:00 INFO ",
    "main.rs:42",
    "'",
    "`",
    "%",
    "^",
    "\u{0}",
    "\u{202e}",
    "event.sequence:",
    ".",
    "-(",
    "#(",
    "#\"",
];

fn query_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES).prop_map(str::to_owned);
    let piece = prop_oneof![8 => piece, 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(2_000), failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn printing_is_the_inverse_of_parsing(text in query_text()) {
        let query = parse(&text).query;
        let printed = query.to_string();
        prop_assert_eq!(&parse(&printed).query, &query, "{} printed as {}", text, printed);
        prop_assert_eq!(parse(&printed).query.to_string(), printed);
    }

    #[test]
    fn chips_keep_the_meaning_of_a_query(text in query_text()) {
        let parsed = parse(&text);
        prop_assert_eq!(Chips::of(&parsed).query(), parsed.query.clone());
        let printed = Chips::of(&parsed).to_string();
        let again = parse(&printed);
        prop_assert_eq!(quoted(again.query.clone()), quoted(parsed.query.clone()), "{} printed as {}", text, printed);
        let disabled = |chips: &Chips| chips.0.iter().filter(|chip| !chip.enabled).count();
        prop_assert_eq!(disabled(&Chips::of(&again)), disabled(&Chips::of(&parsed)), "{}", printed);
    }

    #[test]
    fn a_disabled_chip_comes_back_when_enabled(text in query_text()) {
        let chips = Chips::parse(&text);
        for index in 0..chips.0.len() {
            let off = chips.clone().toggled(index);
            let read = Chips::parse(&off.to_string());
            prop_assert_eq!(quoted(read.query()), quoted(off.query()), "{} as {}", text, off);
            let disabled = |chips: &Chips| chips.0.iter().filter(|chip| !chip.enabled).count();
            prop_assert_eq!(disabled(&read), disabled(&off), "{} as {}", text, off);
        }
    }

    #[test]
    fn notices_lie_inside_the_text(text in query_text()) {
        for notice in parse(&text).notices {
            prop_assert!(text.get(notice.span.clone()).is_some(), "{:?}", notice);
        }
    }

    #[test]
    fn a_clicked_value_finds_its_record(value in clicked_value(), name in clicked_field()) {
        let fields = vec![(name.clone(), Value::Str(value.clone()))];
        let clause = Query::value_clause(&name, ValueRef::Str(&value));
        let printed = clause.to_string();
        let read = parse(&printed).query;
        prop_assert_eq!(&read, &clause, "printed as {}", printed);
        prop_assert!(read.matches(&record(fields)), "{}", printed);
        prop_assert!(!parse(&(!clause).to_string()).query.matches(&record(vec![(name, Value::Str(value))])));
    }

    #[test]
    fn whatever_is_being_typed_can_be_completed(text in query_text(), caret in 0..80_usize) {
        let (chosen, after) = complete(&text, caret).choose(&text, "x y");
        prop_assert!(chosen.is_char_boundary(after), "{} {}", chosen, after);
    }

    #[test]
    fn combined_queries_match_what_both_or_either_match(left in query_text(), right in query_text()) {
        let (left, right) = (parse(&left).query, parse(&right).query);
        let record = record(vec![("my.field".into(), Value::Str("a".into()))]);
        let (one, other) = (left.matches(&record), right.matches(&record));
        let (both, either) = (left.clone().and(right.clone()), left.clone().or(right));
        prop_assert_eq!((both.matches(&record), either.matches(&record)), (one && other, one || other));
        prop_assert_eq!(both.clone().and(left), both, "a clause is there once");
    }

    #[test]
    fn negation_is_the_opposite(text in query_text()) {
        let query = parse(&text).query;
        let record = record(vec![("my.field".into(), Value::Str("a".into()))]);
        prop_assert_ne!(query.matches(&record), (!query.clone()).matches(&record));
    }
}

fn clicked_value() -> impl Strategy<Value = String> {
    let long = prop_oneof![any::<String>(), query_text(), Just("e\u{301}".to_owned())];
    let long = (long, 300..2_500_usize).prop_map(|(text, times)| text.repeat(times));
    let long = long.prop_map(|text| text.chars().take(2_500).collect::<String>());
    prop_oneof![
        4 => any::<String>(),
        4 => query_text(),
        4 => "[a-z/]{1,12}",
        4 => "[0-9.]{1,6}",
        1 => long,
    ]
}

fn clicked_field() -> impl Strategy<Value = String> {
    prop::sample::select(
        &["user.name", "url.path", "error.message", "my.field", "code.callsite", "plain"][..],
    )
    .prop_map(str::to_owned)
}

fn record(fields: Vec<(String, Value)>) -> LogRecord {
    LogRecord {
        timestamp: 0,
        sequence: 1,
        level: Level::Warn,
        target: "minitwit::sim".into(),
        message: "database is locked".into(),
        fields,
    }
}

/// Each was found by chance or by a fuzzer.
#[test]
fn texts_that_were_printed_wrongly_once() {
    for text in [
        "\\ or duration:*) TO #(\"",
        "a OR path:/b*) #level:warn",
        "path:*) c*) (d OR path:e?)",
        "usr:\"a\\",
        "usr:\"a\\\\",
        "usr:\"\\",
        "path!~O_ti\\\"",
        "path=~\\\\\"a",
        "user_id:nulL",
    ] {
        let parsed = parse(text);
        let printed = parsed.query.to_string();
        assert_eq!(parse(&printed).query, parsed.query, "{text} printed as {printed}");
        let chips = Chips::of(&parsed).to_string();
        let again = parse(&chips);
        assert_eq!(
            quoted(again.query.clone()),
            quoted(parsed.query.clone()),
            "{text} printed as {chips}"
        );
        assert_eq!(Chips::of(&again).0.len(), Chips::of(&parsed).0.len(), "{chips}");
    }
    let parsed = parse("path:/msgs/*)");
    assert_eq!(parsed.query, parse("path:/msgs/*").query);
    assert_eq!(parsed.notices[0].message, "unmatched ) ignored");
}

#[test]
fn a_value_too_long_for_a_query_is_found_by_its_start() {
    for text in ["/a/b%20".repeat(400), "x".repeat(3_000), "two words (and) \"more\" ".repeat(200)]
    {
        for name in ["url.path", "error.message", "my.field"] {
            let clause = Query::value_clause(name, ValueRef::Str(&text));
            let printed = clause.to_string();
            assert!(printed.chars().count() < MAX_CHARS / 2, "{printed}");
            let with = |text: &str| record(vec![(name.into(), Value::Str(text.into()))]);
            assert_eq!(parse(&printed).query, clause);
            assert!(clause.matches(&with(&text)), "{printed}");
            assert!(!clause.matches(&with("/other")) || name == "error.message", "{printed}");
        }
    }
}

#[test]
fn whole_numbers_are_compared_exactly() {
    let with = |value: Value| record(vec![("my.num".into(), value)]);
    for number in [9_007_199_254_740_992, 9_007_199_254_740_993, i64::MAX - 1, i64::MAX, i64::MIN] {
        let exact = with(Value::Int(number));
        for (query, holds) in [
            (format!("my.num:{number}"), true),
            (format!("my.num>={number}"), true),
            (format!("my.num<={number}"), true),
            (format!("my.num>{number}"), false),
            (format!("my.num<{number}"), false),
            (format!("my.num:[{number} TO {number}]"), true),
            (format!("my.num:{}", i128::from(number) + 1), false),
            (format!("my.num>{}", i128::from(number) - 1), true),
            (format!("my.num<{}", i128::from(number) + 1), true),
            (format!("my.num:[{} TO *]", i128::from(number) + 1), false),
        ] {
            let read = parse(&query).query;
            assert_eq!(read.matches(&exact), holds, "{query}");
            assert_eq!(parse(&read.to_string()).query, read, "{query}");
        }
    }
    // Records keep what is above as text.
    let largest = with(Value::Str(u64::MAX.to_string()));
    for (query, holds) in [
        ("my.num:18446744073709551615", true),
        ("my.num>18446744073709551614", true),
        ("my.num>=18446744073709551616", false),
        ("my.num<18446744073709551615", false),
        ("my.num:[9223372036854775808 TO 18446744073709551615]", true),
    ] {
        assert_eq!(parse(query).query.matches(&largest), holds, "{query}");
    }
}

#[test]
fn words_are_found_in_every_text_and_parts_of_them_by_a_pattern() {
    let record = record(vec![
        ("url.path".into(), Value::Str("/msgs/Simulated%20User%2078".into())),
        ("db.query.text".into(), Value::Str("INSERT INTO message (text) VALUES (?)".into())),
        ("client.address".into(), Value::Str("127.0.0.1".into())),
        ("code.callsite".into(), Value::Str("app/src/api/latest.rs:42".into())),
        ("my.reason".into(), Value::Str("bad_password".into())),
        ("trace.id".into(), Value::Str("4bf92f3577b34da6a3ce929d0e0e4736".into())),
        ("user.name".into(), Value::Str("ΣΑΣ Stra\u{df}e u\u{308}nlu\u{308}".into())),
        ("http.response.status_code".into(), Value::Int(503)),
    ]);
    for text in [
        "INSERT",
        "bad_password",
        "latest.rs",
        "127.0.0.1",
        "locked",
        "sim",
        "Simulated User 78",
        "\"Simulated User 78\"",
        "2078",
        "path:\"/msgs/Simulated User 78\"",
        "path:\"/MSGS/simulated%20user%2078\"",
        "path:*User?78",
        "*lock*",
        "avail* OR lock*",
        "*assw*",
        "\"database is lo*\"",
        "\"Simulated Us*\"",
        "4BF92F3577B34DA6A3CE929D0E0E4736",
        "4bf9*",
        "\"4bf9*\"",
        "σας",
        "STRASSE",
        "straße",
        "ünlü",
        "u\u{308}nlu\u{308}",
        "user:\"σας strasse ÜNLÜ\"",
        "user:*ÜNL*",
    ] {
        assert!(parse(text).query.matches(&record), "{text}");
    }
    for text in [
        "lock",
        "503",
        "\"database lo*\"",
        "4bf92f35",
        "b34da6",
        "unlu",
        "path:=\"/msgs/Simulated User 78\"",
    ] {
        assert!(!parse(text).query.matches(&record), "{text}");
    }
}

#[test]
fn a_query_can_be_narrowed_to_sentences() {
    for (text, narrowed) in [
        ("locked", Some("message:\"locked\" OR error:\"locked\"")),
        ("level:error -*ock*", Some("level:error -(message:*ock* OR error:*ock*)")),
        ("level:error", None),
    ] {
        let query = parse(text).query.in_sentences();
        assert_eq!(query.map(|query| query.to_string()).as_deref(), narrowed, "{text}");
    }
}

#[test]
fn nothing_finds_nothing_without_a_notice() {
    for (text, message, correction) in [
        ("level:errr", "'errr' is not a level", Some("error")),
        ("level:=wran", "'wran' is not a level", Some("warn")),
        ("level>=fatal", "'fatal' is not a level", Some("error")),
        ("level:\"xyz\"", "'xyz' is not a level", None),
        ("level:IN [error, wanr]", "'wanr' is not a level", None),
        ("level:(error OR infoo)", "'infoo' is not a level", Some("info")),
        ("level:[warn TO eror]", "'eror' is not a level", None),
        ("level:x*", "'x*' is not a level", None),
        ("status:abc", "'abc' is not a number", None),
        ("status:\"5 xx\"", "'5 xx' is not a number", None),
        ("duration:5lightyears", "'5lightyears' is not a number", None),
        ("status:[a TO b]", "'a TO b' is not a number", None),
        ("status:[500 TO 400]", "500 is above 400", None),
        ("user:[b TO a]", "b is above a", None),
        ("usr:alice", "no field 'usr'", Some("user")),
        ("statsu=500", "no field 'statsu'", Some("status")),
    ] {
        let notices = parse(text).notices;
        let found = notices.iter().find(|notice| notice.message.contains(message));
        let found = found.unwrap_or_else(|| panic!("{text}: {notices:?}"));
        assert_eq!(found.suggestion, correction, "{text}");
        assert!(text.get(found.span.clone()).is_some());
    }
    for text in
        ["level:error", "level:WARNING", "level:e*", "level:[* TO warn]", "level:[warn TO *]"]
    {
        assert_eq!(parse(text).notices, [], "{text}");
    }
    let query = parse("no.such:1 -other.one:x OR no.such>5").query;
    let names: Vec<_> = query.dynamic_fields().iter().map(|field| field.typed.as_str()).collect();
    assert_eq!(names, ["no.such", "other.one"]);
    let notice = Notice::unknown_field(&Field::parse("http.rout").unwrap(), "a http.rout:x");
    assert_eq!((notice.span, notice.suggestion), (2..11, Some("http.route")));
}

#[test]
fn numbers_are_compared_in_the_unit_they_are_stored_in() {
    let slow = record(vec![
        ("duration_us".into(), Value::Int(250_001)),
        ("my.time_ms".into(), Value::Int(1_500)),
        ("my.id".into(), Value::Str("007".into())),
        ("my.size".into(), Value::Float(0.5)),
        ("http.response.status_code".into(), Value::Int(503)),
    ]);
    for text in [
        "duration>250",
        "duration:>250ms",
        "duration_ms:>250",
        "duration_us>250000",
        "duration<1s",
        "duration:[0.25s TO 1m]",
        "my.time_ms:>1s",
        "my.time_ms:1500",
        "my.id:007",
        "my.size:0.5",
        "my.size<=0.5",
        "status:5xx",
        "status:5*",
        "status:50?",
        "status:[500 TO 599]",
        "-status:404",
        "status>=500",
        "-my.id>5",
        "my.id:[006 TO 008]",
        "level>=warn",
        "level:WARNING",
        "level:=WARN",
        "level:IN [warn, error]",
        "event.sequence:1",
        "target:minitwit::*",
        "message:locked",
        "message=~\"IS .ocked$\"",
        "-message=~\"(?-i)IS\"",
        "*ock*",
        "user:null",
        "-user:*",
        "f.x!=5",
    ] {
        assert!(parse(text).query.matches(&slow), "{text}");
    }
    for text in ["duration>250.001ms", "my.id:7", "level:error", "status:\"50\"", "locked database"]
    {
        let text = if text == "locked database" { "\"locked database\"" } else { text };
        assert!(!parse(text).query.matches(&slow), "{text}");
    }
}

/// Processor time of this thread, so that what else runs does not count.
fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap()
}

#[test]
fn hostile_queries_end_at_once_on_a_small_stack() {
    let pieces = [
        "(",
        ")",
        "NOT ",
        "-(",
        "!",
        "-",
        "a AND ",
        "a OR ",
        "a ",
        "\"",
        "\\",
        "[",
        "]",
        ":",
        "^",
        "{",
        "~",
        "/",
        "*",
        "?",
        "a*",
        "#(",
        "f.g:(",
        "level:(",
        "level:IN [a ",
        "x=~\"(a{1,50}){1,50}\" ",
        "path=~\"((((\" ",
        "\u{0}",
        "\u{202e}",
        "é",
        "🎉",
        "9",
        "status:[",
        "|| ",
        "&&",
        "+",
        "a.b>1e",
        "<b onerror=alert(1)>:",
        "\"><script>:x ",
    ];
    let worst = thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let mut worst = (Duration::ZERO, "");
        for piece in pieces {
            for length in [20_000 * piece.len(), 64 << 10] {
                let text = piece.repeat(length / piece.len());
                let start = thread_cpu_time();
                let parsed = parse(&text);
                let printed = parsed.query.to_string();
                assert!(printed.len() < 64 << 10);
                let _ = Chips::of(&parsed).to_string();
                let matcher = Matcher::new(&parsed.query);
                let _ = matcher.matches(&record(Vec::new()));
                assert!(!parsed.notices.is_empty(), "{piece} is over the limit");
                worst = worst.max((thread_cpu_time().saturating_sub(start), piece));
            }
        }
        worst
    });
    let (time, piece) = worst.unwrap().join().unwrap();
    assert!(time < Duration::from_secs(1), "{piece:?} took {time:?}");
}

#[test]
fn limits_are_told_and_the_rest_is_searched() {
    let told = |text: &str, what: &str| {
        let parsed = parse(text);
        let found = parsed.notices.iter().any(|notice| notice.message.contains(what));
        assert!(found, "{what}: {:?}", parsed.notices);
        parsed.query
    };
    told(&"a".repeat(MAX_CHARS + 1), "longer than 2048 characters");
    let Query::And(clauses) = told(&"a ".repeat(70), "more than 64 clauses") else { panic!() };
    assert_eq!(clauses.len(), 64);
    let deep = told(&("(".repeat(20) + "a OR b" + &")".repeat(20) + " c"), "deeper than 16");
    assert_eq!(deep.to_string(), "(a OR b) c");
    let long = format!("path=~\"{}\" a", "x".repeat(300));
    assert_eq!(told(&long, "longer than 256").to_string(), "a");
    told("path=~\"(\"", "invalid regular expression");
    told("duration>abc", "'abc' is not a number; searched as text");
}
