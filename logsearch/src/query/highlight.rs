//! Which parts of a shown value a query asked for, so that a page can mark them. Only what makes a
//! record match is marked, nothing that is asked not to be there.

use std::ops::Range;

use regex::Regex;

use super::free::FreeText;
use super::glob::Pattern;
use super::matches::compile_regex;
use super::text::{Phrase, Token, equals_folded, fold, tokens};
use super::tree::{Operand, Query};
use crate::fields::{self, Kind};

/// Finds the parts of the values of one field.
#[derive(Clone, Debug)]
pub struct Highlighter {
    marks: Vec<Mark>,
}

#[derive(Clone, Debug)]
enum Mark {
    Words(Phrase),
    Patterns(Vec<Pattern>),
    Whole(String),
    WholePattern(Pattern),
    Regex(Regex),
}

impl Highlighter {
    /// For the field of that canonical name.
    pub fn new(query: &Query, field: &str) -> Self {
        let mut marks = Vec::new();
        collect(query, field, &mut marks);
        Self { marks }
    }

    /// The marked bytes of a text, in order, not overlapping.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for mark in &self.marks {
            mark.find(text, &mut found);
        }
        found.retain(|range| !range.is_empty());
        found.sort_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

fn collect(query: &Query, field: &str, marks: &mut Vec<Mark>) {
    match query {
        Query::Text(_) | Query::Phrase(_) | Query::TextWild(_) => {
            marks.extend(FreeText::of(query).map(|wanted| free(&wanted, field)));
        }
        Query::And(queries) | Query::Or(queries) => {
            for query in queries {
                collect(query, field, marks);
            }
        }
        clause if clause.field().is_some_and(|asked| asked.name == field) => {
            collect_clause(clause, field, marks);
        }
        _ => {}
    }
}

fn free(wanted: &FreeText, field: &str) -> Mark {
    match (wanted.id(), wanted.as_phrase()) {
        (Some(id), _) if fields::is_id(field) => Mark::Whole(id.to_owned()),
        (_, Some(phrase)) => Mark::Words(phrase.clone()),
        _ => Mark::Patterns(wanted.patterns().to_vec()),
    }
}

fn collect_clause(clause: &Query, field: &str, marks: &mut Vec<Mark>) {
    let is_text = fields::kind(field) == Kind::Text;
    let value = |text: &str| {
        if is_text { Mark::Words(Phrase::new(text)) } else { Mark::Whole(fold(text).into_owned()) }
    };
    match clause {
        Query::Eq(_, Operand::Text(text)) | Query::PhraseIn(_, text) => marks.push(value(text)),
        Query::In(_, values) => marks.extend(values.iter().filter_map(|operand| match operand {
            Operand::Text(text) => Some(value(text)),
            Operand::Number(_) => None,
        })),
        Query::Wild(_, pattern) if is_text => marks.push(Mark::Patterns(Pattern::words(pattern))),
        Query::Wild(_, pattern) => marks.push(Mark::WholePattern(Pattern::new(pattern))),
        Query::Regex(_, expression) => {
            marks.extend(compile_regex(expression).ok().map(Mark::Regex));
        }
        _ => {}
    }
}

impl Mark {
    fn find(&self, text: &str, found: &mut Vec<Range<usize>>) {
        match self {
            Self::Words(phrase) => {
                runs(text, phrase.words.len(), |at, token| phrase.fits(at, token), found);
            }
            Self::Patterns(words) => {
                runs(text, words.len(), |at, token| words[at].matches(token.raw), found);
            }
            Self::Whole(whole) if equals_folded(text, whole) => found.push(0..text.len()),
            Self::WholePattern(pattern) if pattern.matches(text) => found.push(0..text.len()),
            Self::Regex(regex) => found.extend(regex.find_iter(text).map(|part| part.range())),
            Self::Whole(_) | Self::WholePattern(_) => {}
        }
    }
}

/// The runs of words that match in order and adjacent.
fn runs(
    text: &str,
    words: usize,
    fits: impl Fn(usize, &Token<'_>) -> bool,
    found: &mut Vec<Range<usize>>,
) {
    let tokens: Vec<Token<'_>> = tokens(text).collect();
    if words == 0 {
        return;
    }
    for run in tokens.windows(words) {
        if run.iter().enumerate().all(|(at, token)| fits(at, token)) {
            found.push(run[0].range.start..run[run.len() - 1].range.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::parse;

    fn marked(query: &str, field: &str, text: &str) -> Vec<String> {
        let highlighter = Highlighter::new(&parse(query).query, field);
        highlighter.find(text).into_iter().map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn the_asked_words_are_marked_and_the_unwanted_are_not() {
        let text = "Database IS locked; the database waits";
        assert_eq!(marked("database -locked", "message", text), ["Database", "database"]);
        assert_eq!(marked("\"is locked\" OR wait*", "message", text), ["IS locked", "waits"]);
        assert_eq!(marked("message=~\"l.ck\"", "message", text), ["lock"]);
        assert_eq!(marked("database", "url.path", text), ["Database", "database"]);
        assert_eq!(marked("\"is lock*\" OR *AIT?", "db.query.text", text), ["IS locked", "waits"]);
        assert_eq!(marked("abc", "trace.id", "abc def"), [""; 0]);
        assert_eq!(marked("ABC", "trace.id", "abc"), ["abc"]);
    }

    #[test]
    fn a_value_is_marked_as_a_whole() {
        assert_eq!(marked("path:/sim/*", "url.path", "/SIM/msgs"), ["/SIM/msgs"]);
        assert_eq!(marked("user:(a OR b)", "user.name", "B"), ["B"]);
        assert_eq!(marked("user:a", "user.name", "ab"), [""; 0]);
    }
}
