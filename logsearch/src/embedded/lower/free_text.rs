//! Words and patterns without a field: the union over every place of the index that holds texts.
//!
//! Sentences are in the index by word. Of all other texts it has the whole values, each once in a dictionary
//! of its segment, so that a word is found by looking through those, however many records have them. That
//! takes no room on the disk and nothing while records are written, which a field with all words of all
//! texts would; what was found is kept for each segment, because a page asks for it many times.

use std::sync::Arc;

use memchr::memmem::Finder;
use tantivy::query::BooleanQuery;
use tantivy::schema::Field as IndexField;
use tantivy::{SegmentReader, Term};

use super::filter::AnyTerm;
use super::{Lowered, Lowering, all, any_of, any_term, phrase, term};
use crate::embedded::disk::keyword::{Keyword, behind_prefix, dynamic_text, written_int};
use crate::embedded::disk::partition::PartitionError;
use crate::embedded::disk::picked::{Picked, PickedTerms};
use crate::embedded::disk::schema::{self, Kind};
use crate::query::{FreeText, Pattern, Phrase, Query};

/// Values looked through between two looks at the clock.
const UNTIL_CHECK: usize = 4_096;

/// Looks the values of a segment through.
type Pick = Arc<dyn Fn(&SegmentReader) -> tantivy::Result<Arc<Picked>> + Send + Sync>;

/// What the terms of an index field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// Texts.
    Texts,
    /// Texts and the text forms of whole numbers, which words are not searched in.
    Mixed,
    /// The same, compared as a whole.
    Ids,
    /// Anything, each below the path of its field.
    Dynamic,
}

impl Lowering<'_> {
    /// Lowers a clause without a field.
    pub(super) fn free_text(&self, query: &Query) -> Result<Lowered, PartitionError> {
        let Some(wanted) = FreeText::of(query).filter(|wanted| !wanted.is_everything()) else {
            return Ok(all());
        };
        let layout = self.layout();
        let mut parts = vec![self.sentence(query, &wanted, layout.message)];
        let mut places = vec![(layout.target, Values::Texts), (layout.more, Values::Dynamic)];
        for typed in layout.typed.values() {
            match (typed.kind, wanted.id()) {
                (Kind::Text, _) => parts.push(self.sentence(query, &wanted, typed.field)),
                (Kind::Identifier, Some(id)) => parts.push(self.id(query, typed.field, id)),
                (Kind::Identifier, None) => places.push((typed.field, Values::Ids)),
                (Kind::Keyword, _) => places.push((typed.field, Values::Mixed)),
                (Kind::Code | Kind::Measure, _) => {}
            }
        }
        let pick = self.pick(query, wanted, places);
        let of = |part: fn(&Picked) -> &PickedTerms| -> Lowered {
            let pick = Arc::clone(&pick);
            Box::new(AnyTerm::over(Arc::new(
                move |reader: &SegmentReader| -> tantivy::Result<PickedTerms> {
                    let picked = pick(reader)?;
                    Ok(Arc::clone(part(&picked)))
                },
            )))
        };
        parts.push(of(|picked| &picked.texts));
        parts.push(self.verified(of(|picked| &picked.numerals), query));
        parts.extend(self.any_hidden()?.map(|docs| self.verified(docs, query)));
        Ok(any_of(parts))
    }

    /// Words of a field that is in the index by word.
    fn sentence(&self, query: &Query, wanted: &FreeText, field: IndexField) -> Lowered {
        match wanted.as_phrase() {
            Some(phrase) => self.phrase_in(query, field, phrase),
            None => self.patterns_in(query, field, wanted.patterns()),
        }
    }

    /// A phrase, which has a word, in a field that is in the index by word.
    pub(super) fn phrase_in(&self, query: &Query, field: IndexField, wanted: &Phrase) -> Lowered {
        let Some((last, first)) = wanted.words.split_last().filter(|_| wanted.is_prefix) else {
            return phrase(field, &wanted.words);
        };
        let place = Keyword::of(field);
        let last = any_term(&place, place.starting(last));
        if first.is_empty() {
            return last;
        }
        // Which of the words that start so stands behind the others only the record tells.
        let candidates = BooleanQuery::intersection(vec![phrase(field, first), last]);
        self.verified(Box::new(candidates), query)
    }

    /// Patterns, at least one that is not only `*`, over words in order and adjacent.
    fn patterns_in(&self, query: &Query, field: IndexField, words: &[Pattern]) -> Lowered {
        let place = Keyword::of(field);
        let restricting = words.iter().filter(|word| !word.is_any());
        let mut found: Vec<Lowered> =
            restricting.map(|word| any_term(&place, place.matching(word.clone()))).collect();
        if words.len() == 1 && found.len() == 1 {
            return found.swap_remove(0);
        }
        self.verified(Box::new(BooleanQuery::intersection(found)), query)
    }

    fn id(&self, query: &Query, field: IndexField, id: &str) -> Lowered {
        let docs = term(Keyword::of(field).term(id));
        // It may be the term of a number, which is no text.
        if written_int(id).is_some() { self.verified(docs, query) } else { docs }
    }

    /// Picks the values that have the words, in all places that keep whole values.
    fn pick(&self, query: &Query, wanted: FreeText, places: Vec<(IndexField, Values)>) -> Pick {
        let (segments, budget) = (self.segments().to_vec(), self.budget().clone());
        let (key, needle) = (query.to_string(), needle(&wanted));
        Arc::new(move |reader: &SegmentReader| -> tantivy::Result<Arc<Picked>> {
            let id = reader.segment_id();
            let segment = segments.iter().find(|segment| segment.reader.segment_id() == id);
            if let Some(known) = segment.and_then(|segment| segment.picked.get(&key)) {
                return Ok(known);
            }
            let finder = (!needle.is_empty()).then(|| Finder::new(needle.as_bytes()));
            let is_over = || budget.is_over();
            let mut scan =
                Scan { wanted: &wanted, finder, is_over: &is_over, found: Picked::default() };
            for (field, values) in &places {
                scan.place(reader, *field, *values)?;
            }
            let picked = Arc::new(scan.found);
            // What the clock cut short is not all.
            if let (Some(segment), false) = (segment, budget.is_over()) {
                segment.picked.keep(&key, &picked);
            }
            Ok(picked)
        })
    }

    /// Documents with a field of which the index has nothing but the name.
    fn any_hidden(&self) -> Result<Option<Lowered>, PartitionError> {
        let names = Keyword::of(self.layout().names);
        let start = schema::hidden("");
        let from = Term::from_field_text(self.layout().names, &start);
        for segment in self.segments() {
            let index = segment.reader.inverted_index(self.layout().names)?;
            let dictionary = index.terms();
            let mut hidden = dictionary.range().ge(from.serialized_value_bytes()).into_stream()?;
            if hidden.advance() && hidden.key().starts_with(start.as_bytes()) {
                return Ok(Some(any_term(&names, names.starting(&start))));
            }
        }
        Ok(None)
    }
}

