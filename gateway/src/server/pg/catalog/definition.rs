//! The relations of `pg_catalog` and their columns, from `data/relations.txt`; values of columns that no reader fills.

use crate::error::{Error, Result};
use crate::server::pg::types::PG_TYPE;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use datafusion::common::ScalarValue;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

/// One relation.
#[derive(Debug)]
pub(super) struct Definition {
    /// Its OID: PostgreSQL's own.
    pub(super) oid: u32,
    /// `r` or `v`.
    pub(super) kind: char,
    /// The names of its columns' types, in order.
    pub(super) types: Vec<&'static str>,
    /// The columns.
    pub(super) schema: SchemaRef,
}

static RELATIONS: LazyLock<BTreeMap<&'static str, Definition>> = LazyLock::new(|| {
    let lines = include_str!("data/relations.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(parse).collect()
});

/// All relations by name.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Definition)> {
    RELATIONS.iter().map(|(name, definition)| (*name, definition))
}

/// The relation of this name.
pub(super) fn relation(name: &str) -> Option<&'static Definition> {
    RELATIONS.get(name)
}

fn parse(line: &'static str) -> Option<(&'static str, Definition)> {
    let mut words = line.split(' ');
    let (name, kind, oid) = (words.next()?, words.next()?.chars().next()?, words.next()?.parse().ok()?);
    let columns: Vec<(&str, &str)> = words.filter_map(|word| word.split_once(':')).collect();
    let fields: Vec<Field> = columns.iter().map(|(column, type_name)| field(column, type_name)).collect();
    let types = columns.iter().map(|(_, type_name)| type_name.trim_end_matches('!')).collect();
    Some((name, Definition { oid, kind, types, schema: Arc::new(Schema::new(fields)) }))
}

/// `name!` is never NULL; `_name` is an array.
fn field(column: &str, type_name: &str) -> Field {
    let nullable = !type_name.ends_with('!');
    let type_name = type_name.trim_end_matches('!');
    let element = type_name.trim_start_matches('_');
    let (data_type, element) = match element {
        "anyarray" => (list(DataType::Utf8), "text"),
        "int2vector" => (list(DataType::Int16), element),
        "oidvector" => (list(DataType::Int64), element),
        _ if type_name.starts_with('_') => (list(arrow_type(element)), element),
        _ => (arrow_type(element), element),
    };
    let metadata = HashMap::from([(PG_TYPE.to_owned(), element.to_owned())]);
    Field::new(column, data_type, nullable).with_metadata(metadata)
}

fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn arrow_type(name: &str) -> DataType {
    match name {
        "oid" | "regproc" | "regtype" | "xid" | "int8" => DataType::Int64,
        "int2" => DataType::Int16,
        "int4" => DataType::Int32,
        "bool" => DataType::Boolean,
        "float4" => DataType::Float32,
        "float8" => DataType::Float64,
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "numeric" => DataType::Decimal128(38, 0),
        "bytea" => DataType::Binary,
        // name, text, "char", pg_node_tree, inet, pg_lsn and what nobody decodes
        _ => DataType::Utf8,
    }
}

/// A relation of so many rows: the columns given, and for the others what PostgreSQL has where nothing is set: NULL, or zero, false
/// and the empty text where NULL is not allowed.
pub(super) fn fill(name: &str, rows: usize, given: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch> {
    let definition = relation(name).ok_or_else(|| Error::internal(format!("{name} is not defined")))?;
    let mut given: HashMap<&str, ArrayRef> = given.into_iter().collect();
    let column = |field: &Arc<Field>| match given.remove(field.name().as_str()) {
        Some(values) => Ok(values),
        None => unset(field, rows),
    };
    let columns = definition.schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    if let Some(unknown) = given.keys().next() {
        return Err(Error::internal(format!("{name} has no column {unknown}")));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&definition.schema), columns, &options).map_err(Error::internal)
}

fn unset(field: &Field, rows: usize) -> Result<ArrayRef> {
    if field.is_nullable() || rows == 0 {
        return Ok(new_null_array(field.data_type(), rows));
    }
    let value = ScalarValue::new_default(field.data_type())?;
    value.to_array_of_size(rows).map_err(Error::from)
}

/// A relation without rows.
pub(super) fn empty(name: &str) -> Result<RecordBatch> {
    fill(name, 0, Vec::new())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_relation_is_defined_once_and_can_be_empty() {
        assert!(all().count() > 130);
        let oids: HashSet<u32> = all().map(|(_, definition)| definition.oid).collect();
        assert_eq!(oids.len(), all().count());
        for (name, definition) in all() {
            assert_eq!(empty(name).unwrap().num_columns(), definition.types.len(), "{name}");
        }
    }

    #[test]
    fn a_column_that_is_not_the_relations_is_refused() {
        let column = new_null_array(&DataType::Int64, 0);
        assert!(fill("pg_am", 0, vec![("amnone", column)]).is_err());
    }
}
