//! Query texts: thirteen fixed ones for benchmarks, and endless ones made up from records, so that
//! most of them match something.

use super::random::Random;
use crate::query::{Field, Number, Operand, Query, tokens};
use crate::record::{Level, LogRecord, Value};

/// A query whose newest hundred matches are timed over a [`WebLog`](super::WebLog).
#[derive(Clone, Copy, Debug)]
pub struct BenchmarkQuery {
    /// What is special about it.
    pub name: &'static str,
    /// The query; `{request_id}` stands for the id of a request of the log.
    pub text: &'static str,
    /// Only the last hour of the log.
    pub last_hour: bool,
}

const fn query(name: &'static str, text: &'static str) -> BenchmarkQuery {
    BenchmarkQuery { name, text, last_hour: false }
}

/// The searches that are timed, from everything to next to nothing.
pub const BENCHMARK_QUERIES: [BenchmarkQuery; 13] = [
    query("newest of all", "*"),
    query("rare term", "deadlock"),
    query("common term", "finished"),
    query("two terms", "posted Octavia"),
    query("phrase", "\"database is locked\""),
    query("prefix phrase", "message:/renewed/for/flo*"),
    query("level", "level:error"),
    query("level and route", "level:error route:\"/msgs/{username}\""),
    query("number above", "duration>500"),
    query("pattern on path", "path:/msgs/Wayne*"),
    query("request id", "request_id:{request_id}"),
    query("level without target", "level:info -target:minitwit::observe"),
    BenchmarkQuery { name: "last hour and term", text: "finished", last_hour: true },
];

/// Endless query texts made up from records.
pub struct Queries<'a> {
    random: Random,
    records: &'a [LogRecord],
}

impl<'a> Queries<'a> {
    /// The queries of this seed over these records, which must not be empty.
    pub fn new(seed: u64, records: &'a [LogRecord]) -> Self {
        Self { random: Random::new(seed), records }
    }

