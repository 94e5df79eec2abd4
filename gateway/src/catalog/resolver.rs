//! From a name in a statement to a table under the asking identity's rights.
//!
//! An object without any right does not exist: it gives the same error as an unknown name.

use super::information_schema;
use super::registry::{Catalog, Snapshot};
use super::runtime;
use super::system::{SYSTEM_CATALOG, SessionFacts, SystemSchema, SystemTable};
use crate::error::{Error, ErrorCode, Result};
use crate::govern::{
    ColumnRight, Exposure, GovernedTable, PolicyExpressions, PolicySession, Restrictions, Rights, Stamp, TableRights,
    broken,
};
use crate::plan::Names;
use crate::session::Registry;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use naru_connector::{QueryContext, Table, TableAdapter, TableName};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where unqualified names are looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SearchPath {
    /// The session's catalog: to PostgreSQL clients, the database.
    pub catalog: String,
    /// The session's schema.
    pub schema: String,
}

impl SearchPath {
    /// A name's catalog, schema and table.
    #[must_use]
    pub fn complete<'r>(&'r self, reference: &'r TableReference) -> (&'r str, &'r str, &'r str) {
        (reference.catalog().unwrap_or(&self.catalog), reference.schema().unwrap_or(&self.schema), reference.table())
    }
}

/// Resolves names for one identity under one snapshot.
#[derive(Debug)]
pub struct Resolver<'a> {
    /// Catalogs and policies.
    pub snapshot: &'a Snapshot,
    /// The identity's rights.
    pub rights: &'a Rights,
    /// The query that asks.
    pub ctx: &'a QueryContext,
    /// Where unqualified names are looked up.
    pub path: &'a SearchPath,
    /// What runs now.
    pub running: &'a Registry,
    /// The session that asks.
    pub session: &'a SessionFacts,
    /// Schemas of our own making that every catalog has.
    pub system: &'a [Arc<dyn SystemSchema>],
}

/// A table as lists describe it: what exists of it for the identity.
#[derive(Debug)]
pub struct DescribedTable {
    /// The source's comment.
    pub comment: Option<String>,
    /// The columns, neither hidden nor denied.
    pub columns: Vec<naru_connector::Column>,
}

