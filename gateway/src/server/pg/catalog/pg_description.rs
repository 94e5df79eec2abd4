//! `pg_description`: the sources' comments on tables and columns.

use super::cell::row;
use super::objects::Objects;
use crate::catalog::{Catalog, Resolver};
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_description" {
        objoid: u32,
        classoid: u32,
        /// A column's number, 0 for the table.
        objsubid: i32,
        description: String,
    }
}

/// `pg_class`, which every commented object of ours is a row of.
const PG_CLASS: u32 = 1259;

pub(super) async fn rows(resolver: &Resolver<'_>, catalog: &Catalog, objects: &Objects) -> Result<RecordBatch> {
    let comments = objects.comments(resolver, catalog).await?;
    let row = |(&(oid, column), text): (&(u32, i32), &String)| Row {
        objoid: oid,
        classoid: PG_CLASS,
        objsubid: column,
        description: text.clone(),
    };
    Row::batch(&comments.iter().map(row).collect::<Vec<_>>())
}
