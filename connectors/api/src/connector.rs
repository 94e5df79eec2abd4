//! The traits of a source: what exists in it and how it is read.

use crate::{
    Column, Parameter, Parameters, Predicate, QueryContext, Result, Scan, ScanRequest, SessionSetting, Support,
    TableStatistics,
};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::fmt::Debug;
use std::sync::Arc;

/// Makes connectors of one kind. One static value per source crate; the gateway keeps the list of them.
pub trait ConnectorFactory: Send + Sync {
    /// The value of `connector = "..."` in a catalog file.
    fn name(&self) -> &'static str;

    /// Every key a catalog file may hold. Validation, `naru check`, help and docs come from this table alone.
    fn parameters(&self) -> &'static [Parameter];

    /// A connector for one catalog. Cheap and local: reaching the source is [`Connector::check`]'s work, so that a
    /// source that is down at start does not keep the gateway from starting.
    fn create(&self, catalog: &str, parameters: &Parameters) -> Result<Arc<dyn Connector>>;
}

/// `schema.table` inside one catalog, in canonical names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
}

/// One catalog: a live source.
///
/// Names given and returned are canonical: equal ignoring case means equal, so a source with two names that differ only
/// by case must report it as an error of that schema rather than choose one.
#[async_trait]
pub trait Connector: Send + Sync + Debug {
    /// All schemas, sorted.
    async fn schemas(&self, ctx: &QueryContext) -> Result<Vec<String>>;

    /// The tables of a schema, sorted; an unknown schema has none.
    async fn tables(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<String>>;

    /// One table, or `None` when there is no such table. Metadata only: no data is read.
    async fn table(&self, ctx: &QueryContext, schema: &str, table: &str) -> Result<Option<Arc<dyn Table>>>;

    /// All tables of a schema with their columns. Override when the source answers this in one round trip; clients ask
    /// it of schemas with thousands of tables.
    async fn columns(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<(String, Arc<dyn Table>)>> {
        let mut all = Vec::new();
        for name in self.tables(ctx, schema).await? {
            if let Some(table) = self.table(ctx, schema, &name).await? {
                all.push((name, table));
            }
        }
        Ok(all)
    }

    /// Is the source reachable, and are the rights there? Run by `naru check` and by the readiness probe.
    async fn check(&self, ctx: &QueryContext) -> Result<()>;

    /// The function that takes a statement in the source's own language, if there is one.
    fn query_function(&self) -> Option<&dyn QueryFunction> {
        None
    }

    /// What a session may change about this catalog, sorted by name. The session's values are in
    /// [`QueryContext::setting`], validated by this list.
    fn settings(&self) -> &[SessionSetting] {
        &[]
    }

    /// Rebuilds a scan from what [`Scan::encode`] gave, on this or another machine.
    fn decode_scan(&self, encoded: &serde_json::Value) -> Result<Arc<dyn Scan>>;
}

/// `mysql_query('catalog', 'selector', 'statement')`: a statement in the source's own language, as a table.
///
/// Whoever may use it reads whatever the catalog's account may read: the gateway grants it apart from tables, and to nobody by
/// default. The connector makes sure that the statement only reads.
#[async_trait]
pub trait QueryFunction: Send + Sync {
    /// The function's name in SQL: the connector's, and `_query`.
    fn name(&self) -> &'static str;

    /// The table that the statement gives. It is checked and described, not run: [`Table::plan`] and `open` do that.
    ///
    /// # Errors
    /// `Unsupported` for a selector or a statement that can't be, with what is wrong.
    async fn table(&self, ctx: &QueryContext, selector: &str, statement: &str) -> Result<Arc<dyn Table>>;
}

/// One table of a catalog.
#[async_trait]
pub trait Table: Send + Sync + Debug {
    /// All columns, hidden ones last.
    fn columns(&self) -> &[Column];

    /// The source's comment on the table.
    fn comment(&self) -> Option<&str> {
        None
    }

    /// Column sets that identify a row, by column position, primary key first.
    fn unique_keys(&self) -> &[Vec<usize>] {
        &[]
    }

    /// Estimated size.
    fn statistics(&self) -> TableStatistics {
        TableStatistics::default()
    }

    /// How far this source vouches for a predicate on this table.
    fn supports(&self, predicate: &Predicate) -> Support;

    /// Decides how to read: which splits, what is taken over. Whatever the returned scan claims, its `open` must do.
    async fn plan(&self, ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>>;

    /// A table of files hands back a DataFusion plan instead of splits; such a table's `plan` is never called.
    fn plan_source(&self) -> Option<&dyn PlanSource> {
        None
    }
}

/// The alternative to [`Table::plan`] for sources whose data DataFusion's own readers understand (Parquet files).
/// Prefer splits whenever a driver of yours does the reading.
#[async_trait]
pub trait PlanSource: Send + Sync {
    /// A plan over the projected columns of [`Table::columns`]. `filters` are the ones [`Self::supports_expr`] accepted.
    async fn plan(
        &self,
        session: &dyn Session,
        ctx: &QueryContext,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<PlannedFiles>;

    /// How far the reader vouches for a filter.
    fn supports_expr(&self, filter: &Expr) -> Support;
}

/// What a [`PlanSource`] planned, and what EXPLAIN says of it.
#[derive(Debug, Clone)]
pub struct PlannedFiles {
    /// The plan.
    pub plan: Arc<dyn ExecutionPlan>,
    /// Number of files or file ranges left after pruning.
    pub splits: usize,
    /// One line for EXPLAIN: `files=3/10 pruned by dt`.
    pub remote: String,
}
