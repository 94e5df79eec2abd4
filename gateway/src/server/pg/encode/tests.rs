//! Whole columns through the encoder; expected forms are PostgreSQL 15's.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::server::pg::types::PG_TYPE;
use datafusion::arrow::array::*;
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::*;
use std::sync::Arc;

/// The values of a DataRow's columns.
fn values(row: &[u8]) -> Vec<Option<Vec<u8>>> {
    let length = i32::from_be_bytes(row[1..5].try_into().unwrap()) as usize;
    assert_eq!((row[0], row.len()), (b'D', length + 1));
    let count = u16::from_be_bytes(row[5..7].try_into().unwrap());
    let mut rest = &row[7..];
    let mut values = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        let Ok(length) = usize::try_from(length) else {
            values.push(None);
            continue;
        };
        values.push(Some(rest[..length].to_vec()));
        rest = &rest[length..];
    }
    assert!(rest.is_empty());
    values
}

fn encoded(field: Field, array: ArrayRef, format: Format) -> Vec<Result<Option<Vec<u8>>>> {
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
    let encoder = RowEncoder::new(schema, vec![format], chrono_tz::Asia::Kolkata);
    let batch = encoder.batch(&batch).unwrap();
    let write = |row| {
        let mut out = BytesMut::new();
        let written = batch.write(row, &mut out);
        assert!(written.is_ok() || out.is_empty());
        written.map(|()| values(&out).remove(0))
    };
    (0..batch.rows()).map(write).collect()
}

fn text(array: impl Array + 'static) -> Vec<String> {
    let array: ArrayRef = Arc::new(array);
    let field = Field::new("c", array.data_type().clone(), true);
    let shown = |value: Result<Option<Vec<u8>>>| value.unwrap().map(|bytes| String::from_utf8(bytes).unwrap());
    encoded(field, array, Format::Text).into_iter().map(|value| shown(value).unwrap_or("<null>".to_owned())).collect()
}

fn binary(array: impl Array + 'static) -> Vec<String> {
    let array: ArrayRef = Arc::new(array);
    let field = Field::new("c", array.data_type().clone(), true);
    let shown = |value: Result<Option<Vec<u8>>>| value.unwrap().map_or("<null>".to_owned(), hex::encode);
    encoded(field, array, Format::Binary).into_iter().map(shown).collect()
}

fn int_lists(lists: Vec<Option<Vec<Option<i32>>>>) -> ListArray {
    ListArray::from_iter_primitive::<Int32Type, _, _>(lists)
}

#[test]
fn booleans_and_integers() {
    let bools = BooleanArray::from(vec![Some(true), Some(false), None]);
    assert_eq!(text(bools.clone()), ["t", "f", "<null>"]);
    assert_eq!(binary(bools), ["01", "00", "<null>"]);
    assert_eq!(text(Int8Array::from(vec![i8::MIN, i8::MAX])), ["-128", "127"]);
    assert_eq!(binary(UInt8Array::from(vec![255])), ["00ff"]);
    assert_eq!(binary(Int16Array::from(vec![-2])), ["fffe"]);
    assert_eq!(binary(UInt16Array::from(vec![65_535])), ["0000ffff"]);
    assert_eq!(binary(Int32Array::from(vec![i32::MIN])), ["80000000"]);
    assert_eq!(binary(UInt32Array::from(vec![u32::MAX])), ["00000000ffffffff"]);
    assert_eq!(text(Int64Array::from(vec![Some(i64::MIN), None])), ["-9223372036854775808", "<null>"]);
    let large = UInt64Array::from(vec![Some(u64::MAX), Some(0), None]);
    assert_eq!(text(large.clone()), ["18446744073709551615", "0", "<null>"]);
    assert_eq!(binary(large)[1], "0000000000000000");
    assert_eq!(text(NullArray::new(2)), ["<null>", "<null>"]);
}

