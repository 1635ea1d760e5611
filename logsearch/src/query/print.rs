//! The printer: a tree as the text that parses to it. What can be written without quotes is, and
//! whether it can is found out by reading it back, so that printer and parser cannot drift apart.

use std::fmt;

use super::clause::{operand_of, status_class};
use super::fold;
use super::number;
use super::parse::{is_operator, looks_pasted, parse_unbounded};
use super::tree::{Comparison, Field, Operand, Query};
use crate::fields::{self, Kind};
use crate::record::Level;

impl fmt::Display for Query {
    /// The canonical text. [`parse`](super::parse) of it gives the same tree for every tree that the
    /// parser makes and that fits its limits; a tree made otherwise gets a text of the same meaning.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&guard(node(self, false)))
    }
}

/// Keeps a text from being taken for a pasted log line.
pub(super) fn guard(text: String) -> String {
    if looks_pasted(&text) { format!("+{text}") } else { text }
}

/// A clause or group; `inside` when there are parentheses around it.
pub(super) fn node(query: &Query, inside: bool) -> String {
    match query {
        Query::All => "*".into(),
        Query::Nothing => format!("{}:()", fields::LEVEL),
        Query::Text(text) => text_word(query, text, inside),
        Query::Phrase(text) => quote(text),
        Query::TextWild(pattern) if reads_back(pattern, query, inside) => pattern.clone(),
        Query::TextWild(pattern) => quote(pattern),
        Query::Not(inner) => negated(query, inner, inside),
        Query::And(queries) => join(queries, " ", inside),
        Query::Or(queries) => {
            list_of_values(queries).unwrap_or_else(|| join(queries, " OR ", inside))
        }
        clause => field_clause(clause, inside),
    }
}

/// The same as an operand: groups that would fall apart get parentheses.
pub(super) fn operand(query: &Query, inside: bool) -> String {
    match query {
        Query::And(_) => parenthesize("", &node(query, true)),
        Query::Or(queries) if list_of_values(queries).is_none() => {
            parenthesize("", &node(query, true))
        }
        other => node(other, inside),
    }
}

fn join(queries: &[Query], separator: &str, inside: bool) -> String {
    let part = |query: &Query| match query {
        // AND binds tighter than OR.
        Query::And(_) if separator != " " => node(query, inside),
        other => operand(other, inside),
    };
    queries.iter().map(part).collect::<Vec<_>>().join(separator)
}

fn text_word(query: &Query, text: &str, inside: bool) -> String {
    let is_plain = is_plain_word(text) && !is_operator(text);
    if is_plain || reads_back(text, query, inside) { text.into() } else { quote(text) }
}

fn negated(query: &Query, inner: &Query, inside: bool) -> String {
    let is_plain = is_plain_clause(inner);
    let inner = operand(inner, inside);
    let short = format!("-{inner}");
    if is_plain || reads_back(&short, query, inside) { short } else { format!("NOT {inner}") }
}

/// Whether a word has nothing in it that could be a sign, a quote, a pattern or the head of a clause.
fn is_plain_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether `field:value` is certain to be read as this clause, so that nobody has to try.
fn is_plain_clause(query: &Query) -> bool {
    let is_known = |field: &Field| {
        fields::definition(&field.name).is_some()
            && Field::parse(&field.typed).as_ref() == Some(field)
    };
    match query {
        Query::Exists(field) => is_known(field),
        Query::Eq(field, value @ Operand::Text(text)) => {
            is_plain_word(text)
                && is_known(field)
                && fold(text) != "null"
                && status_class(field, text).is_none()
                && operand_of(field, text, false) == *value
        }
        _ => false,
    }
}

/// Whether a text between other clauses is read as this clause.
pub(super) fn reads_back(text: &str, query: &Query, inside: bool) -> bool {
    let around = if inside { format!("(x {text} x)") } else { format!("x {text} x") };
    match parse_unbounded(&around).query {
        Query::And(read) => read.len() == 3 && read[1] == *query,
        _ => false,
    }
}

fn field_clause(query: &Query, inside: bool) -> String {
    let Some(field) = query.field() else { return String::new() };
    explicit(query, field, inside)
}

/// A single clause with the name of its field.
pub(super) fn explicit(query: &Query, field: &Field, inside: bool) -> String {
    let value = value(query, field);
    let text = with_field(field, query, &value);
    if is_plain_clause(query) || reads_back(&text, query, inside) {
        return text;
    }
    // `field::` and `field://` are no field clauses, `field==:` is one.
    let other = format!("{}=={value}", field.typed);
    if reads_back(&other, query, inside) {
        return other;
    }
    match query {
        Query::Eq(_, Operand::Text(text)) | Query::Wild(_, text) => {
            with_field(field, query, &quote(text))
        }
        Query::Exact(..) => with_field(field, query, &quoted_value(query)),
        _ => text,
    }
}

fn with_field(field: &Field, query: &Query, value: &str) -> String {
    let name = &field.typed;
    match query {
        Query::Compare(..) => format!("{name}{value}"),
        Query::In(..) if value.starts_with(['>', '<']) => format!("{name}{value}"),
        Query::Regex(..) => format!("{name}={value}"),
        _ => format!("{name}:{value}"),
    }
}

