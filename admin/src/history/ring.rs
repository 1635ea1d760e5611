//! The newest rows, limited in number and bytes.

use std::collections::VecDeque;

use super::row::Row;

/// Rows in order of time; the oldest are evicted at the limit.
#[derive(Debug)]
pub struct Ring {
    rows: VecDeque<Row>,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
}

impl Ring {
    /// Creates a ring with limits on rows and bytes.
    pub fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self { rows: VecDeque::new(), bytes: 0, max_rows, max_bytes }
    }

    /// Appends a row; ignored unless it is newer than the last.
    pub fn push(&mut self, row: Row) {
        if self.rows.back().is_some_and(|last| last.at >= row.at) {
            return;
        }
        self.bytes += row.bytes();
        self.rows.push_back(row);
        while self.rows.len() > self.max_rows || self.bytes > self.max_bytes {
            let Some(oldest) = self.rows.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// Rows that ended after this time, oldest first.
    pub fn after(&self, time: i64) -> impl Iterator<Item = &Row> {
        let first = self.rows.partition_point(|row| row.at <= time);
        self.rows.range(first..)
    }

    /// All rows, oldest first.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> {
        self.rows.iter()
    }

    /// The newest row.
    pub fn last(&self) -> Option<&Row> {
        self.rows.back()
    }

    /// The oldest row.
    pub fn first(&self) -> Option<&Row> {
        self.rows.front()
    }

    /// Memory used by all rows, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: i64, bytes: usize) -> Row {
        Row { at, covered: 1, cells: vec![0; bytes].into() }
    }

    #[test]
    fn the_oldest_go_by_number_and_by_bytes_and_order_is_kept() {
        let mut ring = Ring::new(3, 1_000);
        for at in [1, 2, 2, 1, 3, 4] {
            ring.push(row(at, 0));
        }
        assert_eq!(ring.after(i64::MIN).map(|row| row.at).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(ring.after(2).map(|row| row.at).collect::<Vec<_>>(), [3, 4]);
        ring.push(row(5, 900));
        assert!(ring.bytes() <= 1_000, "{}", ring.bytes());
        assert_eq!(ring.last().map(|row| row.at), Some(5));
        ring.push(row(6, 2_000));
        assert_eq!((ring.bytes(), ring.last()), (0, None));
    }
}
