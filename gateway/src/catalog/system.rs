//! Tables of our own making: rows collected for one identity, already filtered by its rights.

use super::registry::Catalog;
use super::resolver::Resolver;
use crate::session::OpenCursor;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The catalog of tables that Naru makes itself. Everybody sees it, with rows of their own.
pub const SYSTEM_CATALOG: &str = "system";

/// A schema of our own making that every catalog has, beside `information_schema`. An unqualified name that is one of its tables'
/// means that table, as PostgreSQL searches `pg_catalog` first.
#[async_trait]
pub trait SystemSchema: Send + Sync + fmt::Debug {
    /// The schema's name.
    fn name(&self) -> &'static str;

    /// Has it a table of this name?
    fn has(&self, table: &str) -> bool;

    /// The rows of a table that exist for the identity, or `None` for a name that is not one of its tables'.
    async fn table(
        &self,
        resolver: &Resolver<'_>,
        catalog: &Catalog,
        table: &str,
    ) -> crate::error::Result<Option<RecordBatch>>;
}

/// What system tables and functions may know of the session that asks; who it is they learn from its rights.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    /// The number that its connection goes by; 0 when its door has none.
    pub process_id: i32,
    /// Where its client is.
    pub client_address: IpAddr,
    /// Since when it is connected.
    pub connected_at: DateTime<Utc>,
    /// Since when the gateway runs.
    pub started_at: DateTime<Utc>,
    /// Its settings, by name.
    pub settings: Vec<(Cow<'static, str>, String)>,
    /// Its cursors.
    pub cursors: Vec<OpenCursor>,
}

impl SessionFacts {
    /// The value of a setting, by its name in any case.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

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
