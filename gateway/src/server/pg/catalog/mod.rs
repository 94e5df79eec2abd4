//! `pg_catalog`, as PostgreSQL 16 has it: what clients ask about databases, schemas, tables, columns and types.
//!
//! One file a table: a row struct and a reader. A reader learns of objects through [`Objects`] alone, which holds what exists for
//! the asking identity; so no table can show more. Relations without a reader are there with all their columns and no rows.
//! Nothing here reads data or decides about rights.

mod cell;
mod definition;
mod objects;
mod oid;
mod pg_am;
mod pg_attribute;
mod pg_class;
mod pg_collation;
mod pg_cursors;
mod pg_database;
mod pg_description;
mod pg_get_keywords;
mod pg_language;
mod pg_namespace;
mod pg_proc;
mod pg_roles;
mod pg_settings;
mod pg_stat_activity;
mod pg_tables;
mod pg_tablespace;
mod pg_type;

pub(crate) use objects::{Comments, Objects, Relation};
pub(crate) use oid::{DATABASE_OWNER, role_oid};
pub(crate) use pg_proc::{procedure_name, procedure_oid};
pub(crate) use pg_type::{type_display, type_named};

use crate::catalog::{Catalog, Resolver, SystemSchema};
use crate::error::Result;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;

/// The role that owns everything.
pub(crate) const OWNER_NAME: &str = "naru";

/// The schema `pg_catalog` of every catalog.
#[derive(Debug)]
pub struct PgCatalog;

#[async_trait]
impl SystemSchema for PgCatalog {
    fn name(&self) -> &'static str {
        "pg_catalog"
    }

    fn has(&self, table: &str) -> bool {
        definition::relation(table).is_some() || table == pg_get_keywords::NAME
    }

    async fn table(&self, resolver: &Resolver<'_>, catalog: &Catalog, table: &str) -> Result<Option<RecordBatch>> {
        if !self.has(table) {
            return Ok(None);
        }
        let objects = || Objects::of(resolver, catalog);
        let rows = match table {
            "pg_am" => pg_am::rows(),
            "pg_attribute" => pg_attribute::rows(resolver, catalog, &*objects().await?).await,
            "pg_class" => pg_class::rows(&*objects().await?),
            "pg_collation" => pg_collation::rows(),
            "pg_cursors" => pg_cursors::rows(resolver),
            "pg_database" => pg_database::rows(resolver),
            "pg_description" => pg_description::rows(resolver, catalog, &*objects().await?).await,
            pg_get_keywords::NAME => pg_get_keywords::rows(),
            "pg_language" => pg_language::rows(),
            "pg_namespace" => pg_namespace::rows(&*objects().await?),
            "pg_proc" => pg_proc::rows(),
            "pg_roles" => pg_roles::rows(resolver),
            "pg_user" => pg_roles::users(resolver),
            "pg_settings" => pg_settings::rows(resolver),
            "pg_stat_activity" => pg_stat_activity::rows(resolver),
            "pg_tables" => pg_tables::rows(&*objects().await?),
            "pg_tablespace" => pg_tablespace::rows(),
            "pg_type" => pg_type::rows(),
            other => definition::empty(other),
        };
        rows.map(Some)
    }
}
