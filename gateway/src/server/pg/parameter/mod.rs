//! Parameters of Bind, in text or binary, as values of the types that the statement was described with.

mod binary;
mod decimal;
mod list;
mod text;

use super::types::{self, Format, PgType};
use crate::error::{Error, ErrorCode, Result};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

/// What a numeric parameter is taken for before its value is known. The value itself comes with its own precision and scale.
pub const NUMERIC_PARAMETER: DataType = DataType::Decimal128(38, 18);

/// Reads one parameter. `oid` is the type that the client was told, `data_type` the described one; a timestamp with time zone
/// that names no offset is one of `zone`.
///
/// # Errors
/// `InvalidTextRepresentation`, `InvalidBinary`, `InvalidDatetime`, `NumericOutOfRange` or `DatetimeOutOfRange` for a value that
/// is none of its type.
pub(super) fn decode(
    value: Option<&[u8]>,
    format: Format,
    oid: u32,
    data_type: &DataType,
    zone: Tz,
) -> Result<ScalarValue> {
    let Some(bytes) = value else {
        return ScalarValue::try_from(data_type).map_err(Error::from);
    };
    let natural = match (types::by_array_oid(oid), format) {
        (Some(element), format) => list::decode(bytes, format, element, data_type, zone)?,
        (None, Format::Text) => text::decode(utf8(bytes)?, oid, zone)?,
        (None, Format::Binary) => binary::decode(bytes, oid)?,
    };
    convert(natural, data_type)
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorCode::InvalidTextRepresentation, "invalid byte sequence for encoding \"UTF8\""))
}

/// From the type that the wire's OID means to the described one.
fn convert(value: ScalarValue, data_type: &DataType) -> Result<ScalarValue> {
    let is_decimal = |data_type: &DataType| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    let from = value.data_type();
    // A decimal's own scale is the right one: the described scale is a guess.
    if from == *data_type || (is_decimal(&from) && is_decimal(data_type)) {
        return Ok(value);
    }
    if let (DataType::FixedSizeBinary(16), ScalarValue::Utf8(Some(text))) = (data_type, &value)
        && let Ok(uuid) = uuid::Uuid::try_parse(text)
    {
        return Ok(ScalarValue::FixedSizeBinary(16, Some(uuid.into_bytes().to_vec())));
    }
    let converted = value.cast_to(data_type).map_err(|error| {
        let code = match data_type {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => ErrorCode::DatetimeOutOfRange,
            other if other.is_numeric() => ErrorCode::NumericOutOfRange,
            _ => ErrorCode::InvalidTextRepresentation,
        };
        Error::new(
            code,
            format!("a parameter's value does not fit type {}", types::of_data_type(data_type).element.name),
        )
        .with_detail(error)
    })?;
    if converted.is_null() {
        let name = types::of_data_type(data_type).element.name;
        return Err(Error::new(ErrorCode::NumericOutOfRange, format!("a parameter's value does not fit type {name}")));
    }
    Ok(converted)
}

/// `typname` as error messages of PostgreSQL write it.
fn long_name(of: &PgType) -> &'static str {
    match of.oid {
        16 => "boolean",
        20 => "bigint",
        21 => "smallint",
        23 => "integer",
        700 => "real",
        701 => "double precision",
        1114 => "timestamp",
        1184 => "timestamp with time zone",
        _ => of.name,
    }
}

fn invalid(of: &PgType, text: &str) -> Error {
    let code = match of.oid {
        1082 | 1083 | 1114 | 1184 | 1186 => ErrorCode::InvalidDatetime,
        _ => ErrorCode::InvalidTextRepresentation,
    };
    Error::new(code, format!("invalid input syntax for type {}: \"{text}\"", long_name(of)))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
