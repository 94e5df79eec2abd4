//! Everything that is not a query: SET, SHOW, USE, transactions, SHOW CATALOGS and its kin.

use super::api::{Notice, Outcome, QueryStream, Released, TransactionStatus};
use super::query::Session;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{Kind, folded};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    DiscardObject, Expr, ObjectName, Reset, Set, SetSessionAuthorizationParamKind, ShowStatementIn, Statement, Use,
    Value,
};
use futures::StreamExt;
use std::sync::Arc;

/// The columns a statement of these kinds gives; `None` when it gives no rows.
pub(super) fn schema_of(kind: &Kind<'_>) -> Option<SchemaRef> {
    match kind {
        Kind::ShowCatalogs => Some(one_column("Catalog")),
        Kind::ShowSchemas(_) => Some(one_column("Schema")),
        Kind::ShowTables(..) => Some(one_column("Table")),
        Kind::ShowColumns(_) => Some(super::show::columns_schema()),
        Kind::ShowVariable(name) => Some(one_column(&super::search_path::column_of(name))),
        Kind::ShowAll => Some(super::catalog_settings::all_schema()),
        Kind::ShowSession => Some(super::catalog_settings::session_schema()),
        Kind::Explain { .. } => Some(one_column("QUERY PLAN")),
        _ => None,
    }
}

impl Session {
    pub(super) async fn execute_other(&mut self, kind: Kind<'_>) -> Result<Outcome> {
        match kind {
            Kind::ShowCatalogs => self.show_catalogs(),
            Kind::ShowSchemas(place) => self.show_schemas(place).await,
            Kind::ShowColumns(name) => self.show_columns(name).await,
            Kind::ShowTables(place, filter) => self.show_tables(place, filter).await,
            Kind::ShowVariable(name) => {
                let (column, value) = self.shown(&name)?;
                rows(&column, vec![value])
            }
            Kind::ShowAll => self.show_all(),
            Kind::ShowSession => self.show_session(),
            Kind::Set(set) => self.set(set),
            Kind::Reset(Statement::Reset(reset)) => {
                match &reset.reset {
                    Reset::ALL => self.unset_all()?,
                    Reset::ConfigurationParameter(name) => self.unset(&dotted(name))?,
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
            Kind::Commit => {
                let tag = self.end_transaction("COMMIT");
                if tag == "COMMIT" {
                    self.cursors.commit()
                } else {
                    self.cursors.roll_back()
                }
                Ok(Outcome::Done { tag })
            }
            Kind::Rollback => {
                self.cursors.roll_back();
                Ok(Outcome::Done { tag: self.end_transaction("ROLLBACK") })
            }
            Kind::NoOp(tag) => Ok(Outcome::Done { tag }),
            Kind::Deallocate(name) => self.deallocate(name),
            Kind::Discard(what) => self.discard(what),
            Kind::Close(name) => self.close(name),
            Kind::Reset(_)
            | Kind::Query(_)
            | Kind::Copy { .. }
            | Kind::Declare { .. }
            | Kind::Fetch { .. }
            | Kind::Explain { .. }
            | Kind::Prepare { .. }
            | Kind::Execute { .. } => Err(Error::internal("a statement of another kind")),
        }
    }

    fn discard(&mut self, what: &DiscardObject) -> Result<Outcome> {
        let tag = match what {
            DiscardObject::ALL if self.transaction != TransactionStatus::Idle => {
                let text = "DISCARD ALL cannot run inside a transaction block";
                return Err(Error::new(ErrorCode::ActiveTransaction, text));
            }
            DiscardObject::ALL => {
                self.unset_all()?;
                self.release_all();
                self.cursors.close_all();
                self.released.push(Released::AllPortals);
                "DISCARD ALL"
            }
            DiscardObject::PLANS => "DISCARD PLANS",
            DiscardObject::SEQUENCES => "DISCARD SEQUENCES",
            DiscardObject::TEMP => "DISCARD TEMP",
        };
        Ok(Outcome::Done { tag })
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

    fn set(&mut self, set: &Set) -> Result<Outcome> {
        match set {
            Set::SingleAssignment { variable, values, .. } => {
                let name = dotted(variable);
                match values.as_slice() {
                    [Expr::Identifier(word)] if word.value.eq_ignore_ascii_case("default") => self.unset(&name)?,
                    values => {
                        let value = values.iter().map(setting_text).collect::<Result<Vec<_>>>()?.join(", ");
                        self.assign(&name, &value)?;
                    }
                }
            }
            Set::SetTimeZone { value, .. } => self.settings.set("TimeZone", &setting_text(value)?)?,
            Set::SetTransaction { .. } => {}
            Set::SetNames { charset_name, .. } => self.settings.set("client_encoding", &charset_name.value)?,
            // It is that of the login already.
            Set::SetSessionAuthorization(param) if param.kind == SetSessionAuthorizationParamKind::Default => {}
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

pub(super) fn place_parts(place: Option<&ShowStatementIn>) -> Vec<String> {
    place.and_then(|place| place.parent_name.as_ref()).map(name_parts).unwrap_or_default()
}

/// The parts of a name, folded as PostgreSQL folds them.
pub(super) fn name_parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect()
}

pub(super) fn dotted(name: &ObjectName) -> String {
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

pub(super) fn one_column(name: &str) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, false)]))
}

pub(super) fn rows(column: &str, values: Vec<String>) -> Result<Outcome> {
    rows_of(column, values, "SHOW")
}

pub(super) fn rows_of(column: &str, values: Vec<String>, verb: &'static str) -> Result<Outcome> {
    let schema = one_column(column);
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(StringArray::from(values))])
        .map_err(Error::internal)?;
    Ok(rows_in(batch, verb))
}

pub(super) fn rows_in(batch: RecordBatch, verb: &'static str) -> Outcome {
    let schema = batch.schema();
    let stream: QueryStream = futures::stream::iter([Ok(batch)]).boxed();
    Outcome::Rows { schema, stream, verb, counted: false, binary: false }
}
