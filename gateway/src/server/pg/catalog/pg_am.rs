//! `pg_am`: access methods. Clients join it to name a table's.

use super::cell::row;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_am" {
        oid: u32,
        amname: &'static str,
        /// `t` table, `i` index.
        amtype: char,
    }
}

/// The access method of every table.
pub(super) const HEAP: u32 = 2;

pub(super) fn rows() -> Result<RecordBatch> {
    Row::batch(&[
        Row { oid: HEAP, amname: "heap", amtype: 't' },
        Row { oid: 403, amname: "btree", amtype: 'i' },
        Row { oid: 405, amname: "hash", amtype: 'i' },
    ])
}
