//! Rows in the forms of COPY (PostgreSQL manual, COPY, "File Formats"), each in a CopyData of its own.

use super::{EncodedBatch, message};
use crate::error::Result;
use crate::server::pg::types::Format;
use crate::session::api::{CopyFormat, ForceQuote};
use bytes::{BufMut, BytesMut};
use datafusion::arrow::datatypes::Schema;

/// What the binary form begins with: a signature, no flags, no extension.
const SIGNATURE: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes the rows of one COPY.
pub(in crate::server::pg) struct CopyRows {
    layout: Layout,
    /// Values that are rewritten pass through here.
    scratch: BytesMut,
}

enum Layout {
    Text { delimiter: u8, null: String, header: bool },
    Csv { csv: Csv, null: String, header: bool },
    Binary { signed: bool },
}

struct Csv {
    delimiter: u8,
    quote: u8,
    escape: u8,
    /// One a column.
    force_quote: Vec<bool>,
}

impl CopyRows {
    /// Rows with these columns.
    pub(in crate::server::pg) fn new(format: CopyFormat, schema: &Schema) -> Self {
        let layout = match format {
            CopyFormat::Text { delimiter, null, header } => Layout::Text { delimiter, null, header },
            CopyFormat::Csv { delimiter, null, header, quote, escape, force_quote } => {
                let forced = |name: &str| match &force_quote {
                    ForceQuote::None => false,
                    ForceQuote::All => true,
                    ForceQuote::Columns(names) => names.iter().any(|forced| forced == name),
                };
                let force_quote = schema.fields().iter().map(|field| forced(field.name())).collect();
                Layout::Csv { csv: Csv { delimiter, quote, escape, force_quote }, null, header }
            }
            CopyFormat::Binary => Layout::Binary { signed: false },
        };
        Self { layout, scratch: BytesMut::new() }
    }

    /// The format of the values.
    pub(in crate::server::pg) fn format(&self) -> Format {
        match self.layout {
            Layout::Text { .. } | Layout::Csv { .. } => Format::Text,
            Layout::Binary { .. } => Format::Binary,
        }
    }

    /// The columns' names, if they were asked for.
    pub(in crate::server::pg) fn begin(&mut self, schema: &Schema, out: &mut BytesMut) -> Result<()> {
        let names = schema.fields().iter().map(|field| field.name().as_bytes()).enumerate();
        let scratch = &mut self.scratch;
        match &self.layout {
            Layout::Text { delimiter, header: true, .. } => message(b'd', out, |out| {
                for (index, name) in names {
                    separate(out, index, *delimiter);
                    let start = out.len();
                    out.put_slice(name);
                    escape_text(out, start, *delimiter, scratch);
                }
                out.put_u8(b'\n');
                Ok(())
            }),
            Layout::Csv { csv, null, header: true } => message(b'd', out, |out| {
                for (index, name) in names {
                    separate(out, index, csv.delimiter);
                    let start = out.len();
                    out.put_slice(name);
                    csv.quote(out, start, null, false, scratch);
                }
                out.put_u8(b'\n');
                Ok(())
            }),
            _ => Ok(()),
        }
    }

    /// One row.
    ///
    /// # Errors
    /// As of a DataRow; nothing of the row is left then.
    pub(in crate::server::pg) fn row(&mut self, batch: &EncodedBatch, row: usize, out: &mut BytesMut) -> Result<()> {
        let scratch = &mut self.scratch;
        match &mut self.layout {
            Layout::Text { delimiter, null, .. } => message(b'd', out, |out| {
                for (index, (column, _)) in batch.columns.iter().enumerate() {
                    separate(out, index, *delimiter);
                    if column.is_null(row) {
                        out.put_slice(null.as_bytes());
                        continue;
                    }
                    let start = out.len();
                    column.text(row, out);
                    escape_text(out, start, *delimiter, scratch);
                }
                out.put_u8(b'\n');
                Ok(())
            }),
            Layout::Csv { csv, null, .. } => message(b'd', out, |out| {
                for (index, (column, _)) in batch.columns.iter().enumerate() {
                    separate(out, index, csv.delimiter);
                    if column.is_null(row) {
                        out.put_slice(null.as_bytes());
                        continue;
                    }
                    let start = out.len();
                    column.text(row, out);
                    csv.quote(out, start, null, csv.force_quote[index], scratch);
                }
                out.put_u8(b'\n');
                Ok(())
            }),
            Layout::Binary { signed } => message(b'd', out, |out| {
                sign(signed, out);
                batch.write_values(row, out)
            }),
        }
    }

    /// What is behind the last row.
    pub(in crate::server::pg) fn end(&mut self, out: &mut BytesMut) -> Result<()> {
        match &mut self.layout {
            Layout::Text { .. } | Layout::Csv { .. } => Ok(()),
            Layout::Binary { signed } => message(b'd', out, |out| {
                sign(signed, out);
                out.put_i16(-1);
                Ok(())
            }),
        }
    }
}

/// The signature stands before the first row in the same message: psycopg looks for it there.
fn sign(signed: &mut bool, out: &mut BytesMut) {
    if !std::mem::replace(signed, true) {
        out.put_slice(SIGNATURE);
    }
}

fn separate(out: &mut BytesMut, index: usize, delimiter: u8) {
    if index > 0 {
        out.put_u8(delimiter);
    }
}

/// The letter that stands for a control character behind a backslash.
fn letter(byte: u8) -> Option<u8> {
    match byte {
        0x08 => Some(b'b'),
        0x0c => Some(b'f'),
        b'\n' => Some(b'n'),
        b'\r' => Some(b'r'),
        b'\t' => Some(b't'),
        0x0b => Some(b'v'),
        _ => None,
    }
}

/// Puts backslashes into the value that begins at `start`.
fn escape_text(out: &mut BytesMut, start: usize, delimiter: u8, scratch: &mut BytesMut) {
    let special = |byte: u8| matches!(byte, 0x08..=0x0d | b'\\') || byte == delimiter;
    if !out[start..].iter().any(|&byte| special(byte)) {
        return;
    }
    take(out, start, scratch);
    for &byte in scratch.iter() {
        if special(byte) {
            out.put_u8(b'\\');
        }
        out.put_u8(letter(byte).unwrap_or(byte));
    }
}

fn take(out: &mut BytesMut, start: usize, scratch: &mut BytesMut) {
    scratch.clear();
    scratch.extend_from_slice(&out[start..]);
    out.truncate(start);
}

impl Csv {
    /// Puts quotes around the value that begins at `start` if it must, or needs to, have some.
    fn quote(&self, out: &mut BytesMut, start: usize, null: &str, forced: bool, scratch: &mut BytesMut) {
        let value = &out[start..];
        let special = |byte: &u8| *byte == self.delimiter || *byte == self.quote || matches!(byte, b'\n' | b'\r');
        // Alone on its line, this would end the data.
        let ends_data = self.force_quote.len() == 1 && value == b"\\.";
        if !forced && value != null.as_bytes() && !ends_data && !value.iter().any(special) {
            return;
        }
        take(out, start, scratch);
        out.put_u8(self.quote);
        for &byte in scratch.iter() {
            if byte == self.quote || byte == self.escape {
                out.put_u8(self.escape);
            }
            out.put_u8(byte);
        }
        out.put_u8(self.quote);
    }
}