#[test]
fn floats_and_decimals() {
    assert_eq!(text(Float64Array::from(vec![1.0, -0.5, f64::NAN])), ["1", "-0.5", "NaN"]);
    assert_eq!(binary(Float64Array::from(vec![-0.5])), ["bfe0000000000000"]);
    assert_eq!(text(cast(&Float32Array::from(vec![0.5]), &DataType::Float16).unwrap()), ["0.5"]);
    let decimal = Decimal128Array::from(vec![Some(150), Some(-5), None]).with_precision_and_scale(15, 2).unwrap();
    assert_eq!(text(decimal.clone()), ["1.50", "-0.05", "<null>"]);
    assert_eq!(binary(decimal)[0], "000200000000000200011388");
    let wide = Decimal256Array::from(vec![i256::from_i128(i128::MAX)]).with_precision_and_scale(60, 3).unwrap();
    assert_eq!(text(wide), ["170141183460469231731687303715884105.727"]);
    let small = Decimal32Array::from(vec![12_345]).with_precision_and_scale(9, 3).unwrap();
    assert_eq!(text(small), ["12.345"]);
    let negative_scale = Decimal64Array::from(vec![12]).with_precision_and_scale(9, -2).unwrap();
    assert_eq!(text(negative_scale), ["1200"]);
}

#[test]
fn texts_and_bytes() {
    assert_eq!(text(StringArray::from(vec![Some("ä"), Some(""), None])), ["ä", "", "<null>"]);
    assert_eq!(text(LargeStringArray::from(vec!["x"])), ["x"]);
    assert_eq!(
        text(StringViewArray::from(vec![Some("longer than twelve bytes"), None])),
        ["longer than twelve bytes", "<null>"]
    );
    let dictionary: DictionaryArray<Int8Type> = vec![Some("a"), None, Some("b"), Some("a")].into_iter().collect();
    assert_eq!(text(dictionary), ["a", "<null>", "b", "a"]);
    let values = StringArray::from(vec![Some("a"), None]);
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &values).unwrap();
    assert_eq!(text(runs), ["a", "a", "<null>"]);
    assert_eq!(text(BinaryArray::from(vec![&b"\x00\xff"[..], b""])), ["\\x00ff", "\\x"]);
    assert_eq!(binary(BinaryViewArray::from(vec![&b"\x00\xff"[..]])), ["00ff"]);
    assert_eq!(text(LargeBinaryArray::from(vec![&b"a"[..]])), ["\\x61"]);
    assert_eq!(text(FixedSizeBinaryArray::try_from_iter([[1_u8, 2]].iter()).unwrap()), ["\\x0102"]);
}

#[test]
fn types_named_by_metadata() {
    let named = |data_type: DataType, name: &str| {
        Field::new("c", data_type, true).with_metadata([(PG_TYPE.to_owned(), name.to_owned())].into())
    };
    let bytes = |field: Field, array: ArrayRef, format| encoded(field, array, format).remove(0).unwrap().unwrap();
    let oids: ArrayRef = Arc::new(Int64Array::from(vec![4_000_000_000]));
    assert_eq!(
        bytes(named(DataType::Int64, "oid"), Arc::clone(&oids), Format::Binary),
        4_000_000_000_u32.to_be_bytes()
    );
    assert_eq!(bytes(named(DataType::Int64, "oid"), oids, Format::Text), b"4000000000");
    let json: ArrayRef = Arc::new(StringArray::from(vec!["{}"]));
    assert_eq!(bytes(named(DataType::Utf8, "jsonb"), Arc::clone(&json), Format::Binary), b"\x01{}");
    assert_eq!(bytes(named(DataType::Utf8, "jsonb"), json, Format::Text), b"{}");
    let uuid: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[0xab_u8; 16]].iter()).unwrap());
    assert_eq!(
        bytes(named(DataType::FixedSizeBinary(16), "uuid"), uuid, Format::Text),
        b"abababab-abab-abab-abab-abababababab"
    );
}

