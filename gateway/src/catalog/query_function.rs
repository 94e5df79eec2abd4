//! A connector's query function, `mysql_query('catalog', ...)`, under the asking identity's rights.

use super::resolver::Resolver;
use crate::error::{Error, ErrorCode, Result};
use crate::govern::{ColumnRight, Exposure, GovernedTable, QUERY_FUNCTION, QUERY_SCHEMA, Restrictions};
use datafusion::common::TableReference;
use naru_connector::{TableAdapter, TableName};
use std::collections::HashSet;
use std::sync::Arc;

impl Resolver<'_> {
    /// The query functions that exist for the identity: those of the catalogs that do.
    #[must_use]
    pub fn query_functions(&self) -> HashSet<&'static str> {
        self.catalogs().filter_map(|catalog| Some(catalog.connector.query_function()?.name())).collect()
    }

    /// What a statement in the language of a catalog's source gives.
    ///
    /// # Errors
    /// One and the same for a catalog that is unknown, that is of another kind, and whose function is not granted.
    pub async fn query(
        &self,
        function: &str,
        catalog: &str,
        selector: &str,
        statement: &str,
    ) -> Result<Arc<GovernedTable>> {
        let denied = || {
            let text = format!("permission denied for function {function} on catalog \"{catalog}\"");
            Error::new(ErrorCode::InsufficientPrivilege, text)
        };
        let known = self.catalog(catalog).map_err(|_| denied())?;
        let mut rights = self.rights.query_function(&known.name).ok_or_else(denied)?;
        let asked = known.connector.query_function().filter(|known| known.name() == function).ok_or_else(denied)?;
        let table = asked.table(self.ctx, selector, statement).await?;
        rights.columns = vec![ColumnRight::Allowed; table.columns().len()];
        let name = TableName { schema: QUERY_SCHEMA.to_owned(), table: QUERY_FUNCTION.to_owned() };
        let adapter = TableAdapter::new(Arc::clone(&known.name), name, table);
        let name = TableReference::full(Arc::clone(&known.name), QUERY_SCHEMA, QUERY_FUNCTION);
        let exposure = Exposure::default();
        let governed =
            GovernedTable::new(name, Arc::new(adapter), rights, Restrictions::none(), self.stamp(), &exposure)?;
        Ok(Arc::new(governed))
    }
}
