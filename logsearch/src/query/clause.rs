//! What one clause means: a word, a phrase, or a field with an operator and a value.

use super::glob::is_pattern;
use super::notice::Notice;
use super::number;
use super::parse::Parser;
use super::scan::{Head, Operator};
use super::tree::{Comparison, Field, MAX_PATTERN_CHARS, Operand, Query};
use super::value_notice::{impossible, no_level};
use super::{Pattern, compile_regex, fold};
use crate::fields::{self, Kind};
use crate::record::Level;

/// Endings of source files: `main.rs:42` is a place in the code, not the field `main.rs`.
const SOURCE_ENDINGS: [&str; 12] =
    [".rs", ".py", ".js", ".ts", ".go", ".java", ".c", ".cpp", ".rb", ".cs", ".html", ".toml"];

impl<'a> Parser<'a> {
    /// Reads the clause that starts here.
    pub(super) fn clause(&mut self) {
        let start = self.scanner.at;
        if self.scanner.peek() == Some('"') {
            let text = self.quoted();
            return self.leaf(Query::Phrase(text), start);
        }
        match self.scanner.head() {
            Some(head) if head.name == "_exists_" => self.exists(&head),
            Some(head) => match Field::parse(head.name) {
                Some(field) if !self.is_place(&head, &field) => self.field_clause(field, &head),
                _ => self.unknown_field(&head),
            },
            None => self.bare_word(),
        }
    }

    /// Reads one value inside `field:( )`.
    pub(super) fn list_value(&mut self, field: Field) {
        let start = self.scanner.at;
        self.value(field, start, false);
    }

    /// A quoted text; a missing end is added.
    fn quoted(&mut self) -> String {
        let start = self.scanner.at;
        let (text, closed) = self.scanner.quoted();
        if !closed {
            self.notice("unclosed quote closed", start..self.scanner.at);
        }
        text
    }

    /// A word without a field: text, or a pattern over the words of all texts.
    fn bare_word(&mut self) {
        let start = self.scanner.at;
        let inside = self.is_inside();
        let word = self.scanner.word(inside);
        let query = if word == "*:*" || word.chars().all(|c| c == '*') {
            Query::All
        } else if is_pattern(word) {
            if word.chars().count() > MAX_PATTERN_CHARS {
                return self.too_long("pattern", start);
            }
            Query::TextWild(word.into())
        } else {
            Query::Text(word.into())
        };
        self.leaf(query, start);
    }

    /// Whether `name:` is no field although it could be one: a place in a source file, or a dotted
    /// word that ends a sentence.
    fn is_place(&self, head: &Head<'_>, field: &Field) -> bool {
        if fields::definition(&field.name).is_some() || head.operator != Operator::Colon {
            return false;
        }
        let value = &self.scanner.rest()[head.len..];
        let has_number = value.starts_with(|c: char| c.is_ascii_digit());
        let is_source = SOURCE_ENDINGS.iter().any(|ending| head.name.ends_with(ending));
        let is_end = |c: char| c.is_whitespace() || (c == ')' && self.is_inside());
        value.chars().next().is_none_or(is_end) || (has_number && is_source)
    }

    /// Text that looks like a field clause but is none.
    fn unknown_field(&mut self, head: &Head<'_>) {
        let start = self.scanner.at;
        let inside = self.is_inside();
        let value = &self.scanner.rest()[head.len..];
        if head.operator == Operator::Colon && value.starts_with('"') {
            self.scanner.at += head.len;
            let (_, closed) = self.scanner.quoted();
            self.unknown_notice(head, start);
            let mut text = self.scanner.text[start..self.scanner.at].to_owned();
            if !closed {
                self.notice("unclosed quote closed", start..self.scanner.at);
                // A lone backslash at the end would make the quote a part of the text.
                let backslashes = text.len() - text.trim_end_matches('\\').len();
                text.push_str(if backslashes % 2 == 1 { "\\\"" } else { "\"" });
            }
            return self.leaf(Query::Text(text), start);
        }
        let word = self.scanner.word(inside);
        let is_name = !head.name.contains(['-', '.']);
        let has_value = word.len() > head.len && !word[head.len..].starts_with('\\');
        // `key=value` is text that people paste; with a name that is nearly known it is a mistake.
        let is_meant = head.operator == Operator::Colon || fields::suggest(head.name).is_some();
        if is_meant && is_name && has_value {
            self.unknown_notice(head, start);
        }
        self.leaf(Query::Text(word.into()), start);
    }

    fn unknown_notice(&mut self, head: &Head<'_>, start: usize) {
        let message = format!("no field '{}'; searched as text", head.name);
        let span = start..start + head.name.len();
        self.push_notice(Notice { message, span, suggestion: fields::suggest(head.name) });
    }

