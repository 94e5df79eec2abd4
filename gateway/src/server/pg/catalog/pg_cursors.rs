//! `pg_cursors`: the cursors of the session that asks.

use super::cell::row;
use crate::catalog::Resolver;
use crate::error::Result;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_cursors" {
        name: String,
        statement: String,
        is_holdable: bool,
        is_binary: bool,
        is_scrollable: bool,
        creation_time: DateTime<Utc>,
    }
}

pub(super) fn rows(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let cursors = resolver.session.cursors.iter().map(|cursor| Row {
        name: cursor.name.clone(),
        statement: cursor.sql.to_string(),
        is_holdable: cursor.hold,
        is_binary: cursor.binary,
        is_scrollable: cursor.scroll,
        creation_time: cursor.declared_at,
    });
    Row::batch(&cursors.collect::<Vec<_>>())
}
