//! `information_schema` of each catalog: rows are collected per query, for the asking identity only. Its views have PostgreSQL 16's
//! columns (`information_schema.txt`); those without a reader here have no rows.

use super::registry::Catalog;
use super::resolver::Resolver;
use super::type_text::pg_type_name;
use crate::error::{Error, Result};
use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use naru_connector::Column;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

/// The schema's name, in every catalog.
pub(super) const SCHEMA: &str = "information_schema";

static VIEWS: LazyLock<BTreeMap<&'static str, SchemaRef>> = LazyLock::new(|| {
    let lines = include_str!("information_schema.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(parse).collect()
});

fn parse(line: &'static str) -> Option<(&'static str, SchemaRef)> {
    let (name, columns) = line.split_once(' ')?;
    let field = |column: &str| {
        let (column, domain) = column.split_once(':')?;
        let data_type = match domain {
            "cardinal_number" => DataType::Int32,
            "time_stamp" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            // character_data, sql_identifier, yes_or_no
            _ => DataType::Utf8,
        };
        Some(Field::new(column, data_type, true))
    };
    let fields: Vec<Field> = columns.split(' ').filter_map(field).collect();
    Some((name, Arc::new(Schema::new(fields))))
}

/// The views in it, sorted.
pub(super) fn views() -> impl Iterator<Item = &'static str> {
    VIEWS.keys().copied()
}

/// The rows of one of these views, or `None` for another name.
pub(super) async fn table(resolver: &Resolver<'_>, catalog: &Catalog, view: &str) -> Result<Option<RecordBatch>> {
    let Some(schema) = VIEWS.get(view) else { return Ok(None) };
    let (rows, columns) = match view {
        "information_schema_catalog_name" => (1, vec![same("catalog_name", &catalog.name, 1)]),
        "schemata" => schemata(resolver, catalog).await?,
        "tables" => tables(resolver, catalog).await?,
        "columns" => columns(resolver, catalog).await?,
        "enabled_roles" => (1, vec![same("role_name", resolver.rights.identity().user(), 1)]),
        _ => (0, Vec::new()),
    };
    fill(schema, rows, columns).map(Some)
}

/// The columns of a view, as a table of a source would be described.
pub(super) fn described() -> impl Iterator<Item = (String, Vec<Column>)> {
    let columns =
        |schema: &SchemaRef| schema.fields().iter().map(|field| Column::from_field(Arc::clone(field))).collect();
    VIEWS.iter().map(move |(name, schema)| ((*name).to_owned(), columns(schema)))
}

