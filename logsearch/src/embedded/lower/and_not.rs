//! The documents of one query that another does not have. tantivy's own exclusion asks phrases about
//! documents they have passed, which they do not allow, and asks about one document at a time.
//!
//! Where what is excluded can be listed at no more than the price of what it is excluded from, as for
//! every negation that stands alone, both are drawn into the bits of a block of documents: that takes a
//! few nanoseconds a document whatever is excluded. A few documents from which much is excluded are
//! looked up one by one instead.

use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, DocId, DocSet, Score, SegmentReader, TERMINATED};

use super::filter::{FilteredDocs, MinDoc, unexplained};
use crate::embedded::disk::segment::BLOCK;

/// What looking up a document costs, in documents of an ordinary list.
const PRICE: u64 = 2;

/// Documents of one query that another one does not match.
#[derive(Debug)]
pub struct AndNot {
    docs: Box<dyn Query>,
    excluded: Box<dyn Query>,
    min_doc: MinDoc,
}

impl AndNot {
    /// `docs` without `excluded`.
    pub fn new(docs: Box<dyn Query>, excluded: Box<dyn Query>, min_doc: &MinDoc) -> Self {
        Self { docs, excluded, min_doc: min_doc.clone() }
    }
}

impl Clone for AndNot {
    fn clone(&self) -> Self {
        let (docs, excluded) = (self.docs.box_clone(), self.excluded.box_clone());
        Self { docs, excluded, min_doc: self.min_doc.clone() }
    }
}

impl Query for AndNot {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let (docs, excluded) = (self.docs.weight(scoring)?, self.excluded.weight(scoring)?);
        Ok(Box::new(AndNotWeight { docs, excluded, min_doc: self.min_doc.clone() }))
    }
}

struct AndNotWeight {
    docs: Box<dyn Weight>,
    excluded: Box<dyn Weight>,
    min_doc: MinDoc,
}

