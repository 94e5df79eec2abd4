//! Batches as DataRow messages, column by column: what each column is, and in which format it goes out, is settled once per batch.
//!
//! [`column`] unpacks an Arrow array into one of a few shapes, [`text`], [`binary`] and [`json`] write a value of a shape, [`copy`]
//! puts values together as COPY does.

mod binary;
mod column;
mod copy;
mod datetime;
mod json;
mod number;
mod text;

use super::types::{Format, of_field};
use crate::error::{Error, ErrorCode, Result};
use bytes::{BufMut, BytesMut};
use chrono_tz::Tz;
use column::Column;
pub(super) use copy::CopyRows;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

/// Encodes the batches of one result.
pub(super) struct RowEncoder {
    schema: SchemaRef,
    formats: Vec<Format>,
    zone: Tz,
}

/// A batch whose columns are ready to be written.
pub(super) struct EncodedBatch {
    columns: Vec<(Column, Format)>,
    rows: usize,
}

impl RowEncoder {
    /// `formats` has one entry a column; what is missing is text.
    pub(super) fn new(schema: SchemaRef, formats: Vec<Format>, zone: Tz) -> Self {
        Self { schema, formats, zone }
    }

    /// Unpacks a batch.
    ///
    /// # Errors
    /// `DatetimeOutOfRange` for an instant that microseconds can't hold.
    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<EncodedBatch> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (index, (array, field)) in batch.columns().iter().zip(self.schema.fields()).enumerate() {
            let format = self.formats.get(index).copied().unwrap_or_default();
            columns.push((Column::new(array, of_field(field), self.zone)?, format));
        }
        Ok(EncodedBatch { columns, rows: batch.num_rows() })
    }
}

impl EncodedBatch {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends one DataRow; nothing of it is left when it fails.
    ///
    /// # Errors
    /// A value without a binary form, or a row that is too long for the protocol.
    pub(super) fn write(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        message(b'D', out, |out| self.write_values(row, out))
    }

    /// The count of columns, and each value with its length.
    fn write_values(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u16(u16::try_from(self.columns.len()).map_err(|_| too_large())?);
        for (column, format) in &self.columns {
            if column.is_null(row) {
                out.put_i32(-1);
                continue;
            }
            let value_at = out.len();
            out.put_i32(0);
            match format {
                Format::Text => column.text(row, out),
                Format::Binary => column.binary(row, out)?,
            }
            set_length(out, value_at, out.len() - value_at - 4)?;
        }
        Ok(())
    }
}

/// Appends one message with the body that `write` appends; nothing of it is left when that fails.
fn message(kind: u8, out: &mut BytesMut, write: impl FnOnce(&mut BytesMut) -> Result<()>) -> Result<()> {
    let start = out.len();
    out.put_u8(kind);
    out.put_i32(0);
    let written = write(out).and_then(|()| set_length(out, start + 1, out.len() - start - 1));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// Writes the length that was left open at this place.
fn set_length(out: &mut BytesMut, at: usize, length: usize) -> Result<()> {
    let length = i32::try_from(length).map_err(|_| too_large())?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn too_large() -> Error {
    Error::new(ErrorCode::OutOfMemory, "a row is too large for the PostgreSQL protocol")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
