//! `pg_class`: relations.

use super::cell::row;
use super::objects::Objects;
use super::{oid, pg_am};
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_class" {
        oid: u32,
        relname: String,
        relnamespace: u32,
        relowner: u32,
        relam: u32,
        /// Never vacuumed: PostgreSQL's way to say that nobody knows. A true count would tell of hidden rows.
        reltuples: f32,
        relpersistence: char,
        relkind: char,
        relispopulated: bool,
        /// `d`: what PostgreSQL has unless told otherwise; `n` for its own.
        relreplident: char,
    }
}

pub(super) fn rows(objects: &Objects) -> Result<RecordBatch> {
    let row = |relation: &super::Relation| Row {
        oid: relation.oid,
        relname: relation.name.clone(),
        relnamespace: relation.schema_oid,
        relowner: oid::DATABASE_OWNER,
        relam: if relation.kind == 'r' { pg_am::HEAP } else { 0 },
        reltuples: -1.0,
        relpersistence: 'p',
        relkind: relation.kind,
        relispopulated: true,
        relreplident: if relation.kind == 'r' && relation.schema_oid != oid::PG_CATALOG { 'd' } else { 'n' },
    };
    Row::batch(&objects.relations.iter().map(row).collect::<Vec<_>>())
}
