//! The query language by example: each row of `corpus.tsv` is an input (as JSON text), its tree (field
//! names as typed, times in milliseconds) and its notices, joined by `; `.

use logsearch::query::{Comparison, Operand, Query, parse};
use serde_json::{Value, json};

/// The tree in the notation of the corpus.
fn tree(query: &Query) -> Value {
    let all = |queries: &[Query]| queries.iter().map(tree).collect::<Vec<_>>();
    match query {
        Query::All => json!(["all"]),
        Query::Nothing => json!(["or", []]),
        Query::Text(text) => json!(["text", text]),
        Query::Phrase(text) => json!(["phrase", text]),
        Query::TextWild(pattern) => json!(["text_wild", pattern]),
        Query::Eq(field, value) => json!(["eq", field.typed, operand(value)]),
        Query::Exact(field, text) => json!(["exact", field.typed, text]),
        Query::PhraseIn(field, text) => json!(["phrase_in", field.typed, text]),
        Query::Wild(field, pattern) => json!(["wild", field.typed, pattern]),
        Query::Regex(field, expression) => json!(["re", field.typed, expression]),
        Query::Compare(field, how, number) => {
            json!(["cmp", field.typed, sign(*how), number.as_f64()])
        }
        Query::Range(field, low, high) => {
            json!(["range", field.typed, operand(low), operand(high)])
        }
        Query::In(field, values) => {
            json!(["in", field.typed, values.iter().map(operand).collect::<Vec<_>>()])
        }
        Query::Exists(field) => json!(["exists", field.typed]),
        Query::Not(query) => json!(["not", tree(query)]),
        Query::And(queries) => json!(["and", all(queries)]),
        Query::Or(queries) => json!(["or", all(queries)]),
    }
}

fn operand(operand: &Operand) -> Value {
    match operand {
        Operand::Number(number) => json!(number.as_f64()),
        Operand::Text(text) => json!(text),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

/// Numbers as floats, so that 250 and 250.0 are equal.
fn normalize(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => Value::Array(values.into_iter().map(normalize).collect()),
        other => other,
    }
}

fn rows() -> Vec<(String, Value, String)> {
    let lines = include_str!("corpus.tsv").lines().skip(1);
    let row = |line: &str| {
        let mut cells = line.split('\t');
        let input = serde_json::from_str(cells.next().unwrap()).unwrap();
        let tree = serde_json::from_str(cells.next().unwrap()).unwrap();
        (input, tree, cells.next().unwrap_or_default().to_owned())
    };
    lines.map(row).collect()
}

#[test]
fn every_input_is_read_as_written_down() {
    let rows = rows();
    assert!(rows.len() >= 112, "{} rows", rows.len());
    let mut failures = Vec::new();
    for (input, want, notices) in rows {
        let parsed = parse(&input);
        let got = normalize(tree(&parsed.query));
        let messages: Vec<_> = parsed.notices.iter().map(|n| n.message.as_str()).collect();
        if got != normalize(want.clone()) {
            failures.push(format!("{input:?}\n  want {want}\n  got  {got}"));
        }
        if messages.join("; ") != notices {
            failures.push(format!("{input:?}\n  want {notices:?}\n  got  {messages:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_tree_of_the_corpus_is_printed_as_text_that_reads_the_same() {
    for (input, ..) in rows() {
        let query = parse(&input).query;
        let printed = query.to_string();
        assert_eq!(parse(&printed).query, query, "{input:?} printed as {printed:?}");
    }
}

#[test]
fn notices_point_into_the_typed_text() {
    for (input, ..) in rows() {
        for notice in parse(&input).notices {
            assert!(input.get(notice.span.clone()).is_some(), "{input:?} {notice:?}");
        }
    }
    let notices = parse("level:error usr:alice").notices;
    assert_eq!(notices[0].span, 12..15);
    assert_eq!(notices[0].suggestion, Some("user"));
}
