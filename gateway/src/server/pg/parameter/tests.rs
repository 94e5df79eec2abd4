//! Parameters; what is read as what was compared with PostgreSQL 15.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use chrono_tz::{America::New_York, Asia::Kolkata};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Field, Int64Type, IntervalUnit, TimeUnit};
use std::sync::Arc;

const MICROS: TimeUnit = TimeUnit::Microsecond;

fn natural(oid: u32) -> DataType {
    types::parameter_type(oid).unwrap().unwrap_or(DataType::Utf8)
}

fn text(value: &str, oid: u32) -> Result<ScalarValue> {
    decode(Some(value.as_bytes()), Format::Text, oid, &natural(oid), Kolkata)
}

fn binary(hexadecimal: &str, oid: u32) -> Result<ScalarValue> {
    let bytes = hex::decode(hexadecimal).unwrap();
    decode(Some(&bytes), Format::Binary, oid, &natural(oid), Kolkata)
}

fn code(result: Result<ScalarValue>) -> ErrorCode {
    result.unwrap_err().code
}

#[test]
fn null_has_the_described_type() {
    let value = decode(None, Format::Binary, 23, &DataType::Int64, Kolkata).unwrap();
    assert_eq!(value, ScalarValue::Int64(None));
}

#[test]
fn integers_and_floats() {
    assert_eq!(text(" 42 ", 23).unwrap(), ScalarValue::from(42_i32));
    assert_eq!(text("-32768", 21).unwrap(), ScalarValue::from(i16::MIN));
    assert_eq!(binary("fffe", 21).unwrap(), ScalarValue::from(-2_i16));
    assert_eq!(binary("0000000000000001", 20).unwrap(), ScalarValue::from(1_i64));
    assert_eq!(code(text("x", 23)), ErrorCode::InvalidTextRepresentation);
    assert_eq!(text("1.5", 23).unwrap_err().message, "invalid input syntax for type integer: \"1.5\"");
    assert_eq!(code(text("2147483648", 23)), ErrorCode::NumericOutOfRange);
    assert_eq!(code(binary("00", 23)), ErrorCode::InvalidBinary);
    assert_eq!(text("-Infinity", 701).unwrap(), ScalarValue::from(f64::NEG_INFINITY));
    assert_eq!(code(text("1e400", 701)), ErrorCode::NumericOutOfRange);
    assert_eq!(binary("bfe0000000000000", 701).unwrap(), ScalarValue::from(-0.5));
}

#[test]
fn a_value_is_converted_to_the_described_type() {
    let wide = decode(Some(&[0, 7]), Format::Binary, 21, &DataType::Int64, Kolkata).unwrap();
    assert_eq!(wide, ScalarValue::from(7_i64));
    let too_wide = decode(Some(b"300"), Format::Text, 23, &DataType::Int8, Kolkata);
    assert_eq!(code(too_wide), ErrorCode::NumericOutOfRange);
    let view = decode(Some(b"abc"), Format::Binary, 25, &DataType::Utf8View, Kolkata).unwrap();
    assert_eq!(view, ScalarValue::Utf8View(Some("abc".to_owned())));
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let stamp = decode(Some(b"1970-01-01 00:00:01"), Format::Text, 1114, &nanos, Kolkata).unwrap();
    assert_eq!(stamp, ScalarValue::TimestampNanosecond(Some(1_000_000_000), None));
}

#[test]
fn booleans_and_bytes() {
    for yes in ["t", "TRUE", "yes", "on", "1", " tr "] {
        assert_eq!(text(yes, 16).unwrap(), ScalarValue::from(true));
    }
    for no in ["f", "no", "off", "of", "0"] {
        assert_eq!(text(no, 16).unwrap(), ScalarValue::from(false));
    }
    for neither in ["", "o", "2", "truely"] {
        assert_eq!(code(text(neither, 16)), ErrorCode::InvalidTextRepresentation);
    }
    let bytes = |bytes: &[u8]| ScalarValue::Binary(Some(bytes.to_vec()));
    assert_eq!(text("\\x00FF", 17).unwrap(), bytes(b"\x00\xff"));
    assert_eq!(text(r"a\\\001", 17).unwrap(), bytes(b"a\\\x01"));
    assert_eq!(code(text(r"\x0", 17)), ErrorCode::InvalidTextRepresentation);
    assert_eq!(code(text(r"\9", 17)), ErrorCode::InvalidTextRepresentation);
    assert_eq!(
        code(decode(Some(b"\xff"), Format::Text, 25, &DataType::Utf8, Kolkata)),
        ErrorCode::InvalidTextRepresentation
    );
}

