//! `system.runtime`: what the gateway is doing. Everybody finds it, each with their own rows; those who may read system
//! information see everybody's.

use crate::error::{Error, Result};
use crate::session::{Registry, RunningQuery};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;

/// The schema's name.
pub(super) const SCHEMA: &str = "runtime";

/// The rows of a table, or `None` when there is none of this name. `of` is whose rows; `None` is everybody's.
pub(super) fn table(registry: &Registry, schema: &str, table: &str, of: Option<&str>) -> Result<Option<RecordBatch>> {
    match (schema, table) {
        (SCHEMA, "queries") => queries(&registry.queries(of)).map(Some),
        _ => Ok(None),
    }
}

fn queries(queries: &[Arc<RunningQuery>]) -> Result<RecordBatch> {
    let text = |of: fn(&RunningQuery) -> &str| -> ArrayRef {
        Arc::new(queries.iter().map(|query| Some(of(query))).collect::<StringArray>())
    };
    let created = queries.iter().map(|query| query.created.timestamp_micros());
    let created = TimestampMicrosecondArray::from_iter_values(created).with_timezone("UTC");
    let rows = queries.iter().map(|query| i64::try_from(query.rows()).unwrap_or(i64::MAX));
    RecordBatch::try_from_iter([
        ("query_id", text(|query| &query.id)),
        ("state", text(|query| query.state().as_str())),
        ("user", text(|query| &query.user)),
        ("source", text(|query| &query.source)),
        ("query", text(|query| &query.sql)),
        ("created", Arc::new(created)),
        ("rows", Arc::new(Int64Array::from_iter_values(rows))),
    ])
    .map_err(Error::internal)
}
