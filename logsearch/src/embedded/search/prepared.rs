//! A query made ready for one partition, and its matches in one segment.

use std::ops::Range;
use std::sync::Arc;

use tantivy::query::{EnableScoring, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, TERMINATED};

use crate::embedded::budget::Budget;
use crate::embedded::disk::fetch::RowCache;
use crate::embedded::disk::partition::{PartitionError, View};
use crate::embedded::disk::segment::Segment;
use crate::embedded::lower::Lowering;
use crate::embedded::lower::filter::MinDoc;
use crate::query::Query;

/// A query lowered for one partition.
pub struct PreparedSearch {
    weight: Box<dyn Weight>,
    min_doc: MinDoc,
}

impl PreparedSearch {
    /// Lowers a query for a partition.
    pub fn new(
        view: &View,
        query: &Query,
        cache: &Arc<RowCache>,
        budget: &Budget,
    ) -> Result<Self, PartitionError> {
        let lowering = Lowering::new(view, cache, budget)?;
        let schema = &view.partition.layout.schema;
        let weight = lowering.lower(query)?.weight(EnableScoring::disabled_from_schema(schema))?;
        Ok(Self { weight, min_doc: lowering.min_doc().clone() })
    }

    /// The number of documents of a segment.
    pub fn count(&self, segment: &Segment) -> tantivy::Result<u64> {
        self.min_doc.set(0);
        self.weight.count(&segment.reader).map(u64::from)
    }
}

/// Calls `visit` with the matching documents of a window, at most 64 at a time, until it says no.
pub fn for_each_block(
    segment: &Segment,
    prepared: &PreparedSearch,
    window: Range<DocId>,
    mut visit: impl FnMut(&[DocId]) -> bool,
) -> tantivy::Result<()> {
    prepared.min_doc.set(window.start);
    let mut docs = prepared.weight.scorer(&segment.reader, 1.0)?;
    if docs.doc() < window.start {
        docs.seek(window.start);
    }
    let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
    while docs.doc() != TERMINATED && docs.doc() < window.end {
        let filled = docs.fill_buffer(&mut buffer);
        let inside = buffer[..filled].partition_point(|doc| *doc < window.end);
        if inside == 0 || !visit(&buffer[..inside]) || inside < filled {
            break;
        }
    }
    Ok(())
}