#[test]
fn numerics_keep_their_own_scale() {
    let decimal = |value, precision, scale| ScalarValue::Decimal128(Some(value), precision, scale);
    assert_eq!(text("-12.50", 1700).unwrap(), decimal(-1250, 4, 2));
    assert_eq!(text("1e3", 1700).unwrap(), decimal(1000, 4, 0));
    assert_eq!(text("1.5e-3", 1700).unwrap(), decimal(15, 4, 4));
    assert_eq!(text(".5", 1700).unwrap(), decimal(5, 1, 1));
    assert_eq!(text("0.00", 1700).unwrap(), decimal(0, 2, 2));
    assert!(matches!(text(&"9".repeat(39), 1700).unwrap(), ScalarValue::Decimal256(Some(_), 39, 0)));
    for bad in ["", "-", ".", "1.2.3", "1e", "0x1", "1 2"] {
        assert_eq!(code(text(bad, 1700)), ErrorCode::InvalidTextRepresentation, "{bad}");
    }
    for out_of_range in ["NaN", "1e400", "1e2147483647", "1e-400"] {
        assert_eq!(code(text(out_of_range, 1700)), ErrorCode::NumericOutOfRange, "{out_of_range}");
    }
    assert_eq!(binary("000200004000000200011388", 1700).unwrap(), decimal(-150, 3, 2));
    assert_eq!(binary("0003000100000003000109291a7c", 1700).unwrap(), decimal(12_345_678, 8, 3));
    assert_eq!(binary("0000000000000002", 1700).unwrap(), decimal(0, 2, 2));
    assert_eq!(binary("0001ffff000000040001", 1700).unwrap(), decimal(1, 4, 4));
    assert_eq!(binary("00010002000000000001", 1700).unwrap(), decimal(100_000_000, 9, 0));
    assert_eq!(code(binary("00010000c00000000001", 1700)), ErrorCode::NumericOutOfRange);
    assert_eq!(code(binary("00017fff000000000001", 1700)), ErrorCode::NumericOutOfRange);
    assert_eq!(code(binary("ffff000000000000", 1700)), ErrorCode::InvalidBinary);
}

#[test]
fn dates_and_times() {
    assert_eq!(text("2024-01-31", 1082).unwrap(), ScalarValue::Date32(Some(19_753)));
    assert_eq!(text("0001-01-01 BC", 1082).unwrap(), ScalarValue::Date32(Some(-719_528)));
    assert_eq!(text("2024-01-31 10:00", 1082).unwrap(), ScalarValue::Date32(Some(19_753)));
    assert_eq!(binary("ffffd533", 1082).unwrap(), ScalarValue::Date32(Some(0)));
    assert_eq!(code(text("2024-13-01", 1082)), ErrorCode::DatetimeOutOfRange);
    assert_eq!(code(text("yesterday", 1082)), ErrorCode::InvalidDatetime);
    assert_eq!(text("04:05:06.7899999", 1083).unwrap(), ScalarValue::Time64Microsecond(Some(14_706_790_000)));
    assert_eq!(text("24:00", 1083).unwrap(), ScalarValue::Time64Microsecond(Some(86_400_000_000)));
    assert_eq!(code(text("25:00", 1083)), ErrorCode::DatetimeOutOfRange);
    assert_eq!(code(text("12:00:é", 1083)), ErrorCode::InvalidDatetime);
}

#[test]
fn a_timestamp_ignores_an_offset_and_a_timestamptz_does_not() {
    let stamp = |micros| ScalarValue::TimestampMicrosecond(Some(micros), None);
    let instant = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
    assert_eq!(text("1970-01-01 00:00:01.5+09", 1114).unwrap(), stamp(1_500_000));
    assert_eq!(text("1970-01-01T00:00:01Z", 1114).unwrap(), stamp(1_000_000));
    assert_eq!(text("infinity", 1114).unwrap(), stamp(i64::MAX));
    assert_eq!(binary("fffca2fec4c81fff", 1114).unwrap(), stamp(-1));
    for zero in
        ["1970-01-01 05:30", "1970-01-01 00:00+00", "1970-01-01T05:30:00+0530", "1969-12-31 19:00:00 America/New_York"]
    {
        assert_eq!(text(zero, 1184).unwrap(), instant(0), "{zero}");
    }
    assert_eq!(code(text("1970-01-01 00:00 Nowhere/Else", 1184)), ErrorCode::InvalidParameter);
    assert_eq!(code(text("1970-01-01 00:00+99", 1184)), ErrorCode::InvalidDatetime);
    assert_eq!(code(text("1970-01-01 00:00+é1", 1184)), ErrorCode::InvalidDatetime);
}

