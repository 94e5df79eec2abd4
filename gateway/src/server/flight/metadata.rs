//! The metadata commands: what exists for the caller, in the exact schemas of FlightSql.proto.
//!
//! Drivers check these schemas to the last nullability. Rows come from the session's lists, which hold nothing that the caller may
//! not know of; a FlightInfo of these commands tells nothing but the schema, and the command is its own ticket.

use super::auth::Caller;
use super::door::Door;
use super::encode::encode;
use super::statement::Rows;
use super::table_schema::table_schema;
use super::{keys, service, sql_info, xdbc};
use crate::error::{Error, Result};
use crate::session::TableFilter;
use arrow_flight::sql::metadata::{GetTablesBuilder, SqlInfoDataBuilder};
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTables};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{StreamExt, stream};
use std::sync::Arc;

/// A table of a source.
const TABLE: &str = "TABLE";
/// A table of our own, such as those of `information_schema`.
const VIEW: &str = "VIEW";

/// The columns that a command gives.
pub(super) fn schema(command: &Command) -> Result<SchemaRef> {
    Ok(match command {
        Command::CommandGetCatalogs(_) => text_columns(&[("catalog_name", false)]),
        Command::CommandGetDbSchemas(_) => text_columns(&[("catalog_name", true), ("db_schema_name", false)]),
        Command::CommandGetTables(tables) => tables.clone().into_builder().schema(),
        Command::CommandGetTableTypes(_) => text_columns(&[("table_type", false)]),
        Command::CommandGetSqlInfo(_) => Arc::new(SqlInfoDataBuilder::schema().clone()),
        Command::CommandGetXdbcTypeInfo(_) => xdbc::types()?.schema(),
        Command::CommandGetPrimaryKeys(_) => keys::primary_keys(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => keys::foreign_keys(),
        other => return Err(Error::unsupported(service::name(other))),
    })
}

/// The rows that a command gives to this caller.
pub(super) async fn rows(door: &Door, caller: &Caller, command: Command) -> Result<Rows> {
    let schema = schema(&command)?;
    let name = service::name(&command);
    let found = answer(door, caller, &schema, command).await;
    door.session(caller).await?.audit_metadata(&name, found.as_ref().err())?;
    encode(door, schema, stream::iter([Ok(found?)]).boxed())
}

async fn answer(door: &Door, caller: &Caller, schema: &SchemaRef, command: Command) -> Result<RecordBatch> {
    Ok(match command {
        Command::CommandGetCatalogs(_) => {
            let catalogs = door.session(caller).await?.list_catalogs();
            batch(schema, vec![catalogs])?
        }
        Command::CommandGetDbSchemas(filter) => schemas(door, caller, schema, filter).await?,
        Command::CommandGetTables(filter) => tables(door, caller, filter).await?,
        Command::CommandGetTableTypes(_) => batch(schema, vec![vec![TABLE.to_owned(), VIEW.to_owned()]])?,
        Command::CommandGetSqlInfo(asked) => asked.into_builder(sql_info::infos()?).build().map_err(Error::internal)?,
        Command::CommandGetXdbcTypeInfo(asked) => {
            asked.into_builder(xdbc::types()?).build().map_err(Error::internal)?
        }
        // Sources' keys are not known yet: no rows, of the right columns.
        _ => RecordBatch::new_empty(Arc::clone(schema)),
    })
}

async fn schemas(door: &Door, caller: &Caller, schema: &SchemaRef, filter: CommandGetDbSchemas) -> Result<RecordBatch> {
    let session = door.session(caller).await?;
    let found = session.list_schemas(filter.catalog.as_deref(), filter.db_schema_filter_pattern.as_deref()).await?;
    let (catalogs, schemas) = found.into_iter().unzip();
    batch(schema, vec![catalogs, schemas])
}

async fn tables(door: &Door, caller: &Caller, command: CommandGetTables) -> Result<RecordBatch> {
    let session = door.session(caller).await?;
    let filter = TableFilter {
        catalog: command.catalog.clone(),
        schemas: command.db_schema_filter_pattern.clone(),
        tables: command.table_name_filter_pattern.clone(),
        with_columns: command.include_schema,
    };
    // The session has filtered by name; what is left to the builder is the table type and the order.
    let mut builder = GetTablesBuilder::new(
        None::<String>,
        None::<String>,
        None::<String>,
        command.table_types,
        command.include_schema,
    );
    for table in session.list_tables(&filter).await? {
        let kind = if table.system { VIEW } else { TABLE };
        let schema = table_schema(&table);
        builder.append(&table.catalog, &table.schema, &table.name, kind, &schema).map_err(Error::internal)?;
    }
    builder.build().map_err(Error::internal)
}

fn text_columns(columns: &[(&str, bool)]) -> SchemaRef {
    let field = |(name, nullable): &(&str, bool)| Field::new(*name, DataType::Utf8, *nullable);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn batch(schema: &SchemaRef, columns: Vec<Vec<String>>) -> Result<RecordBatch> {
    let columns = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as _).collect();
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(Error::internal)
}
