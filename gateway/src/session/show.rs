//! SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS and DESCRIBE, with Trino's columns: lists of what exists for the identity.

use super::api::Outcome;
use super::query::Session;
use super::statement::{name_parts, place_parts, rows, rows_in};
use crate::catalog::type_text;
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::{ObjectName, ShowStatementFilter, ShowStatementIn};
use std::sync::Arc;

/// The columns of SHOW COLUMNS and DESCRIBE.
pub(super) fn columns_schema() -> SchemaRef {
    let fields = ["Column", "Type", "Extra", "Comment"].map(|name| Field::new(name, DataType::Utf8, false));
    Arc::new(Schema::new(fields.to_vec()))
}

impl Session {
    pub(super) fn show_catalogs(&self) -> Result<Outcome> {
        let scope = self.scope();
        let names = scope.resolver().catalogs().map(|catalog| catalog.name.to_string()).collect();
        rows("Catalog", names)
    }

    pub(super) async fn show_schemas(&self, place: Option<&ShowStatementIn>) -> Result<Outcome> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let parts = place_parts(place);
        let catalog = resolver.catalog(parts.first().unwrap_or(&self.path.catalog))?;
        rows("Schema", resolver.schemas(catalog).await?)
    }

    pub(super) async fn show_tables(
        &self,
        place: Option<&ShowStatementIn>,
        filter: Option<&ShowStatementFilter>,
    ) -> Result<Outcome> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let parts = place_parts(place);
        let (catalog, schema) = match parts.as_slice() {
            [] => (&self.path.catalog, &self.path.schema),
            [schema] => (&self.path.catalog, schema),
            [catalog, schema] => (catalog, schema),
            _ => return Err(Error::new(ErrorCode::SyntaxError, "SHOW TABLES takes [catalog.]schema")),
        };
        let catalog = resolver.catalog(catalog)?;
        if !resolver.schemas(catalog).await?.contains(schema) {
            return Err(Error::new(ErrorCode::UndefinedSchema, format!("schema \"{schema}\" does not exist")));
        }
        let mut tables = resolver.tables(catalog, schema).await?;
        match filter {
            None => {}
            Some(ShowStatementFilter::Like(pattern)) => {
                let matches = datafusion::arrow::compute::like(
                    &StringArray::from(tables.clone()),
                    &StringArray::new_scalar(pattern),
                )
                .map_err(Error::internal)?;
                let mut keep = matches.values().iter();
                tables.retain(|_| keep.next().unwrap_or(false));
            }
            Some(_) => return Err(Error::unsupported("SHOW TABLES with anything but LIKE")),
        }
        rows("Table", tables)
    }

    pub(super) async fn show_columns(&self, name: &ObjectName) -> Result<Outcome> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let reference = match name_parts(name).as_slice() {
            [table] => TableReference::bare(table.as_str()),
            [schema, table] => TableReference::partial(schema.as_str(), table.as_str()),
            [catalog, schema, table] => TableReference::full(catalog.as_str(), schema.as_str(), table.as_str()),
            _ => return Err(Error::new(ErrorCode::SyntaxError, "a table is named [catalog.][schema.]table")),
        };
        let described = resolver.describe(&reference).await?;
        let texts = |text: &dyn Fn(&naru_connector::Column) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(described.iter().map(text)))
        };
        let batch = RecordBatch::try_new(
            columns_schema(),
            vec![
                texts(&|column| column.name().to_owned()),
                texts(&|column| type_text(column.field.data_type())),
                texts(&|_| String::new()),
                texts(&|column| column.comment.clone().unwrap_or_default()),
            ],
        )
        .map_err(Error::internal)?;
        Ok(rows_in(batch, "SHOW"))
    }
}
