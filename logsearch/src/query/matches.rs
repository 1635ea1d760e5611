//! The reference meaning of a query over one record.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::free::FreeText;
use super::glob::Pattern;
use super::number::{Number, large_unsigned};
use super::text::{Phrase, equals_folded, fold};
use super::tree::{Comparison, Field, Operand, Query};
use crate::fields::{self, Kind};
use crate::record::{Level, Matchable, ValueRef};

/// A query prepared for matching many records.
#[derive(Clone, Debug)]
pub struct Matcher {
    node: Node,
}

impl Matcher {
    /// Compiles patterns, folds words, orders the clauses by cost.
    pub fn new(query: &Query) -> Self {
        Self { node: compile(query) }
    }

    /// Whether the record matches. Does not allocate, except to write a number as text.
    pub fn matches<R: Matchable + ?Sized>(&self, record: &R) -> bool {
        self.node.matches(record)
    }
}

/// A node of a compiled query.
#[derive(Clone, Debug)]
enum Node {
    Const(bool),
    /// Indexed like [`Level::ALL`]: whatever a clause says about the level was asked at compile time.
    Levels([bool; 5]),
    Field(Source, Test),
    FreeText(FreeText),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// Source of a value.
#[derive(Clone, Debug)]
enum Source {
    Target,
    Message,
    Sequence,
    Field(String),
    /// Percent-encoded: what it means is asked as well.
    Encoded(String),
}

/// Test on a value.
#[derive(Clone, Debug)]
enum Test {
    Present,
    Equals(Vec<Wanted>),
    Exact(String),
    Phrase(Vec<Phrase>),
    Glob(Pattern),
    Words(Vec<Pattern>),
    Regex(Regex),
    Compare(Comparison, Number),
    Numbers(Number, Number),
    Texts(String, String),
}

/// The value of an equality test.
#[derive(Clone, Debug)]
enum Wanted {
    Number(Number, String),
    Text(String),
}

impl Node {
    fn matches<R: Matchable + ?Sized>(&self, record: &R) -> bool {
        match self {
            Self::Const(result) => *result,
            Self::Levels(levels) => levels[record.level() as usize],
            Self::Field(source, test) => match source {
                Source::Target => test.holds(ValueRef::Str(record.target())),
                Source::Message => test.holds(ValueRef::Str(record.message())),
                Source::Sequence => test.holds(sequence_value(record.sequence())),
                Source::Field(name) => record.field(name).is_some_and(|value| test.holds(value)),
                Source::Encoded(name) => record
                    .field(name)
                    .is_some_and(|value| test.holds(value) || test.holds_decoded(value)),
            },
            Self::FreeText(wanted) => wanted.matches(record),
            Self::Not(node) => !node.matches(record),
            Self::And(nodes) => nodes.iter().all(|node| node.matches(record)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(record)),
        }
    }

    /// A rough price, so that the level is asked before the text is read.
    fn cost(&self) -> u32 {
        match self {
            Self::Const(_) => 0,
            Self::Levels(_) => 1,
            Self::Field(_, Test::Regex(_) | Test::Phrase(_) | Test::Words(_)) => 40,
            Self::Field(..) => 10,
            Self::FreeText(_) => 100,
            Self::Not(node) => node.cost(),
            Self::And(nodes) | Self::Or(nodes) => nodes.iter().map(Self::cost).sum(),
        }
    }
}

fn sequence_value(sequence: u64) -> ValueRef<'static> {
    ValueRef::Int(i64::try_from(sequence).unwrap_or(i64::MAX))
}

impl Test {
    fn holds(&self, value: ValueRef<'_>) -> bool {
        match self {
            Self::Present => true,
            Self::Equals(wanted) => wanted.iter().any(|wanted| wanted.equals(value)),
            Self::Exact(text) => value.text() == text.as_str(),
            Self::Phrase(phrases) => {
                let text = value.text();
                phrases.iter().any(|phrase| phrase.is_in(&text))
            }
            Self::Glob(pattern) => pattern.matches(&value.text()),
            Self::Words(words) => Pattern::words_match(words, &value.text()),
            Self::Regex(regex) => regex.is_match(&value.text()),
            Self::Compare(comparison, number) => {
                compare(value, *number).is_some_and(|order| match comparison {
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                })
            }
            Self::Numbers(low, high) => {
                compare(value, *low).is_some_and(Ordering::is_ge)
                    && compare(value, *high).is_some_and(Ordering::is_le)
            }
            Self::Texts(low, high) => {
                let text = value.text();
                let text = fold(&text);
                low.as_str() <= text.as_ref() && text.as_ref() <= high.as_str()
            }
        }
    }
}

impl Test {
    /// Whether it holds for what a percent-encoded text means. The exact spelling is that of the record.
    fn holds_decoded(&self, value: ValueRef<'_>) -> bool {
        let (ValueRef::Str(text), false) = (value, matches!(self, Self::Exact(_))) else {
            return false;
        };
        fields::decoded(text).is_some_and(|decoded| self.holds(ValueRef::Str(&decoded)))
    }
}

impl Wanted {
    fn equals(&self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Number(_, text), ValueRef::Str(value)) => equals_folded(value, text),
            (Self::Number(number, _), value) => {
                compare(value, *number).is_some_and(Ordering::is_eq)
            }
            (Self::Text(text), value) => equals_folded(&value.text(), text),
        }
    }
}

