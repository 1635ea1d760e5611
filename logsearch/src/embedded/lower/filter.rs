//! Two building blocks tantivy has no query for: the union of terms picked from the dictionary by
//! code of ours, and a filter that looks at each candidate.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use tantivy::index::SegmentId;
use tantivy::postings::{SegmentPostings, TermInfo};
use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{
    BitSet, DocId, DocSet, Score, SeekDangerResult, SegmentReader, TERMINATED, TantivyError,
};

use crate::embedded::disk::keyword::TermFilter;
use crate::embedded::disk::picked::PickedTerms;

/// The lists of up to so many terms are merged while they are read, which can stop early; more are
/// collected into a bit set.
const MAX_UNION_TERMS: usize = 16;

/// Picks terms of a segment, of any index field.
pub type PickTerms = Arc<dyn Fn(&SegmentReader) -> tantivy::Result<PickedTerms> + Send + Sync>;

/// Documents with any of the picked terms.
#[derive(Clone)]
pub struct AnyTerm {
    pick: PickTerms,
}

impl AnyTerm {
    /// Documents with any term of the field that `pick` picks.
    pub fn new(field: Field, pick: TermFilter) -> Self {
        Self::over(Arc::new(move |reader: &SegmentReader| -> tantivy::Result<PickedTerms> {
            let terms = pick(reader.inverted_index(field)?.terms())?;
            Ok(Arc::new(terms.into_iter().map(|term| (field, term)).collect()))
        }))
    }

    /// Documents with any term that `pick` picks.
    pub fn over(pick: PickTerms) -> Self {
        Self { pick }
    }
}

impl fmt::Debug for AnyTerm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnyTerm").finish_non_exhaustive()
    }
}

impl Query for AnyTerm {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let pick = Arc::clone(&self.pick);
        Ok(Box::new(AnyTermWeight { pick, segments: Mutex::default() }))
    }
}

/// What the picked terms are in one segment, kept because a page asks for a scorer per window.
#[derive(Clone)]
enum TermMatches {
    Terms(PickedTerms),
    Docs(BitSet),
}

struct AnyTermWeight {
    pick: PickTerms,
    segments: Mutex<HashMap<SegmentId, TermMatches>>,
}

impl AnyTermWeight {
    fn matches(&self, reader: &SegmentReader) -> tantivy::Result<TermMatches> {
        if let Some(matches) = self.segments.lock().get(&reader.segment_id()) {
            return Ok(matches.clone());
        }
        let terms = (self.pick)(reader)?;
        let matches = if terms.len() <= MAX_UNION_TERMS {
            TermMatches::Terms(terms)
        } else {
            let mut docs = BitSet::with_max_value(reader.max_doc());
            for (field, term) in terms.iter() {
                let index = reader.inverted_index(*field)?;
                let mut postings =
                    index.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
                while !postings.docs().is_empty() {
                    for doc in postings.docs() {
                        docs.insert(*doc);
                    }
                    postings.advance();
                }
            }
            TermMatches::Docs(docs)
        };
        self.segments.lock().insert(reader.segment_id(), matches.clone());
        Ok(matches)
    }
}

impl Weight for AnyTermWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let terms = match self.matches(reader)? {
            TermMatches::Docs(docs) => {
                return Ok(Box::new(ConstScorer::new(BitSetDocSet::from(docs), boost)));
            }
            TermMatches::Terms(terms) => terms,
        };
        let read = |(field, term): &(Field, TermInfo)| -> tantivy::Result<SegmentPostings> {
            let index = reader.inverted_index(*field)?;
            Ok(index.read_postings_from_terminfo(term, IndexRecordOption::Basic)?)
        };
        let mut lists = terms.iter().map(read).collect::<tantivy::Result<Vec<_>>>()?;
        Ok(match lists.len() {
            0 => Box::new(EmptyScorer),
            1 => Box::new(ConstScorer::new(lists.swap_remove(0), boost)),
            _ => Box::new(ConstScorer::new(Union::new(lists), boost)),
        })
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(unexplained())
    }
}

/// Sorted lists side by side. There are few, so the least is found by looking at all.
struct Union {
    lists: Vec<SegmentPostings>,
    doc: DocId,
}

impl Union {
    fn new(lists: Vec<SegmentPostings>) -> Self {
        let mut union = Self { lists, doc: 0 };
        union.doc = union.least();
        union
    }

    fn least(&self) -> DocId {
        self.lists.iter().map(DocSet::doc).min().unwrap_or(TERMINATED)
    }
}

