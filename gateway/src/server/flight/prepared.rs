//! Prepared statements: a signed handle in the client's hands that holds the text, and later the values bound to it. Nothing is
//! kept here, so closing one only forgets it.

use super::auth::Caller;
use super::door::{Door, parse};
use super::parameters::{self, Bound};
use super::sealed::SealedStatement;
use super::statement::Asked;
use super::wire::{schema_bytes, wire_schema};
use crate::error::{Error, Result};
use arrow_flight::sql::{ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult};
use bytes::Bytes;
use std::time::SystemTime;

/// CreatePreparedStatement: bound with the same checks as when it runs.
pub(super) async fn create(
    door: &Door,
    caller: &Caller,
    request: ActionCreatePreparedStatementRequest,
) -> Result<ActionCreatePreparedStatementResult> {
    if request.transaction_id.is_some_and(|id| !id.is_empty()) {
        return Err(Error::unsupported("a transaction"));
    }
    let parsed = parse(&request.query)?;
    let described = door.session(caller).await?.describe(&parsed, &[]).await?;
    let user = caller.identity.user();
    let statement = SealedStatement::new(request.query, Bytes::new());
    // Without a schema the JDBC driver takes the statement for an update.
    let dataset_schema = described.schema.map(|schema| schema_bytes(&wire_schema(&schema))).transpose()?;
    Ok(ActionCreatePreparedStatementResult {
        prepared_statement_handle: door.handles.seal(user, statement, SystemTime::now()),
        dataset_schema: dataset_schema.unwrap_or_default(),
        parameter_schema: schema_bytes(&parameters::schema_of(&described.parameters))?,
    })
}

/// The handle of the same statement with these values, which are checked here rather than when it runs.
pub(super) async fn bind(door: &Door, caller: &Caller, handle: &[u8], values: Bytes) -> Result<Bytes> {
    let user = caller.identity.user();
    let statement = door.handles.open(user, handle, SystemTime::now())?;
    let described = door.session(caller).await?.describe(&parse(&statement.sql)?, &[]).await?;
    Bound::read(&values, door.max_parameters)?.values(&described.parameters)?;
    Ok(door.handles.seal(user, SealedStatement::new(statement.sql, values), SystemTime::now()))
}

/// The statement behind a handle.
pub(super) fn statement(door: &Door, caller: &Caller, handle: &[u8]) -> Result<Asked> {
    let statement = door.handles.open(caller.identity.user(), handle, SystemTime::now())?;
    Ok(Asked { sql: statement.sql, parameters: statement.parameters })
}
