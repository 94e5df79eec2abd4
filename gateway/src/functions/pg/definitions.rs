//! Functions that describe what Naru has none of: expressions, indexes, triggers, sizes on disk. PostgreSQL gives NULL for an object
//! that it doesn't find, and so do these.

use super::row_function::{RowFunction, integer, oid};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use std::ops::RangeInclusive;

const NO_TEXT: &[(&str, RangeInclusive<usize>)] = &[
    ("pg_describe_object", 3..=3),
    ("pg_get_constraintdef", 1..=2),
    ("pg_get_expr", 2..=3),
    ("pg_get_function_arg_default", 2..=2),
    ("pg_get_function_arguments", 1..=1),
    ("pg_get_function_identity_arguments", 1..=1),
    ("pg_get_function_result", 1..=1),
    ("pg_get_function_sqlbody", 1..=1),
    ("pg_get_functiondef", 1..=1),
    ("pg_get_indexdef", 1..=3),
    ("pg_get_partition_constraintdef", 1..=1),
    ("pg_get_partkeydef", 1..=1),
    ("pg_get_ruledef", 1..=2),
    ("pg_get_serial_sequence", 2..=2),
    ("pg_get_statisticsobjdef", 1..=1),
    ("pg_get_statisticsobjdef_columns", 1..=1),
    ("pg_get_triggerdef", 1..=2),
    ("pg_get_viewdef", 1..=2),
    ("pg_tablespace_location", 1..=1),
];

const NO_SIZE: &[&str] = &[
    "pg_database_size",
    "pg_indexes_size",
    "pg_relation_size",
    "pg_stat_get_numscans",
    "pg_table_size",
    "pg_tablespace_size",
    "pg_total_relation_size",
];

pub(super) fn functions() -> Vec<RowFunction> {
    let no_text = NO_TEXT.iter().map(|(name, arguments)| RowFunction::text(name, arguments.clone(), |_| Ok(None)));
    let no_size = NO_SIZE
        .iter()
        .map(|name| RowFunction::new(name, 1..=2, (DataType::Int64, "int8"), |_| Ok(ScalarValue::Int64(None))));
    let mut functions: Vec<_> = no_text.chain(no_size).collect();
    functions.extend([
        RowFunction::flag("pg_relation_is_publishable", 1..=1, |args| Ok(oid(args, 0).map(|_| false))),
        RowFunction::oid("pg_relation_is_updatable", 2..=2, |_| Ok(Some(0))),
        RowFunction::flag("pg_column_is_updatable", 3..=3, |_| Ok(Some(false))),
        // Nothing is partitioned, so a relation is its own and only ancestor.
        RowFunction::oid("pg_partition_ancestors", 1..=1, |args| Ok(oid(args, 0))),
        RowFunction::oid("pg_partition_root", 1..=1, |args| Ok(oid(args, 0))),
        RowFunction::text("pg_size_pretty", 1..=1, |args| Ok(integer(args, 0).map(size_pretty))),
    ]);
    functions
}

/// Bytes up to 10 kB, then rounded, as PostgreSQL prints them.
fn size_pretty(bytes: i64) -> String {
    const LIMIT: i64 = 10 * 1024;
    if bytes.abs() < LIMIT {
        return format!("{bytes} bytes");
    }
    let mut size = bytes;
    for unit in ["kB", "MB", "GB", "TB"] {
        // Half of a unit is rounded away from zero.
        let next = (size + size.signum() * 512) / 1024;
        if next.abs() < 2 * LIMIT {
            return format!("{next} {unit}");
        }
        size /= 1024;
    }
    format!("{} PB", (size + size.signum() * 512) / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_unit() {
        // As PostgreSQL 15 answers.
        for (bytes, text) in
            [(0, "0 bytes"), (10_239, "10239 bytes"), (10_240, "10 kB"), (20_971_520, "20 MB"), (-20_000, "-20 kB")]
        {
            assert_eq!(size_pretty(bytes), text);
        }
    }
}
