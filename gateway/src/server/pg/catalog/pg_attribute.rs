//! `pg_attribute`: columns. Denied and hidden ones are absent, and the numbers of the others leave no gap that would tell of them.

use super::cell::row;
use super::objects::{Objects, Relation};
use super::pg_type::{BuiltIn, built_in, type_named};
use super::{definition, oid};
use crate::catalog::{Catalog, Resolver};
use crate::error::Result;
use crate::server::pg::types;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Field;
use std::collections::HashMap;

row! {
    "pg_attribute" {
        attrelid: u32,
        attname: String,
        atttypid: u32,
        attlen: i16,
        attnum: i16,
        attcacheoff: i32,
        atttypmod: i32,
        attndims: i16,
        attbyval: bool,
        attalign: char,
        attstorage: char,
        attnotnull: bool,
        attislocal: bool,
        /// -1: the default.
        attstattarget: i16,
        attcollation: u32,
    }
}

pub(super) async fn rows(resolver: &Resolver<'_>, catalog: &Catalog, objects: &Objects) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for relation in objects.relations.iter().filter(|relation| relation.schema_oid == oid::PG_CATALOG) {
        let Some(definition) = definition::relation(&relation.name) else { continue };
        for (position, (field, type_name)) in (1..).zip(definition.schema.fields().iter().zip(&definition.types)) {
            rows.extend(type_named(type_name).map(|shown| row(relation, position, field, shown, -1)));
        }
    }
    for (schema, _) in objects.schemas.iter().filter(|(_, oid)| *oid != oid::PG_CATALOG) {
        let tables: HashMap<_, _> = resolver.described_tables(catalog, schema).await?.into_iter().collect();
        for relation in objects.relations.iter().filter(|relation| relation.schema == *schema) {
            let Some(table) = tables.get(&relation.name) else { continue };
            for (position, column) in (1..).zip(&table.columns) {
                let shown = types::of_field(&column.field);
                let modifier =
                    if shown.element == &types::NUMERIC { types::type_modifier(column.field.data_type()) } else { -1 };
                rows.extend(built_in(shown.oid()).map(|shown| row(relation, position, &column.field, shown, modifier)));
            }
        }
    }
    Row::batch(&rows)
}

fn row(relation: &Relation, position: i16, field: &Field, shown: &BuiltIn, modifier: i32) -> Row {
    Row {
        attrelid: relation.oid,
        attname: field.name().clone(),
        atttypid: shown.oid,
        attlen: shown.length,
        attnum: position,
        attcacheoff: -1,
        atttypmod: modifier,
        attndims: i16::from(shown.category == 'A'),
        attbyval: shown.by_value,
        attalign: shown.align,
        attstorage: shown.storage,
        attnotnull: !field.is_nullable(),
        attislocal: true,
        attstattarget: -1,
        attcollation: shown.collation,
    }
}
