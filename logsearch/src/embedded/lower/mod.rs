//! The query tree as tantivy queries that mean exactly what the matcher means.
//!
//! A field can be in up to three places of an index: its own (by the catalogue), among the dynamic
//! ones, and, past the bound on names, nowhere but in its record. Each clause is the union over those
//! the partition has. What an index cannot decide by itself is decided by the matcher on the record,
//! over as few candidates as the index can narrow it to.

mod and_not;
mod dynamic;
pub mod filter;
mod free_text;
mod integer_range;
mod interval;
mod typed;

use std::ops::Bound;
use std::sync::Arc;

use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, PhraseQuery, Query as IndexQuery, RangeQuery,
    TermQuery,
};
use tantivy::schema::{Field as IndexField, IndexRecordOption};
use tantivy::{SegmentReader, Term};

use self::and_not::AndNot;
use self::filter::{AnyTerm, Filtered, MinDoc, Test};
use self::integer_range::integer_range;
use crate::embedded::budget::Budget;
use crate::embedded::disk::fetch::{Fetcher, RowCache};
use crate::embedded::disk::keyword::{Keyword, TermFilter};
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::schema::{self, Layout};
use crate::embedded::disk::segment::Segment;
use crate::fields;
use crate::query::{Field, Matcher, Query};
use crate::record::{Level, LogRecord};

/// What looking at a record costs, in documents of an ordinary list.
const RECORD_PRICE: u64 = 200;

pub(super) type Lowered = Box<dyn IndexQuery>;

/// Lowers queries for one partition.
pub struct Lowering<'a> {
    view: &'a View,
    layout: &'a Layout,
    segments: &'a [Arc<Segment>],
    cache: &'a Arc<RowCache>,
    budget: &'a Budget,
    min_doc: MinDoc,
}

impl<'a> Lowering<'a> {
    /// A lowering for a partition as of a commit.
    pub fn new(
        view: &'a View,
        cache: &'a Arc<RowCache>,
        budget: &'a Budget,
    ) -> Result<Self, PartitionError> {
        let layout = &view.partition.layout;
        let (segments, min_doc) = (view.segments()?, MinDoc::default());
        Ok(Self { view, layout, segments, cache, budget, min_doc })
    }

    /// The query over the index.
    pub fn lower(&self, query: &Query) -> Result<Lowered, PartitionError> {
        Ok(match query {
            Query::All => all(),
            Query::Nothing => nothing(),
            Query::Text(_) | Query::Phrase(_) | Query::TextWild(_) => self.free_text(query)?,
            Query::Not(inner) => self.without(all(), self.lower(inner)?),
            Query::And(parts) => self.conjunction(parts)?,
            Query::Or(parts) => {
                any_of(parts.iter().map(|part| self.lower(part)).collect::<Result<_, _>>()?)
            }
            Query::Eq(field, _)
            | Query::Exact(field, _)
            | Query::PhraseIn(field, _)
            | Query::Wild(field, _)
            | Query::Regex(field, _)
            | Query::Compare(field, ..)
            | Query::Range(field, ..)
            | Query::In(field, _)
            | Query::Exists(field) => self.clause(query, field)?,
        })
    }