impl DocSet for Union {
    fn advance(&mut self) -> DocId {
        let doc = self.doc;
        for list in self.lists.iter_mut().filter(|list| list.doc() == doc) {
            list.advance();
        }
        self.doc = self.least();
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for list in self.lists.iter_mut().filter(|list| list.doc() < target) {
            list.seek(target);
        }
        self.doc = self.least();
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.lists.iter().map(DocSet::size_hint).sum()
    }
}

/// The first document anybody wants to hear of. A list tests its first document when it is made, and a
/// page that starts at the end of a segment must not pay for the first match of all.
#[derive(Clone, Debug, Default)]
pub struct MinDoc(Arc<AtomicU32>);

impl MinDoc {
    /// Lists made from now on may leave out what is before `doc`.
    pub fn set(&self, doc: DocId) {
        self.0.store(doc, Ordering::Relaxed);
    }

    /// The first document that is wanted.
    pub fn get(&self) -> DocId {
        self.0.load(Ordering::Relaxed)
    }
}

/// Looks at one document of a segment.
pub type Test = Box<dyn FnMut(DocId) -> bool + Send>;
/// Makes the test for a segment.
pub type MakeTest = Arc<dyn Fn(&SegmentReader) -> tantivy::Result<Test> + Send + Sync>;

/// The documents of another query that pass a test.
pub struct Filtered {
    candidates: Box<dyn Query>,
    test: MakeTest,
    price: u64,
    min_doc: MinDoc,
}

impl Filtered {
    /// `price` is what a test costs in documents of an ordinary list, for the order of intersections.
    pub fn new(candidates: Box<dyn Query>, price: u64, min_doc: &MinDoc, test: MakeTest) -> Self {
        Self { candidates, test, price, min_doc: min_doc.clone() }
    }
}

impl Clone for Filtered {
    fn clone(&self) -> Self {
        let (candidates, test) = (self.candidates.box_clone(), Arc::clone(&self.test));
        Self { candidates, test, price: self.price, min_doc: self.min_doc.clone() }
    }
}

impl fmt::Debug for Filtered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Filtered").field(&self.candidates).finish()
    }
}

impl Query for Filtered {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let candidates = self.candidates.weight(scoring)?;
        let (test, min_doc) = (Arc::clone(&self.test), self.min_doc.clone());
        Ok(Box::new(FilteredWeight { candidates, test, price: self.price, min_doc }))
    }
}

struct FilteredWeight {
    candidates: Box<dyn Weight>,
    test: MakeTest,
    price: u64,
    min_doc: MinDoc,
}

impl Weight for FilteredWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let candidates = self.candidates.scorer(reader, boost)?;
        let test = (self.test)(reader)?;
        let docs = FilteredDocs::new(candidates, test, self.price, &self.min_doc);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(unexplained())
    }
}

/// Candidates that pass a test.
pub(super) struct FilteredDocs {
    candidates: Box<dyn Scorer>,
    test: Test,
    price: u64,
    doc: DocId,
}

impl FilteredDocs {
    /// Creates the scorer of a filtered query; see [`Filtered::new`].
    pub(super) fn new(
        mut candidates: Box<dyn Scorer>,
        test: Test,
        price: u64,
        min_doc: &MinDoc,
    ) -> Self {
        if candidates.doc() < min_doc.get() {
            candidates.seek(min_doc.get());
        }
        let mut docs = Self { doc: candidates.doc(), candidates, test, price };
        docs.doc = docs.settle();
        docs
    }

    fn settle(&mut self) -> DocId {
        let mut doc = self.candidates.doc();
        while doc != TERMINATED && !(self.test)(doc) {
            doc = self.candidates.advance();
        }
        self.doc = doc;
        doc
    }
}

impl DocSet for FilteredDocs {
    fn advance(&mut self) -> DocId {
        self.candidates.advance();
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.candidates.doc() < target {
            self.candidates.seek(target);
        }
        self.settle()
    }

    fn seek_danger(&mut self, target: DocId) -> SeekDangerResult {
        if target >= TERMINATED {
            return SeekDangerResult::SeekLowerBound(target);
        }
        let doc = match self.candidates.doc() {
            doc if doc < target => self.candidates.seek(target),
            doc => doc,
        };
        self.doc = doc;
        if doc == target && (self.test)(doc) {
            SeekDangerResult::Found
        } else {
            // Whether a later candidate passes is not worth finding out.
            SeekDangerResult::SeekLowerBound(doc.max(target + 1))
        }
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.candidates.size_hint()
    }

    fn cost(&self) -> u64 {
        self.candidates.cost().saturating_mul(self.price)
    }
}

/// Why no weight of ours explains a score.
pub fn unexplained() -> TantivyError {
    TantivyError::InvalidArgument("log queries are not scored".into())
}
