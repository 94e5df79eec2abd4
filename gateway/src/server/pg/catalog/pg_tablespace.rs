//! `pg_tablespace`: the two that PostgreSQL always has.

use super::cell::row;
use super::oid;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_tablespace" {
        oid: u32,
        spcname: &'static str,
        spcowner: u32,
    }
}

/// `pg_default`.
pub(super) const DEFAULT: u32 = 1663;

pub(super) fn rows() -> Result<RecordBatch> {
    let row = |oid, spcname| Row { oid, spcname, spcowner: oid::DATABASE_OWNER };
    Row::batch(&[row(DEFAULT, "pg_default"), row(1664, "pg_global")])
}
