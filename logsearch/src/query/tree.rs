//! The query tree: what a clause can be, how queries are combined, and the limits of what is parsed.

use std::ops::Not;

use super::number::Number;
use crate::fields;

/// Characters of a query that are read.
pub const MAX_CHARS: usize = 2_048;
/// Clauses of a query, entries of lists included.
pub const MAX_CLAUSES: usize = 64;
/// Groups inside each other.
pub const MAX_DEPTH: usize = 16;
/// Characters of a regular expression or a wildcard pattern.
pub const MAX_PATTERN_CHARS: usize = 256;
/// A parsed query. Field names are canonical (aliases resolved by the parser against `fields`).
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Every record.
    All,
    /// No record: an empty disjunction.
    Nothing,
    /// Words of any text of the record, all of them in order and adjacent, any case.
    Text(String),
    /// A quoted phrase of any text of the record; with a `*` right behind its last word, its beginning.
    Phrase(String),
    /// A pattern over the words of any text of the record, any case; see [`Pattern`](super::Pattern).
    TextWild(String),
    /// The field equals the value, any case. Text operands are folded.
    Eq(Field, Operand),
    /// The field equals the value, same case.
    Exact(Field, String),
    /// The field equals the quoted text, or has the phrase if it is a text; any case.
    PhraseIn(Field, String),
    /// `*` any run, `?` one character, any case, over the whole value (for texts see [`Pattern`]).
    Wild(Field, String),
    /// A regular expression found in the value, any case.
    Regex(Field, String),
    /// Comparison of a number, in the unit of the typed name.
    Compare(Field, Comparison, Number),
    /// Both bounds inclusive; both numbers or both folded texts.
    Range(Field, Operand, Operand),
    /// One of; never empty.
    In(Field, Vec<Operand>),
    /// The record has the field.
    Exists(Field),
    /// Not.
    Not(Box<Query>),
    /// All of; at least two, none of them an `And`.
    And(Vec<Query>),
    /// Any of; never empty, none of them an `Or`. A single one is a list of one value, `level:(error)`.
    Or(Vec<Query>),
}

impl Query {
    /// The field of a single clause on a field.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Self::Eq(field, _)
            | Self::Exact(field, _)
            | Self::PhraseIn(field, _)
            | Self::Wild(field, _)
            | Self::Regex(field, _)
            | Self::Compare(field, ..)
            | Self::Range(field, ..)
            | Self::In(field, _)
            | Self::Exists(field) => Some(field),
            _ => None,
        }
    }

    /// The clause that finds records with this field (canonical name).
    pub fn has_field(name: &str) -> Self {
        Self::Exists(Field::of(name))
    }

    /// The fields outside the catalogue that the query asks for, each once. Whether any record has them only
    /// a store knows; [`Notice::unknown_field`](super::Notice::unknown_field) is what to say if none has.
    pub fn dynamic_fields(&self) -> Vec<&Field> {
        let mut found = Vec::new();
        self.collect_dynamic(&mut found);
        found
    }

    fn collect_dynamic<'a>(&'a self, found: &mut Vec<&'a Field>) {
        match self {
            Self::Not(inner) => inner.collect_dynamic(found),
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.collect_dynamic(found);
                }
            }
            clause => {
                let field = clause.field().filter(|field| field.kind() == fields::Kind::Dynamic);
                if let Some(field) = field.filter(|field| !found.contains(field)) {
                    found.push(field);
                }
            }
        }
    }

    /// The same with words and patterns looked for in message and error only, which the index answers
    /// without looking at other values; `None` when the query has neither.
    #[must_use]
    pub fn in_sentences(&self) -> Option<Self> {
        let narrow = |parts: &[Self]| -> Option<Vec<Self>> {
            let narrowed: Vec<_> = parts.iter().map(Self::in_sentences).collect();
            let is_narrower = narrowed.iter().any(Option::is_some);
            let kept = narrowed.into_iter().zip(parts);
            is_narrower.then(|| kept.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect())
        };
        let either = |clause: &dyn Fn(Field) -> Self| {
            Some(Self::Or(fields::FREE_TEXT.map(|name| clause(Field::of(name))).into()))
        };
        match self {
            Self::Text(text) | Self::Phrase(text) => {
                either(&|field| Self::PhraseIn(field, text.clone()))
            }
            Self::TextWild(pattern) => either(&|field| Self::Wild(field, pattern.clone())),
            Self::Not(inner) => inner.in_sentences().map(|inner| !inner),
            Self::And(parts) => narrow(parts).map(Self::And),
            Self::Or(parts) => any_of(narrow(parts)?),
            _ => None,
        }
    }

    /// What both match. A clause that is in both is there once.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut clauses = self.into_clauses();
        for clause in other.into_clauses() {
            if !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        all_of(clauses)
    }

    /// What either matches.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::Nothing, only) | (only, Self::Nothing) => only,
            (first, second) if first == second => first,
            (first, second) => any_of(vec![first, second]).unwrap_or(Self::Nothing),
        }
    }

    /// The clauses of the outermost level, none for [`Query::All`].
    pub(super) fn into_clauses(self) -> Vec<Self> {
        match self {
            Self::All => Vec::new(),
            Self::And(clauses) => clauses,
            clause => vec![clause],
        }
    }
}

