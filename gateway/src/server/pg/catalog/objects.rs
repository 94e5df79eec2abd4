//! The schemas and relations of one database that exist for one identity, with their OIDs. Collected once per query.

use super::definition;
use super::oid::{self, Class};
use crate::catalog::{Catalog, Resolver};
use crate::error::Result;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A relation, a view of ours included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    pub(crate) oid: u32,
    pub(crate) schema: String,
    pub(crate) schema_oid: u32,
    pub(crate) name: String,
    /// `relkind`: `r` or `v`.
    pub(crate) kind: char,
}

/// What exists in a database.
#[derive(Debug)]
pub(crate) struct Objects {
    /// The schema that unqualified names are looked up in after `pg_catalog`.
    pub(crate) current_schema: String,
    /// Schemas and their OIDs.
    pub(crate) schemas: Vec<(String, u32)>,
    /// Relations, schema by schema.
    pub(crate) relations: Vec<Relation>,
    by_oid: HashMap<u32, usize>,
    by_name: HashMap<(String, String), usize>,
}

impl Objects {
    /// What exists for the identity that asks, collected once per query.
    pub(crate) async fn of(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Arc<Self>> {
        let key = format!("pg_catalog objects of {}", catalog.name);
        resolver.ctx.once.get_or_try_init(&key, || Self::collect(resolver, catalog)).await
    }

    async fn collect(resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Self> {
        let database: &str = &catalog.name;
        let mut taken = HashSet::new();
        let mut schemas = vec![("pg_catalog".to_owned(), oid::PG_CATALOG)];
        for schema in resolver.schemas(catalog).await? {
            let oid = match schema.as_str() {
                "information_schema" => oid::INFORMATION_SCHEMA,
                _ => oid::unused(Class::Schema, &[database, &schema], &mut taken),
            };
            schemas.push((schema, oid));
        }
        let mut relations = Vec::new();
        for (schema, schema_oid) in &schemas {
            if *schema_oid == oid::PG_CATALOG {
                relations.extend(definition::all().map(|(name, definition)| Relation {
                    oid: definition.oid,
                    schema: schema.clone(),
                    schema_oid: *schema_oid,
                    name: name.to_owned(),
                    kind: definition.kind,
                }));
                continue;
            }
            for (position, name) in (1..).zip(resolver.tables(catalog, schema).await?) {
                let ours = *schema_oid == oid::INFORMATION_SCHEMA;
                let oid = if ours {
                    oid::INFORMATION_SCHEMA + position
                } else {
                    oid::unused(Class::Relation, &[database, schema, &name], &mut taken)
                };
                let kind = if ours { 'v' } else { 'r' };
                relations.push(Relation { oid, schema: schema.clone(), schema_oid: *schema_oid, name, kind });
            }
        }
        Ok(Self::new(resolver.path.schema.clone(), schemas, relations))
    }

    fn new(current_schema: String, schemas: Vec<(String, u32)>, relations: Vec<Relation>) -> Self {
        let by_oid = relations.iter().enumerate().map(|(index, relation)| (relation.oid, index)).collect();
        let name = |relation: &Relation| (relation.schema.clone(), relation.name.clone());
        let by_name = relations.iter().enumerate().map(|(index, relation)| (name(relation), index)).collect();
        Self { current_schema, schemas, relations, by_oid, by_name }
    }

    /// The relation with this OID.
    pub(crate) fn relation(&self, oid: u32) -> Option<&Relation> {
        self.by_oid.get(&oid).and_then(|&index| self.relations.get(index))
    }

    /// The relation of this name; without a schema, the one that an unqualified name means.
    pub(crate) fn relation_named(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        let in_schema = |schema: &str| {
            let index = self.by_name.get(&(schema.to_owned(), name.to_owned()))?;
            self.relations.get(*index)
        };
        match schema {
            Some(schema) => in_schema(schema),
            None => in_schema("pg_catalog").or_else(|| in_schema(&self.current_schema)),
        }
    }

    /// Does the relation's name need no schema?
    pub(crate) fn is_visible(&self, relation: &Relation) -> bool {
        self.relation_named(None, &relation.name) == Some(relation)
    }

    /// The OID of a schema.
    pub(crate) fn schema_named(&self, name: &str) -> Option<u32> {
        self.schemas.iter().find(|(schema, _)| schema == name).map(|(_, oid)| *oid)
    }

    /// The name of a schema.
    pub(crate) fn schema(&self, oid: u32) -> Option<&str> {
        self.schemas.iter().find(|(_, known)| *known == oid).map(|(name, _)| name.as_str())
    }
}

/// Comments by relation and column number; 0 is the relation itself.
pub(crate) type Comments = BTreeMap<(u32, i32), String>;

impl Objects {
    /// The comments on what exists for the identity, collected once per query.
    pub(crate) async fn comments(&self, resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Arc<Comments>> {
        let key = format!("pg_catalog comments of {}", catalog.name);
        resolver.ctx.once.get_or_try_init(&key, || self.collect_comments(resolver, catalog)).await
    }

    async fn collect_comments(&self, resolver: &Resolver<'_>, catalog: &Catalog) -> Result<Comments> {
        let mut comments = Comments::new();
        for (schema, _) in self.schemas.iter().filter(|(_, schema_oid)| *schema_oid != oid::PG_CATALOG) {
            for (name, table) in resolver.described_tables(catalog, schema).await? {
                let Some(relation) = self.relation_named(Some(schema), &name) else { continue };
                comments.extend(table.comment.map(|text| ((relation.oid, 0), text)));
                for (number, column) in (1..).zip(table.columns) {
                    comments.extend(column.comment.map(|text| ((relation.oid, number), text)));
                }
            }
        }
        Ok(comments)
    }
}
