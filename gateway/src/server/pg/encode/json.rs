//! Structs and maps as JSON text, in the forms of PostgreSQL's `to_json`.

use super::column::{Column, Data};
use super::datetime::{self, Style};
use bytes::{BufMut, BytesMut};
use std::fmt::Write;

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
            Data::Float4(array) if array.value(row).is_finite() => self.text(row, out),
            Data::Float8(array) if array.value(row).is_finite() => self.text(row, out),
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
                    out.put_u8(b':');
                    values.json(row, out);
                }
                out.put_u8(b'}');
            }
            Data::Map { ranges, keys, values } => {
                let (start, end) = ranges[row];
                out.put_u8(b'{');
                for entry in start..end {
                    comma(out, entry > start);
                    keys.quoted(entry, out);
                    out.put_u8(b':');
                    values.json(entry, out);
                }
                out.put_u8(b'}');
            }
            _ => self.quoted(row, out),
        }
    }

    /// The text form as a JSON string.
    fn quoted(&self, row: usize, out: &mut BytesMut) {
        let mut value = BytesMut::new();
        self.text(row, &mut value);
        string(out, &String::from_utf8_lossy(&value));
    }
}

fn comma(out: &mut BytesMut, needed: bool) {
    if needed {
        out.put_u8(b',');
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
