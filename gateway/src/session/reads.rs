//! What a statement would read, for those who ask instead of running it: `naru policy explain`.

use super::api::Parsed;
use super::query::Session;
use crate::audit::AuditedTable;
use crate::catalog::SearchPath;
use crate::error::Result;
use crate::govern::Rights;
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

    /// See [`Resolver::is_system_table`](crate::catalog::Resolver::is_system_table).
    #[must_use]
    pub fn is_system_table(&self, reference: &TableReference) -> bool {
        self.scope().resolver().is_system_table(reference)
    }

    /// What its user may do, under the policies of now.
    #[must_use]
    pub fn rights(&self) -> Rights {
        self.scope().rights
    }

    /// Where names without catalog or schema are looked up.
    #[must_use]
    pub fn search_path(&self) -> &SearchPath {
        &self.path
    }
}
