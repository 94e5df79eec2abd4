//! Everything that is not a query: SET, SHOW, USE, transactions, SHOW CATALOGS and its kin.

use super::api::{Notice, Outcome, QueryStream, TransactionStatus};
use super::query::Session;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::Kind;
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Reset, Set, ShowStatementFilter, ShowStatementIn, Statement, Use, Value,
};
use futures::StreamExt;
use std::sync::Arc;

/// The columns a statement of these kinds gives; `None` when it gives no rows.
pub(super) fn schema_of(kind: &Kind<'_>) -> Option<SchemaRef> {
    match kind {
        Kind::ShowCatalogs => Some(one_column("Catalog")),
        Kind::ShowSchemas(_) => Some(one_column("Schema")),
        Kind::ShowTables(..) => Some(one_column("Table")),
        Kind::ShowVariable(name) => Some(one_column(Settings::canonical(name).unwrap_or("setting"))),
        Kind::Explain { .. } => Some(one_column("QUERY PLAN")),
        _ => None,
    }
}

impl Session {
    pub(super) async fn execute_other(
        &mut self,
        kind: Kind<'_>,
        _sql: &str,
        _parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        match kind {
            Kind::ShowCatalogs => {
                let scope = self.scope();
                let names = scope.resolver().catalogs().map(|catalog| catalog.name.to_string()).collect();
                rows("Catalog", names)
            }
            Kind::ShowSchemas(place) => {
                let scope = self.scope();
                let resolver = scope.resolver();
                let parts = place_parts(place);
                let catalog = resolver.catalog(parts.first().unwrap_or(&self.path.catalog))?;
                rows("Schema", resolver.schemas(catalog).await?)
            }
            Kind::ShowTables(place, filter) => self.show_tables(place, filter).await,
            Kind::ShowVariable(name) => {
                let value = self.settings.show(&name)?.to_owned();
                rows(Settings::canonical(&name)?, vec![value])
            }
            Kind::Set(set) => self.set(set),
            Kind::Reset(Statement::Reset(reset)) => {
                match &reset.reset {
                    Reset::ALL => self.settings.reset_all(),
                    Reset::ConfigurationParameter(name) => self.settings.reset(&dotted(name))?,
                }
                Ok(Outcome::Done { tag: "RESET" })
            }
            Kind::Use(target) => self.use_schema(target).await,
            Kind::Begin => {
                if self.transaction != TransactionStatus::Idle {
                    self.notice("25001", "there is already a transaction in progress");
                }
                self.transaction = TransactionStatus::Open;
                Ok(Outcome::Done { tag: "BEGIN" })
            }
            Kind::Commit => Ok(Outcome::Done { tag: self.end_transaction("COMMIT") }),
            Kind::Rollback => Ok(Outcome::Done { tag: self.end_transaction("ROLLBACK") }),
            Kind::NoOp(tag) => {
                if tag == "DISCARD ALL" {
                    self.settings.reset_all();
                }
                Ok(Outcome::Done { tag })
            }
            Kind::Explain { .. } => Err(Error::unsupported("EXPLAIN")),
            Kind::Reset(_) | Kind::Query(_) => Err(Error::internal("a statement of another kind")),
        }
    }

    /// A failed block ends in ROLLBACK whatever it was asked for.
    fn end_transaction(&mut self, tag: &'static str) -> &'static str {
        match std::mem::take(&mut self.transaction) {
            TransactionStatus::Failed => "ROLLBACK",
            TransactionStatus::Open => tag,
            TransactionStatus::Idle => {
                self.notice("25P01", "there is no transaction in progress");
                tag
            }
        }
    }

    fn notice(&mut self, sqlstate: &'static str, message: &str) {
        self.notices.push(Notice { sqlstate, message: message.to_owned() });
    }

    async fn show_tables(
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

    fn set(&mut self, set: &Set) -> Result<Outcome> {
        match set {
            Set::SingleAssignment { variable, values, .. } => {
                let name = dotted(variable);
                match values.as_slice() {
                    [Expr::Identifier(word)] if word.value.eq_ignore_ascii_case("default") => {
                        self.settings.reset(&name)?
                    }
                    values => {
                        let value = values.iter().map(setting_text).collect::<Result<Vec<_>>>()?.join(", ");
                        self.settings.set(&name, &value)?;
                    }
                }
            }
            Set::SetTimeZone { value, .. } => self.settings.set("TimeZone", &setting_text(value)?)?,
            Set::SetTransaction { .. } => {}
            Set::SetNames { charset_name, .. } => self.settings.set("client_encoding", &charset_name.value)?,
            Set::SetRole { role_name: None, .. } | Set::SetSessionAuthorization(_) | Set::SetRole { .. } => {
                return Err(Error::new(ErrorCode::InsufficientPrivilege, "a session can't take another identity"));
            }
            _ => return Err(Error::unsupported("this form of SET")),
        }
        Ok(Outcome::Done { tag: "SET" })
    }

    async fn use_schema(&mut self, target: &Use) -> Result<Outcome> {
        let (Use::Object(name) | Use::Schema(name)) = target else {
            return Err(Error::unsupported("this form of USE"));
        };
        let parts = name_parts(name);
        match parts.as_slice() {
            [schema] => self.use_namespace(None, Some(schema)).await?,
            [catalog, schema] => self.use_namespace(Some(catalog), Some(schema)).await?,
            _ => return Err(Error::new(ErrorCode::SyntaxError, "USE takes [catalog.]schema")),
        }
        Ok(Outcome::Done { tag: "USE" })
    }
}

fn place_parts(place: Option<&ShowStatementIn>) -> Vec<String> {
    place.and_then(|place| place.parent_name.as_ref()).map(name_parts).unwrap_or_default()
}

/// The parts of a name, folded as PostgreSQL folds them.
fn name_parts(name: &ObjectName) -> Vec<String> {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    parts
        .map(|ident| if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() })
        .collect()
}

fn dotted(name: &ObjectName) -> String {
    name_parts(name).join(".")
}

fn setting_text(value: &Expr) -> Result<String> {
    match value {
        Expr::Identifier(word) => Ok(word.value.clone()),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Ok(text.clone()),
            Value::Number(number, _) => Ok(number.clone()),
            Value::Boolean(flag) => Ok(if *flag { "on" } else { "off" }.to_owned()),
            _ => Err(Error::new(ErrorCode::SyntaxError, "a setting takes a text, a number or a word")),
        },
        _ => Err(Error::new(ErrorCode::SyntaxError, "a setting takes a text, a number or a word")),
    }
}

fn one_column(name: &str) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]))
}

fn rows(column: &str, values: Vec<String>) -> Result<Outcome> {
    let schema = one_column(column);
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(StringArray::from(values))])
        .map_err(Error::internal)?;
    let stream: QueryStream = futures::stream::iter([Ok(batch)]).boxed();
    Ok(Outcome::Rows { schema, stream, verb: "SHOW", counted: false })
}
