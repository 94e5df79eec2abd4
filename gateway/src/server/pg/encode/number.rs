//! Numbers in PostgreSQL's text and binary forms.

use bytes::{BufMut, BytesMut};
use std::fmt::Write;

/// An integer in decimal.
pub(super) fn integer(out: &mut BytesMut, value: i64) {
    if value < 0 {
        out.put_u8(b'-');
    }
    unsigned(out, value.unsigned_abs(), 1);
}

/// An unsigned integer with at least so many digits.
pub(super) fn unsigned(out: &mut BytesMut, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 {
        start -= 1;
        // A digit fits a byte.
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let start = start.min(digits.len() - width.min(digits.len()));
    out.put_slice(&digits[start..]);
}

/// A float: the fewest digits that read back to the same value, with an exponent below -4 and from `digits` on.
fn float(out: &mut BytesMut, shortest: &str, digits: i32) {
    // `shortest` is Rust's `{:e}`: `-1.2345e-7`.
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    out.put_slice(sign.as_bytes());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent < -4 || exponent >= digits {
        out.put_slice(mantissa.as_bytes());
        let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    } else if exponent < 0 {
        out.put_slice(b"0.");
        out.put_bytes(b'0', usize::try_from(-exponent - 1).unwrap_or(0));
        out.put_slice(whole.as_bytes());
        out.put_slice(fraction.as_bytes());
    } else {
        let shift = usize::try_from(exponent).unwrap_or(0);
        out.put_slice(whole.as_bytes());
        if fraction.len() > shift {
            out.put_slice(&fraction.as_bytes()[..shift]);
            out.put_u8(b'.');
            out.put_slice(&fraction.as_bytes()[shift..]);
        } else {
            out.put_slice(fraction.as_bytes());
            out.put_bytes(b'0', shift - fraction.len());
        }
    }
}

fn not_finite(out: &mut BytesMut, is_nan: bool, is_negative: bool) {
    out.put_slice(match (is_nan, is_negative) {
        (true, _) => b"NaN",
        (false, false) => b"Infinity",
        (false, true) => b"-Infinity",
    });
}

/// A `float8`.
pub(super) fn float8(out: &mut BytesMut, value: f64) {
    if value.is_finite() {
        float(out, &format!("{value:e}"), 15);
    } else {
        not_finite(out, value.is_nan(), value < 0.0);
    }
}

/// A `float4`.
pub(super) fn float4(out: &mut BytesMut, value: f32) {
    if value.is_finite() {
        float(out, &format!("{value:e}"), 6);
    } else {
        not_finite(out, value.is_nan(), value < 0.0);
    }
}

/// A decimal's unscaled digits with a point `scale` digits from the right.
pub(super) fn numeric(out: &mut BytesMut, unscaled: &str, scale: i8) {
    let digits = unscaled.strip_prefix('-').unwrap_or(unscaled);
    if digits.len() < unscaled.len() {
        out.put_u8(b'-');
    }
    let Ok(scale) = usize::try_from(scale) else {
        out.put_slice(digits.as_bytes());
        if digits != "0" {
            out.put_bytes(b'0', usize::from(scale.unsigned_abs()));
        }
        return;
    };
    if scale == 0 {
        out.put_slice(digits.as_bytes());
        return;
    }
    match digits.len().checked_sub(scale) {
        None | Some(0) => {
            out.put_slice(b"0.");
            out.put_bytes(b'0', scale - digits.len());
            out.put_slice(digits.as_bytes());
        }
        Some(whole) => {
            out.put_slice(&digits.as_bytes()[..whole]);
            out.put_u8(b'.');
            out.put_slice(&digits.as_bytes()[whole..]);
        }
    }
}

/// The decimal digits of an integer and its sign, without a String: there is one for each value of a column.
pub(super) struct Digits {
    /// The longest is `-170141183460469231731687303715884105728`.
    buffer: [u8; 40],
    start: usize,
}

impl Digits {
    pub(super) fn of(value: i128) -> Self {
        let mut digits = Self { buffer: [b'0'; 40], start: 40 };
        let mut rest = value.unsigned_abs();
        // Division of 128 bits is slow: 18 digits at a time need only 64.
        while rest > u128::from(u64::MAX) {
            let low = (rest % 1_000_000_000_000_000_000) as u64;
            rest /= 1_000_000_000_000_000_000;
            let end = digits.start;
            digits.push(low);
            digits.start = end - 18;
        }
        digits.push(rest as u64);
        if digits.start == digits.buffer.len() {
            digits.start -= 1;
        }
        if value < 0 {
            digits.start -= 1;
            digits.buffer[digits.start] = b'-';
        }
        digits
    }

    /// Puts a number before what is there.
    fn push(&mut self, mut value: u64) {
        while value > 0 {
            self.start -= 1;
            // A digit fits a byte.
            self.buffer[self.start] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.buffer[self.start..]).unwrap_or_default()
    }
}

/// 77 digits of 256 bits, 128 zeros of a scale, and up to three on either side to fill the groups.
const MOST_DIGITS: usize = 212;

/// A decimal in binary: digits to the base 10,000, the weight of the first, sign, digits after the point.
pub(super) fn numeric_binary(out: &mut BytesMut, unscaled: &str, scale: i8) {
    let digits = unscaled.strip_prefix('-').unwrap_or(unscaled);
    let negative = digits.len() < unscaled.len();
    let after_point = usize::try_from(scale).unwrap_or(0);
    // Trailing zeros of a negative scale, and zeros to fill the last group of four after the point.
    let zeros = usize::try_from(-i32::from(scale)).unwrap_or(0) + (4 - after_point % 4) % 4;
    let length = digits.len() + zeros;
    let lead = (4 - length % 4) % 4;
    let mut padded = [b'0'; MOST_DIGITS];
    padded[lead..lead + digits.len()].copy_from_slice(digits.as_bytes());
    let group = |index: usize| {
        padded[4 * index..4 * index + 4].iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
    };
    let count = (lead + length) / 4;
    let first = (0..count).find(|&index| group(index) != 0);
    let last = (0..count).rfind(|&index| group(index) != 0);
    let (kept, weight) = match (first, last) {
        (Some(first), Some(last)) => {
            (first..last + 1, count as i64 - after_point.div_ceil(4) as i64 - 1 - first as i64)
        }
        _ => (0..0, 0),
    };
    // All of these are small.
    out.put_i16(kept.len() as i16);
    out.put_i16(weight as i16);
    out.put_u16(if negative && !kept.is_empty() { 0x4000 } else { 0 });
    out.put_u16(after_point as u16);
    for index in kept {
        out.put_u16(group(index));
    }
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
