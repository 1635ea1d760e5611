//! The parser. It never fails and never recurses: groups live on an explicit stack, and length, depth
//! and number of clauses are bounded, so no input can exhaust the stack or the clock. What one clause
//! means is decided in `clause`.

use std::mem;
use std::ops::Range;

use super::notice::Notice;
use super::scan::Scanner;
use super::tree::{Field, MAX_CHARS, MAX_CLAUSES, MAX_DEPTH, Query, all_of, any_of};

/// Characters of a pasted log line that are searched. Quotes in it double when printed, and the
/// printed query has to fit [`MAX_CHARS`] again.
const MAX_PASTED_CHARS: usize = 1_000;
/// More are not shown; nobody reads them.
const MAX_NOTICES: usize = 32;

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// Query to match.
    pub query: Query,
    /// What had to be decided, in the order of the text.
    pub notices: Vec<Notice>,
    /// Disabled clauses (`#clause`), each with the number of enabled ones before it.
    pub(super) disabled: Vec<(usize, Query)>,
}

/// Parses a query; every input is valid.
pub fn parse(text: &str) -> Parsed {
    let cut = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(at, _)| at);
    let mut parsed = parse_unbounded(&text[..cut]);
    if cut < text.len() {
        let message = format!("query is longer than {MAX_CHARS} characters; the rest is ignored");
        parsed.notices.push(Notice::new(message, cut..text.len()));
    }
    parsed
}

/// The same without the limit on length, for the printer to check what it prints.
pub(super) fn parse_unbounded(text: &str) -> Parsed {
    let mut parser = Parser::new(text);
    if looks_pasted(text) {
        return parser.pasted();
    }
    while parser.step() {}
    parser.finish()
}

/// Whether a text is a whole log line: a JSON object, `[LEVEL]` or `[date` first, or a date, a time
/// and a level.
pub(super) fn looks_pasted(text: &str) -> bool {
    let text = text.trim();
    if let Some(object) = text.strip_prefix('{') {
        return object.trim_start().starts_with('"');
    }
    if let Some((head, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        return (is_level(head.trim()) || is_date(head))
            && rest.starts_with(char::is_whitespace)
            && !rest.trim().is_empty();
    }
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default();
    let mut level = words.next();
    if first.len() == 10 {
        level = words.next();
    }
    let bare = |word: &str| is_level(word.trim_matches(['[', ']', ':']));
    is_date(first) && level.is_some_and(bare) && words.next().is_some()
}

fn is_level(word: &str) -> bool {
    const LEVELS: [&str; 9] =
        ["TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"];
    LEVELS.contains(&word)
}

/// Whether a text starts like `2026-11-22`.
fn is_date(text: &str) -> bool {
    text.len() >= 10
        && text.bytes().zip(*b"dddd-dd-dd").all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

/// Whether a word stands between clauses and is none itself.
pub(super) fn is_operator(word: &str) -> bool {
    Word::parse(word).is_some()
}

/// An operator word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    And,
    Or,
    Not,
}

impl Word {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "AND" | "and" | "&&" => Self::And,
            "OR" | "or" | "||" => Self::Or,
            "NOT" | "not" => Self::Not,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
        }
    }
}

/// A group being read: the whole query, `( )` or `field:( )`.
#[derive(Debug, Default)]
struct Frame {
    start: usize,
    /// Inside `field:( )`: values of this field, separated by OR unless said otherwise.
    values_of: Option<Field>,
    /// The outermost parentheses behind `field:`.
    is_list: bool,
    /// Finished alternatives.
    ors: Vec<Query>,
    /// The alternative being read.
    ands: Vec<Query>,
    /// Operator words since the last operand.
    words: Vec<(Word, Range<usize>)>,
    negate_next: bool,
    disable_next: bool,
}