type Columns = (usize, Vec<(&'static str, ArrayRef)>);

async fn schemata(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Columns> {
    let names = resolver.schemas(catalog).await?;
    let rows = names.len();
    let columns =
        vec![same("catalog_name", &catalog.name, rows), text("schema_name", names), same("schema_owner", "naru", rows)];
    Ok((rows, columns))
}

async fn tables(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Columns> {
    let (mut schemas, mut names, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for schema in resolver.schemas(catalog).await? {
        let kind = if schema == SCHEMA { "VIEW" } else { "BASE TABLE" };
        for name in resolver.tables(catalog, &schema).await? {
            schemas.push(schema.clone());
            names.push(name);
            kinds.push(kind.to_owned());
        }
    }
    let rows = names.len();
    let columns = vec![
        same("table_catalog", &catalog.name, rows),
        text("table_schema", schemas),
        text("table_name", names),
        text("table_type", kinds),
        same("is_insertable_into", "NO", rows),
        same("is_typed", "NO", rows),
    ];
    Ok((rows, columns))
}

/// Where a column stands.
struct Place {
    schema: String,
    table: String,
    position: i32,
    column: Column,
}

async fn columns(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Columns> {
    let mut places = Vec::new();
    for schema in resolver.schemas(catalog).await? {
        if schema == SCHEMA {
            continue;
        }
        for (table, described) in resolver.described_tables(catalog, &schema).await? {
            let place = |(position, column)| Place { schema: schema.clone(), table: table.clone(), position, column };
            places.extend((1..).zip(described.columns).map(place));
        }
    }
    let rows = places.len();
    let of = |name, get: fn(&Place) -> String| text(name, places.iter().map(get).collect());
    let number = |name, get: fn(&DataType) -> Option<i32>| {
        let numbers: Int32Array = places.iter().map(|place| get(place.column.field.data_type())).collect();
        (name, Arc::new(numbers) as ArrayRef)
    };
    let positions: Int32Array = places.iter().map(|place| Some(place.position)).collect();
    let columns = vec![
        same("table_catalog", &catalog.name, rows),
        of("table_schema", |place| place.schema.clone()),
        of("table_name", |place| place.table.clone()),
        of("column_name", |place| place.column.name().to_owned()),
        ("ordinal_position", Arc::new(positions) as ArrayRef),
        of("is_nullable", |place| if place.column.field.is_nullable() { "YES" } else { "NO" }.to_owned()),
        of("data_type", |place| pg_type_name(place.column.field.data_type())),
        number("numeric_precision", |of| numeric(of).map(|(precision, ..)| precision)),
        number("numeric_precision_radix", |of| numeric(of).map(|(_, radix, _)| radix)),
        number("numeric_scale", |of| numeric(of).and_then(|(.., scale)| scale)),
        number("datetime_precision", datetime_precision),
        same("udt_catalog", &catalog.name, rows),
        same("udt_schema", "pg_catalog", rows),
        of("udt_name", |place| udt_name(place.column.field.data_type())),
        of("dtd_identifier", |place| place.position.to_string()),
        same("is_self_referencing", "NO", rows),
        same("is_identity", "NO", rows),
        same("identity_cycle", "NO", rows),
        same("is_generated", "NEVER", rows),
        same("is_updatable", "NO", rows),
    ];
    Ok((rows, columns))
}

/// Precision, its radix and the scale of a number.
fn numeric(data_type: &DataType) -> Option<(i32, i32, Option<i32>)> {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((i32::from(*precision), 10, Some(i32::from(*scale)))),
        DataType::UInt64 => Some((20, 10, Some(0))),
        DataType::Dictionary(_, values) => numeric(values),
        _ => match pg_type_name(data_type).as_str() {
            "smallint" => Some((16, 2, Some(0))),
            "integer" => Some((32, 2, Some(0))),
            "bigint" => Some((64, 2, Some(0))),
            "real" => Some((24, 2, None)),
            "double precision" => Some((53, 2, None)),
            _ => None,
        },
    }
}

/// Digits of a second.
fn datetime_precision(data_type: &DataType) -> Option<i32> {
    match pg_type_name(data_type).as_str() {
        "date" => Some(0),
        name if name.starts_with("time") || name == "interval" => Some(6),
        _ => None,
    }
}

/// The type's name in `pg_type`.
fn udt_name(data_type: &DataType) -> String {
    if let DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) = data_type {
        return format!("_{}", udt_name(item.data_type()).trim_start_matches('_'));
    }
    match pg_type_name(data_type).as_str() {
        "boolean" => "bool",
        "smallint" => "int2",
        "integer" => "int4",
        "bigint" => "int8",
        "real" => "float4",
        "double precision" => "float8",
        "time without time zone" => "time",
        "timestamp without time zone" => "timestamp",
        "timestamp with time zone" => "timestamptz",
        other => return other.to_owned(),
    }
    .to_owned()
}

fn text(name: &'static str, values: Vec<String>) -> (&'static str, ArrayRef) {
    (name, Arc::new(StringArray::from(values)))
}

fn same(name: &'static str, value: &str, rows: usize) -> (&'static str, ArrayRef) {
    (name, Arc::new(StringArray::from(vec![value; rows])))
}

/// The view with these columns; the others are NULL.
fn fill(schema: &SchemaRef, rows: usize, given: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    let mut given: HashMap<&str, ArrayRef> = given.into_iter().collect();
    let column = |field: &Arc<Field>| {
        given.remove(field.name().as_str()).unwrap_or_else(|| new_null_array(field.data_type(), rows))
    };
    let columns = schema.fields().iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(Error::internal)
}
