//! The query language: one tree, its parser, its printer and its meaning.
//!
//! Everything a person types is a query ([`parse`]); what is not structure is text, and every such
//! decision is a notice. [`print()`] is the inverse of [`parse`]; [`matches`] is the reference meaning
//! that every store must agree with. Time is not part of a query.

/// A parsed query. Field names are canonical (aliases resolved by the parser against `fields`).
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Every record.
    All,
    /// No record: an empty disjunction.
    Nothing,
    /// Words of the message (and error) text, all of them in order and adjacent, any case.
    Text(String),
    /// A quoted phrase of the message (and error) text.
    Phrase(String),
    /// The field equals the value, any case.
    Eq(Field, Operand),
    /// The field equals the value, same case.
    Exact(Field, String),
    /// The field contains the quoted text: equals it for keywords, has the phrase for texts; any case.
    PhraseIn(Field, String),
    /// `*` any run, `?` one character, any case, over the whole value (a word of a text).
    Wild(Field, String),
    /// A regular expression found in the value, case-sensitive unless it says `(?i)`.
    Regex(Field, String),
    /// Comparison of a number.
    Compare(Field, Comparison, f64),
    /// Both bounds inclusive.
    Range(Field, Operand, Operand),
    /// One of.
    In(Field, Vec<Operand>),
    /// The record has the field.
    Exists(Field),
    /// Not.
    Not(Box<Query>),
    /// All of; never empty.
    And(Vec<Query>),
    /// Any of; never empty.
    Or(Vec<Query>),
}

/// The name of a field as it was typed and as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// As typed, kept by the printer: `status`.
    pub typed: String,
    /// Canonical: `http.response.status_code`.
    pub name: String,
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A number.
    Number(f64),
    /// Anything else.
    Text(String),
}

/// How to compare.
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