/// What stands behind `field:` for a single clause.
fn value(query: &Query, field: &Field) -> String {
    match query {
        Query::Eq(_, Operand::Text(text)) | Query::Wild(_, text) => text.clone(),
        Query::Eq(_, Operand::Number(number)) => number::print_for(*number, field),
        Query::Exact(_, text) => format!("={text}"),
        Query::PhraseIn(_, text) => quote(text),
        Query::Regex(_, expression) => format!("~{}", quote_regex(expression)),
        Query::Compare(_, comparison, number) => {
            format!("{}{}", sign(*comparison), number::print_for(*number, field))
        }
        Query::Range(_, low, high) => range(field, low, high),
        Query::In(_, values) => level_comparison(field, values).unwrap_or_else(|| {
            let items: Vec<_> = values.iter().map(|value| item(field, value)).collect();
            format!("IN [{}]", items.join(", "))
        }),
        _ => "*".into(),
    }
}

/// The same with quotes, where that does not change the meaning.
fn quoted_value(query: &Query) -> String {
    match query {
        Query::Exact(_, text) => format!("={}", quote(text)),
        _ => String::new(),
    }
}

const fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
    }
}

fn range(field: &Field, low: &Operand, high: &Operand) -> String {
    if let (Operand::Number(low), Operand::Number(high)) = (low, high) {
        let (low, high) = (low.as_f64(), high.as_f64());
        let class = low / 100.0;
        let is_class = field.name == fields::STATUS
            && (1.0..=9.0).contains(&class)
            && class.fract() == 0.0
            && high.total_cmp(&(low + 99.0)).is_eq();
        if is_class {
            return format!("{class}xx");
        }
    }
    let bound = |operand: &Operand| match operand {
        Operand::Number(number) => number::print_for(*number, field),
        // A bare word that reads as a number would make it a range of numbers.
        Operand::Text(text) if number::parse(text, field).is_some() => quote(text),
        Operand::Text(text) => list_word(text),
    };
    format!("[{} TO {}]", bound(low), bound(high))
}

fn item(field: &Field, value: &Operand) -> String {
    match value {
        Operand::Number(number) => number::print_for(*number, field),
        Operand::Text(text) if operand_of(field, text, false) == *value => list_word(text),
        Operand::Text(text) => quote(text),
    }
}

/// An entry between brackets, quoted where it has to be.
fn list_word(text: &str) -> String {
    let breaks = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '"');
    if text.is_empty() || text == "*" || text.contains(breaks) { quote(text) } else { text.into() }
}

/// `>=warn` for the levels from warn on, `<=info` for those up to info.
fn level_comparison(field: &Field, values: &[Operand]) -> Option<String> {
    if field.kind() != Kind::Level {
        return None;
    }
    let names = Level::ALL.map(|level| Operand::Text(level.as_str().into()));
    let count = values.len();
    if names.ends_with(values) {
        return Some(format!(">={}", Level::ALL.get(Level::ALL.len() - count)?));
    }
    names.starts_with(values).then(|| format!("<={}", Level::ALL[count - 1]))
}

/// `field:(a OR b)` when all are clauses on one field that can be written so.
fn list_of_values(queries: &[Query]) -> Option<String> {
    let field = queries.first()?.field()?;
    let mut values = Vec::new();
    for query in queries {
        if query.field()? != field {
            return None;
        }
        let stands = |value: &String| {
            let alone = with_field_list(field, std::slice::from_ref(value));
            parse_unbounded(&alone).query == Query::Or(vec![query.clone()])
        };
        let value = [value(query, field), quoted_value(query)].into_iter().find(stands)?;
        values.push(value);
    }
    Some(with_field_list(field, &values))
}

fn with_field_list(field: &Field, values: &[String]) -> String {
    parenthesize(&format!("{}:", field.typed), &values.join(" OR "))
}

/// A group. A last word with an open parenthesis of its own would take the closing one, so a space
/// keeps them apart.
pub(super) fn parenthesize(before: &str, inner: &str) -> String {
    let last = inner.rsplit(char::is_whitespace).next().unwrap_or_default();
    let space = if last.matches('(').count() > last.matches(')').count() { " " } else { "" };
    format!("{before}({inner}{space})")
}

/// A value to stand behind `field:`, quoted if it needs that.
pub(super) fn quote_value(field: &Field, value: &str) -> String {
    let plain = Query::Eq(field.clone(), operand_of(field, value, false));
    let is_plain = reads_back(&format!("{}:{value}", field.typed), &plain, true);
    if is_plain { value.to_owned() } else { quote(value) }
}

/// A quoted text with as few backslashes as it takes to read it back.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        let is_escape = next == '\\' && matches!(rest.peek(), None | Some('"' | '\\'));
        if next == '"' || is_escape {
            quoted.push('\\');
        }
        quoted.push(next);
    }
    quoted.push('"');
    quoted
}

/// A quoted regular expression: its own backslashes stay, only `"` needs one.
fn quote_regex(expression: &str) -> String {
    let mut quoted = String::from("\"");
    let mut rest = expression.chars();
    while let Some(next) = rest.next() {
        if next == '"' {
            quoted.push('\\');
        }
        quoted.push(next);
        if next == '\\' {
            quoted.extend(rest.next());
        }
    }
    quoted.push('"');
    quoted
}
