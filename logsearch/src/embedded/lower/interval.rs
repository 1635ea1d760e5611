//! Documents whose number in a column lies between two. The least and the greatest number of each block
//! of documents are known, so that blocks without a match are never decoded and a page that starts at the
//! end of a segment reads only as far back as it has to.

use std::sync::Arc;

use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED};

use super::filter::{MinDoc, unexplained};
use crate::embedded::disk::segment::{BLOCK, FieldColumns, Segment};

/// Documents whose value in a column lies between two bounds, both inclusive.
#[derive(Clone)]
pub struct Interval {
    column: String,
    bounds: (i64, i64),
    segments: Vec<Arc<Segment>>,
    min_doc: MinDoc,
}

impl Interval {
    /// Over a column of whole numbers of these segments.
    pub fn new(
        column: &str,
        bounds: (i64, i64),
        segments: &[Arc<Segment>],
        min_doc: &MinDoc,
    ) -> Self {
        let (column, segments) = (column.to_owned(), segments.to_vec());
        Self { column, bounds, segments, min_doc: min_doc.clone() }
    }
}

impl std::fmt::Debug for Interval {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Interval").field(&self.column).field(&self.bounds).finish()
    }
}

impl Query for Interval {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(IntervalWeight(self.clone())))
    }
}

struct IntervalWeight(Interval);

impl Weight for IntervalWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let Interval { column, bounds, segments, min_doc } = &self.0;
        let id = reader.segment_id();
        let Some(segment) = segments.iter().find(|segment| segment.reader.segment_id() == id)
        else {
            return Ok(Box::new(EmptyScorer));
        };
        let columns = segment.columns(column)?;
        if columns.int.is_none() {
            return Ok(Box::new(EmptyScorer));
        }
        let docs = Within::new(columns, *bounds, segment.len(), min_doc.get());
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(unexplained())
    }
}

struct Within {
    columns: Arc<FieldColumns>,
    bounds: (i64, i64),
    docs: u32,
    /// Matches of the last block that had some.
    found: Vec<DocId>,
    at: usize,
    /// The block behind it.
    next_block: u32,
}

impl Within {
    fn new(columns: Arc<FieldColumns>, bounds: (i64, i64), docs: u32, min_doc: DocId) -> Self {
        let found = Vec::with_capacity(BLOCK as usize);
        let mut within = Self { columns, bounds, docs, found, at: 0, next_block: min_doc / BLOCK };
        within.load();
        within.skip_to(min_doc);
        within
    }

    /// Reads the next block that has a match.
    fn load(&mut self) {
        self.found.clear();
        self.at = 0;
        let Some(column) = &self.columns.int else { return };
        let (low, high) = self.bounds;
        let ranges = self.columns.ranges(self.docs);
        while let Some((least, greatest)) = ranges.get(self.next_block as usize) {
            let start = self.next_block * BLOCK;
            self.next_block += 1;
            if *greatest < low || high < *least {
                continue;
            }
            let block = start..(start + BLOCK).min(self.docs);
            column.get_docids_for_value_range(low..=high, block, &mut self.found);
            if !self.found.is_empty() {
                return;
            }
        }
    }

    /// Passes over matches before a document.
    fn skip_to(&mut self, target: DocId) {
        loop {
            self.at += self.found[self.at..].partition_point(|doc| *doc < target);
            if self.at < self.found.len() || self.found.is_empty() {
                return;
            }
            self.next_block = self.next_block.max(target / BLOCK);
            self.load();
        }
    }
}

impl DocSet for Within {
    fn advance(&mut self) -> DocId {
        self.at += 1;
        if self.at >= self.found.len() {
            self.load();
        }
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.skip_to(target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.found.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        // Nobody knows without looking; less than all is what an intersection should believe.
        self.docs / 4
    }

    fn cost(&self) -> u64 {
        u64::from(self.docs)
    }
}