#[test]
fn a_time_that_the_clocks_showed_twice_or_never() {
    let zoned = DataType::Timestamp(MICROS, Some("UTC".into()));
    let read = |text: &str| decode(Some(text.as_bytes()), Format::Text, 1184, &zoned, New_York).unwrap();
    let utc = |text: &str| decode(Some(text.as_bytes()), Format::Text, 1184, &zoned, chrono_tz::UTC).unwrap();
    assert_eq!(read("2024-03-10 02:30"), utc("2024-03-10 07:30"));
    assert_eq!(read("2024-11-03 01:30"), utc("2024-11-03 06:30"));
}

#[test]
fn uuids_intervals_and_unknowns() {
    let uuid = "0123456789abcdef0123456789abcdef";
    let hyphenated = ScalarValue::from("01234567-89ab-cdef-0123-456789abcdef");
    assert_eq!(text(uuid, 2950).unwrap(), hyphenated);
    assert_eq!(binary(uuid, 2950).unwrap(), hyphenated);
    let fixed = decode(Some(uuid.as_bytes()), Format::Text, 2950, &DataType::FixedSizeBinary(16), Kolkata).unwrap();
    assert_eq!(fixed, ScalarValue::FixedSizeBinary(16, Some(hex::decode(uuid).unwrap())));
    assert_eq!(code(text("x", 2950)), ErrorCode::InvalidTextRepresentation);
    let interval = text("1 year 2 mons 3 days 04:05:06", 1186).unwrap();
    assert_eq!(interval, binary("000000036c8bc080000000030000000e", 1186).unwrap());
    assert_eq!(interval.data_type(), DataType::Interval(IntervalUnit::MonthDayNano));
    assert_eq!(text("anything", 0).unwrap(), ScalarValue::from("anything"));
}

#[test]
fn arrays_of_one_dimension() {
    let items = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    let read = |bytes: &[u8], format| decode(Some(bytes), format, 1007, &items, Kolkata);
    let numbers = |value: ScalarValue| -> Vec<Option<i64>> {
        let ScalarValue::List(list) = value else { return vec![] };
        list.value(0).as_primitive::<Int64Type>().iter().collect()
    };
    assert_eq!(numbers(read(b"{1, NULL,\"3\"}", Format::Text).unwrap()), [Some(1), None, Some(3)]);
    assert_eq!(numbers(read(b"{}", Format::Text).unwrap()), []);
    let bytes =
        hex::decode("00000001000000010000001700000003000000010000000400000001ffffffff0000000400000003").unwrap();
    assert_eq!(numbers(read(&bytes, Format::Binary).unwrap()), [Some(1), None, Some(3)]);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length], Format::Binary).is_err(), "{length}");
    }
    for bad in ["", "{", "1", "{1", "{1,}", "{\"1}", "{1}{", "{1\"2\"}", "{a}", "{{1},{2}}", "{\\"] {
        assert!(read(bad.as_bytes(), Format::Text).is_err(), "{bad}");
    }
    let texts = text(r#"{a,"b \"c\"",null}"#, 1009).unwrap();
    let ScalarValue::List(list) = texts else { unreachable!() };
    let values: Vec<Option<String>> =
        list.value(0).as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect();
    assert_eq!(values, [Some("a".to_owned()), Some("b \"c\"".to_owned()), None]);
}

#[test]
fn nothing_that_a_client_sends_panics() {
    let mut seed = 7_u64;
    for oid in types::ALL.iter().flat_map(|known| [known.oid, known.array]) {
        let Ok(Some(data_type)) = types::parameter_type(oid) else { continue };
        for length in 0..40 {
            for format in [Format::Text, Format::Binary] {
                let mut bytes = Vec::new();
                for _ in 0..length {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let byte = (seed >> 33) as u8;
                    bytes.push(if format == Format::Text {
                        b"0123456789-+:. e{},\"\\xTZBC"[usize::from(byte) % 26]
                    } else {
                        byte & 3
                    });
                }
                let _ = decode(Some(&bytes), format, oid, &data_type, Kolkata);
            }
        }
    }
}
