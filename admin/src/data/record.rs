//! What a record says: its fields as text or number, and its chain of errors.

use logsearch::fields;
use logsearch::record::{LogRecord, Value};

/// The text of a field by its canonical name, in stored units; empty when the record lacks it.
pub fn column_text(record: &LogRecord, name: &str) -> String {
    match name {
        fields::LEVEL => record.level.as_str().to_owned(),
        fields::TARGET => record.target.clone(),
        fields::MESSAGE => record.message.clone(),
        fields::SEQUENCE => record.sequence.to_string(),
        name => text_of(record, name).unwrap_or_default(),
    }
}

/// The text of a field, if the record has it.
pub fn text_of(record: &LogRecord, field: &str) -> Option<String> {
    record.field(field).map(|value| value.as_ref().text().into_owned())
}

/// The number of a field, if the record has one.
pub fn number_of(record: &LogRecord, field: &str) -> Option<i64> {
    match record.field(field)? {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}

/// The errors of a record, outermost first, as the layer joined them.
pub fn chain(record: &LogRecord) -> Vec<String> {
    let chain = text_of(record, fields::ERROR_MESSAGE);
    chain.map_or_else(Vec::new, |chain| links_of(&chain).into_iter().map(str::to_owned).collect())
}

/// The parts of joined errors. A colon inside brackets or in front of a single word, as in `no such file:
/// x`, joins nothing, and an error that only repeats what it wraps is told once.
fn links_of(chain: &str) -> Vec<&str> {
    let mut links: Vec<&str> = Vec::new();
    let mut start = 0;
    for (from, to) in between_colons(chain) {
        if from > 0 && chain[from..to].contains(' ') {
            links.push(&chain[start..from - 2]);
            start = from;
        }
    }
    links.push(&chain[start..]);
    for length in (1..=links.len() / 2).rev() {
        let (before, last) = links.split_at(links.len() - length);
        if before.ends_with(last) {
            links.truncate(links.len() - length);
            break;
        }
    }
    links
}

/// Where the pieces between colons outside of brackets are.
fn between_colons(text: &str) -> Vec<(usize, usize)> {
    let (mut pieces, mut start, mut depth) = (Vec::new(), 0, 0_i32);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ':' if depth <= 0 && text[at..].starts_with(": ") => {
                pieces.push((start, at));
                start = at + 2;
            }
            _ => {}
        }
    }
    pieces.push((start, text.len()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_split_outside_brackets_and_repeats_nothing() {
        let text = "the statement failed: from database: (code: 1) no table: (code: 1) no table";
        assert_eq!(links_of(text), ["the statement failed", "from database", "(code: 1) no table"]);
        let twice = "all of it: one thing: another: one thing: another";
        assert_eq!(links_of(twice), ["all of it", "one thing: another"]);
        assert_eq!(
            links_of("could not read: no such file: x"),
            ["could not read", "no such file: x"]
        );
        assert_eq!(links_of("an open ( bracket: é"), ["an open ( bracket: é"]);
    }
}
