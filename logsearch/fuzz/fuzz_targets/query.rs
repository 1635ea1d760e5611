//! Every text is a query, its printed form means the same, and no part of the language panics on it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logsearch::query::{Chips, Highlighter, MAX_CHARS, Matcher, complete, parse};
use logsearch::record::{Level, LogRecord, Value};
use logsearch::testing::quoted;

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    for notice in &parsed.notices {
        assert!(text.get(notice.span.clone()).is_some(), "{notice:?}");
    }
    let printed = parsed.query.to_string();
    if printed.chars().count() <= MAX_CHARS {
        assert_eq!(parse(&printed).query, parsed.query, "printed as {printed}");
    }
    assert_eq!(Chips::of(&parsed).query(), parsed.query);
    let chips = Chips::of(&parsed).to_string();
    if chips.chars().count() <= MAX_CHARS {
        let again = parse(&chips).query;
        assert_eq!(quoted(again), quoted(parsed.query.clone()), "chips printed as {chips}");
    }
    for index in 0..Chips::of(&parsed).0.len() {
        let _ = Chips::parse(&chips).toggled(index).negated(index).to_string();
    }
    let record = LogRecord {
        timestamp: 0,
        sequence: 1,
        level: Level::Warn,
        target: "fuzz".into(),
        message: text.to_owned(),
        fields: vec![("user.name".into(), Value::Str(text.to_owned()))],
    };
    let matches = Matcher::new(&parsed.query).matches(&record);
    assert_ne!(matches, (!parsed.query.clone()).matches(&record));
    for range in Highlighter::new(&parsed.query, "message").find(text) {
        assert!(text.get(range).is_some());
    }
    let (chosen, caret) = complete(text, text.len() / 2).choose(text, "x y");
    assert!(chosen.is_char_boundary(caret));
});