    fn conjunction(&self, parts: &[Query]) -> Result<Lowered, PartitionError> {
        let (mut wanted, mut excluded) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Query::Not(inner) => excluded.push(self.lower(inner)?),
                Query::All => {}
                other => wanted.push(self.lower(other)?),
            }
        }
        let docs = match wanted.len() {
            0 => all(),
            1 => wanted.swap_remove(0),
            _ => Box::new(BooleanQuery::intersection(wanted)),
        };
        Ok(if excluded.is_empty() { docs } else { self.without(docs, any_of(excluded)) })
    }

    pub(super) fn without(&self, docs: Lowered, excluded: Lowered) -> Lowered {
        Box::new(AndNot::new(docs, excluded, &self.min_doc))
    }

    /// Where lists made from the lowered queries may start.
    pub fn min_doc(&self) -> &MinDoc {
        &self.min_doc
    }

    fn clause(&self, query: &Query, field: &Field) -> Result<Lowered, PartitionError> {
        match field.name.as_str() {
            fields::LEVEL => Ok(self.levels(query)),
            fields::TARGET => {
                let place = Keyword::target(self.layout);
                self.keyword(query, field, &place, all(), false)
            }
            fields::MESSAGE => Ok(self.text(query, self.layout.message, all())),
            fields::SEQUENCE => Ok(self.sequence(query, field)),
            name => {
                let mut parts = Vec::new();
                if let Some(typed) = self.layout.typed.get(name) {
                    parts.push(self.typed(query, field, typed)?);
                }
                if matches!(query, Query::Exists(_)) {
                    parts.extend(self.elsewhere(name)?);
                } else if field.kind() == fields::Kind::Text {
                    parts.extend(self.elsewhere(name)?.map(|docs| self.verified(docs, query)));
                } else {
                    parts.extend(self.dynamic(query, field)?);
                    parts.extend(self.hidden(name)?.map(|docs| self.verified(docs, query)));
                }
                Ok(any_of(parts))
            }
        }
    }

    /// A clause over levels is asked for each of the five at once.
    fn levels(&self, query: &Query) -> Lowered {
        let matcher = Matcher::new(query);
        let mut record = LogRecord {
            timestamp: 0,
            sequence: 0,
            level: Level::Trace,
            target: String::new(),
            message: String::new(),
            fields: Vec::new(),
        };
        let levels = Level::ALL.into_iter().filter(|level| {
            record.level = *level;
            matcher.matches(&record)
        });
        let terms: Vec<Lowered> = levels
            .map(|level| term(Term::from_field_u64(self.layout.level, level as u64)))
            .collect();
        if terms.len() == Level::ALL.len() { all() } else { any_of(terms) }
    }

    fn sequence(&self, query: &Query, field: &Field) -> Lowered {
        let bound = |value: i128| {
            let value = value.clamp(0, u64::MAX.into());
            Term::from_field_u64(self.layout.sequence, u64::try_from(value).unwrap_or(0))
        };
        match integer_range(query, field) {
            // No sequence is negative.
            Some((_, high)) if high < 0 => nothing(),
            Some((low, high)) => range(bound(low), bound(high)),
            None if matches!(query, Query::Exists(_)) => all(),
            None => self.verified(all(), query),
        }
    }

    /// Documents that have the field among the dynamic ones or hidden.
    fn elsewhere(&self, name: &str) -> Result<Option<Lowered>, PartitionError> {
        let column = schema::more_column(name);
        let mut found = Vec::new();
        if self.has_column(&column)? {
            found.push(exists(&column));
        }
        found.extend(self.hidden(name)?);
        Ok((!found.is_empty()).then(|| any_of(found)))
    }

    pub(super) fn has_column(&self, column: &str) -> Result<bool, PartitionError> {
        for segment in self.segments {
            if !segment.columns(column)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Documents that have nothing of the field in the index but its name.
    fn hidden(&self, name: &str) -> Result<Option<Lowered>, PartitionError> {
        let name = Term::from_field_text(self.layout.names, &schema::hidden(name));
        let known = self.view.searcher.doc_freq(&name)? > 0;
        Ok(known.then(|| term(name)))
    }

    pub(super) fn present(&self, name: &str) -> Lowered {
        term(Term::from_field_text(self.layout.names, &schema::present(name)))
    }

    pub(super) fn segments(&self) -> &[Arc<Segment>] {
        self.segments
    }

    pub(super) fn budget(&self) -> &Budget {
        self.budget
    }

    pub(super) fn layout(&self) -> &Layout {
        self.layout
    }

    /// Those candidates whose records match.
    pub(super) fn verified(&self, candidates: Lowered, query: &Query) -> Lowered {
        let matcher = Arc::new(Matcher::new(query));
        let rows = Arc::clone(&self.view.partition.rows);
        let (cache, budget) = (Arc::clone(self.cache), self.budget.clone());
        let test = move |reader: &SegmentReader| -> tantivy::Result<Test> {
            let sequence = reader.fast_fields().u64(schema::SEQUENCE)?.values;
            let (matcher, cache) = (Arc::clone(&matcher), Arc::clone(&cache));
            let (budget, mut fetcher) = (budget.clone(), Fetcher::new(Arc::clone(&rows), cache));
            Ok(Box::new(move |doc| {
                // A record that cannot be read matches nothing; the scrub finds and reports it.
                let mut record = || fetcher.record(sequence.get_val(doc)).ok();
                !budget.is_over() && record().is_some_and(|record| matcher.matches(&record))
            }))
        };
        Box::new(Filtered::new(candidates, RECORD_PRICE, &self.min_doc, Arc::new(test)))
    }
}

pub(super) fn all() -> Lowered {
    Box::new(AllQuery)
}

pub(super) fn nothing() -> Lowered {
    Box::new(EmptyQuery)
}

pub(super) fn term(term: Term) -> Lowered {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

pub(super) fn exists(column: &str) -> Lowered {
    Box::new(ExistsQuery::new(column.to_owned(), false))
}

pub(super) fn any_term(place: &Keyword, pick: TermFilter) -> Lowered {
    Box::new(AnyTerm::new(place.field(), pick))
}

pub(super) fn any_of(mut parts: Vec<Lowered>) -> Lowered {
    parts.retain(|part| !part.is::<EmptyQuery>());
    match parts.len() {
        0 => nothing(),
        1 => parts.swap_remove(0),
        _ => Box::new(BooleanQuery::union(parts)),
    }
}

fn range(low: Term, high: Term) -> Lowered {
    Box::new(RangeQuery::new(Bound::Included(low), Bound::Included(high)))
}

/// Words in order and adjacent; there must be one.
pub(super) fn phrase(field: IndexField, words: &[String]) -> Lowered {
    let mut terms: Vec<Term> =
        words.iter().map(|word| Term::from_field_text(field, word)).collect();
    if terms.len() == 1 { term(terms.swap_remove(0)) } else { Box::new(PhraseQuery::new(terms)) }
}
