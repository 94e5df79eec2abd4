//! `pg_collation`: text is compared by bytes, whatever a source does.

use super::cell::row;
use super::oid;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_collation" {
        oid: u32,
        collname: &'static str,
        collnamespace: u32,
        collowner: u32,
        /// `d` the database's, `c` the C library's.
        collprovider: char,
        collisdeterministic: bool,
        collencoding: i32,
        collcollate: Option<String>,
        collctype: Option<String>,
    }
}

pub(super) fn rows() -> Result<RecordBatch> {
    let row = |oid, collname, collprovider, locale: Option<&str>| Row {
        oid,
        collname,
        collnamespace: oid::PG_CATALOG,
        collowner: oid::DATABASE_OWNER,
        collprovider,
        collisdeterministic: true,
        collencoding: -1,
        collcollate: locale.map(str::to_owned),
        collctype: locale.map(str::to_owned),
    };
    Row::batch(&[row(100, "default", 'd', None), row(950, "C", 'c', Some("C")), row(951, "POSIX", 'c', Some("POSIX"))])
}