    /// `_exists_:field`
    fn exists(&mut self, head: &Head<'_>) {
        let start = self.scanner.at;
        let inside = self.is_inside();
        let word = self.scanner.word(inside);
        let name = word.get(head.len..).unwrap_or_default();
        let query = match Field::parse(name) {
            Some(field) if head.operator == Operator::Colon => Query::Exists(field),
            _ => {
                let message = format!("no field '{name}'; searched as text");
                let suggestion = fields::suggest(name);
                self.push_notice(Notice { message, span: start..self.scanner.at, suggestion });
                Query::Text(word.into())
            }
        };
        self.leaf(query, start);
    }

    fn field_clause(&mut self, field: Field, head: &Head<'_>) {
        let start = self.scanner.at;
        self.scanner.at += head.len;
        match head.operator {
            Operator::Colon => self.value(field, start, true),
            Operator::Equals => self.list_or_plain(field, start, false),
            Operator::NotEquals => self.list_or_plain(field, start, true),
            Operator::Regex => self.regex(field, start),
            Operator::NotRegex => {
                self.negate_next();
                self.regex(field, start);
            }
            Operator::Compare(comparison) => self.compare(field, comparison, start),
        }
    }

    fn list_or_plain(&mut self, field: Field, start: usize, negate: bool) {
        if negate {
            self.negate_next();
        }
        if !self.list(&field, start) {
            self.plain_value(field, start);
        }
    }

    /// What may stand behind `field:` and, except for a group, inside `field:( )`.
    fn value(&mut self, field: Field, start: usize, may_group: bool) {
        if may_group && self.scanner.rest().starts_with('(') {
            return self.open_parenthesis(Some(field));
        }
        if self.list(&field, start) {
            return;
        }
        let before = self.scanner.at;
        let signs = [
            (">=", Comparison::GreaterOrEqual),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
        ];
        for (sign, comparison) in signs {
            if self.eat_before_value(sign) {
                return self.compare(field, comparison, start);
            }
        }
        if self.eat_before_value("=") {
            return self.exact(field, start);
        }
        if self.eat_before_value("~") {
            return self.regex(field, start);
        }
        self.scanner.at = before;
        self.plain_value(field, start);
    }

    /// Reads a sign if a value follows it.
    fn eat_before_value(&mut self, sign: &str) -> bool {
        let mut ahead = self.scanner.clone();
        let inside = self.is_inside();
        let found = ahead.eat(sign)
            && (ahead.peek() == Some('"') || !ahead.clone().word(inside).is_empty());
        if found {
            self.scanner = ahead;
        }
        found
    }

    /// A quoted text, a word, a pattern or `*`.
    fn plain_value(&mut self, field: Field, start: usize) {
        let value_start = self.scanner.at;
        if self.scanner.peek() == Some('"') {
            let text = self.quoted();
            self.note_impossible(&field, &text, value_start);
            return self.leaf(Query::PhraseIn(field, text), start);
        }
        let word = self.plain_word();
        if word.is_empty() {
            let message =
                format!("{}: has no value; matches records that have the field", field.typed);
            self.notice(message, start..self.scanner.at);
        }
        let query = if word.is_empty() || word.chars().all(|c| c == '*') {
            Query::Exists(field)
        } else if fold(word) == "null" {
            !Query::Exists(field)
        } else if let Some((low, high)) = status_class(&field, word) {
            Query::Range(field, Operand::Number(low.into()), Operand::Number(high.into()))
        } else if word.contains(['*', '?']) {
            return self.pattern(field, word, start);
        } else {
            self.note_impossible(&field, word, value_start);
            let value = operand_of(&field, word, false);
            Query::Eq(field, value)
        };
        self.leaf(query, start);
    }

    /// Says so when no record can have this value, which stands from there to here.
    fn note_impossible(&mut self, field: &Field, value: &str, start: usize) {
        if let Some(notice) = impossible(field, value, start..self.scanner.at) {
            self.push_notice(notice);
        }
    }

