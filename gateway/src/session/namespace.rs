//! What exists for a session's identity, and where its unqualified names are looked up. Every list comes from the resolver, so
//! what a user may not know of is in none of them.

use super::query::Session;
use crate::catalog::{Catalog, Resolver, SearchPath};
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::array::StringArray;
use datafusion::arrow::compute::like;
use naru_connector::Column;

/// Which tables a list should hold. Patterns are those of LIKE, with a backslash before a literal `%` or `_`.
#[derive(Debug, Clone, Default)]
pub struct TableFilter {
    /// This catalog only.
    pub catalog: Option<String>,
    /// Schemas of such names.
    pub schemas: Option<String>,
    /// Tables of such names.
    pub tables: Option<String>,
    /// List the columns, too.
    pub with_columns: bool,
}

/// One table of a list.
#[derive(Debug, Clone)]
pub struct TableEntry {
    /// Its catalog.
    pub catalog: String,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// One of ours, such as those of `information_schema`.
    pub system: bool,
    /// Its visible columns, if they were asked for.
    pub columns: Vec<Column>,
}

impl Session {
    /// The session's catalog and schema.
    #[must_use]
    pub fn namespace(&self) -> (&str, &str) {
        (&self.path.catalog, &self.path.schema)
    }

    /// Moves to another catalog, to its default schema unless one is named; or to another schema; or, with neither, back to where
    /// sessions begin.
    pub async fn use_namespace(&mut self, catalog: Option<&str>, schema: Option<&str>) -> Result<()> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let name = match (catalog, schema) {
            (Some(catalog), _) => catalog,
            (None, Some(_)) => &self.path.catalog,
            (None, None) => scope.snapshot.catalogs.default_catalog(),
        };
        let path = match (schema, scope.snapshot.catalogs.get(name)) {
            (Some(schema), _) => {
                let catalog = resolver.catalog(name)?;
                if !resolver.schemas(catalog).await?.iter().any(|known| known == schema) {
                    let text = format!("schema \"{schema}\" does not exist");
                    return Err(Error::new(ErrorCode::UndefinedSchema, text));
                }
                SearchPath { catalog: catalog.name.to_string(), schema: schema.to_owned() }
            }
            // Everybody may be where sessions begin, as everybody may connect.
            (None, Some(default)) if catalog.is_none() => begin_in(default),
            (None, _) => begin_in(resolver.catalog(name)?),
        };
        self.path = path;
        Ok(())
    }

    /// The catalogs, sorted.
    #[must_use]
    pub fn list_catalogs(&self) -> Vec<String> {
        let scope = self.scope();
        scope.resolver().catalogs().map(|catalog| catalog.name.to_string()).collect()
    }

    /// Catalogs and schemas, sorted, of one catalog or all, of names like the pattern.
    pub async fn list_schemas(&self, catalog: Option<&str>, pattern: Option<&str>) -> Result<Vec<(String, String)>> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let mut found = Vec::new();
        for place in resolver.catalogs().filter(|place| catalog.is_none_or(|name| *place.name == *name)) {
            let schemas = answered(place, catalog, resolver.schemas(place).await)?;
            found.extend(matching(schemas, pattern)?.into_iter().map(|schema| (place.name.to_string(), schema)));
        }
        Ok(found)
    }

    /// The tables that pass the filter, by catalog, schema and name.
    pub async fn list_tables(&self, filter: &TableFilter) -> Result<Vec<TableEntry>> {
        let scope = self.scope();
        let resolver = scope.resolver();
        let mut found = Vec::new();
        let named = filter.catalog.as_deref();
        for place in resolver.catalogs().filter(|place| named.is_none_or(|name| *place.name == *name)) {
            let tables = tables_of(&resolver, place, filter).await;
            found.extend(answered(place, named, tables)?);
        }
        Ok(found)
    }
}

fn begin_in(catalog: &Catalog) -> SearchPath {
    SearchPath { catalog: catalog.name.to_string(), schema: catalog.default_schema.clone() }
}

async fn tables_of(resolver: &Resolver<'_>, catalog: &Catalog, filter: &TableFilter) -> Result<Vec<TableEntry>> {
    let mut found = Vec::new();
    for schema in matching(resolver.schemas(catalog).await?, filter.schemas.as_deref())? {
        let mut tables = matching(resolver.tables(catalog, &schema).await?, filter.tables.as_deref())?;
        tables.sort_unstable();
        for name in tables {
            let columns = match filter.with_columns {
                true => resolver.listed_columns(catalog, &schema, &name).await?,
                false => Some(Vec::new()),
            };
            // Gone since it was listed.
            let Some(columns) = columns else { continue };
            let system = Resolver::is_system_schema(&schema);
            found.push(TableEntry { catalog: catalog.name.to_string(), schema: schema.clone(), name, system, columns });
        }
    }
    Ok(found)
}

/// One source that does not answer must not hide all the others; but who asks for that one gets the error.
fn answered<T: Default>(catalog: &Catalog, asked: Option<&str>, answer: Result<T>) -> Result<T> {
    match answer {
        Err(error) if asked.is_none() => {
            tracing::warn!(catalog = %catalog.name, %error, "a catalog is left out of a list");
            Ok(T::default())
        }
        answer => answer,
    }
}

fn matching(mut names: Vec<String>, pattern: Option<&str>) -> Result<Vec<String>> {
    let Some(pattern) = pattern else { return Ok(names) };
    let matches =
        like(&StringArray::from(names.clone()), &StringArray::new_scalar(pattern)).map_err(Error::internal)?;
    let mut keep = matches.values().iter();
    names.retain(|_| keep.next().unwrap_or(false));
    Ok(names)
}
