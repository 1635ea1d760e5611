//! Clauses on the places that fields of the catalogue have: words, whole values as text, numbers.

use std::sync::Arc;

use tantivy::query::BooleanQuery;
use tantivy::schema::Field as IndexField;
use tantivy::{SegmentReader, Term};

use super::filter::{AnyTerm, Filtered, Test};
use super::integer_range::{integer_range, is_numeric, wanted_int, within_column};
use super::interval::Interval;
use super::{Lowered, Lowering, any_of, any_term, exists, nothing, phrase, term};
use crate::embedded::disk::keyword::{Keyword, written_int};
use crate::embedded::disk::partition::PartitionError;
use crate::embedded::disk::schema::{Kind, Typed};
use crate::query::{Field, Operand, Pattern, Phrase, Query, fold, folded_tokens};

impl Lowering<'_> {
    /// Lowers a clause on a field with an index field of its own.
    pub(super) fn typed(
        &self,
        query: &Query,
        field: &Field,
        typed: &Typed,
    ) -> Result<Lowered, PartitionError> {
        match typed.kind {
            Kind::Text => Ok(self.text(query, typed.field, self.present(&field.name))),
            Kind::Keyword => {
                let docs = exists(&typed.column);
                self.keyword(query, field, &Keyword::typed(typed), docs, true)
            }
            Kind::Identifier => {
                let docs = self.present(&field.name);
                self.keyword(query, field, &Keyword::typed(typed), docs, true)
            }
            Kind::Code | Kind::Measure => Ok(self.number(query, field, typed)),
        }
    }

    /// Lowers a clause on a tokenized field.
    pub(super) fn text(&self, query: &Query, field: IndexField, docs: Lowered) -> Lowered {
        let operand = |operand: &Operand| {
            folded_tokens(&match operand {
                Operand::Number(number) => number.to_string(),
                Operand::Text(text) => text.clone(),
            })
        };
        let find = |words: Vec<String>| {
            if words.is_empty() { docs.box_clone() } else { phrase(field, &words) }
        };
        match query {
            Query::Exists(_) => docs,
            Query::Eq(_, wanted) => find(operand(wanted)),
            Query::In(_, wanted) => {
                any_of(wanted.iter().map(|wanted| find(operand(wanted))).collect())
            }
            Query::PhraseIn(_, text) => {
                let phrase = Phrase::new(text);
                if phrase.is_empty() { docs } else { self.phrase_in(query, field, &phrase) }
            }
            Query::Exact(_, text) => self.verified(find(folded_tokens(text)), query),
            Query::Wild(_, pattern) => self.wild_text(query, field, pattern, docs),
            Query::Compare(..) | Query::Range(_, Operand::Number(_), _) => nothing(),
            _ => self.verified(docs, query),
        }
    }

    fn wild_text(&self, query: &Query, field: IndexField, pattern: &str, docs: Lowered) -> Lowered {
        let mut words: Vec<Lowered> = Pattern::words(pattern)
            .into_iter()
            .filter(|word| !word.is_any())
            .map(|word| -> Lowered {
                Box::new(AnyTerm::new(field, Keyword::of(field).matching(word)))
            })
            .collect();
        match words.len() {
            0 => self.verified(docs, query),
            1 if Pattern::words(pattern).len() == 1 => words.swap_remove(0),
            _ => self.verified(Box::new(BooleanQuery::intersection(words)), query),
        }
    }

    /// Lowers a clause on an integer field.
    fn number(&self, query: &Query, field: &Field, typed: &Typed) -> Lowered {
        let between = |low, high| -> Lowered {
            Box::new(Interval::new(&typed.column, (low, high), self.segments(), self.min_doc()))
        };
        let one = |value: i64| match typed.kind {
            Kind::Code => term(Term::from_field_i64(typed.field, value)),
            _ => between(value, value),
        };
        match query {
            Query::Exists(_) => exists(&typed.column),
            Query::Eq(_, wanted) => wanted_int(wanted, field).map_or_else(nothing, one),
            Query::In(_, wanted) => {
                let wanted = wanted.iter().filter_map(|wanted| wanted_int(wanted, field));
                any_of(wanted.map(one).collect())
            }
            Query::PhraseIn(_, text) | Query::Exact(_, text) => {
                written_int(text).map_or_else(nothing, one)
            }
            _ => match integer_range(query, field).map(within_column) {
                Some(Some((low, high))) if low == high => one(low),
                Some(Some((low, high))) => between(low, high),
                Some(None) => nothing(),
                None if is_numeric(query) => nothing(),
                None => self.verified(exists(&typed.column), query),
            },
        }
    }

    /// A clause on a place that keeps whole values as text. `numbers` says that some of them may have
    /// been whole numbers.
    pub(super) fn keyword(
        &self,
        query: &Query,
        field: &Field,
        place: &Keyword,
        docs: Lowered,
        numbers: bool,
    ) -> Result<Lowered, PartitionError> {
        Ok(match query {
            Query::Exists(_) => docs,
            Query::Eq(_, wanted) => self.keyword_equals(query, field, place, wanted, numbers),
            Query::In(_, wanted) => {
                let one = |wanted| self.keyword_equals(query, field, place, wanted, numbers);
                any_of(wanted.iter().map(one).collect())
            }
            Query::PhraseIn(_, text) => term(place.term(&fold(text))),
            Query::Exact(_, text) => self.keyword_exact(query, place, text),
            Query::Wild(_, pattern) => any_term(place, place.matching(Pattern::new(pattern))),
            Query::Regex(_, expression) => match place.regex(expression) {
                Some(pick) => self.found_in_plain(query, place, any_term(place, pick))?,
                None => self.verified(docs, query),
            },
            Query::Range(_, Operand::Text(low), Operand::Text(high)) => {
                any_term(place, place.between(&fold(low), &fold(high)))
            }
            _ if !numbers => nothing(),
            _ => match integer_range(query, field) {
                Some(range) => self.verified(any_term(place, place.numbers(range)), query),
                None => nothing(),
            },
        })
    }

    /// Documents whose folded terms answer for them, and the others asked one by one: what was not ASCII
    /// before it was folded may be so now.
    fn found_in_plain(
        &self,
        query: &Query,
        place: &Keyword,
        found: Lowered,
    ) -> Result<Lowered, PartitionError> {
        for segment in self.segments() {
            if !segment.is_plain(place)? {
                let foreign = || term(place.foreign());
                let plain = self.without(found, foreign());
                return Ok(any_of(vec![plain, self.verified(foreign(), query)]));
            }
        }
        Ok(found)
    }

    fn keyword_equals(
        &self,
        query: &Query,
        field: &Field,
        place: &Keyword,
        wanted: &Operand,
        numbers: bool,
    ) -> Lowered {
        let Operand::Number(number) = wanted else {
            let Operand::Text(text) = wanted else { return nothing() };
            return term(place.term(&fold(text)));
        };
        let text = number.to_string();
        let found = term(place.term(&fold(&text)));
        match wanted_int(wanted, field).map(|value| value.to_string()) {
            // A string is compared with what was typed, a number with what that means.
            Some(stored) if numbers && stored != text => {
                let stored = self.verified(term(place.term(&stored)), query);
                any_of(vec![self.verified(found, query), stored])
            }
            _ => found,
        }
    }

    /// The column says which spelling a document has, where there is one.
    fn keyword_exact(&self, query: &Query, place: &Keyword, text: &str) -> Lowered {
        let candidates = term(place.term(&fold(text)));
        let Some(column) = place.column().map(ToOwned::to_owned) else {
            return self.verified(candidates, query);
        };
        let text = text.to_owned();
        let make = move |reader: &SegmentReader| -> tantivy::Result<Test> {
            let Some(column) = reader.fast_fields().str(&column)? else {
                return Ok(Box::new(|_| false));
            };
            let wanted = column.dictionary().term_ord(text.as_bytes())?;
            let ords = column.ords().clone();
            Ok(Box::new(move |doc| wanted.is_some() && ords.first(doc) == wanted))
        };
        Box::new(Filtered::new(candidates, 2, self.min_doc(), Arc::new(make)))
    }
}
