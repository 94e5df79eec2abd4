//! Array parameters of one dimension, for `= ANY($1)`.

use super::super::types::{Format, PgType, list_item};
use super::{binary, convert, text, utf8};
use crate::error::{Error, ErrorCode, Result};
use bytes::Buf;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

/// Reads an array; its elements get the described item type.
pub(super) fn decode(
    bytes: &[u8],
    format: Format,
    element: &PgType,
    data_type: &DataType,
    zone: Tz,
) -> Result<ScalarValue> {
    let Some(item) = list_item(data_type) else {
        return Err(Error::new(ErrorCode::DatatypeMismatch, "an array was given where none is expected"));
    };
    let item = item.data_type();
    let elements = match format {
        Format::Text => {
            let decoded = split(utf8(bytes)?)?.into_iter();
            decoded.map(|value| value.map(|value| text::decode(&value, element.oid, zone)).transpose()).collect()
        }
        Format::Binary => from_binary(bytes, element.oid),
    };
    let elements: Vec<Option<ScalarValue>> = elements?;
    let mut values = Vec::with_capacity(elements.len());
    for element in elements {
        values.push(match element {
            Some(value) => to_item(value, item)?,
            None => ScalarValue::try_from(item)?,
        });
    }
    Ok(ScalarValue::List(ScalarValue::new_list_nullable(&values, item)))
}

/// All elements must have the very same type: a decimal takes the described scale here.
fn to_item(value: ScalarValue, item: &DataType) -> Result<ScalarValue> {
    match item {
        DataType::Decimal128(..) | DataType::Decimal256(..) => value.cast_to(item).map_err(Error::from),
        _ => convert(value, item),
    }
}

fn malformed(text: &str) -> Error {
    Error::new(ErrorCode::InvalidTextRepresentation, format!("malformed array literal: \"{text}\""))
}

/// Splits `{1,NULL,"a \"b\""}`.
fn split(text: &str) -> Result<Vec<Option<String>>> {
    let inside =
        text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(|| malformed(text))?;
    if inside.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut elements = Vec::new();
    let mut rest = inside.chars().peekable();
    loop {
        while rest.next_if(char::is_ascii_whitespace).is_some() {}
        let mut value = String::new();
        let quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.peek().copied() {
                Some('\\') => {
                    rest.next();
                    value.push(rest.next().ok_or_else(|| malformed(text))?);
                }
                Some('"') if quoted => {
                    rest.next();
                    break;
                }
                None if quoted => return Err(malformed(text)),
                None => break,
                Some(',') if !quoted => break,
                Some('{') if !quoted => {
                    return Err(Error::unsupported("an array parameter of more than one dimension"));
                }
                Some('"' | '}') if !quoted => return Err(malformed(text)),
                Some(other) => {
                    rest.next();
                    value.push(other);
                }
            }
        }
        if quoted {
            elements.push(Some(value));
        } else {
            let word = value.trim_end();
            if word.is_empty() {
                return Err(malformed(text));
            }
            elements.push(if word.eq_ignore_ascii_case("null") { None } else { Some(word.to_owned()) });
        }
        while rest.next_if(char::is_ascii_whitespace).is_some() {}
        match rest.next() {
            None => return Ok(elements),
            Some(',') => {}
            Some(_) => return Err(malformed(text)),
        }
    }
}

fn from_binary(mut bytes: &[u8], element: u32) -> Result<Vec<Option<ScalarValue>>> {
    let bad = || Error::new(ErrorCode::InvalidBinary, "incorrect binary data format in an array parameter");
    if bytes.len() < 12 {
        return Err(bad());
    }
    let (dimensions, _has_null, oid) = (bytes.get_i32(), bytes.get_i32(), bytes.get_u32());
    if oid != element {
        return Err(Error::new(ErrorCode::DatatypeMismatch, "an array parameter has elements of a wrong type"));
    }
    match dimensions {
        0 => return Ok(Vec::new()),
        1 => {}
        _ => return Err(Error::unsupported("an array parameter of more than one dimension")),
    }
    if bytes.len() < 8 {
        return Err(bad());
    }
    let (count, _lower_bound) = (usize::try_from(bytes.get_i32()).map_err(|_| bad())?, bytes.get_i32());
    // Each element takes four bytes at least: a count that lies asks for no memory.
    if count > bytes.len() / 4 {
        return Err(bad());
    }
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        if bytes.len() < 4 {
            return Err(bad());
        }
        let length = bytes.get_i32();
        if length == -1 {
            elements.push(None);
            continue;
        }
        let length = usize::try_from(length).map_err(|_| bad())?;
        let (value, rest) = bytes.split_at_checked(length).ok_or_else(bad)?;
        elements.push(Some(binary::decode(value, element)?));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(elements) } else { Err(bad()) }
}
