//! The form in which rows leave: types that every driver reads, without the engine's own marks on fields.
//!
//! A FlightInfo, a GetSchema and a DoGet of one statement go through [`wire_schema`] alike: ADBC refuses a stream whose schema is
//! not the one it was promised.

use crate::error::{Error, Result};
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::IpcWriteOptions;
use std::sync::Arc;

/// The schema as it leaves.
pub(super) fn wire_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(wire_fields(schema.fields())))
}

fn wire_fields(fields: &Fields) -> Fields {
    fields.iter().map(wire_field).collect()
}

/// Metadata stays here: it says which columns are denied, and what a file's writer thought of them.
fn wire_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), wire_type(field.data_type()), field.is_nullable()))
}

/// Drivers of before 2026 know no views, no run ends and no small decimals; dictionaries differ from batch to batch.
pub(super) fn wire_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => wire_type(values),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type()),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128((*precision).min(DECIMAL128_MAX_PRECISION), *scale)
        }
        DataType::List(item) | DataType::ListView(item) => DataType::List(wire_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(wire_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(wire_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(wire_fields(fields)),
        DataType::Map(entries, sorted) => DataType::Map(wire_field(entries), *sorted),
        other => other.clone(),
    }
}

/// The schema as one framed message, the form of FlightInfo, SchemaResult and `table_schema`.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let IpcMessage(bytes) =
        SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into().map_err(Error::internal)?;
    Ok(bytes)
}

/// The batch under the wire's schema.
pub(super) fn wire_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    // A value that doesn't fit is an error, never a NULL.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        cast_with_options(column, field.data_type(), &options)
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
    let rows = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows).map_err(Error::internal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, DictionaryArray, Int32Array, ListArray, StringViewArray, StructArray};
    use datafusion::arrow::array::{BinaryViewArray, StringArray};
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Int32Type;
    use std::collections::HashMap;

    #[test]
    fn rows_fit_the_promised_schema_at_every_depth() {
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None]));
        let item = Arc::new(Field::new("item", DataType::Utf8View, true));
        let list = ListArray::new(Arc::clone(&item), OffsetBuffer::from_lengths([1, 1]), Arc::clone(&views), None);
        let nested = StructArray::from(vec![(Arc::new(Field::new("v", DataType::Utf8View, true)), Arc::clone(&views))]);
        let words: DictionaryArray<Int32Type> = [Some("x"), None].into_iter().collect();
        let batch = RecordBatch::try_from_iter(vec![
            ("views", views),
            ("bytes", Arc::new(BinaryViewArray::from(vec![Some(&b"a"[..]), None])) as ArrayRef),
            ("list", Arc::new(list) as ArrayRef),
            ("nested", Arc::new(nested) as ArrayRef),
            ("words", Arc::new(words) as ArrayRef),
        ])
        .unwrap();
        let schema = wire_schema(&batch.schema());
        assert!(!format!("{schema:?}").contains("View") && !format!("{schema:?}").contains("Dictionary"), "{schema:?}");
        let sent = wire_batch(&batch, &schema).unwrap();
        assert_eq!(sent.schema(), schema);
        assert_eq!(sent.column(0).as_ref(), &StringArray::from(vec![Some("a"), None]));
        assert_eq!(sent.column(4).as_ref(), &StringArray::from(vec![Some("x"), None]));
    }

    #[test]
    fn marks_of_the_engine_do_not_leave() {
        let marked = HashMap::from([("naru.denied".to_owned(), "true".to_owned())]);
        let inner = Field::new("inner", DataType::Int32, true).with_metadata(marked.clone());
        let outer = Field::new("outer", DataType::Struct(vec![inner].into()), true).with_metadata(marked.clone());
        let sent = wire_schema(&Schema::new_with_metadata(vec![outer], marked));
        assert!(!format!("{sent:?}").contains("denied"), "{sent:?}");
    }

    #[test]
    fn a_batch_without_columns_keeps_its_rows() {
        let none = Arc::new(Schema::empty());
        let rows = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(3));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&none), vec![], &rows).unwrap();
        assert_eq!(wire_batch(&batch, &none).unwrap().num_rows(), 3);
    }

    #[test]
    fn same_types_are_not_copied() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter(vec![("n", Arc::clone(&numbers))]).unwrap();
        let sent = wire_batch(&batch, &wire_schema(&batch.schema())).unwrap();
        assert!(Arc::ptr_eq(sent.column(0), &numbers));
    }
}
