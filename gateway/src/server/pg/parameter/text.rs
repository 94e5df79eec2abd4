//! Parameters in PostgreSQL's text forms.

use super::super::types::{self, PgType};
use super::{decimal, invalid, long_name};
use crate::error::{Error, ErrorCode, Result};
use crate::functions::dates::{read_interval, text as datetime};
use crate::functions::pg::bytea;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use std::num::IntErrorKind;
use std::str::FromStr;

/// A value of the type that an OID means.
pub(super) fn decode(text: &str, oid: u32, zone: Tz) -> Result<ScalarValue> {
    let value = match oid {
        16 => ScalarValue::from(boolean(text)?),
        17 => ScalarValue::Binary(Some(bytea::read(text).ok_or_else(|| invalid(&types::BYTEA, text))?)),
        20 => ScalarValue::from(integer::<i64>(text, &types::INT8)?),
        21 => ScalarValue::from(integer::<i16>(text, &types::INT2)?),
        23 => ScalarValue::from(integer::<i32>(text, &types::INT4)?),
        26 | 28 => ScalarValue::from(i64::from(integer::<u32>(text, &types::OID)?)),
        700 => ScalarValue::from(float::<f32>(text, &types::FLOAT4, f32::is_infinite)?),
        701 => ScalarValue::from(float::<f64>(text, &types::FLOAT8, f64::is_infinite)?),
        1082 => ScalarValue::Date32(Some(datetime::date(text)?)),
        1083 => ScalarValue::Time64Microsecond(Some(datetime::time(text)?)),
        1114 => ScalarValue::TimestampMicrosecond(Some(datetime::timestamp(text)?), None),
        1184 => ScalarValue::TimestampMicrosecond(Some(datetime::timestamptz(text, zone)?), Some("UTC".into())),
        1186 => ScalarValue::IntervalMonthDayNano(Some(read_interval(text)?)),
        1700 => decimal::parse(text)?,
        2950 => match uuid::Uuid::try_parse(text.trim()) {
            Ok(uuid) => ScalarValue::from(uuid.hyphenated().to_string()),
            Err(_) => return Err(invalid(&types::UUID, text)),
        },
        _ => ScalarValue::from(text),
    };
    Ok(value)
}

/// Any unambiguous beginning of `true`, `false`, `yes`, `no`, `on`, `off`, or `1` and `0`.
fn boolean(text: &str) -> Result<bool> {
    let word = text.trim().to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    if begins("true", 1) || begins("yes", 1) || word == "on" || word == "1" {
        Ok(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0" {
        Ok(false)
    } else {
        Err(invalid(&types::BOOL, text))
    }
}

fn integer<T: FromStr<Err = std::num::ParseIntError>>(text: &str, of: &PgType) -> Result<T> {
    text.trim().parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => out_of_range(of, text),
        _ => invalid(of, text),
    })
}

fn float<T: FromStr + Copy>(text: &str, of: &PgType, is_infinite: impl Fn(T) -> bool) -> Result<T> {
    let word = text.trim();
    let value: T = word.parse().map_err(|_| invalid(of, text))?;
    if is_infinite(value) && word.contains(|character: char| character.is_ascii_digit()) {
        return Err(out_of_range(of, text));
    }
    Ok(value)
}

fn out_of_range(of: &PgType, text: &str) -> Error {
    let message = format!("value \"{text}\" is out of range for type {}", long_name(of));
    Error::new(ErrorCode::NumericOutOfRange, message)
}
