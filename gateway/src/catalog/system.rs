//! Tables of our own making: rows collected for one identity, already filtered by its rights.

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

/// The catalog of tables that Naru makes itself. Everybody sees it, with rows of their own.
pub const SYSTEM_CATALOG: &str = "system";

/// A small table in memory. Whoever makes one has asked the policy engine for each row.
#[derive(Debug)]
pub struct SystemTable {
    rows: RecordBatch,
}

impl SystemTable {
    /// A table of these rows.
    #[must_use]
    pub fn new(rows: RecordBatch) -> Self {
        Self { rows }
    }
}

#[async_trait]
impl TableProvider for SystemTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = MemorySourceConfig::try_new_exec(&[vec![self.rows.clone()]], self.schema(), projection.cloned())?;
        Ok(plan)
    }
}
