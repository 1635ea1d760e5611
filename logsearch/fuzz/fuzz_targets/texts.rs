//! Texts that a request or a command brings besides queries: a line of an export is read back as it was, levels
//! print as what they are parsed from, and no text panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logsearch::export::{line, parse_line};
use logsearch::filter::Levels;

fuzz_target!(|text: &str| {
    if let Some(record) = parse_line(text) {
        let written = line(&record);
        assert_eq!(parse_line(&written).as_ref().map(line), Some(written));
    }
    if let Ok(levels) = Levels::parse(text) {
        assert!(Levels::parse(&levels.to_string()).is_ok(), "{levels}");
    }
});
