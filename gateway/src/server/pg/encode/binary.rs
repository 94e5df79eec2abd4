//! Values in PostgreSQL's binary form (`typsend`): big-endian, dates and times from 2000-01-01.

use super::column::{Column, Data, List, out_of_range};
use super::datetime::{EPOCH_DAYS, MICROS_PER_DAY, days_and_rest};
use super::{number, set_length};
use crate::error::{Error, ErrorCode, Result};
use bytes::{BufMut, BytesMut};

/// 1970-01-01 in PostgreSQL's microseconds.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * MICROS_PER_DAY;
/// What the binary form of jsonb begins with.
const JSONB_VERSION: u8 = 1;
/// As many dimensions as PostgreSQL allows.
const MAX_DIMENSIONS: usize = 6;

impl Column {
    /// Writes a value that is not NULL.
    pub(super) fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match &self.data {
            Data::Null => {}
            Data::Bool(array) => out.put_u8(u8::from(array.value(row))),
            Data::Int2(array) => out.put_i16(array.value(row)),
            Data::Int4(array) => out.put_i32(array.value(row)),
            Data::Int8(array) => out.put_i64(array.value(row)),
            Data::Oid(array) | Data::Procedure(array) => out.put_u32(array.value(row)),
            Data::Float4(array) => out.put_f32(array.value(row)),
            Data::Float8(array) => out.put_f64(array.value(row)),
            Data::Numeric(array, scale) => {
                number::numeric_binary(out, number::Digits::of(array.value(row)).as_str(), *scale)
            }
            Data::BigNumeric(array, scale) => number::numeric_binary(out, &array.value(row).to_string(), *scale),
            Data::Text(array) => out.put_slice(array.value(row).as_bytes()),
            Data::LargeText(array) => out.put_slice(array.value(row).as_bytes()),
            Data::TextView(array) => out.put_slice(array.value(row).as_bytes()),
            Data::Jsonb(array) => {
                out.put_u8(JSONB_VERSION);
                out.put_slice(array.value(row).as_bytes());
            }
            Data::Bytea(array) => out.put_slice(array.value(row)),
            Data::LargeBytea(array) => out.put_slice(array.value(row)),
            Data::ByteaView(array) => out.put_slice(array.value(row)),
            Data::Uuid(array) => out.put_slice(array.value(row)),
            Data::Date(array) => out.put_i32(date(array.value(row))?),
            Data::Time(array) => out.put_i64(array.value(row)),
            Data::Timestamp(array) | Data::Timestamptz(array, _) => out.put_i64(timestamp(array.value(row))?),
            Data::Interval(array) => {
                let value = array.value(row);
                interval(out, value.months, value.days, value.nanoseconds / 1000);
            }
            Data::Duration(array) => {
                let (days, micros) = days_and_rest(array.value(row));
                interval(out, 0, days, micros);
            }
            Data::List(list) => list.binary(row, out)?,
            Data::Struct(_) | Data::Map { .. } => {
                out.put_u8(JSONB_VERSION);
                self.json(row, out);
            }
        }
        Ok(())
    }
}

fn date(days: i32) -> Result<i32> {
    if days == i32::MAX || days == i32::MIN {
        return Ok(days);
    }
    days.checked_sub(EPOCH_DAYS).ok_or_else(out_of_range)
}

fn timestamp(micros: i64) -> Result<i64> {
    if micros == i64::MAX || micros == i64::MIN {
        return Ok(micros);
    }
    micros.checked_sub(EPOCH_MICROS).ok_or_else(out_of_range)
}

fn interval(out: &mut BytesMut, months: i32, days: i32, micros: i64) {
    out.put_i64(micros);
    out.put_i32(days);
    out.put_i32(months);
}

impl List {
    /// Dimensions, does it hold NULL, element type; per dimension its length and lower bound; the elements.
    fn binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let mut lengths = Vec::new();
        self.measure(row, 0, &mut lengths)?;
        let empty = lengths.contains(&0);
        out.put_i32(if empty { 0 } else { i32::try_from(lengths.len()).unwrap_or(0) });
        let nulls_at = out.len();
        out.put_i32(0);
        out.put_u32(self.element);
        if empty {
            return Ok(());
        }
        for &length in &lengths {
            out.put_i32(i32::try_from(length).map_err(|_| ragged())?);
            out.put_i32(1);
        }
        if self.elements(row, out)? { set_length(out, nulls_at, 1) } else { Ok(()) }
    }

    /// Finds the length of each dimension; all lists of one dimension must agree, for an array is a box.
    fn measure(&self, row: usize, depth: usize, lengths: &mut Vec<usize>) -> Result<()> {
        let (start, end) = self.ranges[row];
        match lengths.get(depth) {
            None if depth < MAX_DIMENSIONS => lengths.push(end - start),
            Some(&length) if length == end - start => {}
            _ => return Err(ragged()),
        }
        if let Data::List(inner) = &self.values.data {
            for element in start..end {
                if self.values.is_null(element) {
                    return Err(ragged());
                }
                inner.measure(element, depth + 1, lengths)?;
            }
        }
        Ok(())
    }

    /// Writes the innermost elements; says whether one of them is NULL.
    fn elements(&self, row: usize, out: &mut BytesMut) -> Result<bool> {
        let (start, end) = self.ranges[row];
        let mut has_null = false;
        for element in start..end {
            if let Data::List(inner) = &self.values.data {
                has_null |= inner.elements(element, out)?;
            } else if self.values.is_null(element) {
                has_null = true;
                out.put_i32(-1);
            } else {
                let value_at = out.len();
                out.put_i32(0);
                self.values.binary(element, out)?;
                set_length(out, value_at, out.len() - value_at - 4)?;
            }
        }
        Ok(has_null)
    }
}

fn ragged() -> Error {
    let message = "a list whose inner lists differ in length or are NULL has no binary form";
    Error::new(ErrorCode::FeatureNotSupported, message).with_hint("ask for the text format, or flatten the list")
}
