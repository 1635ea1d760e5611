//! Reading characters of a query: words, quoted texts, lists, the head of a field clause. No meaning.

use super::tree::{Comparison, is_field_name};

/// A cursor in the query text.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// One entry of `[a, "b"]`.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// What stands between a field name and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Colon,
    Equals,
    NotEquals,
    Regex,
    NotRegex,
    Compare(Comparison),
}

/// Longest first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 10] = [
    (">=", Operator::Compare(Comparison::GreaterOrEqual)),
    ("<=", Operator::Compare(Comparison::LessOrEqual)),
    ("=~", Operator::Regex),
    ("!~", Operator::NotRegex),
    ("!=", Operator::NotEquals),
    ("==", Operator::Equals),
    (">", Operator::Compare(Comparison::Greater)),
    ("<", Operator::Compare(Comparison::Less)),
    ("=", Operator::Equals),
    (":", Operator::Colon),
];

/// A name with an operator behind it, which may turn out to be a field clause.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// Without a leading `@`.
    pub(super) name: &'a str,
    pub(super) operator: Operator,
    /// Bytes of name and operator.
    pub(super) len: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    pub(super) fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// The longest run that is one word: up to a space, `||`, `&&`, or (inside a group) a `)` that
    /// closes nothing in the word itself, so that `count(*)` and `unwrap()` stay whole.
    pub(super) fn word(&mut self, inside: bool) -> &'a str {
        let start = self.at;
        let mut open = 0_usize;
        while let Some(next) = self.peek() {
            match next {
                '(' => open += 1,
                ')' if open > 0 => open -= 1,
                ')' if inside => break,
                '|' if self.rest().starts_with("||") => break,
                '&' if self.rest().starts_with("&&") => break,
                _ if next.is_whitespace() => break,
                _ => {}
            }
            self.at += next.len_utf8();
        }
        &self.text[start..self.at]
    }

    /// The text from an opening `"` to its end, where `\"` and `\\` stand for `"` and `\`; `false`
    /// when the closing quote is missing.
    pub(super) fn quoted(&mut self) -> (String, bool) {
        self.quoted_with(|next| matches!(next, '"' | '\\'))
    }

    /// The same for a regular expression, whose own `\\` is kept.
    pub(super) fn quoted_regex(&mut self) -> (String, bool) {
        self.quoted_with(|next| next == '"')
    }

    fn quoted_with(&mut self, drops_backslash: fn(char) -> bool) -> (String, bool) {
        self.bump();
        let mut text = String::new();
        while let Some(next) = self.bump() {
            match next {
                '"' => return (text, true),
                '\\' => match self.bump() {
                    Some(escaped) if drops_backslash(escaped) => text.push(escaped),
                    Some(other) => text.extend(['\\', other]),
                    None => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        (text, false)
    }

    /// Whether a `[` starts a list here: one with a space behind it is text.
    pub(super) fn starts_list(&self) -> bool {
        let is_inner = |next: char| !next.is_whitespace() && next != ')';
        self.rest().strip_prefix('[').is_some_and(|list| list.starts_with(is_inner))
    }

    /// The entries from an opening `[` to its `]`, or to the end when that is missing, which the second
    /// value tells.
    pub(super) fn list(&mut self) -> (Vec<Item>, bool) {
        self.bump();
        let mut items = Vec::new();
        while let Some(next) = self.peek() {
            match next {
                ']' => {
                    self.bump();
                    return (items, true);
                }
                '"' => items.push(Item { text: self.quoted().0, quoted: true }),
                _ if next == ',' || next.is_whitespace() => {
                    self.bump();
                }
                _ => items.push(Item { text: self.list_word().into(), quoted: false }),
            }
        }
        (items, false)
    }

    fn list_word(&mut self) -> &'a str {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']');
        let len = rest.find(ends).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// The name and operator here, if this is what a field clause looks like. `::` and `://` are no
    /// operators, so that paths and URLs stay text.
    pub(super) fn head(&self) -> Option<Head<'a>> {
        let rest = self.rest();
        let bare = rest.strip_prefix('@').unwrap_or(rest);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let len = bare.find(|c| !is_name(c))?;
        let (name, behind) = bare.split_at(len);
        if !is_field_name(name) || name.ends_with('-') {
            return None;
        }
        let (sign, operator) = OPERATORS.into_iter().find(|(sign, _)| behind.starts_with(sign))?;
        let value = &behind[sign.len()..];
        if operator == Operator::Colon && (value.starts_with(':') || value.starts_with("//")) {
            return None;
        }
        let len = rest.len() - value.len();
        Some(Head { name, operator, len })
    }
}
