//! `pg_proc`: the functions that `pg_type` names, which drivers join to find out how a type is read and written. Others are not
//! listed.

use super::cell::row;
use super::{oid, pg_language};
use crate::error::Result;
use datafusion::arrow::array::{ArrayRef, Int64Builder, ListBuilder, RecordBatch};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

row! {
    "pg_proc" {
        oid: u32,
        proname: &'static str,
        pronamespace: u32,
        proowner: u32,
        prolang: u32,
        procost: f32,
        prokind: char,
        proisstrict: bool,
        proretset: bool,
        provolatile: char,
        proparallel: char,
        pronargs: i16,
        prorettype: u32,
        proargtypes: ArgumentTypes,
        prosrc: &'static str,
    }
}

/// An `oidvector`.
#[derive(Debug, Clone)]
pub(super) struct ArgumentTypes(Vec<i64>);

impl super::cell::Cell for ArgumentTypes {
    fn column(values: impl Iterator<Item = Self>) -> ArrayRef {
        let mut list = ListBuilder::new(Int64Builder::new());
        for Self(types) in values {
            list.append_value(types.into_iter().map(Some));
        }
        Arc::new(list.finish())
    }
}

static PROCEDURES: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("data/procedures.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(parse).collect()
});

static NAMES: LazyLock<HashMap<u32, &'static str>> =
    LazyLock::new(|| PROCEDURES.iter().map(|row| (row.oid, row.proname)).collect());

fn parse(line: &'static str) -> Option<Row> {
    let words: Vec<&str> = line.split(' ').collect();
    let &[oid, name, result, volatile, set, arguments] = words.as_slice() else { return None };
    let arguments: Vec<i64> = arguments.split(',').filter_map(|oid| oid.parse().ok()).collect();
    Some(Row {
        oid: oid.parse().ok()?,
        proname: name,
        pronamespace: oid::PG_CATALOG,
        proowner: oid::DATABASE_OWNER,
        prolang: pg_language::INTERNAL,
        procost: 1.0,
        prokind: 'f',
        proisstrict: true,
        proretset: set == "t",
        provolatile: volatile.chars().next()?,
        proparallel: 's',
        pronargs: i16::try_from(arguments.len()).ok()?,
        prorettype: result.parse().ok()?,
        proargtypes: ArgumentTypes(arguments),
        prosrc: name,
    })
}

pub(super) fn rows() -> Result<RecordBatch> {
    Row::batch(&PROCEDURES)
}

/// The name of a function, as `regproc` shows it.
pub(crate) fn procedure_name(oid: u32) -> Option<&'static str> {
    NAMES.get(&oid).copied()
}

/// The OID of a function, as `'name'::regproc` finds it.
pub(crate) fn procedure_oid(name: &str) -> Option<u32> {
    PROCEDURES.iter().find(|row| row.proname == name).map(|row| row.oid)
}