impl Weight for AndNotWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = self.docs.scorer(reader, boost)?;
        let mut excluded = self.excluded.scorer(reader, boost)?;
        if excluded.cost() <= docs.cost() {
            let blocks = Blocks::new(Listed::new(docs), Listed::new(excluded), self.min_doc.get());
            return Ok(Box::new(ConstScorer::new(blocks, boost)));
        }
        let is_kept = move |doc| {
            if excluded.doc() < doc {
                excluded.seek(doc);
            }
            excluded.doc() != doc
        };
        let docs = FilteredDocs::new(docs, Box::new(is_kept), PRICE, &self.min_doc);
        Ok(Box::new(ConstScorer::new(docs, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(unexplained())
    }
}

/// Documents, listed some at a time.
struct Listed {
    docs: Box<dyn Scorer>,
    buffer: [DocId; COLLECT_BLOCK_BUFFER_LEN],
    at: usize,
    filled: usize,
}

impl Listed {
    fn new(docs: Box<dyn Scorer>) -> Self {
        Self { docs, buffer: [0; COLLECT_BLOCK_BUFFER_LEN], at: 0, filled: 0 }
    }

    /// The first document that was not passed and is not before this one.
    fn next_from(&mut self, start: DocId) -> DocId {
        let rest = &self.buffer[self.at..self.filled];
        self.at += rest.partition_point(|doc| *doc < start);
        if self.at < self.filled {
            return self.buffer[self.at];
        }
        if self.docs.doc() < start {
            self.docs.seek(start);
        }
        self.docs.doc()
    }

    /// Passes over the documents of a block, calling back with the place of each in it.
    fn pass(&mut self, start: DocId, mut each: impl FnMut(u32)) {
        let end = start.saturating_add(BLOCK);
        while self.next_from(start) < end {
            if self.at == self.filled {
                (self.at, self.filled) = (0, self.docs.fill_buffer(&mut self.buffer));
            }
            let rest = &self.buffer[self.at..self.filled];
            let inside = rest.partition_point(|doc| *doc < end);
            rest[..inside].iter().for_each(|doc| each(doc - start));
            self.at += inside;
        }
    }
}

/// The bits of a block.
const WORDS: usize = BLOCK as usize / 64;

struct Blocks {
    docs: Listed,
    excluded: Listed,
    /// Where the block at hand starts.
    start: DocId,
    /// What is left of it, behind the document at hand.
    bits: [u64; WORDS],
    /// The first word that may have a bit.
    word: usize,
    doc: DocId,
}

impl Blocks {
    fn new(docs: Listed, excluded: Listed, min_doc: DocId) -> Self {
        let (bits, word) = ([0; WORDS], WORDS);
        let mut blocks = Self { docs, excluded, start: 0, bits, word, doc: 0 };
        blocks.load(min_doc);
        blocks.advance();
        blocks
    }

    /// Draws the next block with a document at or behind this one.
    fn load(&mut self, from: DocId) {
        let first = self.docs.next_from(from);
        if first >= TERMINATED {
            self.start = TERMINATED;
            return;
        }
        let start = first / BLOCK * BLOCK;
        let mut bits = [0; WORDS];
        self.docs.pass(start, |at| bits[at as usize / 64] |= 1 << (at % 64));
        self.excluded.pass(start, |at| bits[at as usize / 64] &= !(1 << (at % 64)));
        (self.start, self.bits, self.word) = (start, bits, 0);
    }

    /// Passes over what is before a place in the block at hand.
    fn pass(&mut self, at: u32) {
        self.word = at as usize / 64;
        self.bits[self.word] &= u64::MAX << (at % 64);
    }

    /// The next document of the block at hand.
    fn take(&mut self) -> Option<DocId> {
        while let Some(word) = self.bits.get_mut(self.word) {
            if *word != 0 {
                let bit = word.trailing_zeros();
                *word &= *word - 1;
                #[expect(clippy::cast_possible_truncation, reason = "a block has few words")]
                return Some(self.start + self.word as u32 * 64 + bit);
            }
            self.word += 1;
        }
        None
    }
}

impl DocSet for Blocks {
    fn advance(&mut self) -> DocId {
        self.doc = loop {
            if self.start >= TERMINATED {
                break TERMINATED;
            }
            if let Some(doc) = self.take() {
                break doc;
            }
            self.load(self.start + BLOCK);
        };
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if target >= TERMINATED {
            (self.start, self.doc) = (TERMINATED, TERMINATED);
        } else if self.doc < target {
            if target >= self.start + BLOCK {
                self.load(target);
            } else {
                self.pass(target - self.start);
            }
            self.advance();
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.docs.docs.size_hint().saturating_sub(self.excluded.docs.size_hint())
    }

    fn cost(&self) -> u64 {
        self.docs.docs.cost().saturating_add(self.excluded.docs.cost())
    }
}

#[cfg(test)]
mod tests {
    use tantivy::BitSet;
    use tantivy::query::BitSetDocSet;

    use super::*;

    const LAST: DocId = 5 * BLOCK + 7;

    fn listed(docs: &[DocId]) -> Listed {
        let mut bits = BitSet::with_max_value(LAST + 1);
        for doc in docs {
            bits.insert(*doc);
        }
        Listed::new(Box::new(ConstScorer::new(BitSetDocSet::from(bits), 1.0)))
    }

    /// Some documents: none, all, every so many, runs that end where blocks do.
    fn sets() -> Vec<Vec<DocId>> {
        let every = |step: usize| (0..=LAST).step_by(step).collect();
        let (middle, block) = (BLOCK - 1..3 * BLOCK + 1, 2 * BLOCK..3 * BLOCK);
        let ends = vec![0, 63, 64, BLOCK - 1, BLOCK, 4 * BLOCK, LAST];
        vec![vec![], every(1), every(2), every(700), middle.collect(), block.collect(), ends]
    }

    fn rest(set: &[DocId], excluded: &[DocId], from: DocId) -> Vec<DocId> {
        let is_left = |doc: &&DocId| **doc >= from && excluded.binary_search(doc).is_err();
        set.iter().filter(is_left).copied().collect()
    }

    #[test]
    fn what_is_left_is_found_from_any_floor_and_by_any_steps() {
        for (set, excluded) in
            sets().iter().flat_map(|set| sets().into_iter().map(move |e| (set, e)))
        {
            let all = rest(set, &excluded, 0);
            for min_doc in [0, 5, BLOCK, 2 * BLOCK + 63, LAST, LAST + 1] {
                let mut blocks = Blocks::new(listed(set), listed(&excluded), min_doc);
                let mut found = Vec::new();
                while blocks.doc() != TERMINATED {
                    found.push(blocks.doc());
                    blocks.advance();
                }
                assert_eq!(found, rest(set, &excluded, min_doc), "from {min_doc}");
                assert_eq!((blocks.advance(), blocks.seek(TERMINATED)), (TERMINATED, TERMINATED));
            }
            for step in [1, 3, 64, 65, BLOCK, BLOCK + 1, 2 * BLOCK + 500] {
                let mut blocks = Blocks::new(listed(set), listed(&excluded), 0);
                let mut target = 0;
                while target < TERMINATED {
                    if blocks.doc() < target {
                        blocks.seek(target);
                    }
                    let at = all.partition_point(|doc| *doc < target);
                    let next = all.get(at).copied();
                    assert_eq!(blocks.doc(), next.unwrap_or(TERMINATED), "steps of {step}");
                    target = all.get(at + 1).copied().unwrap_or(TERMINATED);
                    assert_eq!(blocks.advance(), target, "steps of {step} behind {next:?}");
                    target = target.saturating_add(step - 1);
                }
            }
        }
    }
}