impl Resolver<'_> {
    /// Whose rights, under which policies: what every scan is stamped with.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp { user: self.rights.identity().user().into(), policy_version: self.snapshot.policies.version().into() }
    }

    /// The table of this name, or the error that an unknown name gives.
    pub async fn table(
        &self,
        reference: &TableReference,
        policies: &PolicySession<'_>,
        exposure: &Exposure,
    ) -> Result<Arc<dyn TableProvider>> {
        if let Some(rows) = self.runtime(reference)? {
            return Ok(Arc::new(SystemTable::new(rows)));
        }
        if let Some(rows) = self.system_table(reference).await? {
            return Ok(Arc::new(SystemTable::new(rows)));
        }
        let (_, schema, table) = self.complete(reference);
        let catalog = self.known_catalog(reference)?;
        if schema == information_schema::SCHEMA {
            let rows = information_schema::table(self, catalog, table).await?;
            return rows
                .map(|rows| Arc::new(SystemTable::new(rows)) as Arc<dyn TableProvider>)
                .ok_or_else(|| unknown_table(reference));
        }
        let Some((raw, Some(rights))) = self.raw(catalog, schema, table).await? else {
            return Err(self.unknown(reference, catalog).await?);
        };
        let name = TableReference::full(Arc::clone(&catalog.name), schema, table);
        let adapter = TableAdapter::new(
            Arc::clone(&catalog.name),
            TableName { schema: schema.to_owned(), table: table.to_owned() },
            raw,
        );
        let restrictions = self.restrictions(&name, &rights, &adapter.schema(), policies).await?;
        let governed = GovernedTable::new(name, Arc::new(adapter), rights, restrictions, self.stamp(), exposure)?;
        Ok(Arc::new(governed))
    }

    /// Do the sources still give these very tables? A connector that keeps what it knows of a table answers with the same object
    /// until it looks again.
    pub async fn still_gives(&self, tables: &[(TableReference, Arc<dyn Table>)]) -> bool {
        for (name, table) in tables {
            let (catalog, schema, name) = self.complete(name);
            let Some(catalog) = self.snapshot.catalogs.get(catalog) else { return false };
            match catalog.connector.table(self.ctx, schema, name).await {
                Ok(Some(now)) if Arc::ptr_eq(&now, table) => {}
                _ => return false,
            }
        }
        true
    }

    /// The table's policies as expressions. Tables in their subqueries are this identity's, looked up from the table's own
    /// schema, wherever the session is.
    async fn restrictions(
        &self,
        table: &TableReference,
        rights: &TableRights,
        schema: &Schema,
        policies: &PolicySession<'_>,
    ) -> Result<Restrictions> {
        if rights.unrestricted() {
            return Ok(Restrictions::none());
        }
        let expressions = PolicyExpressions::parse(rights, schema, self.rights.identity().user())?;
        let references = expressions.tables()?;
        let mut names = Names::new(policies.state(), HashMap::new(), HashMap::new());
        if !references.is_empty() {
            let inside = policies.entering(table)?;
            let (catalog, schema, _) = self.complete(table);
            let path = SearchPath { catalog: catalog.to_owned(), schema: schema.to_owned() };
            let resolver = Resolver { path: &path, ..*self };
            let exposure = Exposure { mentioned: HashSet::new(), hide_denied: false };
            for reference in references {
                let found = Box::pin(resolver.table(&reference, &inside, &exposure)).await;
                let found = found.map_err(|error| broken(&format!("{reference}: {error} {:?}", error.detail)))?;
                names.tables.insert(reference, provider_as_source(found));
            }
        }
        expressions.plan(&names, table, schema)
    }

    /// The rows of a table of [`SYSTEM_CATALOG`]: the identity's own, unless it may read system information.
    fn runtime(&self, reference: &TableReference) -> Result<Option<RecordBatch>> {
        let (catalog, schema, table) = self.complete(reference);
        if catalog != SYSTEM_CATALOG {
            return Ok(None);
        }
        let all = self.rights.reads_system_information();
        let of = if all { None } else { Some(self.rights.identity().user()) };
        let rows = runtime::table(self.running, schema, table, of)?;
        rows.map(Some).ok_or_else(|| match schema {
            runtime::SCHEMA => unknown_table(reference),
            _ => unknown_schema_or_table(reference, schema),
        })
    }

    /// The columns of a table as the identity knows them, or the error that an unknown name gives.
    pub async fn describe(&self, reference: &TableReference) -> Result<Vec<naru_connector::Column>> {
        if let Some(rows) = self.runtime(reference)? {
            return Ok(columns_of(&rows));
        }
        if let Some(rows) = self.system_table(reference).await? {
            return Ok(columns_of(&rows));
        }
        let (_, schema, table) = self.complete(reference);
        let catalog = self.known_catalog(reference)?;
        if schema == information_schema::SCHEMA {
            let rows =
                information_schema::table(self, catalog, table).await?.ok_or_else(|| unknown_table(reference))?;
            return Ok(columns_of(&rows));
        }
        if let Some(columns) = self.visible_columns(catalog, schema, table).await? {
            return Ok(columns);
        }
        Err(self.unknown(reference, catalog).await?)
    }

    /// Only a name that says its catalog learns that the catalog is unknown.
    fn known_catalog(&self, reference: &TableReference) -> Result<&Catalog> {
        let (catalog, schema, _) = self.complete(reference);
        let system = schema == information_schema::SCHEMA;
        match self.catalog(catalog) {
            // Who is connected to a catalog may ask what it holds, even for the answer that it holds nothing.
            Err(_) if system && reference.catalog().is_none() => self.own_catalog(),
            Err(_) if reference.catalog().is_none() => Err(unknown_schema_or_table(reference, schema)),
            known => known,
        }
    }

    async fn unknown(&self, reference: &TableReference, catalog: &Catalog) -> Result<Error> {
        let (_, schema, _) = self.complete(reference);
        let known = self.rights.sees_schema(&catalog.name, schema)
            && catalog.connector.schemas(self.ctx).await?.iter().any(|name| name == schema);
        Ok(if known { unknown_table(reference) } else { unknown_schema_or_table(reference, schema) })
    }

    /// The catalog that the session is connected to, whether or not there are any rights on it.
    fn own_catalog(&self) -> Result<&Catalog> {
        let own = self.snapshot.catalogs.get(&self.path.catalog);
        own.ok_or_else(|| Error::new(ErrorCode::UndefinedCatalog, "this session's catalog is gone: connect to another"))
    }

    /// The rows of a table of a system schema, when the name means one.
    async fn system_table(&self, reference: &TableReference) -> Result<Option<RecordBatch>> {
        let Some(system) = self.system_schema(reference) else { return Ok(None) };
        let catalog = match reference.catalog() {
            Some(name) => self.catalog(name)?,
            None => self.own_catalog()?,
        };
        system.table(self, catalog, reference.table()).await?.map(Some).ok_or_else(|| unknown_table(reference))
    }

    fn system_schema(&self, reference: &TableReference) -> Option<&Arc<dyn SystemSchema>> {
        self.system.iter().find(|system| match reference.schema() {
            Some(schema) => schema == system.name(),
            None => system.has(reference.table()),
        })
    }

    /// Does the name mean a table that is made anew for who asks: of `information_schema`, `pg_catalog` or the `system` catalog?
    #[must_use]
    pub fn is_system_table(&self, reference: &TableReference) -> bool {
        let (catalog, schema, _) = self.complete(reference);
        catalog == SYSTEM_CATALOG || schema == information_schema::SCHEMA || self.system_schema(reference).is_some()
    }

    async fn raw(
        &self,
        catalog: &Catalog,
        schema: &str,
        table: &str,
    ) -> Result<Option<(Arc<dyn Table>, Option<TableRights>)>> {
        // Rights first: the source is not asked about what does not exist for this identity.
        if !self.rights.sees_table(&catalog.name, schema, table) {
            return Ok(None);
        }
        let Some(raw) = catalog.connector.table(self.ctx, schema, table).await? else { return Ok(None) };
        let rights = self.rights.table(&catalog.name, schema, table, raw.columns());
        Ok(Some((raw, rights)))
    }

    fn complete<'r>(&'r self, reference: &'r TableReference) -> (&'r str, &'r str, &'r str) {
        self.path.complete(reference)
    }

    /// The catalog of this name, if it exists for the identity.
    pub fn catalog(&self, name: &str) -> Result<&Catalog> {
        self.snapshot
            .catalogs
            .get(name)
            .filter(|catalog| self.rights.sees_catalog(&catalog.name))
            .ok_or_else(|| Error::new(ErrorCode::UndefinedCatalog, format!("catalog \"{name}\" does not exist")))
    }

    /// The catalogs that exist for the identity.
    pub fn catalogs(&self) -> impl Iterator<Item = &Catalog> {
        self.snapshot.catalogs.iter().filter(|catalog| self.rights.sees_catalog(&catalog.name))
    }

    /// The schemas of a catalog that exist for the identity, `information_schema` included.
    pub async fn schemas(&self, catalog: &Catalog) -> Result<Vec<String>> {
        let mut schemas = catalog.connector.schemas(self.ctx).await?;
        schemas.retain(|schema| self.rights.sees_schema(&catalog.name, schema));
        schemas.push(information_schema::SCHEMA.to_owned());
        schemas.sort_unstable();
        Ok(schemas)
    }

    /// The tables of a schema that exist for the identity.
    pub async fn tables(&self, catalog: &Catalog, schema: &str) -> Result<Vec<String>> {
        if schema == information_schema::SCHEMA {
            return Ok(information_schema::views().map(str::to_owned).collect());
        }
        let mut tables = catalog.connector.tables(self.ctx, schema).await?;
        tables.retain(|table| self.rights.sees_table(&catalog.name, schema, table));
        Ok(tables)
    }

    /// Is this a schema of our own making, in every catalog?
    #[must_use]
    pub fn is_system_schema(schema: &str) -> bool {
        schema == information_schema::SCHEMA
    }

    /// The columns that a list of this table shows: [`Self::visible_columns`], or those of one of our own tables.
    pub async fn listed_columns(
        &self,
        catalog: &Catalog,
        schema: &str,
        table: &str,
    ) -> Result<Option<Vec<naru_connector::Column>>> {
        if !Self::is_system_schema(schema) {
            return self.visible_columns(catalog, schema, table).await;
        }
        let rows = information_schema::table(self, catalog, table).await?;
        Ok(rows.as_ref().map(columns_of))
    }

    /// The tables of a schema that exist for the identity, described. The source is asked once for all of them, unless some don't
    /// exist for the identity: an error must not name those.
    pub async fn described_tables(&self, catalog: &Catalog, schema: &str) -> Result<Vec<(String, DescribedTable)>> {
        if schema == information_schema::SCHEMA {
            let describe = |(name, columns)| (name, DescribedTable { comment: None, columns });
            return Ok(information_schema::described().map(describe).collect());
        }
        if !self.rights.sees_schema(&catalog.name, schema) {
            return Ok(Vec::new());
        }
        let all = catalog.connector.tables(self.ctx, schema).await?;
        let sees = |table: &String| self.rights.sees_table(&catalog.name, schema, table);
        let mut tables = Vec::new();
        if all.iter().all(sees) {
            tables = catalog.connector.columns(self.ctx, schema).await?;
        } else {
            for name in all.into_iter().filter(sees) {
                let table = catalog.connector.table(self.ctx, schema, &name).await?;
                tables.extend(table.map(|table| (name, table)));
            }
        }
        let describe = |(name, table): (String, Arc<dyn Table>)| {
            let rights = self.rights.table(&catalog.name, schema, &name, table.columns())?;
            let columns = visible(table.as_ref(), &rights);
            Some((name, DescribedTable { comment: table.comment().map(str::to_owned), columns }))
        };
        Ok(tables.into_iter().filter_map(describe).collect())
    }

    /// A table's columns that exist for the identity and are not hidden, with the table's own description.
    pub async fn visible_columns(
        &self,
        catalog: &Catalog,
        schema: &str,
        table: &str,
    ) -> Result<Option<Vec<naru_connector::Column>>> {
        let Some((raw, Some(rights))) = self.raw(catalog, schema, table).await? else { return Ok(None) };
        Ok(Some(visible(raw.as_ref(), &rights)))
    }
}

fn visible(table: &dyn Table, rights: &TableRights) -> Vec<naru_connector::Column> {
    let columns = table.columns().iter().zip(&rights.columns);
    let shown = columns.filter(|(column, right)| !column.hidden && **right != ColumnRight::Denied);
    shown
        .map(|(column, right)| match right {
            ColumnRight::Masked(_) => {
                let field = column.field.as_ref().clone().with_nullable(true);
                naru_connector::Column { field: Arc::new(field), ..column.clone() }
            }
            _ => column.clone(),
        })
        .collect()
}

fn columns_of(rows: &RecordBatch) -> Vec<naru_connector::Column> {
    rows.schema().fields().iter().map(|field| naru_connector::Column::from_field(Arc::clone(field))).collect()
}

fn unknown_table(reference: &TableReference) -> Error {
    Error::new(ErrorCode::UndefinedTable, format!("relation \"{reference}\" does not exist"))
}

/// A name that says its schema learns that the schema is unknown; a bare one, that the relation is.
fn unknown_schema_or_table(reference: &TableReference, schema: &str) -> Error {
    match reference.schema() {
        Some(_) => Error::new(ErrorCode::UndefinedSchema, format!("schema \"{schema}\" does not exist")),
        None => unknown_table(reference),
    }
}
