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
//! `Text` and `Phrase` are the text rule on any of [`FREE_TEXT`](crate::fields::FREE_TEXT); without a
//! token they match every record. `Exact` compares text forms with regard to case (a level has none).
//! `Regex` is found anywhere in the text form, in any case unless it says `(?-i)`; see
//! [`compile_regex`]. `Compare` and `Range` of numbers hold for numbers only, never for digits in a
//! string; `Range` of texts compares folded text forms by code point. Typed numbers are multiplied by
//! [`Field::scale`] first. `Not` also holds for records that lack the field.

mod chips;
mod clause;
mod complete;
mod glob;
mod highlight;
mod matches;
mod notice;
mod number;
mod parse;
mod print;
mod scan;
mod text;
mod tree;

pub use crate::record::Matchable;
pub use chips::{Chip, Chips};
pub use complete::{Completing, Completion, complete};
pub use glob::Pattern;
pub use highlight::Highlighter;
pub use matches::{Matcher, compare_int, compile_regex, number_text};
pub use notice::Notice;
pub use parse::{Parsed, parse};
pub use text::{
    MAX_TOKEN_BYTES, Token, Tokens, contains_phrase, equals_folded, fold, folded_tokens, tokens,
};
pub use tree::{
    Comparison, Field, MAX_CHARS, MAX_CLAUSES, MAX_DEPTH, MAX_PATTERN_CHARS, Operand, Query,
};