/// The parser at one place of the text.
pub(super) struct Parser<'a> {
    pub(super) scanner: Scanner<'a>,
    frames: Vec<Frame>,
    /// Opening parentheses beyond [`MAX_DEPTH`] that still wait for their closing ones.
    ignored_open: usize,
    clauses: usize,
    notices: Vec<Notice>,
    /// Disabled clauses with the number of enabled ones before them.
    disabled: Vec<(usize, Query)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            scanner: Scanner::new(text),
            frames: vec![Frame::default()],
            ignored_open: 0,
            clauses: 0,
            notices: Vec::new(),
            disabled: Vec::new(),
        }
    }

    fn pasted(mut self) -> Parsed {
        let text = self.scanner.text.trim();
        let span = 0..self.scanner.text.len();
        self.notice("looks like a pasted log line; searched as one phrase", span.clone());
        let cut = text.char_indices().nth(MAX_PASTED_CHARS).map_or(text.len(), |(at, _)| at);
        if cut < text.len() {
            let message = format!("only the first {MAX_PASTED_CHARS} characters are searched");
            self.notice(message, span);
        }
        self.operand(Query::Phrase(text[..cut].into()));
        self.finish()
    }

    pub(super) fn notice(&mut self, message: impl Into<String>, span: Range<usize>) {
        self.push_notice(Notice::new(message, span));
    }

    pub(super) fn push_notice(&mut self, notice: Notice) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(notice);
        }
    }

    /// The group being read. The outermost is never popped before the end.
    fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// Whether a `)` closes something here.
    pub(super) fn is_inside(&self) -> bool {
        self.frames.len() > 1 || self.ignored_open > 0
    }

    /// Reads one word, sign, parenthesis or clause; `false` at the end.
    fn step(&mut self) -> bool {
        self.scanner.skip_spaces();
        let start = self.scanner.at;
        let Some(next) = self.scanner.peek() else { return false };
        match next {
            ')' => self.close_parenthesis(),
            '(' => self.open_parenthesis(None),
            '|' if self.scanner.eat("||") => self.operator_word(Word::Or, start),
            '&' if self.scanner.eat("&&") => self.operator_word(Word::And, start),
            '|' => return self.pipe(),
            '-' | '!' if self.is_sign(next) => {
                self.scanner.bump();
                self.frame().negate_next ^= true;
            }
            '+' if self.is_sign(next) => {
                self.scanner.bump();
            }
            '#' if self.disables() => {
                self.scanner.bump();
                self.frame().disable_next = true;
            }
            _ => self.word_or_clause(),
        }
        true
    }

    /// Whether `-`, `!` or `+` belongs to what follows. `--flag`, `!=` and lone signs are text.
    fn is_sign(&self, sign: char) -> bool {
        let mut following = self.scanner.rest().chars().skip(1);
        match following.next() {
            None | Some(')' | '|' | '&' | '=' | '~') => false,
            Some(next) => !next.is_whitespace() && next != sign,
        }
    }

    /// Whether `#` disables what follows. Only before a field clause, a quote or a group, because
    /// `#rust` is a word people search.
    fn disables(&self) -> bool {
        let mut ahead = self.scanner.clone();
        ahead.bump();
        while ahead.eat("-") {}
        matches!(ahead.peek(), Some('"' | '('))
            || ahead.head().is_some_and(|head| Field::parse(head.name).is_some())
    }

    /// Everything behind a lone `|` is ignored.
    fn pipe(&mut self) -> bool {
        let span = self.scanner.at..self.scanner.text.len();
        self.notice("pipes are not supported; text after | is ignored", span);
        self.scanner.at = self.scanner.text.len();
        false
    }

    fn word_or_clause(&mut self) {
        let start = self.scanner.at;
        let inside = self.is_inside();
        let word = self.scanner.clone().word(inside);
        if let Some(operator) = Word::parse(word) {
            self.scanner.at += word.len();
            return self.operator_word(operator, start);
        }
        match self.frame().values_of.clone() {
            Some(field) => self.list_value(field),
            None => self.clause(),
        }
    }

    fn operator_word(&mut self, word: Word, start: usize) {
        let span = start..self.scanner.at;
        let frame = self.frame();
        if word == Word::Not {
            frame.negate_next ^= true;
        }
        // What comes after the first few only repeats.
        if frame.words.len() < 4 {
            frame.words.push((word, span));
        }
    }

    /// Starts a group, `field:(` if a field is given.
    pub(super) fn open_parenthesis(&mut self, field: Option<Field>) {
        let start = self.scanner.at;
        self.scanner.bump();
        if self.frames.len() > MAX_DEPTH {
            if self.ignored_open == 0 {
                let message = format!("groups nested deeper than {MAX_DEPTH} are ignored");
                self.notice(message, start..self.scanner.at);
            }
            self.ignored_open += 1;
            return;
        }
        let is_list = field.is_some();
        let values_of = field.or_else(|| self.frame().values_of.clone());
        self.frames.push(Frame { start, values_of, is_list, ..Frame::default() });
    }

    fn close_parenthesis(&mut self) {
        let start = self.scanner.at;
        self.scanner.bump();
        if self.ignored_open > 0 {
            self.ignored_open -= 1;
        } else if self.frames.len() > 1 {
            self.close_frame(true);
        } else {
            self.notice("unmatched ) ignored", start..self.scanner.at);
        }
    }

    /// Takes the innermost group off the stack and gives it to the one around.
    fn close_frame(&mut self, closed: bool) {
        let Some(frame) = self.frames.pop() else { return };
        let start = frame.start;
        let is_list = frame.is_list;
        let has_values = frame.values_of.is_some();
        match self.finish_frame(frame) {
            Some(query) if is_list && is_value(&query) => self.operand(Query::Or(vec![query])),
            Some(query) => self.operand(query),
            None if has_values && is_list => self.operand(Query::Nothing),
            None => {
                if closed {
                    self.notice("empty ( ) ignored", start..self.scanner.at);
                }
                self.skip_operand();
            }
        }
    }

    /// The query of a group, `None` when it has no operand.
    fn finish_frame(&mut self, mut frame: Frame) -> Option<Query> {
        if let Some((word, span)) = frame.words.first() {
            self.notice(format!("trailing {} ignored", word.name()), span.clone());
        }
        if !frame.ands.is_empty() {
            frame.ors.push(all_of(frame.ands));
        }
        any_of(frame.ors)
    }

    /// Whether one more clause is allowed; says so once when not.
    pub(super) fn take_clause(&mut self, span: Range<usize>) -> bool {
        self.clauses += 1;
        if self.clauses == MAX_CLAUSES + 1 {
            self.notice(format!("more than {MAX_CLAUSES} clauses; the rest is ignored"), span);
        }
        self.clauses <= MAX_CLAUSES
    }

    /// A clause that is counted, read from `start` to here.
    pub(super) fn leaf(&mut self, query: Query, start: usize) {
        if self.take_clause(start..self.scanner.at) {
            self.operand(query);
        } else {
            self.skip_operand();
        }
    }

    /// The next operand is meant the other way round.
    pub(super) fn negate_next(&mut self) {
        self.frame().negate_next ^= true;
    }

    /// Forgets what waits for an operand that does not come.
    pub(super) fn skip_operand(&mut self) {
        let frame = self.frame();
        frame.words.clear();
        frame.negate_next = false;
        frame.disable_next = false;
    }

    /// Adds an operand to the group being read, with the operators before it.
    pub(super) fn operand(&mut self, query: Query) {
        let is_outermost = self.frames.len() == 1;
        let frame = self.frame();
        let negate = mem::take(&mut frame.negate_next);
        let query = if negate { !query } else { query };
        if mem::take(&mut frame.disable_next) {
            let before = frame.ands.len();
            if is_outermost {
                self.disabled.push((before, query));
            } else {
                let end = self.scanner.at;
                self.notice("disabled clause inside ( ) ignored", end..end);
            }
            return;
        }
        let words = mem::take(&mut frame.words);
        let has_left = !frame.ands.is_empty();
        let is_list = frame.values_of.is_some();
        let mut binary = words.into_iter().filter(|(word, _)| *word != Word::Not);
        let first = binary.next();
        let second = binary.next();
        let is_or = [&first, &second].into_iter().flatten().any(|(word, _)| *word == Word::Or);
        if has_left && (is_or || (first.is_none() && is_list)) {
            let ands = mem::take(&mut frame.ands);
            frame.ors.push(all_of(ands));
        }
        match query {
            Query::And(inner) => frame.ands.extend(inner),
            other => frame.ands.push(other),
        }
        let ignored = if has_left { ("repeated", second) } else { ("leading", first) };
        if let (kind, Some((word, span))) = ignored {
            self.notice(format!("{kind} {} ignored", word.name()), span);
        }
    }

    fn finish(mut self) -> Parsed {
        let end = self.scanner.text.len();
        while self.frames.len() > 1 {
            self.notice("missing ) added", end..end);
            self.close_frame(false);
        }
        let outermost = mem::take(self.frame());
        let query = self.finish_frame(outermost).unwrap_or(Query::All);
        Parsed { query, notices: self.notices, disabled: self.disabled }
    }
}

/// Whether a query is a single clause on a field, the kind that stands alone in `field:( )`.
fn is_value(query: &Query) -> bool {
    query.field().is_some()
}
