//! Every expected text and byte is what PostgreSQL 15 gave.

use super::*;

fn written(write: impl Fn(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn integers() {
    for value in [0, 7, -1, 10, 1234567890, i64::MAX, i64::MIN] {
        assert_eq!(written(|out| integer(out, value)), value.to_string());
    }
    assert_eq!(written(|out| unsigned(out, 7, 4)), "0007");
    assert_eq!(written(|out| unsigned(out, 12345, 4)), "12345");
}

#[test]
fn floats_are_shortest_with_an_exponent_where_postgresql_has_one() {
    let cases = [
        (1.0, "1"),
        (0.1, "0.1"),
        (-0.0, "-0"),
        (0.0, "0"),
        (1e20, "1e+20"),
        (1e15, "1e+15"),
        (-1e15, "-1e+15"),
        (999_999_999_999_999.0, "999999999999999"),
        (123_456_789_012_345.0, "123456789012345"),
        (9_007_199_254_740_993.0, "9.007199254740992e+15"),
        (123_456_789.125, "123456789.125"),
        (100_000.0, "100000"),
        (1e-4, "0.0001"),
        (0.000_123_4, "0.0001234"),
        (1e-5, "1e-05"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
        (5e-324, "5e-324"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
    ];
    for (value, expected) in cases {
        assert_eq!(written(|out| float8(out, value)), expected);
    }
    let cases = [
        (0.1, "0.1"),
        (0.3, "0.3"),
        (100_000.0, "100000"),
        (123_456.0, "123456"),
        (1_000_000.0, "1e+06"),
        (1_234_567.0, "1.234567e+06"),
        (16_777_216.0, "1.6777216e+07"),
        (f32::MAX, "3.4028235e+38"),
        (1e-45, "1e-45"),
        (f32::NAN, "NaN"),
    ];
    for (value, expected) in cases {
        assert_eq!(written(|out| float4(out, value)), expected);
    }
}

#[test]
fn numerics_keep_their_scale() {
    let cases = [
        ("150", 2, "1.50"),
        ("-150", 2, "-1.50"),
        ("5", 2, "0.05"),
        ("-5", 3, "-0.005"),
        ("50", 2, "0.50"),
        ("0", 2, "0.00"),
        ("0", 0, "0"),
        ("12", -3, "12000"),
        ("0", -3, "0"),
        ("99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999"),
        ("-1", 38, "-0.00000000000000000000000000000000000001"),
    ];
    for (unscaled, scale, expected) in cases {
        assert_eq!(written(|out| numeric(out, unscaled, scale)), expected);
    }
}

#[test]
fn numerics_in_binary() {
    let cases = [
        ("0", 0, "0000000000000000"),
        ("0", 2, "0000000000000002"),
        ("1", 0, "00010000000000000001"),
        ("-150", 2, "000200004000000200011388"),
        ("12345678", 3, "0003000100000003000109291a7c"),
        ("1", 4, "0001ffff000000040001"),
        ("1234", 8, "0001fffe0000000804d2"),
        ("10000", 0, "00010001000000000001"),
        ("1", -4, "00010001000000000001"),
        ("1", -8, "00010002000000000001"),
        ("99999999999999999999999999999999999999", 0, "000a0009000000000063270f270f270f270f270f270f270f270f270f"),
        ("-1", 38, "0001fff6400000260064"),
        ("123456789012", 2, "0004000200000002000c0d801ed204b0"),
        ("50005", 1, "000200000000000113881388"),
    ];
    for (unscaled, scale, expected) in cases {
        let mut out = BytesMut::new();
        numeric_binary(&mut out, unscaled, scale);
        assert_eq!(hex::encode(&out), expected, "{unscaled} {scale}");
    }
}

#[test]
fn digits_are_those_of_display() {
    let mut values = vec![0, 1, -1, i128::MAX, i128::MIN, i128::from(u64::MAX), i128::from(u64::MAX) + 1];
    values.extend((0..38).flat_map(|power| [10_i128.pow(power), -(10_i128.pow(power)), 10_i128.pow(power) - 1]));
    for value in values {
        assert_eq!(Digits::of(value).as_str(), value.to_string());
    }
}
