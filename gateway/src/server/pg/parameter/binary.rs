//! Parameters in PostgreSQL's binary forms (`typreceive`).

use super::super::types;
use super::{decimal, long_name, utf8};
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::common::ScalarValue;

/// 2000-01-01 in days and in microseconds from 1970-01-01.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 10_957 * 86_400 * 1_000_000;

/// A value of the type that an OID means.
pub(super) fn decode(bytes: &[u8], oid: u32) -> Result<ScalarValue> {
    let value = match oid {
        16 => match bytes {
            [byte] => ScalarValue::from(*byte != 0),
            _ => return Err(invalid(oid)),
        },
        17 => ScalarValue::Binary(Some(bytes.to_vec())),
        20 => ScalarValue::from(i64::from_be_bytes(exactly(bytes, oid)?)),
        21 => ScalarValue::from(i16::from_be_bytes(exactly(bytes, oid)?)),
        23 => ScalarValue::from(i32::from_be_bytes(exactly(bytes, oid)?)),
        26 | 28 => ScalarValue::from(i64::from(u32::from_be_bytes(exactly(bytes, oid)?))),
        700 => ScalarValue::from(f32::from_be_bytes(exactly(bytes, oid)?)),
        701 => ScalarValue::from(f64::from_be_bytes(exactly(bytes, oid)?)),
        1082 => ScalarValue::Date32(Some(date(i32::from_be_bytes(exactly(bytes, oid)?))?)),
        1083 => ScalarValue::Time64Microsecond(Some(time(i64::from_be_bytes(exactly(bytes, oid)?))?)),
        1114 => ScalarValue::TimestampMicrosecond(Some(timestamp(i64::from_be_bytes(exactly(bytes, oid)?))?), None),
        1184 => {
            let micros = timestamp(i64::from_be_bytes(exactly(bytes, oid)?))?;
            ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
        }
        1186 => interval(exactly(bytes, oid)?)?,
        1700 => decimal::from_binary(bytes)?,
        2950 => ScalarValue::from(uuid::Uuid::from_bytes(exactly(bytes, oid)?).hyphenated().to_string()),
        3802 => match bytes {
            [1, json @ ..] => ScalarValue::from(utf8(json)?),
            _ => return Err(invalid(oid)),
        },
        // `reg...` come as numbers: nobody can say yet which object that is.
        24 | 2205 | 2206 | 4089 | 4096 => ScalarValue::from(u32::from_be_bytes(exactly(bytes, oid)?).to_string()),
        _ => ScalarValue::from(utf8(bytes)?),
    };
    Ok(value)
}

fn invalid(oid: u32) -> Error {
    let name = types::by_oid(oid).map_or("unknown", long_name);
    Error::new(ErrorCode::InvalidBinary, format!("incorrect binary data format in a parameter of type {name}"))
}

fn exactly<const N: usize>(bytes: &[u8], oid: u32) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| invalid(oid))
}

fn date(days: i32) -> Result<i32> {
    if days == i32::MAX || days == i32::MIN {
        return Ok(days);
    }
    days.checked_add(EPOCH_DAYS).ok_or_else(|| Error::new(ErrorCode::DatetimeOutOfRange, "date out of range"))
}

fn time(micros: i64) -> Result<i64> {
    if (0..=86_400_000_000).contains(&micros) {
        return Ok(micros);
    }
    Err(Error::new(ErrorCode::DatetimeOutOfRange, "time out of range"))
}

fn timestamp(micros: i64) -> Result<i64> {
    if micros == i64::MAX || micros == i64::MIN {
        return Ok(micros);
    }
    micros.checked_add(EPOCH_MICROS).ok_or_else(|| Error::new(ErrorCode::DatetimeOutOfRange, "timestamp out of range"))
}

fn interval(bytes: [u8; 16]) -> Result<ScalarValue> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
    let micros = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let days = i32::from_be_bytes([i, j, k, l]);
    let months = i32::from_be_bytes([m, n, o, p]);
    let nanoseconds =
        micros.checked_mul(1000).ok_or_else(|| Error::new(ErrorCode::DatetimeOutOfRange, "interval out of range"))?;
    Ok(ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano { months, days, nanoseconds })))
}
