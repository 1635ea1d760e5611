//! What is being typed at the caret, so that a page can offer names of fields or values, and how a
//! choice is put into the text. What to offer is not known here.

use std::ops::Range;

use super::parse::parse_unbounded;
use super::print::quote_value;
use super::scan::{Operator, Scanner};
use super::tree::{Field, Query};

/// What is completed at the caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completing {
    /// The beginning of a name of a field, or of a word.
    Field {
        /// What is typed of it.
        prefix: String,
    },
    /// The beginning of a value.
    Value {
        /// Of this field.
        field: Field,
        /// What is typed of it, without quotes.
        prefix: String,
    },
    /// Inside a phrase or a word that cannot become a name.
    Nothing,
}

/// What stands at the caret, and which part of the text a choice replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Kind of completion.
    pub what: Completing,
    /// Byte range that the suggestion replaces.
    pub span: Range<usize>,
    /// Where the clause begins that it is a part of, its sign or `#` included.
    pub clause: usize,
}

impl Completion {
    /// The text without what is being typed, the values before it in a list included: what the records
    /// to count have to match.
    pub fn without_clause(&self, text: &str) -> String {
        let (before, after) = (text.get(..self.clause), text.get(self.span.end..));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        // What closes the list or the quotes goes with it.
        let after = if matches!(self.what, Completing::Value { .. }) {
            after.trim_start_matches(['"', ')', ']'])
        } else {
            after
        };
        format!("{before} {after}")
    }

    /// Whether a sign of comparison stands before the value that is being typed.
    pub fn follows_sign(&self, text: &str) -> bool {
        let before = text.get(..self.span.start).unwrap_or_default();
        before.ends_with(['>', '<', '='])
    }

    /// The text with this choice in place, and where the caret stands then. Names get a `:`, values
    /// quotes if they need them.
    pub fn choose(&self, text: &str, choice: &str) -> (String, usize) {
        let Range { start, end } = self.span;
        let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else {
            return (text.to_owned(), text.len());
        };
        let choice = match &self.what {
            Completing::Field { .. } if after.starts_with([':', '=', '<', '>', '!']) => {
                choice.into()
            }
            Completing::Field { .. } => format!("{choice}:"),
            Completing::Value { field, .. } if is_condition(field, choice) => choice.into(),
            Completing::Value { field, .. } => quote_value(field, choice),
            Completing::Nothing => return (text.to_owned(), end),
        };
        (format!("{before}{choice}{after}"), before.len() + choice.len())
    }
}

/// Whether a choice says more than one value of a number: `>250ms`, `5xx`. Only numbers have such.
fn is_condition(field: &Field, choice: &str) -> bool {
    let says_more = |query: &Query| matches!(query, Query::Compare(..) | Query::Range(..));
    field.kind().is_number()
        && says_more(&parse_unbounded(&format!("{}:{choice}", field.typed)).query)
}

/// What is being typed at this byte of a query text.
pub fn complete(text: &str, caret: usize) -> Completion {
    let caret =
        (0..=caret.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let mut reader = Reader { scanner: Scanner::new(&text[..caret]), list: None, clause: None };
    loop {
        if let Some((what, start)) = reader.step() {
            let end = caret + rest_of_word(&text[caret..], &what);
            let clause = reader.clause.unwrap_or(start).min(start);
            return Completion { what, span: start..end, clause };
        }
    }
}

/// How much of the text behind the caret still belongs to what is being typed.
fn rest_of_word(behind: &str, what: &Completing) -> usize {
    let belongs = |c: char| match what {
        Completing::Field { .. } => c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'),
        Completing::Value { .. } => !c.is_whitespace() && !matches!(c, ')' | ']' | ','),
        Completing::Nothing => false,
    };
    behind.find(|c| !belongs(c)).unwrap_or(behind.len())
}

/// Reads the text before the caret word by word.
struct Reader<'a> {
    scanner: Scanner<'a>,
    /// Inside `field:( )` or `field:[ ]`.
    list: Option<Field>,
    /// Where the clause begins that is being read, if one is.
    clause: Option<usize>,
}

