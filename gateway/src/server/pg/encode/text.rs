//! Values in PostgreSQL's text form.

use super::column::{Column, Data, List};
use super::datetime::{self, Style};
use super::number;
use crate::server::pg::catalog::procedure_name;
use bytes::{BufMut, BytesMut};
use std::fmt::Write;

impl Column {
    /// Writes a value that is not NULL.
    pub(super) fn text(&self, row: usize, out: &mut BytesMut) {
        match &self.data {
            Data::Null => {}
            Data::Bool(array) => out.put_u8(if array.value(row) { b't' } else { b'f' }),
            Data::Int2(array) => number::integer(out, i64::from(array.value(row))),
            Data::Int4(array) => number::integer(out, i64::from(array.value(row))),
            Data::Int8(array) => number::integer(out, array.value(row)),
            Data::Oid(array) => number::integer(out, i64::from(array.value(row))),
            Data::Procedure(array) => match (array.value(row), procedure_name(array.value(row))) {
                (_, Some(name)) => out.put_slice(name.as_bytes()),
                (0, None) => out.put_u8(b'-'),
                (unknown, None) => number::integer(out, i64::from(unknown)),
            },
            Data::Float4(array) => number::float4(out, array.value(row)),
            Data::Float8(array) => number::float8(out, array.value(row)),
            Data::Numeric(array, scale) => number::numeric(out, number::Digits::of(array.value(row)).as_str(), *scale),
            Data::BigNumeric(array, scale) => number::numeric(out, &array.value(row).to_string(), *scale),
            Data::Text(array) | Data::Jsonb(array) => out.put_slice(array.value(row).as_bytes()),
            Data::LargeText(array) => out.put_slice(array.value(row).as_bytes()),
            Data::TextView(array) => out.put_slice(array.value(row).as_bytes()),
            Data::Bytea(array) => bytea(out, array.value(row)),
            Data::LargeBytea(array) => bytea(out, array.value(row)),
            Data::ByteaView(array) => bytea(out, array.value(row)),
            Data::Uuid(array) => uuid(out, array.value(row)),
            Data::Date(array) => datetime::date(out, array.value(row)),
            Data::Time(array) => datetime::time(out, array.value(row)),
            Data::Timestamp(array) => datetime::timestamp(out, array.value(row), Style::Postgres),
            Data::Timestamptz(array, zone) => datetime::timestamptz(out, array.value(row), *zone, Style::Postgres),
            Data::Interval(array) => {
                let value = array.value(row);
                datetime::interval(out, value.months, value.days, value.nanoseconds / 1000);
            }
            Data::Duration(array) => {
                let (days, micros) = datetime::days_and_rest(array.value(row));
                datetime::interval(out, 0, days, micros);
            }
            Data::List(list) => list.text(row, out),
            Data::Struct(_) | Data::Map { .. } => self.json(row, out),
        }
    }
}

fn bytea(out: &mut BytesMut, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + 2 * bytes.len());
    out.put_slice(b"\\x");
    for byte in bytes {
        out.put_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

fn uuid(out: &mut BytesMut, bytes: &[u8]) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.put_u8(b'-');
        }
        let _ = write!(out, "{byte:02x}");
    }
}

impl List {
    fn text(&self, row: usize, out: &mut BytesMut) {
        let (start, end) = self.ranges[row];
        if self.vector {
            for element in start..end {
                if element > start {
                    out.put_u8(b' ');
                }
                self.values.text(element, out);
            }
            return;
        }
        out.put_u8(b'{');
        for element in start..end {
            if element > start {
                out.put_u8(b',');
            }
            if self.values.is_null(element) {
                out.put_slice(b"NULL");
                continue;
            }
            match &self.values.data {
                Data::List(inner) => inner.text(element, out),
                _ => {
                    let mut value = BytesMut::new();
                    self.values.text(element, &mut value);
                    quote_element(out, &value);
                }
            }
        }
        out.put_u8(b'}');
    }
}

/// An array's element, in quotes where it could be taken for something else.
fn quote_element(out: &mut BytesMut, value: &[u8]) {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t'..=b'\r');
    if !value.is_empty() && !value.eq_ignore_ascii_case(b"null") && !value.iter().any(special) {
        return out.put_slice(value);
    }
    out.put_u8(b'"');
    for &byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.put_u8(b'\\');
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
