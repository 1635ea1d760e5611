//! The clauses of a query one by one, for pages that show them as chips: add, remove, negate, disable.
//! Every change goes through the printer, so nobody has to escape anything.

use std::fmt;

use super::clause::operand_of;
use super::parse::{Parsed, parse};
use super::print::{explicit, guard, node, operand, parenthesize, quote, reads_back};
use super::text::is_inside_word;
use super::tree::{Field, Query, all_of};
use super::{fold, tokens};
use crate::fields::Kind;
use crate::record::ValueRef;

/// Characters of a value in quotes that a clause has room for among others.
const MAX_QUOTED_CHARS: usize = 1_500;
/// Characters of a longer value that are looked for. They fit a pattern.
const MAX_START_CHARS: usize = 200;

/// One clause on the outermost level.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// The clause.
    pub query: Query,
    /// A disabled one is kept in the text as `#clause` and does not filter.
    pub enabled: bool,
}

impl fmt::Display for Chip {
    /// The clause as it stands in the query text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.enabled {
            return formatter.write_str(&operand(&self.query, false));
        }
        write!(formatter, "#{}", disabled(&self.query))
    }
}

/// A clause in a form that `#` can stand before: `#word` is a hashtag, `#"word"` a disabled word.
fn disabled(query: &Query) -> String {
    if let Some(field) = query.field() {
        return explicit(query, field, false);
    }
    match query {
        Query::Text(text) => quote(text),
        Query::Not(inner) => format!("-{}", disabled(inner)),
        Query::Phrase(_) => node(query, false),
        group => parenthesize("", &node(group, true)),
    }
}

/// The clauses of a query, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chips(pub Vec<Chip>);

impl Chips {
    /// The chips of a query text.
    pub fn parse(text: &str) -> Self {
        Self::of(&parse(text))
    }

    /// The clauses on the outermost level of a parsed query, disabled ones included.
    pub fn of(parsed: &Parsed) -> Self {
        let enabled = parsed.query.clone().into_clauses().into_iter();
        let mut chips: Vec<Chip> = enabled.map(|query| Chip { query, enabled: true }).collect();
        for (moved, (before, query)) in parsed.disabled.iter().enumerate() {
            let at = (before + moved).min(chips.len());
            chips.insert(at, Chip { query: query.clone(), enabled: false });
        }
        Self(chips)
    }

    /// The enabled clauses together.
    pub fn query(&self) -> Query {
        let enabled = self.0.iter().filter(|chip| chip.enabled);
        let clauses = enabled.flat_map(|chip| match &chip.query {
            Query::And(inner) => inner.clone(),
            other => vec![other.clone()],
        });
        all_of(clauses.collect())
    }

    /// These chips and one more clause. The same clause disabled is enabled instead, the opposite one
    /// replaced, and a clause that is there stays alone.
    #[must_use]
    pub fn with(mut self, clause: Query) -> Self {
        let opposite = !clause.clone();
        let known = self.0.iter().position(|chip| chip.query == clause || chip.query == opposite);
        let chip = Chip { query: clause, enabled: true };
        match known {
            Some(at) => self.0[at] = chip,
            None => self.0.push(chip),
        }
        self
    }

    /// These chips without that clause, the others kept.
    #[must_use]
    pub fn without(mut self, index: usize) -> Self {
        if index < self.0.len() {
            self.0.remove(index);
        }
        self
    }

    /// These chips with one clause turned into its opposite.
    #[must_use]
    pub fn negated(mut self, index: usize) -> Self {
        if let Some(chip) = self.0.get_mut(index) {
            chip.query = !chip.query.clone();
        }
        self
    }

    /// These chips with one clause disabled, or enabled if it was disabled.
    #[must_use]
    pub fn toggled(mut self, index: usize) -> Self {
        if let Some(chip) = self.0.get_mut(index) {
            chip.enabled = !chip.enabled;
        }
        self
    }
}

impl fmt::Display for Chips {
    /// The query text of all chips.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Chip { query, enabled: true }] = &self.0[..] {
            return write!(formatter, "{query}");
        }
        let texts: Vec<String> = self.0.iter().map(Chip::to_string).collect();
        formatter.write_str(&guard(texts.join(" ")))
    }
}

impl Query {
    /// The clause that finds records with this value in this field (canonical name), as a click on
    /// the value means it. A value too long for a query is found by what it starts with.
    pub fn value_clause(name: &str, value: ValueRef<'_>) -> Self {
        let field = Field::of(name);
        let text = value.text();
        if quote(&text).chars().count() > MAX_QUOTED_CHARS {
            return long_value(field, &text);
        }
        // Upper case is kept for the eye, in quotes; the plain form only if it means the value.
        let plain = Self::Eq(field.clone(), operand_of(&field, &text, false));
        if fold(&text) == text && reads_back(&format!("{}:{text}", field.typed), &plain, false) {
            return plain;
        }
        Self::PhraseIn(field, text.into_owned())
    }
}

/// A clause that every value has that starts like this one.
fn long_value(field: Field, text: &str) -> Query {
    let start: Vec<char> = text.chars().take(MAX_START_CHARS + 1).collect();
    // A mark behind the cut would belong to the letter before it.
    let is_mark = |c: &char| is_inside_word(*c) && !c.is_alphanumeric();
    let end = start.iter().rposition(|c| !is_mark(c)).unwrap_or(0);
    let start: String = start[..end].iter().collect();
    if field.kind() == Kind::Text {
        // The last word may go on behind the cut.
        let last = tokens(&start).last().map_or(0, |word| word.range.start);
        let words = start[..last].trim_end();
        return match words {
            "" => Query::Exists(field),
            words => Query::PhraseIn(field, words.to_owned()),
        };
    }
    if start.is_empty() {
        return Query::Exists(field);
    }
    // Two `&` would join clauses.
    let is_plain = |c: char| is_inside_word(c) || "/_-.:%,@+".contains(c);
    let plain = |c| if is_plain(c) { c } else { '?' };
    Query::Wild(field, start.chars().map(plain).chain(['*']).collect())
}