impl Reader<'_> {
    /// Reads one sign, word or clause; what it is and where it starts if the caret is at its end.
    fn step(&mut self) -> Option<(Completing, usize)> {
        let before = self.scanner.at;
        self.scanner.skip_spaces();
        let start = self.scanner.at;
        if self.list.is_none() && start > before {
            self.clause = None;
        }
        let Some(next) = self.scanner.peek() else {
            return Some((self.typed(String::new()), start));
        };
        match next {
            ')' | ']' => {
                self.scanner.bump();
                self.list = None;
                self.clause = None;
                None
            }
            '-' | '!' | '+' | '#' if self.list.is_none() => {
                self.scanner.bump();
                self.clause.get_or_insert(start);
                None
            }
            '(' | '-' | '!' | '+' | '#' | ',' | '>' | '<' | '=' | '~' | '[' => {
                self.scanner.bump();
                None
            }
            '"' => self.quoted(start),
            '|' | '&' if self.scanner.eat("||") || self.scanner.eat("&&") => {
                self.clause = None;
                None
            }
            _ if self.list.is_some() => self.list_word(start),
            _ => self.clause(start),
        }
    }

    fn typed(&self, prefix: String) -> Completing {
        match &self.list {
            Some(field) => Completing::Value { field: field.clone(), prefix },
            None => Completing::Field { prefix },
        }
    }

    fn quoted(&mut self, start: usize) -> Option<(Completing, usize)> {
        let (text, closed) = self.scanner.quoted();
        let what = self.list.clone().map(|field| Completing::Value { field, prefix: text });
        (!closed).then(|| (what.unwrap_or(Completing::Nothing), start))
    }

    fn list_word(&mut self, start: usize) -> Option<(Completing, usize)> {
        let rest = self.scanner.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, ')' | ']' | ',');
        let length = rest.find(ends).unwrap_or(rest.len());
        self.scanner.at += length;
        self.at_caret(self.typed(rest[..length].to_owned()), start)
    }

    fn at_caret(&self, what: Completing, start: usize) -> Option<(Completing, usize)> {
        self.scanner.peek().is_none().then_some((what, start))
    }

    fn clause(&mut self, start: usize) -> Option<(Completing, usize)> {
        if let Some(head) = self.scanner.head()
            && let Some(field) = Field::parse(head.name)
        {
            self.scanner.at += head.len;
            self.clause.get_or_insert(start);
            return self.value(field, head.operator);
        }
        let word = self.scanner.word(true);
        let bare = word.strip_prefix('@').unwrap_or(word);
        let can_be_name = bare.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let what = if can_be_name {
            Completing::Field { prefix: bare.to_owned() }
        } else {
            Completing::Nothing
        };
        self.at_caret(what, start)
    }

    fn value(&mut self, field: Field, operator: Operator) -> Option<(Completing, usize)> {
        if operator == Operator::Colon {
            while self.scanner.peek().is_some_and(|c| matches!(c, '>' | '<' | '=' | '~')) {
                self.scanner.bump();
            }
        }
        let start = self.scanner.at;
        let rest = self.scanner.rest();
        let list = rest.strip_prefix("IN").map_or(rest, str::trim_start);
        if list.starts_with(['(', '[']) {
            self.scanner.at = self.scanner.text.len() - list.len() + 1;
            self.list = Some(field);
            return None;
        }
        let (prefix, is_closed) = if rest.starts_with('"') {
            self.scanner.quoted()
        } else {
            (self.scanner.word(true).to_owned(), false)
        };
        let what = Completing::Value { field, prefix };
        if is_closed { None } else { self.at_caret(what, start) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The completion at `|`.
    fn at(text: &str) -> (String, Completion) {
        let caret = text.find('|').unwrap();
        let text = text.replace('|', "");
        let completion = complete(&text, caret);
        (text, completion)
    }

    fn chosen(text: &str, choice: &str) -> String {
        let (text, completion) = at(text);
        let (mut text, caret) = completion.choose(&text, choice);
        text.insert(caret, '|');
        text
    }

    #[test]
    fn names_are_completed_at_the_start_of_a_word() {
        assert_eq!(chosen("|", "level"), "level:|");
        assert_eq!(chosen("error -sta|", "status"), "error -status:|");
        assert_eq!(chosen("(a OR le|) b", "level"), "(a OR level:|) b");
        assert_eq!(chosen("le|vel:error", "target"), "target|:error");
    }

    #[test]
    fn values_are_completed_behind_the_operator_and_quoted_if_needed() {
        assert_eq!(chosen("level:|", "error"), "level:error|");
        assert_eq!(chosen("status:5|", "5xx"), "status:5xx|");
        assert_eq!(chosen("duration:|", ">250ms"), "duration:>250ms|");
        assert_eq!(chosen("duration:>2|", "250ms"), "duration:>250ms|");
        assert_eq!(chosen("user:|", ">5"), "user:\">5\"|");
        assert_eq!(chosen("user:oct| x", "Octavia Niss"), "user:\"Octavia Niss\"| x");
        assert_eq!(chosen("user:\"Octavia N|", "Octavia Niss"), "user:\"Octavia Niss\"|");
        assert_eq!(chosen("level:(error OR w|", "warn"), "level:(error OR warn|");
        assert_eq!(chosen("level:IN [error, w|]", "warn"), "level:IN [error, warn|]");
        assert_eq!(chosen("route!=/s|im/*", "/sim/latest"), "route!=/sim/latest|");
    }

    #[test]
    fn nothing_is_completed_inside_a_phrase_or_behind_a_value() {
        for text in ["\"data|", "src/main|", "127.0.0.1|"] {
            assert_eq!(at(text).1.what, Completing::Nothing, "{text}");
        }
        assert_eq!(at("level:error |").1.what, Completing::Field { prefix: String::new() });
        assert_eq!(at("user:\"a b\" le|").1.what, Completing::Field { prefix: "le".into() });
    }

    #[test]
    fn every_caret_of_every_text_has_an_answer() {
        let texts = ["é\"数 level:(\"a", "a.b:[x, \"", "((-#+level:IN", "status>=<=~\"", ":::((("];
        for text in texts.into_iter().chain(["a||b", "T&&0", "level:(a||b", "|&||&|"]) {
            for caret in 0..=text.len() + 2 {
                let completion = complete(text, caret);
                let (chosen, at) = completion.choose(text, "x y");
                assert!(chosen.is_char_boundary(at), "{text} {caret}");
            }
        }
    }
}
