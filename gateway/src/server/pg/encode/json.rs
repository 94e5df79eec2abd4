//! Structs and maps as jsonb: values as `to_jsonb` has them, keys in jsonb's order, the shorter first.

use super::column::{Column, Data};
use super::datetime::{self, Style};
use bytes::{BufMut, BytesMut};
use std::cmp::Ordering;
use std::fmt::Write;
use std::ops::Range;

impl Column {
    /// Writes a value, or `null`.
    pub(super) fn json(&self, row: usize, out: &mut BytesMut) {
        if self.is_null(row) {
            return out.put_slice(b"null");
        }
        match &self.data {
            Data::Bool(array) => out.put_slice(if array.value(row) { b"true" } else { b"false" }),
            Data::Int2(_) | Data::Int4(_) | Data::Int8(_) | Data::Oid(_) | Data::Numeric(..) | Data::BigNumeric(..) => {
                self.text(row, out);
            }
            // A number of jsonb is a numeric: it has no exponent. Neither has Rust's `Display`.
            // Adding zero makes zero of minus zero, which a numeric does not have either.
            Data::Float4(array) if array.value(row).is_finite() => {
                let _ = write!(out, "{}", array.value(row) + 0.0);
            }
            Data::Float8(array) if array.value(row).is_finite() => {
                let _ = write!(out, "{}", array.value(row) + 0.0);
            }
            Data::Jsonb(array) => out.put_slice(array.value(row).as_bytes()),
            Data::Timestamp(array) => {
                out.put_u8(b'"');
                datetime::timestamp(out, array.value(row), Style::Xml);
                out.put_u8(b'"');
            }
            Data::Timestamptz(array, zone) => {
                out.put_u8(b'"');
                datetime::timestamptz(out, array.value(row), *zone, Style::Xml);
                out.put_u8(b'"');
            }
            Data::List(list) => {
                let (start, end) = list.ranges[row];
                out.put_u8(b'[');
                for element in start..end {
                    comma(out, element > start);
                    list.values.json(element, out);
                }
                out.put_u8(b']');
            }
            Data::Struct(fields) => {
                out.put_u8(b'{');
                for (index, (name, values)) in fields.iter().enumerate() {
                    comma(out, index > 0);
                    string(out, name);
                    out.put_slice(b": ");
                    values.json(row, out);
                }
                out.put_u8(b'}');
            }
            Data::Map { ranges, keys, values } => {
                let (start, end) = ranges[row];
                out.put_u8(b'{');
                for (index, (key, entry)) in sorted_keys(keys, start..end).into_iter().enumerate() {
                    comma(out, index > 0);
                    string(out, &key);
                    out.put_slice(b": ");
                    values.json(entry, out);
                }
                out.put_u8(b'}');
            }
            _ => self.quoted(row, out),
        }
    }

    /// The text form as a JSON string.
    fn quoted(&self, row: usize, out: &mut BytesMut) {
        string(out, &self.to_text(row));
    }

    fn to_text(&self, row: usize) -> String {
        let mut value = BytesMut::new();
        self.text(row, &mut value);
        String::from_utf8_lossy(&value).into_owned()
    }
}

/// The order of keys in jsonb.
pub(super) fn key_order(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// A map's keys and the places of their values; of equal keys the last counts.
fn sorted_keys(keys: &Column, entries: Range<usize>) -> Vec<(String, usize)> {
    let mut sorted: Vec<(String, usize)> = entries.rev().map(|entry| (keys.to_text(entry), entry)).collect();
    sorted.sort_by(|(left, _), (right, _)| key_order(left, right));
    sorted.dedup_by(|(later, _), (first, _)| later == first);
    sorted
}

fn comma(out: &mut BytesMut, needed: bool) {
    if needed {
        out.put_slice(b", ");
    }
}

fn string(out: &mut BytesMut, text: &str) {
    out.put_u8(b'"');
    for character in text.chars() {
        match character {
            '"' => out.put_slice(b"\\\""),
            '\\' => out.put_slice(b"\\\\"),
            '\n' => out.put_slice(b"\\n"),
            '\r' => out.put_slice(b"\\r"),
            '\t' => out.put_slice(b"\\t"),
            '\u{8}' => out.put_slice(b"\\b"),
            '\u{c}' => out.put_slice(b"\\f"),
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => {
                let _ = out.write_char(other);
            }
        }
    }
    out.put_u8(b'"');
}
