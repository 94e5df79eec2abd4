//! Parameter values: from the batches that a client binds to the values that a session takes.
//!
//! Between the two they travel in the prepared statement's handle, as an IPC stream.

use super::status::to_status;
use super::wire::wire_type;
use crate::error::{Error, ErrorCode, Result};
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::scalar::ScalarValue;
use futures::{Stream, TryStreamExt};
use std::io::Cursor;
use std::sync::Arc;
use tonic::Status;

/// Rows of parameter values: column 0 is `$1`. No rows are not the same as nothing bound: the statement then runs for none.
#[derive(Default)]
pub(super) struct Bound {
    columns: usize,
    batches: Vec<RecordBatch>,
}

/// Reads the batches of a DoPut and packs them for the handle. Empty when there are no columns: some drivers bind nothing so.
pub(super) async fn receive(
    messages: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    most_bytes: usize,
) -> Result<Bytes, Status> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(messages.map_err(FlightError::from));
    let mut packed: Option<StreamWriter<Vec<u8>>> = None;
    while let Some(batch) = batches.try_next().await.map_err(unreadable)? {
        if batch.num_columns() == 0 {
            continue;
        }
        let writer = match &mut packed {
            Some(writer) => writer,
            None => packed.insert(StreamWriter::try_new(Vec::new(), &batch.schema()).map_err(internal)?),
        };
        writer.write(&batch).map_err(internal)?;
        if writer.get_ref().len() > most_bytes {
            return Err(to_status(&too_large(most_bytes)));
        }
    }
    if packed.is_none()
        && let Some(schema) = batches.schema().filter(|schema| !schema.fields().is_empty())
    {
        packed = Some(StreamWriter::try_new(Vec::new(), schema).map_err(internal)?);
    }
    packed.map_or(Ok(Bytes::new()), |writer| writer.into_inner().map(Bytes::from).map_err(internal))
}

fn internal(error: impl std::fmt::Display) -> Status {
    to_status(&Error::internal(error))
}

fn unreadable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => {
            let text = "the parameters are not a readable Arrow stream";
            to_status(&Error::new(ErrorCode::InvalidBinary, text).with_detail(other))
        }
    }
}

fn too_large(most_bytes: usize) -> Error {
    Error::new(ErrorCode::InvalidParameter, format!("the parameters of one binding exceed {most_bytes} bytes"))
        .with_hint("bind them in several calls")
}

impl Bound {
    /// What [`receive`] packed.
    pub(super) fn read(packed: &Bytes, most_bytes: usize) -> Result<Self> {
        if packed.is_empty() {
            return Ok(Self::default());
        }
        if packed.len() > most_bytes.saturating_mul(2) {
            return Err(too_large(most_bytes));
        }
        let unreadable =
            |error| Error::new(ErrorCode::InvalidBinary, "the parameters can't be read").with_detail(error);
        let batches = StreamReader::try_new(Cursor::new(packed.clone()), None).map_err(unreadable)?;
        let columns = batches.schema().fields().len();
        Ok(Self { columns, batches: batches.collect::<Result<_, _>>().map_err(unreadable)? })
    }

    /// How many parameters have values.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The values of each row; one row of none when nothing is bound. `implied` are the types that the statement asks for.
    pub(super) fn values(&self, implied: &[DataType]) -> Result<Vec<Vec<ScalarValue>>> {
        if self.columns == 0 {
            return Ok(vec![Vec::new()]);
        }
        let (given, wanted) = (self.columns, implied.len());
        if given != wanted {
            let text = format!("the statement has {wanted} parameters, but {given} values are bound");
            return Err(Error::new(ErrorCode::ProtocolViolation, text));
        }
        let mut rows = Vec::new();
        for batch in &self.batches {
            let columns = batch.columns().iter().zip(implied).enumerate();
            let columns = columns.map(|(i, (column, wanted))| convert(column, wanted, i + 1));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            for row in 0..batch.num_rows() {
                let values = columns.iter().map(|column| ScalarValue::try_from_array(column, row));
                rows.push(values.collect::<Result<_, _>>()?);
            }
        }
        Ok(rows)
    }

    /// The types of values: those of the first row, as all rows are of the same.
    pub(super) fn types_of(&self, rows: &[Vec<ScalarValue>]) -> Option<Vec<Option<DataType>>> {
        let first = rows.first().filter(|_| self.columns > 0)?;
        Some(first.iter().map(|value| Some(value.data_type())).collect())
    }
}

/// The statement's own type where nothing is lost by it, else the client's: then the engine makes both sides comparable.
fn convert(column: &ArrayRef, wanted: &DataType, number: usize) -> Result<ArrayRef> {
    let plain = wire_type(column.data_type());
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let column = cast_with_options(column, &plain, &options).map_err(Error::internal)?;
    let wanted = wire_type(wanted);
    // Text is what a parameter is taken for when the statement does not say.
    if plain == wanted || (wanted == DataType::Utf8 && plain != DataType::Null) {
        return Ok(column);
    }
    let exact_number = plain.is_integer() && wanted.is_numeric();
    if !(exact_number || plain.is_string() || plain == DataType::Null) {
        return Ok(column);
    }
    match cast_with_options(&column, &wanted, &options) {
        Ok(converted) => Ok(converted),
        Err(_) if exact_number => Ok(column),
        Err(error) => {
            let text = format!("a value of parameter ${number} can't be read as {wanted}");
            Err(Error::new(ErrorCode::InvalidTextRepresentation, text).with_detail(error))
        }
    }
}

/// The schema of the parameters, as drivers convert their values to it.
pub(super) fn schema_of(types: &[DataType]) -> SchemaRef {
    let field = |(i, data_type): (usize, &DataType)| -> FieldRef {
        Arc::new(Field::new(format!("${}", i + 1), wire_type(data_type), true))
    };
    Arc::new(Schema::new(types.iter().enumerate().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Float64Array, Int64Array, NullArray, StringArray};

    fn converted(column: ArrayRef, wanted: &DataType) -> Result<DataType> {
        convert(&column, wanted, 1).map(|column| column.data_type().clone())
    }

    #[test]
    fn a_value_takes_the_statements_type_only_where_nothing_is_lost() {
        let big: ArrayRef = Arc::new(Int64Array::from(vec![5_000_000_000]));
        let small: ArrayRef = Arc::new(Int64Array::from(vec![5]));
        let fraction: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        let date: ArrayRef = Arc::new(StringArray::from(vec!["2026-01-02"]));
        let null: ArrayRef = Arc::new(NullArray::new(1));
        assert_eq!(converted(Arc::clone(&small), &DataType::Int32).unwrap(), DataType::Int32);
        assert_eq!(converted(big, &DataType::Int32).unwrap(), DataType::Int64);
        assert_eq!(converted(fraction, &DataType::Int32).unwrap(), DataType::Float64);
        assert_eq!(converted(Arc::clone(&date), &DataType::Date32).unwrap(), DataType::Date32);
        assert_eq!(converted(small, &DataType::Utf8).unwrap(), DataType::Int64);
        assert_eq!(converted(null, &DataType::Int32).unwrap(), DataType::Int32);
        let error = converted(date, &DataType::Int32).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidTextRepresentation);
    }
}
