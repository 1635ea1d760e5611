//! Clauses on dynamic fields: those outside the catalogue, and those of it with a value of a kind
//! their own place does not keep. Text is lowered like a keyword, numbers by value.

use std::sync::Arc;

use tantivy::schema::Field as IndexField;
use tantivy::{SegmentReader, Term};

use super::filter::{Filtered, Test};
use super::integer_range::is_numeric;
use super::{Lowered, Lowering, any_of, any_term, exists, nothing, term};
use crate::embedded::disk::keyword::Keyword;
use crate::embedded::disk::partition::PartitionError;
use crate::embedded::disk::schema;
use crate::embedded::disk::segment::FieldColumns;
use crate::query::{Field, Matcher, Number, Operand, Query, fold};
use crate::record::{Level, LogRecord, Value};

impl Lowering<'_> {
    /// The clause over the dynamic values of its field; `None` when the partition has none.
    pub(super) fn dynamic(
        &self,
        query: &Query,
        field: &Field,
    ) -> Result<Option<Lowered>, PartitionError> {
        let column = schema::more_column(&field.name);
        if !schema::is_plain(&field.name) || !self.has_column(&column)? {
            return Ok(None);
        }
        let place = Keyword::dynamic(self.layout(), &field.name);
        Ok(Some(match query {
            Query::Exists(_) => exists(&column),
            Query::Eq(_, wanted) => self.equals(&place, field, wanted),
            Query::In(_, wanted) => {
                any_of(wanted.iter().map(|wanted| self.equals(&place, field, wanted)).collect())
            }
            Query::PhraseIn(_, text) => {
                self.equals(&place, field, &Operand::Text(fold(text).into_owned()))
            }
            Query::Exact(_, text) => {
                let wanted = Operand::Text(fold(text).into_owned());
                self.verified(self.equals(&place, field, &wanted), query)
            }
            _ if is_numeric(query) => {
                let large = self.large_numbers(query, field, &place, &column)?;
                any_of(vec![self.numbers(query, field, &column)?, large])
            }
            _ => {
                let texts = self.keyword(query, field, &place, exists(&column), false)?;
                let others = self.without_text(&column)?.map(|docs| self.verified(docs, query));
                any_of(std::iter::once(texts).chain(others).collect())
            }
        }))
    }

    /// Terms of the values that equal an operand.
    fn equals(&self, place: &Keyword, field: &Field, wanted: &Operand) -> Lowered {
        let more = self.layout().more;
        let mut terms = Vec::new();
        match wanted {
            Operand::Number(number) => {
                terms.push(place.term(&fold(&number.to_string())));
                terms.push(number_term(more, &field.name, field.stored(*number)));
            }
            Operand::Text(text) => {
                terms.push(place.term(&fold(text)));
                // The text form of a number is what it is printed as, so anything else is no match.
                if let Ok(number) = text.parse::<i64>()
                    && number.to_string() == *text
                {
                    let mut term = path(more, &field.name);
                    term.append_type_and_fast_value(number);
                    terms.push(term);
                } else if let Ok(number) = text.parse::<f64>()
                    && Value::Float(number).as_ref().text() == text.as_str()
                {
                    terms.push(number_term(more, &field.name, Number::Float(number)));
                }
                if let Ok(value) = text.parse::<bool>() {
                    let mut term = path(more, &field.name);
                    term.append_type_and_fast_value(value);
                    terms.push(term);
                }
            }
        }
        any_of(terms.into_iter().map(term).collect())
    }

    /// Numbers compared by value. The matcher itself is asked, over a record of one field.
    fn numbers(
        &self,
        query: &Query,
        field: &Field,
        column: &str,
    ) -> Result<Lowered, PartitionError> {
        let mut found = false;
        for segment in self.segments() {
            found |= segment.columns(column)?.has_numbers();
        }
        if !found {
            return Ok(nothing());
        }
        let matcher = Arc::new(Matcher::new(query));
        let (name, known) = (field.name.clone(), column.to_owned());
        let segments = self.segments().to_vec();
        let test = move |reader: &SegmentReader| -> tantivy::Result<Test> {
            let id = reader.segment_id();
            let segment = segments.iter().find(|segment| segment.reader.segment_id() == id);
            let columns = match segment {
                Some(segment) => segment.columns(&known)?,
                None => Arc::new(FieldColumns::default()),
            };
            let (matcher, mut record) = (Arc::clone(&matcher), probe(&name));
            Ok(Box::new(move |doc| {
                columns.number(doc).is_some_and(|value| {
                    record.fields[0].1 = value;
                    matcher.matches(&record)
                })
            }))
        };
        Ok(Box::new(Filtered::new(exists(column), 4, self.min_doc(), Arc::new(test))))
    }

    /// Whole numbers above `i64::MAX`, which are kept as texts.
    fn large_numbers(
        &self,
        query: &Query,
        field: &Field,
        place: &Keyword,
        column: &str,
    ) -> Result<Lowered, PartitionError> {
        let mut has_texts = false;
        for segment in self.segments() {
            has_texts |= segment.columns(column)?.text.is_some();
        }
        if !has_texts {
            return Ok(nothing());
        }
        let (matcher, name) = (Matcher::new(query), field.name.clone());
        let is_wanted = move |text: &str| {
            let mut record = probe(&name);
            record.fields[0].1 = Value::Str(text.to_owned());
            matcher.matches(&record)
        };
        Ok(any_term(place, place.large_numbers(is_wanted)))
    }

    /// Documents whose value is a number or a truth value; `None` when there are none.
    fn without_text(&self, column: &str) -> Result<Option<Lowered>, PartitionError> {
        let mut found = false;
        for segment in self.segments() {
            let columns = segment.columns(column)?;
            found |= columns.has_numbers() || columns.bool.is_some();
        }
        let known = column.to_owned();
        let test = move |reader: &SegmentReader| -> tantivy::Result<Test> {
            let Some(texts) = reader.fast_fields().str(&known)? else {
                return Ok(Box::new(|_| true));
            };
            let ords = texts.ords().clone();
            Ok(Box::new(move |doc| !ords.index.has_value(doc)))
        };
        Ok(found.then(|| -> Lowered {
            Box::new(Filtered::new(exists(column), 2, self.min_doc(), Arc::new(test)))
        }))
    }
}

/// A record with one field, the value of which is replaced for every question.
fn probe(name: &str) -> LogRecord {
    LogRecord {
        timestamp: 0,
        sequence: 0,
        level: Level::Trace,
        target: String::new(),
        message: String::new(),
        fields: vec![(name.to_owned(), Value::Bool(false))],
    }
}

fn path(more: IndexField, name: &str) -> Term {
    Term::from_field_json_path(more, &schema::escape(name), false)
}

/// The index keeps every number in its simplest form: whole if it is whole.
fn number_term(more: IndexField, name: &str, number: Number) -> Term {
    use tantivy::columnar::NumericalValue;
    let mut term = path(more, name);
    let number = match number {
        Number::Int(number) => i64::try_from(number).map(NumericalValue::I64),
        Number::Float(number) => Ok(NumericalValue::F64(number)),
    };
    // No record has a number that does not fit.
    let number = number.unwrap_or(NumericalValue::I64(i64::MAX));
    match number.normalize() {
        NumericalValue::I64(value) => term.append_type_and_fast_value(value),
        NumericalValue::U64(value) => term.append_type_and_fast_value(value),
        NumericalValue::F64(value) => term.append_type_and_fast_value(value),
    }
    term
}
