//! PostgreSQL's binary forms, decoded.

use super::value::{self, POSTGRES_EPOCH_DAYS};
use bytes::{Buf, Bytes};
use std::error::Error;
use std::fmt::Write as _;
use tokio_postgres::types::{Kind, Type};

const EPOCH_MICROS: i64 = POSTGRES_EPOCH_DAYS * 86_400_000_000;

type Result<T> = std::result::Result<T, Box<dyn Error + Sync + Send>>;

/// A value's text.
pub(crate) fn text(data_type: &Type, mut raw: Bytes) -> Result<String> {
    if let Kind::Array(element) = data_type.kind() {
        return array(element, raw);
    }
    let text = match *data_type {
        Type::BOOL => if raw.try_get_u8()? == 0 { "f" } else { "t" }.to_owned(),
        Type::INT2 => raw.try_get_i16()?.to_string(),
        Type::INT4 => raw.try_get_i32()?.to_string(),
        Type::INT8 => raw.try_get_i64()?.to_string(),
        Type::OID => raw.try_get_u32()?.to_string(),
        Type::FLOAT4 => value::float(&format!("{:e}", raw.try_get_f32()?), 6),
        Type::FLOAT8 => value::float(&format!("{:e}", raw.try_get_f64()?), 15),
        Type::NUMERIC => numeric(&mut raw)?,
        Type::BYTEA => value::bytes(&raw.split_off(0)),
        Type::DATE => match raw.try_get_i32()? {
            i32::MAX => "infinity".to_owned(),
            i32::MIN => "-infinity".to_owned(),
            days => value::date(i64::from(days) + POSTGRES_EPOCH_DAYS),
        },
        Type::TIME => value::time(raw.try_get_i64()?),
        Type::TIMESTAMP => instant_or_infinity(raw.try_get_i64()?, value::timestamp),
        Type::TIMESTAMPTZ => instant_or_infinity(raw.try_get_i64()?, value::instant),
        Type::INTERVAL => {
            let (micros, days, months) = (raw.try_get_i64()?, raw.try_get_i32()?, raw.try_get_i32()?);
            value::interval(months, days, micros)
        }
        Type::UUID => {
            let digits = value::bytes(&raw.split_off(0)).split_off(2);
            [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits[part].to_owned()).join("-")
        }
        Type::JSONB => String::from_utf8(raw.split_off(1).to_vec())?,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::UNKNOWN | Type::CHAR => {
            String::from_utf8(raw.split_off(0).to_vec())?
        }
        _ => return Err(format!("no text for {data_type}").into()),
    };
    if raw.has_remaining() {
        return Err(format!("{} bytes too many for {data_type}", raw.remaining()).into());
    }
    Ok(text)
}

fn instant_or_infinity(micros: i64, text: impl Fn(i64) -> String) -> String {
    match micros {
        i64::MAX => "infinity".to_owned(),
        i64::MIN => "-infinity".to_owned(),
        micros => text(micros + EPOCH_MICROS),
    }
}

/// Groups of four decimal digits, the first one worth 10000 to the power of `weight`.
fn numeric(raw: &mut Bytes) -> Result<String> {
    let (groups, weight) = (raw.try_get_i16()?, raw.try_get_i16()?);
    let (sign, scale) = (raw.try_get_u16()?, raw.try_get_u16()?);
    match sign {
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let groups = (0..groups).map(|_| raw.try_get_i16()).collect::<std::result::Result<Vec<_>, _>>()?;
    let group = |place: i32| {
        let index = usize::try_from(i32::from(weight) - place).ok();
        index.and_then(|index| groups.get(index)).copied().unwrap_or(0)
    };
    let mut whole = String::new();
    for place in (0..=i32::from(weight.max(0))).rev() {
        write!(whole, "{:04}", group(place))?;
    }
    let mut fraction = String::new();
    for place in 1..=i32::from(scale.div_ceil(4)) {
        write!(fraction, "{:04}", group(-place))?;
    }
    fraction.truncate(scale.into());
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = if scale > 0 { "." } else { "" };
    Ok(format!("{}{whole}{point}{fraction}", if sign == 0x4000 { "-" } else { "" }))
}

/// Dimensions with their lengths, then the elements in row-major order.
fn array(element: &Type, mut raw: Bytes) -> Result<String> {
    let (dimensions, _has_null, oid) = (raw.try_get_i32()?, raw.try_get_i32()?, raw.try_get_u32()?);
    if oid != element.oid() {
        return Err(format!("an array of {element} says that its elements have OID {oid}").into());
    }
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        lengths.push(usize::try_from(raw.try_get_i32()?)?);
        let _lower_bound = raw.try_get_i32()?;
    }
    if lengths.is_empty() { Ok("{}".to_owned()) } else { nested(element, &lengths, &mut raw) }
}

fn nested(element: &Type, lengths: &[usize], raw: &mut Bytes) -> Result<String> {
    let (&length, inner) = lengths.split_first().ok_or("no dimension")?;
    let mut elements = Vec::with_capacity(length);
    for _ in 0..length {
        if !inner.is_empty() {
            elements.push(Some(nested(element, inner, raw)?));
            continue;
        }
        elements.push(match raw.try_get_i32()? {
            -1 => None,
            length => Some(text(element, raw.split_to(usize::try_from(length)?))?),
        });
    }
    Ok(value::array(elements, !inner.is_empty()))
}
