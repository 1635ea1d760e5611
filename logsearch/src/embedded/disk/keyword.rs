//! A place of the index that keeps whole values as folded terms, and ways to pick terms of it.

use std::io;
use std::sync::Arc;

use tantivy::Term;
use tantivy::postings::TermInfo;
use tantivy::schema::{Field, Type};
use tantivy::termdict::TermDictionary;

use super::schema::{self, Kind, Layout, Typed};
use crate::query::{Pattern, compile_regex, large_unsigned};

/// What ends the path of a dynamic field in a term.
const JSON_END_OF_PATH: u8 = 0;

/// Picks terms of a dictionary.
pub type TermFilter = Arc<dyn Fn(&TermDictionary) -> io::Result<Vec<TermInfo>> + Send + Sync>;

/// An index field that stores whole values as folded terms.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keyword {
    field: Field,
    /// What each term starts with: the path of a dynamic field.
    path: Vec<u8>,
    column: Option<String>,
}

impl Keyword {
    /// The target of records.
    pub fn target(layout: &Layout) -> Self {
        Self { column: Some(schema::TARGET.into()), ..Self::of(layout.target) }
    }

    /// A field of the catalogue.
    pub fn typed(typed: &Typed) -> Self {
        let column = (typed.kind == Kind::Keyword).then(|| typed.column.clone());
        Self { column, ..Self::of(typed.field) }
    }

    /// An index field without a column.
    pub fn of(field: Field) -> Self {
        Self { field, path: Vec::new(), column: None }
    }

    /// The texts of a dynamic field.
    pub fn dynamic(layout: &Layout, name: &str) -> Self {
        let mut path = Term::from_field_json_path(layout.more, &schema::escape(name), false);
        path.append_type_and_str("");
        let column = Some(schema::more_column(name));
        Self { field: layout.more, path: path.serialized_value_bytes().to_vec(), column }
    }

    /// The field of the index.
    pub fn field(&self) -> Field {
        self.field
    }

    /// The column with the values as written.
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// The term of a folded value.
    pub fn term(&self, folded: &str) -> Term {
        if self.path.is_empty() {
            return Term::from_field_text(self.field, folded);
        }
        let mut term = Term::from_field_text(self.field, "");
        term.clear_with_type(Type::Json);
        term.append_bytes(&self.path);
        term.append_bytes(folded.as_bytes());
        term
    }

    /// Terms a wildcard pattern matches.
    pub fn matching(&self, pattern: Pattern) -> TermFilter {
        let prefix = pattern.prefix();
        self.pick(prefix.into_bytes(), None, move |term| pattern.matches(term))
    }

    /// Terms a regular expression is found in, which says nothing of [foreign](Self::foreign) values; `None`
    /// when the folded terms cannot tell.
    pub fn regex(&self, expression: &str) -> Option<TermFilter> {
        // Flags can ask for case, which terms do not have.
        if expression.contains("(?") {
            return None;
        }
        let regex = compile_regex(expression).ok()?;
        let test = move |term: &str| term.is_ascii() && regex.is_match(term);
        Some(self.pick(literal_prefix(expression), None, test))
    }

    /// The term of values with other characters than ASCII: those fold in ways an expression can see.
    pub fn foreign(&self) -> Term {
        self.term(schema::FOREIGN)
    }

    /// Terms that start with a folded text.
    pub fn starting(&self, start: &str) -> TermFilter {
        self.pick(start.into(), None, |_| true)
    }

    /// Whole numbers above `i64::MAX` that pass a test.
    pub fn large_numbers(&self, test: impl Fn(&str) -> bool + Send + Sync + 'static) -> TermFilter {
        self.pick(Vec::new(), None, move |term| large_unsigned(term).is_some() && test(term))
    }

    /// Terms from one to another, both included.
    pub fn between(&self, low: &str, high: &str) -> TermFilter {
        let (first, last) = (low.to_owned(), high.to_owned());
        let within = move |term: &str| first.as_str() <= term && term <= last.as_str();
        self.pick(Vec::new(), Some((low.into(), high.into())), within)
    }

    /// Terms that are a whole number between two.
    pub fn numbers(&self, (low, high): (i128, i128)) -> TermFilter {
        self.pick(Vec::new(), None, move |term| {
            let small = written_int(term).map(i128::from);
            let number = small.or_else(|| large_unsigned(term).map(i128::from));
            number.is_some_and(|number| (low..=high).contains(&number))
        })
    }

    /// Terms under the path that start with a prefix, lie within the bounds and pass a test.
    fn pick(
        &self,
        prefix: Vec<u8>,
        bounds: Option<(Vec<u8>, Vec<u8>)>,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> TermFilter {
        let path = self.path.clone();
        Arc::new(move |dictionary: &TermDictionary| -> io::Result<Vec<TermInfo>> {
            let start = [&path[..], &prefix].concat();
            let mut stream = dictionary.range();
            stream = match &bounds {
                Some((low, _)) => stream.ge([&path[..], low].concat()),
                None => stream.ge(&start),
            };
            if let Some((_, high)) = &bounds {
                stream = stream.le([&path[..], high].concat());
            } else if let Some(end) = behind_prefix(&start) {
                stream = stream.lt(end);
            }
            let mut stream = stream.into_stream()?;
            let mut terms = Vec::new();
            while stream.advance() {
                let value = stream.key().get(path.len()..).map(std::str::from_utf8);
                if let Some(Ok(value)) = value
                    && value != schema::FOREIGN
                    && test(value)
                {
                    terms.push(stream.value().clone());
                }
            }
            Ok(terms)
        })
    }
}

/// The whole number whose text form this is.
pub fn written_int(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// The text of a term below the path of a dynamic field; `None` when the term is of no text.
pub fn dynamic_text(term: &[u8]) -> Option<&[u8]> {
    let end = term.iter().position(|byte| *byte == JSON_END_OF_PATH)?;
    let (kind, text) = term.get(end + 1..)?.split_first()?;
    (*kind == Type::Str.to_code()).then_some(text)
}

/// The least key behind all that start with a prefix.
pub fn behind_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// What every value starts with that an expression is found in, folded; empty when that is not plain.
fn literal_prefix(expression: &str) -> Vec<u8> {
    let Some(rest) = expression.strip_prefix('^') else { return Vec::new() };
    if rest.contains('|') {
        return Vec::new();
    }
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b':');
    // Other letters fold to these two (long s, kelvin), which a prefix would miss.
    let folds_alone = |byte: &u8| !matches!(byte.to_ascii_lowercase(), b's' | b'k');
    let mut prefix: Vec<u8> =
        rest.bytes().take_while(|byte| plain(byte) && folds_alone(byte)).collect();
    // What follows may make the last character optional.
    if matches!(rest.as_bytes().get(prefix.len()), Some(b'?' | b'*' | b'{')) {
        prefix.pop();
    }
    prefix.make_ascii_lowercase();
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_an_expression_is_what_all_matches_start_with() {
        let prefix = |expression| String::from_utf8(literal_prefix(expression)).unwrap();
        assert_eq!(prefix("^/Ab/(c|d)"), "");
        assert_eq!(prefix("^/Ab/[cd]"), "/ab/");
        assert_eq!(prefix("^/ab?c"), "/a");
        assert_eq!(prefix("^/ab+c"), "/ab");
        assert_eq!(prefix("/ab"), "");
        assert_eq!(behind_prefix(b"ab\xff"), Some(b"ac".to_vec()));
        assert_eq!(behind_prefix(b"\xff"), None);
    }
}