#[test]
fn dates_and_times_of_every_unit() {
    assert_eq!(text(Date32Array::from(vec![Some(19_753), None])), ["2024-01-31", "<null>"]);
    assert_eq!(binary(Date32Array::from(vec![0, -719_528, i32::MAX])), ["ffffd533", "fff4da8b", "7fffffff"]);
    assert_eq!(text(Date64Array::from(vec![86_400_000, -1])), ["1970-01-02", "1969-12-31"]);
    assert_eq!(text(Time32SecondArray::from(vec![43_200])), ["12:00:00"]);
    assert_eq!(text(Time64NanosecondArray::from(vec![1_999])), ["00:00:00.000001"]);
    assert_eq!(binary(Time64MicrosecondArray::from(vec![86_400_000_000])), ["000000141dd76000"]);
    assert_eq!(text(TimestampSecondArray::from(vec![0, -1])), ["1970-01-01 00:00:00", "1969-12-31 23:59:59"]);
    assert_eq!(text(TimestampMillisecondArray::from(vec![1])), ["1970-01-01 00:00:00.001"]);
    assert_eq!(text(TimestampNanosecondArray::from(vec![-1])), ["1969-12-31 23:59:59.999999"]);
    assert_eq!(binary(TimestampMicrosecondArray::from(vec![-1])), ["fffca2fec4c81fff"]);
    // The array's own zone does not count, the session's does.
    let instants = TimestampMicrosecondArray::from(vec![Some(0), None]).with_timezone("-08:00");
    assert_eq!(text(instants.clone()), ["1970-01-01 05:30:00+05:30", "<null>"]);
    assert_eq!(binary(instants), ["fffca2fec4c82000", "<null>"]);
}

#[test]
fn an_instant_that_microseconds_cannot_hold_is_an_error() {
    let array: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(i64::MAX), None]));
    let schema = Arc::new(Schema::new(vec![Field::new("c", array.data_type().clone(), true)]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
    let failed = RowEncoder::new(schema, vec![], chrono_tz::UTC).batch(&batch).err().unwrap();
    assert_eq!(failed.code, ErrorCode::DatetimeOutOfRange);
    let nearly_infinite = TimestampMicrosecondArray::from(vec![i64::MIN + 1]);
    let field = Field::new("c", nearly_infinite.data_type().clone(), true);
    assert!(encoded(field, Arc::new(nearly_infinite), Format::Binary).remove(0).is_err());
}

#[test]
fn intervals_and_durations() {
    let value = IntervalMonthDayNano { months: 14, days: 3, nanoseconds: 14_706_500_000_000 };
    let intervals = IntervalMonthDayNanoArray::from(vec![value]);
    assert_eq!(text(intervals.clone()), ["1 year 2 mons 3 days 04:05:06.5"]);
    assert_eq!(binary(intervals), ["000000036c9361a0000000030000000e"]);
    assert_eq!(text(IntervalYearMonthArray::from(vec![2])), ["2 mons"]);
    let day_time = IntervalDayTime { days: -1, milliseconds: 1_000 };
    assert_eq!(text(IntervalDayTimeArray::from(vec![day_time])), ["-1 days +00:00:01"]);
    assert_eq!(text(DurationMillisecondArray::from(vec![-90_061_000])), ["-1 days -01:01:01"]);
}

#[test]
fn lists() {
    let lists = int_lists(vec![Some(vec![Some(1), None, Some(3)]), Some(vec![]), None]);
    assert_eq!(text(lists.clone()), ["{1,NULL,3}", "{}", "<null>"]);
    assert_eq!(
        binary(lists.clone()),
        [
            "00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003",
            "000000000000000000000017",
            "<null>"
        ]
    );
    assert_eq!(text(lists.slice(1, 2)), ["{}", "<null>"]);
    let large = cast(&lists, &DataType::LargeList(Arc::new(Field::new_list_field(DataType::Int32, true)))).unwrap();
    assert_eq!(text(large), ["{1,NULL,3}", "{}", "<null>"]);

    let strings = ["a", "nUll", "", " x", "a,b", "{}", "a\nb", "'", "ä", "x\"y", "e\\f"];
    let mut builder = ListBuilder::new(StringBuilder::new());
    builder.append_value(strings.map(Some));
    assert_eq!(
        text(builder.finish()),
        [r#"{a,"nUll",""," x","a,b","{}","a
b",',ä,"x\"y","e\\f"}"#]
    );

    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        vec![Some(vec![Some(1), Some(2)]), None, Some(vec![None, Some(4)])],
        2,
    );
    assert_eq!(text(fixed.slice(1, 2)), ["<null>", "{NULL,4}"]);
    let mut stamps = ListBuilder::new(TimestampSecondBuilder::new());
    stamps.append_value([Some(1_704_067_200)]);
    assert_eq!(text(stamps.finish()), [r#"{"2024-01-01 00:00:00"}"#]);
}

#[test]
fn nested_lists_are_arrays_of_more_dimensions() {
    let nested = |inner: Vec<Option<Vec<Option<i32>>>>| {
        let inner = int_lists(inner);
        let offsets = OffsetBuffer::from_lengths([inner.len()]);
        let field = Arc::new(Field::new_list_field(inner.data_type().clone(), true));
        ListArray::new(field, offsets, Arc::new(inner), None)
    };
    let square = nested(vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(3), Some(4)])]);
    assert_eq!(text(square.clone()), ["{{1,2},{3,4}}"]);
    assert_eq!(
        binary(square),
        [
            "000000020000000000000017000000020000000100000002000000010000000400000001000000040000000200000004000000030000000400000004"
        ]
    );
    let ragged = nested(vec![Some(vec![Some(1)]), Some(vec![])]);
    let field = Field::new("c", ragged.data_type().clone(), true);
    let refused = encoded(field, Arc::new(ragged), Format::Binary).remove(0).unwrap_err();
    assert_eq!(refused.code, ErrorCode::FeatureNotSupported);
}

