//! `pg_tables`: tables by name.

use super::cell::row;
use super::objects::{Objects, Relation};
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_tables" {
        schemaname: String,
        tablename: String,
        tableowner: &'static str,
        hasindexes: bool,
        hasrules: bool,
        hastriggers: bool,
        rowsecurity: bool,
    }
}

pub(super) fn rows(objects: &Objects) -> Result<RecordBatch> {
    let row = |relation: &Relation| Row {
        schemaname: relation.schema.clone(),
        tablename: relation.name.clone(),
        tableowner: super::OWNER_NAME,
        hasindexes: false,
        hasrules: false,
        hastriggers: false,
        rowsecurity: false,
    };
    let tables = objects.relations.iter().filter(|relation| relation.kind == 'r');
    Row::batch(&tables.map(row).collect::<Vec<_>>())
}