    /// A word that is a value. As a pattern it ends at a `)` that closes nothing, also outside of a group:
    /// inside one it could not be written, as quotes would make it a text.
    fn plain_word(&mut self) -> &'a str {
        let start = self.scanner.clone();
        let inside = self.is_inside();
        let word = self.scanner.word(inside);
        if inside || !word.contains(['*', '?']) {
            return word;
        }
        self.scanner = start;
        self.scanner.word(true)
    }

    fn pattern(&mut self, field: Field, word: &str, start: usize) {
        if word.chars().count() > MAX_PATTERN_CHARS {
            return self.too_long("pattern", start);
        }
        let is_level = |level: &Level| Pattern::new(word).matches(level.as_str());
        if field.kind() == Kind::Level && !Level::ALL.iter().any(is_level) {
            let end = self.scanner.at;
            self.push_notice(no_level(word, end - word.len()..end));
        }
        self.leaf(Query::Wild(field, word.into()), start);
    }

    fn too_long(&mut self, what: &str, start: usize) {
        let message = format!("{what} longer than {MAX_PATTERN_CHARS} characters is ignored");
        self.notice(message, start..self.scanner.at);
        self.skip_operand();
    }

    /// `field:=Value`
    fn exact(&mut self, field: Field, start: usize) {
        let value_start = self.scanner.at;
        let value = self.quoted_or_word();
        self.note_impossible(&field, &value, value_start);
        self.leaf(Query::Exact(field, value), start);
    }

    fn quoted_or_word(&mut self) -> String {
        if self.scanner.peek() == Some('"') {
            return self.quoted();
        }
        let inside = self.is_inside();
        self.scanner.word(inside).into()
    }

    fn regex(&mut self, field: Field, start: usize) {
        let expression = if self.scanner.peek() == Some('"') {
            let (text, closed) = self.scanner.quoted_regex();
            if !closed {
                self.notice("unclosed quote closed", start..self.scanner.at);
            }
            text
        } else {
            let inside = self.is_inside();
            without_escaped_quotes(self.scanner.word(inside))
        };
        if expression.chars().count() > MAX_PATTERN_CHARS {
            return self.too_long("regular expression", start);
        }
        let query = if compile_regex(&expression).is_ok() {
            Query::Regex(field, expression)
        } else {
            let message = "invalid regular expression; searched as a value";
            self.notice(message, start..self.scanner.at);
            Query::PhraseIn(field, expression)
        };
        self.leaf(query, start);
    }

    fn compare(&mut self, field: Field, comparison: Comparison, start: usize) {
        let value_start = self.scanner.at;
        let value = self.quoted_or_word();
        if field.kind() == Kind::Level {
            let Some(level) = Level::parse(&value) else {
                self.push_notice(no_level(&value, value_start..self.scanner.at));
                return self.leaf(Query::Nothing, start);
            };
            return self.levels(field, |other| holds(other, comparison, level), start);
        }
        match number::parse(&value, &field) {
            Some(number) => self.leaf(Query::Compare(field, comparison, number), start),
            None => self.no_number(&value, start),
        }
    }

    pub(super) fn no_number(&mut self, value: &str, start: usize) {
        let span = start..self.scanner.at;
        self.notice(format!("'{value}' is not a number; searched as text"), span.clone());
        let text = self.scanner.text[span].to_owned();
        self.leaf(Query::Phrase(text), start);
    }

    /// The levels for which this holds, as a list.
    pub(super) fn levels(&mut self, field: Field, holds: impl Fn(Level) -> bool, start: usize) {
        let levels = Level::ALL.into_iter().filter(|level| holds(*level));
        let values: Vec<_> = levels.map(|level| Operand::Text(level.as_str().into())).collect();
        let query = if values.is_empty() { Query::Nothing } else { Query::In(field, values) };
        self.leaf(query, start);
    }
}

const fn holds(left: Level, comparison: Comparison, right: Level) -> bool {
    let (left, right) = (left as u8, right as u8);
    match comparison {
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
    }
}

/// The value to compare with: a number where the field is one, the name of a level, folded text.
pub(super) fn operand_of(field: &Field, text: &str, quoted: bool) -> Operand {
    let as_number = match field.kind() {
        kind if kind.is_number() => number::parse(text, field),
        Kind::Dynamic if !quoted => number::plain(text),
        Kind::Level => {
            let level = Level::parse(text).map(|level| Operand::Text(level.as_str().into()));
            return level.unwrap_or_else(|| Operand::Text(fold(text).into_owned()));
        }
        _ => None,
    };
    as_number.map_or_else(|| Operand::Text(fold(text).into_owned()), Operand::Number)
}

/// `5xx` of a status: 500 to 599.
pub(super) fn status_class(field: &Field, word: &str) -> Option<(f64, f64)> {
    let is_class = field.name == fields::STATUS && word.len() == 3;
    let digit = word.chars().next().filter(char::is_ascii_digit)?.to_digit(10)?;
    let is_class = is_class && digit > 0 && word[1..].eq_ignore_ascii_case("xx");
    is_class.then(|| (f64::from(digit * 100), f64::from(digit * 100 + 99)))
}

/// A regular expression written without quotes, as one in quotes is kept: there `\"` is a `"`, which means
/// the same, and no other pair of a backslash loses it.
fn without_escaped_quotes(expression: &str) -> String {
    let mut kept = String::with_capacity(expression.len());
    let mut rest = expression.chars();
    while let Some(next) = rest.next() {
        match (next, if next == '\\' { rest.next() } else { None }) {
            ('\\', Some('"')) => kept.push('"'),
            (next, escaped) => kept.extend([Some(next), escaped].into_iter().flatten()),
        }
    }
    kept
}
