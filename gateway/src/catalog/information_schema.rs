//! `information_schema` of each catalog: rows are collected per query, for the asking identity only.

use super::registry::Catalog;
use super::resolver::Resolver;
use crate::error::Result;
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::DataType;
use std::sync::Arc;

/// The schema's name, in every catalog.
pub(super) const SCHEMA: &str = "information_schema";

/// The tables in it, sorted.
pub(super) const TABLES: &[&str] = &["columns", "schemata", "tables"];

/// The rows of one of these tables, or `None` for another name.
pub(super) async fn table(resolver: &Resolver<'_>, catalog: &Catalog, table: &str) -> Result<Option<RecordBatch>> {
    match table {
        "schemata" => schemata(resolver, catalog).await.map(Some),
        "tables" => tables(resolver, catalog).await.map(Some),
        "columns" => columns(resolver, catalog).await.map(Some),
        _ => Ok(None),
    }
}

async fn schemata(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<RecordBatch> {
    let names = resolver.schemas(catalog).await?;
    let catalogs = vec![catalog.name.to_string(); names.len()];
    batch(vec![("catalog_name", text(catalogs)), ("schema_name", text(names))])
}

async fn tables(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<RecordBatch> {
    let (mut schemas, mut names, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for schema in resolver.schemas(catalog).await? {
        let kind = if schema == SCHEMA { "VIEW" } else { "BASE TABLE" };
        for name in resolver.tables(catalog, &schema).await? {
            schemas.push(schema.clone());
            names.push(name);
            kinds.push(kind.to_owned());
        }
    }
    let catalogs = vec![catalog.name.to_string(); names.len()];
    batch(vec![
        ("table_catalog", text(catalogs)),
        ("table_schema", text(schemas)),
        ("table_name", text(names)),
        ("table_type", text(kinds)),
    ])
}

async fn columns(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<RecordBatch> {
    let (mut schemas, mut tables, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut nullable, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for schema in resolver.schemas(catalog).await? {
        if schema == SCHEMA {
            continue;
        }
        for table in resolver.tables(catalog, &schema).await? {
            let visible = resolver.visible_columns(catalog, &schema, &table).await?.unwrap_or_default();
            for (position, column) in (1..).zip(visible) {
                schemas.push(schema.clone());
                tables.push(table.clone());
                names.push(column.name().to_owned());
                positions.push(position);
                nullable.push(if column.field.is_nullable() { "YES" } else { "NO" }.to_owned());
                types.push(type_name(column.field.data_type()));
            }
        }
    }
    batch(vec![
        ("table_catalog", text(vec![catalog.name.to_string(); names.len()])),
        ("table_schema", text(schemas)),
        ("table_name", text(tables)),
        ("column_name", text(names)),
        ("ordinal_position", Arc::new(Int32Array::from(positions)) as ArrayRef),
        ("is_nullable", text(nullable)),
        ("data_type", text(types)),
    ])
}

/// PostgreSQL's name of a type, as `information_schema.columns.data_type` has it.
#[must_use]
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::UInt64
        | DataType::Decimal32(_, _)
        | DataType::Decimal64(_, _)
        | DataType::Decimal128(_, _)
        | DataType::Decimal256(_, _) => "numeric",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => "character varying",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Dictionary(_, value) => return type_name(value),
        DataType::RunEndEncoded(_, value) => return type_name(value.data_type()),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => "ARRAY",
        DataType::Struct(_) | DataType::Map(_, _) | DataType::Union(_, _) => "jsonb",
    }
    .to_owned()
}

fn text(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn batch(columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter(columns).map_err(crate::error::Error::internal)
}