/// How a value compares with a number, `None` when it is none.
fn compare(value: ValueRef<'_>, number: Number) -> Option<Ordering> {
    match value {
        ValueRef::Int(value) => Some(number.compare_int(value.into())),
        ValueRef::Float(value) => number.compare_float(value),
        ValueRef::Str(text) => Some(number.compare_int(large_unsigned(text)?.into())),
        ValueRef::Bool(_) => None,
    }
}

/// Compiles an expression of the language: found anywhere, in any case, `.` without line feeds,
/// bounded in size and nesting so that no expression is costly to build.
pub fn compile_regex(expression: &str) -> Result<Regex, regex::Error> {
    /// Bytes of a compiled expression and of its caches.
    const SIZE: usize = 1 << 20;
    RegexBuilder::new(expression)
        .case_insensitive(true)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(32)
        .build()
}

fn compile(query: &Query) -> Node {
    match query {
        Query::All => Node::Const(true),
        Query::Nothing => Node::Const(false),
        Query::Text(_) | Query::Phrase(_) | Query::TextWild(_) => free_text(query),
        Query::Not(query) => Node::Not(Box::new(compile(query))),
        Query::And(queries) => Node::And(by_cost(queries)),
        Query::Or(queries) => Node::Or(by_cost(queries)),
        Query::Eq(field, _)
        | Query::Exact(field, _)
        | Query::PhraseIn(field, _)
        | Query::Wild(field, _)
        | Query::Regex(field, _)
        | Query::Compare(field, ..)
        | Query::Range(field, ..)
        | Query::In(field, _)
        | Query::Exists(field) => {
            compile_test(query, field).map_or(Node::Const(false), |test| look_up(field, test))
        }
    }
}

fn by_cost(queries: &[Query]) -> Vec<Node> {
    let mut nodes: Vec<Node> = queries.iter().map(compile).collect();
    nodes.sort_by_key(Node::cost);
    nodes
}

fn free_text(query: &Query) -> Node {
    let wanted = FreeText::of(query).filter(|wanted| !wanted.is_everything());
    wanted.map_or(Node::Const(true), Node::FreeText)
}

/// Compiles a test for a field.
fn look_up(field: &Field, test: Test) -> Node {
    let source = match field.name.as_str() {
        fields::LEVEL => {
            return Node::Levels(Level::ALL.map(|level| test.holds(ValueRef::Str(level.as_str()))));
        }
        fields::TARGET => Source::Target,
        fields::MESSAGE => Source::Message,
        fields::SEQUENCE => Source::Sequence,
        other if fields::is_encoded(other) => Source::Encoded(other.to_owned()),
        other => Source::Field(other.to_owned()),
    };
    Node::Field(source, test)
}

/// What a clause asks of the value of its field; `None` when nothing can have it.
fn compile_test(query: &Query, field: &Field) -> Option<Test> {
    let is_text = field.kind() == Kind::Text;
    Some(match query {
        Query::Eq(_, operand) => equals(std::slice::from_ref(operand), field),
        Query::In(_, operands) => equals(operands, field),
        Query::PhraseIn(_, text) if is_text => Test::Phrase(vec![Phrase::new(text)]),
        Query::PhraseIn(_, text) => equals(&[Operand::Text(fold(text).into_owned())], field),
        // A level has no case.
        Query::Exact(_, text) if field.kind() == Kind::Level => {
            Test::Exact(fold(text).into_owned())
        }
        Query::Exact(_, text) => Test::Exact(text.clone()),
        Query::Wild(_, pattern) if is_text => Test::Words(Pattern::words(pattern)),
        Query::Wild(_, pattern) => Test::Glob(Pattern::new(pattern)),
        Query::Regex(_, expression) => Test::Regex(compile_regex(expression).ok()?),
        Query::Compare(_, comparison, number) => Test::Compare(*comparison, field.stored(*number)),
        Query::Range(_, Operand::Number(low), Operand::Number(high)) => {
            Test::Numbers(field.stored(*low), field.stored(*high))
        }
        Query::Range(_, Operand::Text(low), Operand::Text(high)) => {
            Test::Texts(fold(low).into_owned(), fold(high).into_owned())
        }
        Query::Exists(_) => Test::Present,
        _ => return None,
    })
}

fn equals(operands: &[Operand], field: &Field) -> Test {
    if field.kind() == Kind::Text {
        let words = |operand: &Operand| match operand {
            Operand::Number(number) => Phrase::words_of(&number.to_string()),
            Operand::Text(text) => Phrase::words_of(text),
        };
        return Test::Phrase(operands.iter().map(words).collect());
    }
    let wanted = |operand: &Operand| match operand {
        Operand::Number(number) => Wanted::Number(field.stored(*number), number.to_string()),
        Operand::Text(text) => Wanted::Text(fold(text).into_owned()),
    };
    Test::Equals(operands.iter().map(wanted).collect())
}

impl Query {
    /// Whether a record matches. To test many records make a [`Matcher`] once.
    pub fn matches(&self, record: &impl Matchable) -> bool {
        Matcher::new(self).matches(record)
    }
}
