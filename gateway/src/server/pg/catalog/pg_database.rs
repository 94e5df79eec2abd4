//! `pg_database`: every catalog that exists for the identity is a database, and so is the one it is connected to.

use super::cell::row;
use super::oid::{self, Class};
use crate::catalog::Resolver;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_database" {
        oid: u32,
        datname: String,
        datdba: u32,
        /// 6: UTF8.
        encoding: i32,
        datlocprovider: char,
        datallowconn: bool,
        datconnlimit: i32,
        dattablespace: u32,
        datcollate: &'static str,
        datctype: &'static str,
    }
}

pub(super) fn rows(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let mut names: Vec<String> = resolver.catalogs().map(|catalog| catalog.name.to_string()).collect();
    names.push(resolver.path.catalog.clone());
    names.sort_unstable();
    names.dedup();
    let row = |name: String| Row {
        oid: oid::of(Class::Database, &[&name]),
        datname: name,
        datdba: oid::DATABASE_OWNER,
        encoding: 6,
        datlocprovider: 'c',
        datallowconn: true,
        datconnlimit: -1,
        dattablespace: super::pg_tablespace::DEFAULT,
        datcollate: "C",
        datctype: "C",
    };
    Row::batch(&names.into_iter().map(row).collect::<Vec<_>>())
}
