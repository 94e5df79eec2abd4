//! The columns of GetPrimaryKeys, and of GetExportedKeys, GetImportedKeys and GetCrossReference.

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;

fn optional(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn required(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn sequence() -> Field {
    Field::new("key_sequence", DataType::Int32, false)
}

/// GetPrimaryKeys.
pub(super) fn primary_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        optional("catalog_name"),
        optional("db_schema_name"),
        required("table_name"),
        required("column_name"),
        optional("key_name"),
        sequence(),
    ]))
}

/// The three commands about foreign keys.
pub(super) fn foreign_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        optional("pk_catalog_name"),
        optional("pk_db_schema_name"),
        required("pk_table_name"),
        required("pk_column_name"),
        optional("fk_catalog_name"),
        optional("fk_db_schema_name"),
        required("fk_table_name"),
        required("fk_column_name"),
        sequence(),
        optional("fk_key_name"),
        optional("pk_key_name"),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]))
}