impl Not for Query {
    type Output = Self;

    /// What this query does not match.
    fn not(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

/// The name of a field as it was typed and as records know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// As typed, kept by the printer: `status`.
    pub typed: String,
    /// Canonical name, such as `http.response.status_code`.
    pub name: String,
    /// Stored units per unit of a typed number: 1,000 for `duration`, typed in milliseconds and
    /// stored in microseconds.
    pub scale: u32,
}

/// What is typed before the name of a field that is neither known nor dotted, so that it is not taken
/// for a word with a colon: `fields.listener:site`.
const UNKNOWN_PREFIX: &str = "fields.";

impl Field {
    /// The field a person means by this name: a known one, or a dotted path, where `fields.name` is the
    /// unknown field `name`.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.strip_prefix('@').unwrap_or(typed);
        if let Some((definition, spelling, scale)) = fields::resolve(typed) {
            return Some(Self { typed: spelling.into(), name: definition.name.into(), scale });
        }
        let is_path = typed.contains('.') && is_field_name(typed);
        is_path.then(|| {
            let short = typed.strip_prefix(UNKNOWN_PREFIX).filter(|name| !name.contains('.'));
            Self { typed: typed.into(), name: short.unwrap_or(typed).into(), scale: 1 }
        })
    }

    /// The field of that canonical name, spelled as people type it and with numbers in stored units.
    pub fn of(name: &str) -> Self {
        let typed = match fields::definition(name) {
            // The name that people prefer may have another unit.
            Some(known) if known.kind != fields::Kind::Microseconds => known.short_name().into(),
            None if !name.contains('.') => format!("{UNKNOWN_PREFIX}{name}"),
            _ => name.to_owned(),
        };
        Self { typed, name: name.into(), scale: 1 }
    }

    /// Type of the field.
    pub fn kind(&self) -> fields::Kind {
        fields::kind(&self.name)
    }

    /// Converts a number as typed into stored units.
    pub fn stored(&self, typed: Number) -> Number {
        typed.times(self.scale)
    }
}

/// Whether these characters can be typed as a field name: segments of letters, digits, `_` and `-`
/// with dots between them, the first starting with a letter or `_`.
pub(super) fn is_field_name(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_segment = |segment: &str| {
        !segment.is_empty()
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
    };
    starts && name.split('.').all(is_segment)
}

/// The operand of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A number, in the unit of the typed name.
    Number(Number),
    /// Any other value, folded.
    Text(String),
}

/// Comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// Combines queries with AND; `All` for none.
pub(super) fn all_of(mut queries: Vec<Query>) -> Query {
    match queries.len() {
        0 => Query::All,
        1 => queries.remove(0),
        _ => Query::And(queries),
    }
}

/// Combines queries with OR; `None` for none.
pub(super) fn any_of(mut queries: Vec<Query>) -> Option<Query> {
    if queries.len() <= 1 {
        return queries.pop();
    }
    let flat = queries.into_iter().flat_map(|query| match query {
        Query::Or(inner) => inner,
        other => vec![other],
    });
    Some(Query::Or(flat.collect()))
}