    fn record(&mut self) -> &'a LogRecord {
        self.random.pick(self.records)
    }

    fn group(&mut self, depth: usize) -> Query {
        let kind = if depth == 0 { 0 } else { self.random.below(10) };
        match kind {
            6 => !self.group(depth - 1),
            7 | 8 => Query::And(self.groups(depth)),
            9 => Query::Or(self.groups(depth)),
            _ => self.clause(),
        }
    }

    fn groups(&mut self, depth: usize) -> Vec<Query> {
        (0..self.random.between(2, 3)).map(|_| self.group(depth - 1)).collect()
    }

    fn clause(&mut self) -> Query {
        match self.random.below(16) {
            0..=2 => self.words(),
            3 => self.word_pattern(),
            4 => self.level(),
            5 => self.part_of_message(),
            6 => Query::Exists(self.a_field().0),
            7 => Query::Eq(field("no.such.field"), Operand::Text("x".into())),
            _ => self.field_clause(),
        }
    }

    /// A few words of some text of a record as they stand, in some case.
    fn words(&mut self) -> Query {
        let record = self.record();
        let fields = record.fields.iter().filter_map(|(_, value)| match value {
            Value::Str(text) => Some(text),
            _ => None,
        });
        let texts: Vec<&String> =
            [&record.message, &record.target].into_iter().chain(fields).collect();
        let text = *self.random.pick(&texts);
        let ranges: Vec<_> = tokens(text).map(|token| token.range).collect();
        let (Some(first), count) = (ranges.first(), ranges.len()) else { return Query::All };
        let from = self.random.below(count);
        let to = (from + self.random.below(3)).min(count - 1);
        let start = ranges.get(from).unwrap_or(first).start;
        let words = &text[start..ranges[to].end];
        let words = match self.random.below(4) {
            0 => words.to_uppercase(),
            1 if words.chars().count() > 2 => words.chars().take(2).chain(['*']).collect(),
            _ => words.to_owned(),
        };
        Query::Phrase(words)
    }

    fn word_pattern(&mut self) -> Query {
        let record = self.record();
        let words: Vec<_> = tokens(&record.message).map(|token| token.raw).collect();
        let Some(word) = words.get(self.random.below(words.len())) else { return Query::All };
        let pattern = self.pattern(word);
        match self.random.below(2) {
            0 => Query::TextWild(pattern),
            _ => Query::Wild(field("message"), pattern),
        }
    }

    fn pattern(&mut self, value: &str) -> String {
        let characters: Vec<char> =
            value.chars().filter(|c| !"*?\" ()[]".contains(*c)).take(60).collect();
        let cut = self.random.below(characters.len() + 1);
        let (head, tail): (String, String) =
            (characters[..cut].iter().collect(), characters[cut..].iter().collect());
        match self.random.below(4) {
            0 => format!("{head}*"),
            1 => format!("*{tail}"),
            2 => format!("{head}?{}", tail.chars().skip(1).collect::<String>()),
            _ => format!("*{}*", characters.iter().skip(cut / 2).take(3).collect::<String>()),
        }
    }

    fn level(&mut self) -> Query {
        let level = *self.random.pick(&Level::ALL);
        let from = Level::ALL.into_iter().filter(|other| *other >= level);
        let names = from.map(|level| Operand::Text(level.as_str().into()));
        match self.random.below(3) {
            0 => Query::Eq(field("level"), Operand::Text(level.as_str().into())),
            _ => Query::In(field("level"), names.collect()),
        }
    }

    fn part_of_message(&mut self) -> Query {
        let message = &self.record().message;
        let characters = message.chars().take(40).collect::<Vec<_>>();
        let from = self.random.below(characters.len());
        let part: String = characters.iter().skip(from).take(6).collect();
        Query::Regex(field("message"), regex::escape(&part))
    }

    /// A field of some record with its value.
    fn a_field(&mut self) -> (Field, Value) {
        let record = self.record();
        match record.fields.get(self.random.below(record.fields.len())) {
            Some((name, value)) => (field(name), value.clone()),
            None => (field("target"), Value::Str(record.target.clone())),
        }
    }

    fn field_clause(&mut self) -> Query {
        let (field, value) = self.a_field();
        let text = value.as_ref().text().into_owned();
        let kind = self.random.below(7);
        match (value, kind) {
            (Value::Int(number), 0..=2) => {
                let other = number.saturating_add(self.random.between(0, 1_000));
                Query::Range(field, Operand::Number(number.into()), Operand::Number(other.into()))
            }
            (Value::Int(number), _) => self.comparison(field, number.into()),
            (Value::Float(number), _) => self.comparison(field, number.into()),
            (_, 0) => Query::Wild(field, self.pattern(&text)),
            (_, 1) => Query::Exact(field, text),
            (_, 2) => Query::Regex(
                field,
                format!("^{}", regex::escape(&text.chars().take(8).collect::<String>())),
            ),
            (_, 3) => {
                let (_, other) = self.a_field();
                let other = other.as_ref().text().to_lowercase();
                Query::In(field, vec![Operand::Text(text.to_lowercase()), Operand::Text(other)])
            }
            (_, 4) => {
                Query::Range(field, Operand::Text("a".into()), Operand::Text(text.to_lowercase()))
            }
            (_, 5) => Query::PhraseIn(field, text.to_uppercase()),
            (value, _) => Query::value_clause(&field.name, value.as_ref()),
        }
    }

    fn comparison(&mut self, field: Field, number: Number) -> Query {
        use crate::query::Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        match self.random.below(5) {
            0 => Query::Eq(field, Operand::Number(number)),
            1 => Query::Eq(field, Operand::Text(number.to_string())),
            _ => {
                let how = *self.random.pick(&[Greater, GreaterOrEqual, Less, LessOrEqual]);
                Query::Compare(field, how, number)
            }
        }
    }
}

impl Iterator for Queries<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        Some(self.group(3).to_string())
    }
}

/// The tree with every word quoted, which means the same: where parentheses become necessary a word
/// with a `)` of its own has to be.
pub fn quoted(query: Query) -> Query {
    let all = |queries: Vec<Query>| queries.into_iter().map(quoted).collect();
    match query {
        Query::Text(text) => Query::Phrase(text),
        Query::Eq(field, Operand::Text(text)) => Query::PhraseIn(field, text),
        Query::Not(inner) => Query::Not(Box::new(quoted(*inner))),
        Query::And(queries) => Query::And(all(queries)),
        Query::Or(queries) => Query::Or(all(queries)),
        other => other,
    }
}

fn field(name: &str) -> Field {
    Field::of(name)
}
