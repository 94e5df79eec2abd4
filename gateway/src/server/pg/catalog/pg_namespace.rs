//! `pg_namespace`: schemas.

use super::cell::row;
use super::objects::Objects;
use super::oid;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_namespace" {
        oid: u32,
        nspname: String,
        nspowner: u32,
    }
}

pub(super) fn rows(objects: &Objects) -> Result<RecordBatch> {
    let row = |(name, oid): &(String, u32)| Row { oid: *oid, nspname: name.clone(), nspowner: oid::DATABASE_OWNER };
    Row::batch(&objects.schemas.iter().map(row).collect::<Vec<_>>())
}
