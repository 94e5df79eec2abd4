//! The `table_schema` of GetTables: a table's columns as queries give them, with what JDBC's `getColumns` wants to know in the
//! fields' metadata (FlightSql.proto, "Arrow schema metadata").

use super::wire::wire_type;
use crate::catalog::pg_type_name;
use crate::session::TableEntry;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use naru_connector::Column;
use std::collections::HashMap;

/// The visible columns of a table.
pub(super) fn table_schema(table: &TableEntry) -> Schema {
    Schema::new(table.columns.iter().map(|column| field(table, column)).collect::<Vec<_>>())
}

fn field(table: &TableEntry, column: &Column) -> Field {
    let data_type = wire_type(column.field.data_type());
    let mut known = vec![
        ("CATALOG_NAME", table.catalog.clone()),
        ("SCHEMA_NAME", table.schema.clone()),
        ("TABLE_NAME", table.name.clone()),
        ("TYPE_NAME", pg_type_name(&data_type)),
        ("IS_AUTO_INCREMENT", "0".to_owned()),
        ("IS_CASE_SENSITIVE", if data_type.is_string() { "1" } else { "0" }.to_owned()),
        ("IS_READ_ONLY", "1".to_owned()),
        ("IS_SEARCHABLE", "1".to_owned()),
    ];
    if let Some((precision, scale)) = precision_and_scale(&data_type) {
        known.push(("PRECISION", precision.to_string()));
        known.push(("SCALE", scale.to_string()));
    }
    if let Some(comment) = &column.comment {
        known.push(("REMARKS", comment.clone()));
    }
    let metadata: HashMap<_, _> =
        known.into_iter().map(|(name, value)| (format!("ARROW:FLIGHT:SQL:{name}"), value)).collect();
    Field::new(column.name(), data_type, column.field.is_nullable()).with_metadata(metadata)
}

/// Decimal digits, in all and behind the point.
fn precision_and_scale(data_type: &DataType) -> Option<(u8, i8)> {
    Some(match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Float16 | DataType::Float32 => (7, 0),
        DataType::Float64 => (15, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => (*precision, *scale),
        _ => return None,
    })
}
