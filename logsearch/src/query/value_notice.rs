//! What is told of a value that no record can have, so that nobody takes an empty answer for good news.

use std::ops::Range;

use super::notice::Notice;
use super::number;
use super::tree::Field;
use crate::fields::Kind;
use crate::record::Level;

/// What to tell of a value that its field cannot have; `None` when it can. `span` is where it stands.
pub(super) fn impossible(field: &Field, value: &str, span: Range<usize>) -> Option<Notice> {
    let kind = field.kind();
    if kind == Kind::Level && Level::parse(value).is_none() {
        return Some(no_level(value, span));
    }
    if !kind.is_number() || number::parse(value, field).is_some() {
        return None;
    }
    let message = format!("'{value}' is not a number; no record has it as {}", field.typed);
    Some(Notice::new(message, span))
}

/// The notice about a name that is no level.
pub(super) fn no_level(value: &str, span: Range<usize>) -> Notice {
    let names = Level::ALL.map(Level::as_str).join(", ");
    let message = format!("'{value}' is not a level; levels are {names}");
    Notice { suggestion: nearest_level(value), ..Notice::new(message, span) }
}

/// The level that was probably meant.
fn nearest_level(typed: &str) -> Option<&'static str> {
    let typed = typed.to_ascii_lowercase();
    // What other loggers call them.
    match typed.as_str() {
        "err" | "fatal" | "critical" | "crit" | "panic" | "severe" => return Some("error"),
        "notice" | "information" | "informational" => return Some("info"),
        "verbose" => return Some("debug"),
        _ => {}
    }
    let near = Level::ALL
        .into_iter()
        .map(|level| (strsim::osa_distance(&typed, level.as_str()), level.as_str()));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= 2 && typed.len() <= 12).then_some(name)
}
