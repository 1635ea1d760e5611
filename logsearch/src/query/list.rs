//! Lists and ranges between brackets.

use super::clause::operand_of;
use super::fold;
use super::number::{self, Number};
use super::parse::Parser;
use super::scan::Item;
use super::tree::{Comparison, Field, Operand, Query};
use super::value_notice::{impossible, no_level};
use crate::fields::Kind;
use crate::record::Level;

impl Parser<'_> {
    /// `[a TO b]`, `[a, b]` or `IN [a b]`, if that is what stands here.
    pub(super) fn list(&mut self, field: &Field, start: usize) -> bool {
        let before = self.scanner.at;
        let says_in = self.scanner.eat("IN");
        if says_in {
            self.scanner.skip_spaces();
        }
        let starts =
            if says_in { self.scanner.peek() == Some('[') } else { self.scanner.starts_list() };
        if !starts {
            self.scanner.at = before;
            self.note_lone_bracket(start);
            return false;
        }
        let (items, closed) = self.scanner.list();
        if !closed {
            let end = self.scanner.at;
            self.notice("missing ] added", end..end);
        }
        match &items[..] {
            [low, to, high] if !says_in && !to.quoted && to.text == "TO" => {
                self.range(field.clone(), low, high, start);
            }
            _ => self.one_of(field.clone(), &items, start),
        }
        true
    }

    /// `[ a TO b ]` is read as text, which nobody expects who typed it.
    fn note_lone_bracket(&mut self, start: usize) {
        let rest = self.scanner.rest();
        if rest.starts_with('[') && rest.contains(']') {
            let end = self.scanner.at + 1;
            self.notice("[ with a space behind it is text", start..end);
        }
    }

    fn one_of(&mut self, field: Field, items: &[Item], start: usize) {
        let mut values = Vec::new();
        for item in items {
            if let Some(notice) = impossible(&field, &item.text, start..self.scanner.at) {
                self.push_notice(notice.bare());
            }
            if self.take_clause(start..self.scanner.at) {
                values.push(operand_of(&field, &item.text, item.quoted));
            }
        }
        if values.is_empty() && !items.is_empty() {
            return self.skip_operand();
        }
        let query = if values.is_empty() { Query::Nothing } else { Query::In(field, values) };
        self.operand(query);
    }

    fn range(&mut self, field: Field, low: &Item, high: &Item, start: usize) {
        let levels = (level_bound(low, Level::Trace), level_bound(high, Level::Error));
        let numbers = (item_number(low, &field), item_number(high, &field));
        let query = match (is_open(low), is_open(high), numbers, levels) {
            (true, true, ..) => Query::Exists(field),
            _ if field.kind() == Kind::Level => {
                if let (Some(from), Some(to)) = levels {
                    return self.levels(field, |level| from <= level && level <= to, start);
                }
                let wrong = if levels.0.is_none() { low } else { high };
                self.push_notice(no_level(&wrong.text, start..self.scanner.at).bare());
                Query::Nothing
            }
            (true, _, (_, Some(high)), _) => Query::Compare(field, Comparison::LessOrEqual, high),
            (_, true, (Some(low), _), _) => Query::Compare(field, Comparison::GreaterOrEqual, low),
            (_, _, (Some(from), Some(to)), _) => {
                if from.as_f64() > to.as_f64() {
                    self.note_empty_range(low, high, start);
                }
                Query::Range(field, Operand::Number(from), Operand::Number(to))
            }
            (false, false, ..) if !field.kind().is_number() => {
                if fold(&low.text) > fold(&high.text) {
                    self.note_empty_range(low, high, start);
                }
                let text = |item: &Item| Operand::Text(fold(&item.text).into_owned());
                Query::Range(field, text(low), text(high))
            }
            _ => return self.no_number(&format!("{} TO {}", low.text, high.text), start),
        };
        self.leaf(query, start);
    }

    /// A range that ends before it starts matches nothing, which nobody means.
    fn note_empty_range(&mut self, low: &Item, high: &Item, start: usize) {
        let message = format!("{} is above {}; the range is empty", low.text, high.text);
        self.notice(message, start..self.scanner.at);
    }
}

/// An open end of a range.
fn is_open(item: &Item) -> bool {
    !item.quoted && item.text == "*"
}

/// A level as the end of a range, the outermost for an open end.
fn level_bound(item: &Item, outermost: Level) -> Option<Level> {
    if is_open(item) { Some(outermost) } else { Level::parse(&item.text) }
}

fn item_number(item: &Item, field: &Field) -> Option<Number> {
    let is_text = item.quoted || (!field.kind().is_number() && number::is_padded(&item.text));
    if is_text { None } else { number::parse(&item.text, field) }
}
