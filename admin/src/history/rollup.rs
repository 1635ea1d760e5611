//! Aggregates rows: those of a minute, or of an interval of a chart.

use super::columns::Columns;
use super::row::{Row, decode, encode};

/// What the rows of one interval come to.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// Values by column number; `None` where no row had a value.
    pub values: Vec<Option<f64>>,
    /// Time covered by samples, in microseconds.
    pub covered: i64,
    /// Number of aggregated rows.
    pub rows: usize,
}

impl Bucket {
    /// Adds a row that is not older than the previous ones.
    pub fn add(&mut self, row: &Row, columns: &Columns) {
        self.rows += 1;
        self.covered = self.covered.saturating_add(row.covered);
        let values = &mut self.values;
        // What follows a damaged cell is missing; files are checked before they come here.
        let _whole = decode(&row.cells, |column, value| {
            if column >= values.len() {
                values.resize(column + 1, None);
            }
            values[column] = Some(columns.fold(column).add(values[column], value));
        });
    }

    /// The value of a column.
    pub fn get(&self, column: usize) -> Option<f64> {
        self.values.get(column).copied().flatten()
    }
}

/// Aggregates rows into consecutive intervals.
#[derive(Debug)]
pub struct Rollup {
    length: i64,
    interval: Option<i64>,
    cells: Bucket,
}

impl Rollup {
    /// Intervals of so many microseconds, aligned to the Unix epoch.
    pub fn new(length: i64) -> Self {
        Self { length, interval: None, cells: Bucket::default() }
    }

    /// Adds a row; returns the finished row of the previous interval if this one starts a new
    /// interval.
    pub fn add(&mut self, row: &Row, columns: &Columns) -> Option<Row> {
        let interval = row.middle().div_euclid(self.length);
        let ended = if self.interval.is_some_and(|current| interval > current) {
            self.take()
        } else {
            None
        };
        self.interval.get_or_insert(interval);
        self.cells.add(row, columns);
        ended
    }

    fn take(&mut self) -> Option<Row> {
        let interval = self.interval.take()?;
        let cells = std::mem::take(&mut self.cells);
        let at = interval.saturating_add(1).saturating_mul(self.length);
        Some(Row { at, covered: cells.covered.min(self.length), cells: encode(&cells.values) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::{Column, Fold};
    use super::*;

    #[test]
    fn a_minute_adds_increases_and_keeps_peaks_and_last_totals() {
        let mut columns = Columns::default();
        for fold in [Fold::Sum, Fold::Highest, Fold::Last] {
            let (track, group, bound) = (String::new(), String::new(), String::new());
            columns.number(&Column { track, group, bound, fold });
        }
        let row = |at, value: f64| Row {
            at,
            covered: 10,
            cells: encode(&[Some(value), Some(value), Some(value)]),
        };
        let mut rollup = Rollup::new(60);
        for (at, value) in [(10, 1.0), (20, 5.0), (60, 2.0)] {
            assert_eq!(rollup.add(&row(at, value), &columns), None);
        }
        let minute = rollup.add(&row(70, 7.0), &columns).unwrap();
        assert_eq!((minute.at, minute.covered), (60, 30));
        assert_eq!(minute.cells, encode(&[Some(8.0), Some(5.0), Some(2.0)]));
        let next = rollup.add(&row(610, 1.0), &columns).unwrap();
        assert_eq!((next.at, next.covered), (120, 10));
    }
}
