//! What rows hold, by number: a column for each figure that some chart shows. Numbers are given in the
//! order in which figures first appear and never change while the process runs.

use std::collections::HashMap;

/// How values of a column are aggregated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// An increase: values are summed.
    Sum,
    /// A level: the maximum, so that a short peak stays visible in a long interval.
    Highest,
    /// A total: the last value.
    Last,
}

impl Fold {
    /// The code of the fold in files.
    pub fn code(self) -> u8 {
        match self {
            Self::Sum => b's',
            Self::Highest => b'h',
            Self::Last => b'l',
        }
    }

    /// Parses the code of a fold from a file.
    pub fn of_code(code: u8) -> Option<Self> {
        [Self::Sum, Self::Highest, Self::Last].into_iter().find(|fold| fold.code() == code)
    }

    /// Aggregates two values.
    pub fn add(self, earlier: Option<f64>, later: f64) -> f64 {
        match (self, earlier) {
            (_, None) | (Self::Last, _) => later,
            (Self::Sum, Some(earlier)) => earlier + later,
            (Self::Highest, Some(earlier)) => earlier.max(later),
        }
    }
}

/// Describes a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Which series it takes, as [`super::series::Selector`] spells it.
    pub track: String,
    /// The value of the label that tells its line from others of the same chart; empty without one.
    pub group: String,
    /// The upper bound of a histogram's bucket as the exposition spells it; empty elsewhere.
    pub bound: String,
    /// How its values are aggregated.
    pub fold: Fold,
}

impl Column {
    /// Encodes the column for a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.fold.code()];
        let texts = [&self.track, &self.group, &self.bound].map(String::as_str);
        bytes.extend_from_slice(texts.join("\u{1f}").as_bytes());
        bytes
    }

    /// Decodes a column from a file; `None` if it is invalid.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (code, text) = bytes.split_first()?;
        let mut texts = std::str::from_utf8(text).ok()?.split('\u{1f}').map(str::to_owned);
        let (track, group, bound) = (texts.next()?, texts.next()?, texts.next()?);
        let fold = Fold::of_code(*code)?;
        texts.next().is_none().then_some(Self { track, group, bound, fold })
    }
}

/// The most columns of a process: a bound on memory, above what the fixed sets of charts and a hundred
/// statements need.
pub const MAX_COLUMNS: usize = 2_048;

/// All columns, indexed by their number.
#[derive(Debug, Default)]
pub struct Columns {
    columns: Vec<Column>,
    numbers: HashMap<Column, usize>,
}

impl Columns {
    /// The number of a column, assigned if new; `None` if the limit is reached.
    pub fn number(&mut self, column: &Column) -> Option<usize> {
        if let Some(number) = self.numbers.get(column) {
            return Some(*number);
        }
        let number = self.columns.len();
        if number == MAX_COLUMNS {
            return None;
        }
        self.columns.push(column.clone());
        self.numbers.insert(column.clone(), number);
        Some(number)
    }

    /// All columns in order of their number.
    pub fn all(&self) -> &[Column] {
        &self.columns
    }

    /// How values of a column are aggregated.
    pub fn fold(&self, number: usize) -> Fold {
        self.columns.get(number).map_or(Fold::Last, |column| column.fold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_keeps_its_number_and_is_read_as_written() {
        let column = |track: &str| Column {
            track: track.to_owned(),
            group: "web".to_owned(),
            bound: "0.5".to_owned(),
            fold: Fold::Sum,
        };
        let mut columns = Columns::default();
        assert_eq!(columns.number(&column("a")), Some(0));
        assert_eq!(columns.number(&column("b")), Some(1));
        assert_eq!(columns.number(&column("a")), Some(0));
        assert_eq!(Column::of_bytes(&column("a").to_bytes()), Some(column("a")));
        for bytes in [&b""[..], b"s", b"xa\x1fb\x1fc", b"sa\x1fb", b"sa\x1fb\x1fc\x1fd", b"s\xff"] {
            assert_eq!(Column::of_bytes(bytes), None);
        }
        for at in 0..MAX_COLUMNS {
            columns.number(&column(&at.to_string()));
        }
        assert_eq!(columns.number(&column("one more")), None);
    }
}