/// A text that every value has that fits: looking for it is much cheaper than cutting values into words.
fn needle(wanted: &FreeText) -> String {
    let longest = match wanted.as_phrase() {
        Some(phrase) => phrase.words.iter().max_by_key(|word| word.len()).cloned(),
        None => wanted.patterns().iter().map(Pattern::literal).max_by_key(String::len),
    };
    longest.unwrap_or_default()
}

/// A walk through the values of a segment.
struct Scan<'a> {
    wanted: &'a FreeText,
    finder: Option<Finder<'a>>,
    is_over: &'a dyn Fn() -> bool,
    found: Picked,
}

impl Scan<'_> {
    /// Looks through the terms of one index field.
    fn place(
        &mut self,
        reader: &SegmentReader,
        field: IndexField,
        values: Values,
    ) -> tantivy::Result<()> {
        let index = reader.inverted_index(field)?;
        let mut range = index.terms().range();
        if values == Values::Ids {
            let start = self.wanted.id_prefix();
            range = range.ge(&start);
            if let Some(end) = behind_prefix(start.as_bytes()) {
                range = range.lt(end);
            }
        }
        let mut terms = range.into_stream()?;
        let mut seen = 0_usize;
        while terms.advance() {
            seen += 1;
            if seen.is_multiple_of(UNTIL_CHECK) && (self.is_over)() {
                return Ok(());
            }
            if self.finder.as_ref().is_some_and(|finder| finder.find(terms.key()).is_none()) {
                continue;
            }
            let value = match values {
                Values::Dynamic => dynamic_text(terms.key()),
                _ => Some(terms.key()),
            };
            let Some(Ok(text)) = value.map(std::str::from_utf8) else { continue };
            let fits = match values {
                Values::Ids => self.wanted.is_id(text),
                _ => self.wanted.is_in(text),
            };
            if !fits || text == schema::FOREIGN {
                continue;
            }
            let may_be_number = matches!(values, Values::Mixed | Values::Ids);
            let list = if may_be_number && written_int(text).is_some() {
                &mut self.found.numerals
            } else {
                &mut self.found.texts
            };
            Arc::make_mut(list).push((field, terms.value().clone()));
        }
        Ok(())
    }
}
