//! PREPARE, EXECUTE, DEALLOCATE. A prepared statement is its syntax tree: EXECUTE binds it anew under the policies and
//! catalogs of that moment.

use super::api::{Outcome, Parsed, Released};
use super::query::Session;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{self, folded};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName, Statement};
use std::sync::Arc;

/// The most prepared statements of one connection.
const MOST: usize = 5_000;

/// A statement under a name.
#[derive(Debug, Clone)]
pub(super) struct PreparedStatement {
    parsed: Parsed,
    types: Vec<DataType>,
}

impl Session {
    pub(super) async fn prepare(
        &mut self,
        name: &Ident,
        types: &[ast::DataType],
        statement: &Statement,
        sql: &Arc<str>,
    ) -> Result<Outcome> {
        let name = folded(name);
        if self.prepared.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(Error::new(ErrorCode::DuplicatePreparedStatement, message));
        }
        let given = {
            let (scope, types) = (self.scope(), types.to_vec());
            let state = self.state(&scope.ctx);
            let executor = self.gateway.executor();
            executor.plan(async move { plan::types(&state, &scope.resolver(), &types).await }).await?
        };
        let parsed = Parsed { sql: Arc::clone(sql), statement: Some(Arc::new(statement.clone())) };
        let given: Vec<_> = given.into_iter().map(Some).collect();
        let described = self.describe(&parsed, &given).await?;
        self.remember(name, parsed, described.parameters)?;
        Ok(Outcome::Done { tag: "PREPARE" })
    }

    /// Keeps a statement that a client prepared through its protocol, so that SQL may name it too.
    pub fn remember(&mut self, name: String, parsed: Parsed, types: Vec<DataType>) -> Result<()> {
        if self.prepared.len() >= MOST {
            let message = format!("this connection has {MOST} prepared statements, which is the most it may have");
            return Err(Error::new(ErrorCode::TooManyQueries, message));
        }
        self.prepared.insert(name, PreparedStatement { parsed, types });
        Ok(())
    }

    /// The client closed a named statement through its protocol.
    pub fn forget(&mut self, name: &str) {
        self.prepared.remove(name);
    }

    /// What statements gave up since the last call.
    pub fn take_released(&mut self) -> Vec<Released> {
        std::mem::take(&mut self.released)
    }

    /// The prepared statement that EXECUTE names, and the values it is given.
    pub(super) async fn executed(&self, name: &ObjectName, values: &[ast::Expr]) -> Result<(Parsed, Vec<ScalarValue>)> {
        let prepared = self.named(name)?.clone();
        let found = {
            let (scope, values) = (self.scope(), values.to_vec());
            let state = self.state(&scope.ctx);
            let executor = self.gateway.executor();
            executor.plan(async move { plan::constants(&state, &scope.resolver(), &values).await }).await?
        };
        if found.len() != prepared.types.len() {
            let message = format!(
                "wrong number of parameters for prepared statement: expected {}, got {}",
                prepared.types.len(),
                found.len()
            );
            return Err(Error::new(ErrorCode::SyntaxError, message));
        }
        let typed = found.into_iter().zip(&prepared.types).map(|(value, data_type)| {
            if value.data_type() == *data_type { Ok(value) } else { value.cast_to(data_type).map_err(Error::from) }
        });
        Ok((prepared.parsed, typed.collect::<Result<_>>()?))
    }

    /// What EXECUTE of this name will run.
    pub(super) fn prepared_named(&self, name: &ObjectName) -> Result<Parsed> {
        self.named(name).map(|prepared| prepared.parsed.clone())
    }

    fn named(&self, name: &ObjectName) -> Result<&PreparedStatement> {
        let name = super::statement::dotted(name);
        self.prepared.get(&name).ok_or_else(|| unknown(&name))
    }

    pub(super) fn deallocate(&mut self, name: &Ident) -> Result<Outcome> {
        let name = folded(name);
        if name == "all" {
            self.release_all();
            return Ok(Outcome::Done { tag: "DEALLOCATE ALL" });
        }
        self.prepared.remove(&name).ok_or_else(|| unknown(&name))?;
        self.released.push(Released::Statement(name));
        Ok(Outcome::Done { tag: "DEALLOCATE" })
    }

    pub(super) fn release_all(&mut self) {
        self.prepared.clear();
        self.released.push(Released::AllStatements);
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorCode::UndefinedPreparedStatement, format!("prepared statement \"{name}\" does not exist"))
}
