//! Encoding and reading agree, and keep to the limits.

use proptest::prelude::*;

use super::*;
use crate::record::Value;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<i32>().prop_map(|number| Value::Float(f64::from(number) / 8.0)),
        any::<String>().prop_map(Value::Str),
    ]
}

prop_compose! {
    fn record()(
        timestamp in any::<i64>(),
        sequence in any::<u64>(),
        level in prop::sample::select(Level::ALL.to_vec()),
        target in ".{0,80}",
        message in any::<String>(),
        fields in prop::collection::btree_map("[a-z.]{1,20}", value(), 0..40),
    ) -> LogRecord {
        LogRecord { timestamp, sequence, level, target, message, fields: fields.into_iter().collect() }
    }
}

fn decode(bytes: &[u8]) -> LogRecord {
    RecordView::parse(bytes).expect("a whole record").into()
}

proptest! {
    #[test]
    fn a_record_survives_encoding(record in record()) {
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        prop_assert_eq!(decode(&bytes), record);
    }

    #[test]
    fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for view in records(&bytes) {
            let _ = LogRecord::from(view);
        }
    }

    #[test]
    fn a_damaged_record_never_panics(record in record(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = with;
        for view in records(&bytes) {
            let _ = LogRecord::from(view);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_record_is_over_the_limits(
        message in 0_usize..70_000,
        fields in 0_usize..100,
        size in 0_usize..4_000,
    ) {
        let record = LogRecord {
            timestamp: 0,
            sequence: 0,
            level: Level::Info,
            target: "t".repeat(size),
            message: "aøb".repeat(message / 4),
            fields: (0..fields).map(|n| (format!("f{n}"), Value::Str("ø".repeat(size / 2)))).collect(),
        };
        let mut bytes = Vec::new();
        encode(&record, &mut bytes);
        prop_assert!(bytes.len() <= MAX_RECORD);
        let decoded = decode(&bytes);
        prop_assert!(decoded.fields.len() <= MAX_FIELDS);
        let whole = decoded.message == record.message
            && decoded.fields == record.fields
            && decoded.target == record.target;
        prop_assert_eq!(decoded.field(TRUNCATED).is_none(), whole);
    }
}

#[test]
fn a_cut_record_says_how_long_it_was() {
    let mut encoder = Encoder::default();
    encoder.message_with(|text| text.push(&"x".repeat(16 * 1024 * 1024)));
    encoder.put("request_id", ValueRef::Str("abc"));
    encoder.seal("t");
    let mut bytes = Vec::new();
    encoder.write(&mut bytes, Level::Info, 1, "t");
    let record = decode(&bytes);
    assert_eq!(record.message.len(), MAX_TEXT);
    assert_eq!(record.field("request_id"), Some(&Value::Str("abc".into())));
    assert_eq!(record.field(TRUNCATED), Some(&Value::Bool(true)));
    let Some(Value::Int(original)) = record.field(ORIGINAL_BYTES) else { panic!("no length") };
    assert!((16 * 1024 * 1024..16 * 1024 * 1024 + 200).contains(original));
}

#[test]
fn the_first_value_of_a_name_wins_and_set_replaces_it() {
    let mut inner = Fields::default();
    inner.put("user", ValueRef::Int(1));
    inner.set("user", ValueRef::Str("anna"));
    let mut outer = Fields::default();
    outer.put("user", ValueRef::Int(7));
    outer.put("route", ValueRef::Str("/public"));
    let mut encoder = Encoder::default();
    encoder.put("status", ValueRef::Int(200));
    encoder.put_all(&inner);
    encoder.put_all(&outer);
    let mut bytes = Vec::new();
    encoder.write(&mut bytes, Level::Info, 0, "t");
    let fields: Vec<_> = RecordView::parse(&bytes).expect("whole").fields().collect();
    assert_eq!(
        fields,
        [
            ("status", ValueRef::Int(200)),
            ("user", ValueRef::Str("anna")),
            ("route", ValueRef::Str("/public")),
        ]
    );
}

#[test]
fn control_characters_are_data() {
    let message = "a\u{1b}[31m\0\n\u{202e}b";
    let mut encoder = Encoder::default();
    encoder.message_with(|text| text.push(message));
    let mut bytes = Vec::new();
    encoder.write(&mut bytes, Level::Info, 0, "t");
    assert_eq!(RecordView::parse(&bytes).expect("whole").message(), message);
}
