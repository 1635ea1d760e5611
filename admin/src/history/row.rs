//! One sample as bytes: what every column was or grew by, in few bytes. Most of a service's figures are
//! small whole numbers, which take one byte each; rows in memory and on disk look the same.

use super::columns::MAX_COLUMNS;

/// A row: when its interval ended, how much time it saw, and its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// End of the interval, in microseconds since the Unix epoch.
    pub at: i64,
    /// How long somebody watched in it, in microseconds; 0 for a first look, which knows no increase.
    pub covered: i64,
    /// The cells, see [`encode`].
    pub cells: Box<[u8]>,
}

impl Row {
    /// The middle of the time it speaks of, which tells the interval it belongs to.
    pub fn middle(&self) -> i64 {
        self.at.saturating_sub(self.covered / 2).saturating_sub(1)
    }

    /// Bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.cells.len()
    }
}

/// A number of this size or more is no longer whole for sure.
const WHOLE: f64 = 9_007_199_254_740_992.0;
/// No value, in as many further columns as the number behind it says.
const ABSENT: u64 = 0;
/// Eight bytes of a float follow.
const FLOAT: u64 = 1;
/// Whole numbers are written this much higher.
const FIRST: u64 = 2;

/// Writes cells in the order of their columns. A value that is not finite is written as absent.
pub fn encode(cells: &[Option<f64>]) -> Box<[u8]> {
    let mut out = Vec::with_capacity(cells.len() * 2);
    let mut absent = 0;
    for cell in cells {
        let Some(value) = cell.filter(|value| value.is_finite()) else {
            absent += 1;
            continue;
        };
        if absent > 0 {
            varint(ABSENT, &mut out);
            varint(absent - 1, &mut out);
            absent = 0;
        }
        write(value, &mut out);
    }
    out.into_boxed_slice()
}

fn write(value: f64, out: &mut Vec<u8>) {
    if value.fract() == 0.0 && (0.0..WHOLE).contains(&value) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        varint(value as u64 + FIRST, out);
    } else {
        varint(FLOAT, out);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Calls back with column and value of each cell; `None` when the bytes are no row, after the cells in
/// front of the damage.
pub fn decode(mut bytes: &[u8], mut each: impl FnMut(usize, f64)) -> Option<()> {
    let mut column = 0;
    while !bytes.is_empty() && column < MAX_COLUMNS {
        match read_varint(&mut bytes)? {
            ABSENT => {
                let more = usize::try_from(read_varint(&mut bytes)?).ok()?;
                column += more.min(MAX_COLUMNS);
            }
            FLOAT => {
                let (float, rest) = bytes.split_first_chunk()?;
                each(column, f64::from_le_bytes(*float));
                bytes = rest;
            }
            #[expect(clippy::cast_precision_loss, reason = "whole numbers below 2^53")]
            whole => each(column, (whole - FIRST) as f64),
        }
        column += 1;
    }
    bytes.is_empty().then_some(())
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells_of(bytes: &[u8], columns: usize) -> Option<Vec<Option<f64>>> {
        let mut cells = vec![None; columns];
        decode(bytes, |column, value| cells[column] = Some(value))?;
        Some(cells)
    }

    #[test]
    fn small_whole_numbers_take_a_byte_and_nothing_at_the_end_takes_none() {
        assert_eq!(encode(&[Some(0.0), None, Some(100.0), None, None]).len(), 4);
        assert!(encode(&[Some(f64::NAN), Some(f64::INFINITY)]).is_empty());
        let mut sparse = vec![None; 100];
        sparse.push(Some(1.0));
        assert_eq!(encode(&sparse).len(), 3);
    }

    proptest! {
        #[test]
        fn cells_are_read_as_written(cells in proptest::collection::vec(
            prop_oneof![
                Just(None),
                (0..1_000_000_u32).prop_map(|n| Some(f64::from(n))),
                any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Some),
            ],
            0..40,
        )) {
            let read = cells_of(&encode(&cells), cells.len());
            prop_assert_eq!(read, Some(cells));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut cells = 0;
            let _whole = decode(&bytes, |column, _| cells = column + 1);
            prop_assert!(cells <= MAX_COLUMNS);
        }
    }
}
