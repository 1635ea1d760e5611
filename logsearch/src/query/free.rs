//! What a clause without a field asks: of every text of a record, words or a pattern.

use super::glob::Pattern;
use super::text::{Phrase, equals_folded, fold};
use super::tree::Query;
use crate::fields;
use crate::record::{Matchable, ValueRef};

/// A clause without a field, prepared for many texts.
///
/// It is asked of the message, the target and every field that holds a text. Ids
/// ([`is_id`](crate::fields::is_id)) are compared as a whole, everything else by word.
#[derive(Clone, Debug)]
pub struct FreeText {
    words: Words,
    /// Of an id.
    whole: Whole,
}

#[derive(Clone, Debug)]
enum Words {
    Phrase(Phrase),
    Patterns(Vec<Pattern>),
}

#[derive(Clone, Debug)]
enum Whole {
    Equals(String),
    Starts(String),
    Matches(Pattern),
}

impl FreeText {
    /// The clause, if it is one without a field.
    pub fn of(query: &Query) -> Option<Self> {
        Some(match query {
            Query::Text(text) | Query::Phrase(text) => Self::phrase(text),
            Query::TextWild(pattern) => Self {
                words: Words::Patterns(Pattern::words(pattern)),
                whole: Whole::Matches(Pattern::new(pattern)),
            },
            _ => return None,
        })
    }

    fn phrase(text: &str) -> Self {
        let phrase = Phrase::new(text);
        let whole = if phrase.is_prefix {
            Whole::Starts(fold(text.trim_end_matches('*')).into_owned())
        } else {
            Whole::Equals(fold(text).into_owned())
        };
        Self { words: Words::Phrase(phrase), whole }
    }

    /// Whether it asks for nothing, so that every record matches.
    pub fn is_everything(&self) -> bool {
        match &self.words {
            Words::Phrase(phrase) => phrase.is_empty(),
            Words::Patterns(words) => words.is_empty(),
        }
    }

    /// The phrase, if it is one.
    pub fn as_phrase(&self) -> Option<&Phrase> {
        match &self.words {
            Words::Phrase(phrase) => Some(phrase),
            Words::Patterns(_) => None,
        }
    }

    /// The patterns of the words, none if it is a phrase.
    pub fn patterns(&self) -> &[Pattern] {
        match &self.words {
            Words::Phrase(_) => &[],
            Words::Patterns(words) => words,
        }
    }

    /// The folded text that equals all ids it asks for, if they are all the same.
    pub fn id(&self) -> Option<&str> {
        match &self.whole {
            Whole::Equals(id) => Some(id),
            Whole::Starts(_) | Whole::Matches(_) => None,
        }
    }

    /// What every id it asks for starts with, folded.
    pub fn id_prefix(&self) -> String {
        match &self.whole {
            Whole::Equals(text) | Whole::Starts(text) => text.clone(),
            Whole::Matches(pattern) => pattern.prefix(),
        }
    }

    /// Whether a text that is no id has the words.
    pub fn is_in(&self, text: &str) -> bool {
        match &self.words {
            Words::Phrase(phrase) => phrase.is_in(text),
            Words::Patterns(words) => Pattern::words_match(words, text),
        }
    }

    /// Whether an id is the one, in any case.
    pub fn is_id(&self, id: &str) -> bool {
        match &self.whole {
            Whole::Equals(wanted) => equals_folded(id, wanted),
            Whole::Starts(start) => fold(id).starts_with(start.as_str()),
            Whole::Matches(pattern) => pattern.matches(id),
        }
    }

    /// Whether the text of a field fits.
    pub fn fits(&self, name: &str, text: &str) -> bool {
        if fields::is_id(name) {
            return self.is_id(text);
        }
        let decoded = || fields::is_encoded(name).then(|| fields::decoded(text)).flatten();
        self.is_in(text) || decoded().is_some_and(|decoded| self.is_in(&decoded))
    }

    /// Whether a record matches.
    pub fn matches<R: Matchable + ?Sized>(&self, record: &R) -> bool {
        if self.is_in(record.message()) || self.is_in(record.target()) {
            return true;
        }
        let mut found = false;
        record.each_field(&mut |name, value| {
            if let (false, ValueRef::Str(text)) = (found, value) {
                found = self.fits(name, text);
            }
        });
        found
    }
}
