//! What a statement would read, for those who ask instead of running it: `naru policy explain`.

use super::api::Parsed;
use super::query::Session;
use crate::audit::AuditedTable;
use crate::catalog::{INFORMATION_SCHEMA, SYSTEM_CATALOG, SearchPath};
use crate::error::Result;
use crate::plan::{self, Kind};
use datafusion::common::TableReference;

impl Session {
    /// The tables that a statement would read, and which of their columns: bound with the checks of running it. USE and SET take
    /// effect for what follows; nothing else runs, and nothing is recorded.
    pub async fn reads(&mut self, parsed: &Parsed) -> Result<Vec<AuditedTable>> {
        let Some(statement) = &parsed.statement else { return Ok(Vec::new()) };
        let kind = plan::classify(statement)?;
        if kind.query().is_some() {
            let kept = self.bind(parsed, Vec::new()).await?;
            let scope = self.scope();
            let optimised = kept.optimised(&self.state(&scope.ctx), &scope.resolver(), Vec::new());
            // What fails for want of a parameter's value, or would fail while it runs, is read all the same.
            return Ok(optimised.map_or_else(|_| kept.bound.tables.clone(), |optimised| optimised.tables.clone()));
        }
        if matches!(kind, Kind::Use(_) | Kind::Set(_) | Kind::Reset(_)) {
            self.execute_other(kind).await?;
        }
        Ok(Vec::new())
    }

    /// Is this one of the tables that are made anew for each user: `information_schema`, `pg_catalog` and the `system` catalog?
    #[must_use]
    pub fn is_system_table(&self, reference: &TableReference) -> bool {
        let schema = reference.schema();
        reference.catalog() == Some(SYSTEM_CATALOG)
            || schema == Some(INFORMATION_SCHEMA)
            || self.gateway.system_schemas().iter().any(|system| match schema {
                Some(schema) => schema == system.name(),
                None => system.has(reference.table()),
            })
    }

    /// Where names without catalog or schema are looked up.
    #[must_use]
    pub fn search_path(&self) -> &SearchPath {
        &self.path
    }
}
