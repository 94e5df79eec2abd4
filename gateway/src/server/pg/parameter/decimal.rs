//! Numeric parameters: each keeps the scale it was written with.

use super::super::types;
use super::invalid;
use crate::error::{Error, ErrorCode, Result};
use bytes::Buf;
use datafusion::arrow::datatypes::i256;
use datafusion::common::ScalarValue;

/// The most digits of a Decimal128 and a Decimal256.
const DIGITS_128: usize = 38;
const DIGITS_256: usize = 76;

/// Reads `-12.50`, `1e5`, `.5`.
pub(super) fn parse(text: &str) -> Result<ScalarValue> {
    let word = text.trim();
    if matches!(word.to_ascii_lowercase().as_str(), "nan" | "infinity" | "-infinity" | "+infinity" | "inf" | "-inf") {
        return Err(Error::new(ErrorCode::NumericOutOfRange, format!("numeric {word} is not supported")));
    }
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| invalid(&types::NUMERIC, text))?),
        None => (word, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = [whole, fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(&types::NUMERIC, text));
    }
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(i64::from(exponent));
    build(negative, &digits, scale)
}

/// Reads the binary form: digits to the base 10,000.
pub(super) fn from_binary(mut bytes: &[u8]) -> Result<ScalarValue> {
    let bad = || Error::new(ErrorCode::InvalidBinary, "invalid binary numeric parameter");
    if bytes.len() < 8 {
        return Err(bad());
    }
    let (count, weight) = (usize::from(bytes.get_u16()), i64::from(bytes.get_i16()));
    let (sign, scale) = (bytes.get_u16(), i64::from(bytes.get_u16()));
    if bytes.len() != count * 2 || scale > 0x3fff {
        return Err(bad());
    }
    if !matches!(sign, 0 | 0x4000) {
        return Err(Error::new(ErrorCode::NumericOutOfRange, "numeric NaN and infinity are not supported"));
    }
    let mut digits = String::with_capacity(count * 4);
    for _ in 0..count {
        let group = bytes.get_u16();
        if group > 9999 {
            return Err(bad());
        }
        digits.push_str(&format!("{group:04}"));
    }
    // The digits as one number are this many places too far left; the display scale may ask for fewer or more.
    let places = (i64::try_from(count).unwrap_or(0) - 1 - weight) * 4;
    if places > scale {
        let cut = usize::try_from(places - scale).unwrap_or(usize::MAX).min(digits.len());
        digits.truncate(digits.len() - cut);
    } else if !digits.bytes().all(|byte| byte == b'0') {
        let missing = usize::try_from(scale - places).unwrap_or(usize::MAX);
        if missing > DIGITS_256 {
            return Err(too_large());
        }
        digits.extend(std::iter::repeat_n('0', missing));
    }
    build(sign != 0, &digits, scale)
}

fn too_large() -> Error {
    Error::new(ErrorCode::NumericOutOfRange, format!("a numeric parameter has more than {DIGITS_256} digits"))
}

fn build(negative: bool, digits: &str, scale: i64) -> Result<ScalarValue> {
    let mut digits = digits.trim_start_matches('0').to_owned();
    let scale = if scale < 0 {
        let zeros = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
        if !digits.is_empty() {
            if zeros > DIGITS_256 {
                return Err(too_large());
            }
            digits.extend(std::iter::repeat_n('0', zeros));
        }
        0
    } else {
        usize::try_from(scale).unwrap_or(usize::MAX)
    };
    let precision = digits.len().max(scale).max(1);
    if precision > DIGITS_256 {
        return Err(too_large());
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if negative {
        digits.insert(0, '-');
    }
    // Both are at most 76.
    let (precision_byte, scale) = (precision as u8, scale as i8);
    if precision <= DIGITS_128 {
        let value: i128 = digits.parse().map_err(Error::internal)?;
        return Ok(ScalarValue::Decimal128(Some(value), precision_byte, scale));
    }
    let value = i256::from_string(&digits).ok_or_else(too_large)?;
    Ok(ScalarValue::Decimal256(Some(value), precision_byte, scale))
}
