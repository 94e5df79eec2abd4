//! `pg_language`: those of the built-in functions.

use super::cell::row;
use super::oid;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_language" {
        oid: u32,
        lanname: &'static str,
        lanowner: u32,
    }
}

/// The language of every built-in function.
pub(super) const INTERNAL: u32 = 12;

pub(super) fn rows() -> Result<RecordBatch> {
    let row = |oid, lanname| Row { oid, lanname, lanowner: oid::DATABASE_OWNER };
    Row::batch(&[row(INTERNAL, "internal"), row(13, "c"), row(14, "sql")])
}