#[test]
fn structs_and_maps_are_jsonb() {
    let fields: Fields = vec![
        Field::new("a\"", DataType::Int32, true),
        Field::new("t", DataType::Utf8, true),
        Field::new("f", DataType::Float64, true),
        Field::new("b", DataType::Boolean, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Second, None), true),
        Field::new("d", DataType::Decimal128(5, 2), true),
        Field::new("l", DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true))), true),
    ]
    .into();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None])),
        Arc::new(StringArray::from(vec![Some("a\"\\\n\u{1}/é"), None])),
        Arc::new(Float64Array::from(vec![f64::NAN, 1e20])),
        Arc::new(BooleanArray::from(vec![true, false])),
        Arc::new(TimestampSecondArray::from(vec![0, 0])),
        Arc::new(Decimal128Array::from(vec![150, 0]).with_precision_and_scale(5, 2).unwrap()),
        Arc::new(int_lists(vec![Some(vec![Some(1), None]), None])),
    ];
    let array = StructArray::new(fields, columns, None);
    // The shorter keys come first, and numbers have no exponent: so does to_jsonb.
    let first = r#"{"b": true, "d": 1.50, "f": "NaN", "l": [1, null], "t": "a\"\\\n\u0001/é", "a\"": 1, "ts": "1970-01-01T00:00:00"}"#;
    let second = r#"{"b": false, "d": 0.00, "f": 100000000000000000000, "l": null, "t": null, "a\"": null, "ts": "1970-01-01T00:00:00"}"#;
    assert_eq!(text(array.clone()), [first, second]);
    assert_eq!(binary(array)[0], format!("01{}", hex::encode(first)));

    let mut builder = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    builder.keys().append_value(1);
    builder.values().append_value("x");
    builder.keys().append_value(2);
    builder.values().append_null();
    builder.append(true).unwrap();
    builder.append(false).unwrap();
    assert_eq!(text(builder.finish()), [r#"{"1": "x", "2": null}"#, "<null>"]);
}
