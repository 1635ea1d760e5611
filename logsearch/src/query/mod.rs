//! The query language: one tree, its parser, its printer and its meaning.
//!
//! Everything a person types is a query ([`parse`]); what is not structure is text, and every such
//! decision is a [`Notice`]. [`Query`]'s `Display` is the inverse of [`parse`]; [`Matcher`] is the
//! reference meaning that every store must agree with. Time is not part of a query.
//!
//! # Meaning
//!
//! A value has a *text form*: a string itself, a whole number in decimal digits, other numbers as
//! Rust prints them, `true` and `false`. Two texts are *equal in any case* when they are equal after
//! [`fold`]. `level`, `target`, `message` and `event.sequence` are looked up like fields.
//!
//! | kind of field ([`Kind`](crate::fields::Kind)) | `Eq`, `PhraseIn`, `In` | `Wild` |
//! |---|---|---|
//! | text | the [`tokens`] of the value contain those of the operand, in order and adjacent, any case; an operand without a token asks only that the field is there | see [`Pattern`] |
//! | every other | the text form equals the operand in any case; a [`Operand::Number`] equals numbers by value and strings by their text form | the whole text form, any case |
//!
//! `Text`, `Phrase` and `TextWild` are the text rule on the message, the target or any field that holds a
//! text, ids as a whole (see [`FreeText`]); without a token they match every record. A quoted text with a
//! `*` right behind its last word is a phrase of which the last word may go on, anywhere and in a text
//! field. A percent-encoded value ([`is_encoded`](crate::fields::is_encoded)) has a second text form, what
//! it means; every clause but `Exact` holds when it holds for either. `Exact` compares text forms with
//! regard to case (a level has none).
//! `Regex` is found anywhere in the text form, in any case unless it says `(?-i)`; see
//! [`compile_regex`]. `Compare` and `Range` of numbers hold for numbers only, never for digits in a
//! string, unless it is a whole number above `i64::MAX`, which records keep so. Whole numbers are compared
//! exactly. `Range` of texts compares folded text forms by code point. Typed numbers are multiplied by
//! [`Field::scale`] first. `Not` also holds for records that lack the field.

mod chips;
mod clause;
mod complete;
mod free;
mod glob;
mod highlight;
mod list;
mod matches;
mod notice;
mod number;
mod parse;
mod print;
mod scan;
mod text;
mod tree;
mod value_notice;

pub use crate::record::Matchable;
pub use chips::{Chip, Chips};
pub use complete::{Completing, Completion, complete};
pub use free::FreeText;
pub use glob::Pattern;
pub use highlight::Highlighter;
pub use matches::{Matcher, compile_regex};
pub use notice::Notice;
pub use number::{Number, large_unsigned};
pub use parse::{Parsed, parse};
pub use text::{
    MAX_TOKEN_BYTES, Phrase, Token, Tokens, equals_folded, fold, folded_tokens, tokens,
};
pub use tree::{
    Comparison, Field, MAX_CHARS, MAX_CLAUSES, MAX_DEPTH, MAX_PATTERN_CHARS, Operand, Query,
};
