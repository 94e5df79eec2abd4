//! `pg_get_keywords()`: the words that a client has to quote. The one function of `pg_catalog` that is read like a table.

use crate::error::{Error, Result};
use crate::functions::pg::RESERVED_WORDS;
use datafusion::arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use std::sync::Arc;

/// Its name.
pub(super) const NAME: &str = "pg_get_keywords";

pub(super) fn rows() -> Result<RecordBatch> {
    let count = RESERVED_WORDS.len();
    let text = |value| Arc::new(StringArray::from(vec![value; count])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("word", Arc::new(StringArray::from(RESERVED_WORDS.to_vec())) as ArrayRef),
        ("catcode", text("R")),
        ("barelabel", Arc::new(BooleanArray::from(vec![true; count]))),
        ("catdesc", text("reserved")),
        ("baredesc", text("can be bare label")),
    ])
    .map_err(Error::internal)
}
