//! A group of records laid out column by column, before compression: one column per field name and
//! kind, small dictionaries for repeated text, hexadecimal text packed. Decoding is lazy: parsing
//! finds the values, [`Columns::record`] builds only the record asked for. No I/O, no compression.
//!
//! ```text
//! counts of records and shapes | shapes | per record: shape | time stamps | sequences
//! messages | one column per name and kind, in the order shapes name them first
//! shape:  level | target | fields: kind, name
//! text:   plain or dictionary | plain or hexadecimal | lengths | bytes (| per record: entry)
//! ```

mod read;
mod write;

pub use self::read::Columns;
pub use self::write::ColumnsWriter;

/// Kinds of columns.
const BOOL: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const TEXT: u8 = 3;

/// How a column of text is laid out, and how its bytes are.
const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;
const HEXADECIMAL: u8 = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{self, RecordView};
    use crate::record::{Level, LogRecord, Value};

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i32>().prop_map(|number| Value::Float(f64::from(number) / 8.0)),
            "[0-9a-f]{0,8}".prop_map(Value::Str),
            any::<String>().prop_map(Value::Str),
        ]
    }

    prop_compose! {
        fn record()(
            timestamp in any::<i64>(),
            level in prop::sample::select(Level::ALL.to_vec()),
            target in "[a-c]{0,2}",
            message in prop_oneof![any::<String>(), "[a-b]{1}"],
            fields in prop::collection::btree_map("[a-e]{1,2}", value(), 0..6),
        ) -> LogRecord {
            let fields = fields.into_iter().collect();
            LogRecord { timestamp, sequence: 0, level, target, message, fields }
        }
    }

    proptest! {
        #[test]
        fn a_group_gives_back_its_records(
            mut records in prop::collection::vec(record(), 1..60),
            gaps in prop::collection::vec(1_u64..9, 60),
        ) {
            let mut writer = ColumnsWriter::default();
            let mut sequence = 0;
            for (record, gap) in records.iter_mut().zip(gaps) {
                sequence += gap;
                record.sequence = sequence;
                let mut bytes = Vec::new();
                codec::encode(record, &mut bytes);
                writer.push(&RecordView::parse(&bytes).expect("whole"));
            }
            let columns = Columns::parse(&writer.finish().bytes).expect("well formed");
            prop_assert_eq!(columns.len(), records.len());
            for (at, record) in records.iter().enumerate() {
                prop_assert_eq!(columns.position(record.sequence), Some(at));
                prop_assert_eq!(columns.record(at), Some(record.clone()));
            }
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(columns) = Columns::parse(&bytes) {
                (0..columns.len()).for_each(|at| drop(columns.record(at)));
            }
        }
    }
}
