//! The one `TableProvider` that serves every connector's tables.
//!
//! It is the *raw* table: nothing here knows of policies. Only the gateway's govern module may hand it to a plan, wrapped.

use crate::exec::ScanExec;
use crate::{Column, ConnectorError, QueryContext, ScanRequest, Support, Table, TableName, translate};
use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A filter as people write it.
fn human_display(filter: &Expr) -> String {
    filter.human_display().to_string()
}

/// What EXPLAIN says of a scan that was planned as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanNote {
    /// Files or file ranges left after pruning.
    pub splits: usize,
    /// One line: `files=3/10 pruned by dt`. For those who may see operational details.
    pub remote: String,
    /// The filters that the reader took over.
    pub pushed: Vec<String>,
}

/// A connector's table as DataFusion sees it.
#[derive(Clone)]
pub struct TableAdapter {
    catalog: Arc<str>,
    name: TableName,
    table: Arc<dyn Table>,
    schema: SchemaRef,
    note: Arc<OnceLock<ScanNote>>,
}

impl fmt::Debug for TableAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TableAdapter({}.{}.{})", self.catalog, self.name.schema, self.name.table)
    }
}

impl TableAdapter {
    /// Wraps a table; its schema holds all columns, hidden ones too.
    #[must_use]
    pub fn new(catalog: Arc<str>, name: TableName, table: Arc<dyn Table>) -> Self {
        let fields: Vec<_> = table.columns().iter().map(|column| Arc::clone(&column.field)).collect();
        Self { catalog, name, table, schema: Arc::new(Schema::new(fields)), note: Arc::default() }
    }

    /// The same table for one scan, and where that scan's note will be.
    #[must_use]
    pub fn observed(&self) -> (Self, Arc<OnceLock<ScanNote>>) {
        let note = Arc::new(OnceLock::new());
        (Self { note: Arc::clone(&note), ..self.clone() }, note)
    }

    /// The connector's table.
    #[must_use]
    pub fn table(&self) -> &Arc<dyn Table> {
        &self.table
    }

    fn columns(&self) -> &[Column] {
        self.table.columns()
    }

    fn support(&self, filter: &Expr) -> Support {
        if let Some(files) = self.table.plan_source() {
            return files.supports_expr(filter);
        }
        translate::predicate(filter, self.columns())
            .map_or(Support::Unsupported, |predicate| self.table.supports(&predicate))
    }
}

#[async_trait]
impl TableProvider for TableAdapter {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match self.support(filter) {
                Support::Exact => TableProviderFilterPushDown::Exact,
                Support::Inexact => TableProviderFilterPushDown::Inexact,
                Support::Unsupported => TableProviderFilterPushDown::Unsupported,
            })
            .collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        let known = self.table.statistics();
        let inexact =
            |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).map_or(Precision::Absent, Precision::Inexact);
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = inexact(known.rows);
        statistics.total_byte_size = inexact(known.bytes);
        Some(statistics)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(ctx) = session.config().get_extension::<QueryContext>() else {
            return internal_err!("a table is scanned outside a query");
        };
        let projection = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        if let Some(files) = self.table.plan_source() {
            let planned = files.plan(session, &ctx, &projection, filters, limit).await?;
            let pushed = filters.iter().map(|filter| human_display(&unnormalize_col(filter.clone()))).collect();
            // A second scan of the same adapter is not the observed one.
            let _ = self.note.set(ScanNote { splits: planned.splits, remote: planned.remote, pushed });
            return Ok(planned.plan);
        }
        let exact = filters.iter().all(|filter| self.support(filter) == Support::Exact);
        let predicates = filters.iter().filter_map(|filter| translate::predicate(filter, self.columns())).collect();
        let columns = projection.iter().map(|&i| self.columns()[i].clone()).collect();
        let request = ScanRequest { projection, predicates, limit: limit.filter(|_| exact) };
        let scan = self.table.plan(&ctx, request).await.map_err(ConnectorError::into_datafusion)?;
        let statistics = self.statistics().unwrap_or_default();
        Ok(Arc::new(ScanExec::new(Arc::clone(&self.catalog), self.name.clone(), columns, scan, &statistics)))
    }
}
