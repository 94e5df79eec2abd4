//! The physical barrier: every scan stands under one of these, stamped with whose rights it was planned for.
//!
//! *Open* over an unrestricted table it is transparent: its child is visible and every pushdown passes. *Sealed* over a
//! restricted one it is a leaf: with a visible child, DataFusion's physical rules would move sorts inside and melt the user's
//! filters into the policy's (tried on 55.2). Errors from inside a sealed one are replaced, because a failing cast in a mask
//! prints the value.

use crate::error::{Error, ErrorCode};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, TableReference, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, reset_plan_states};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties, StatisticsArgs,
};
use futures::StreamExt;
use naru_connector::{QueryContext, ScanExec, ScanNote, plain_column};
use std::fmt;
use std::sync::Arc;

/// Rows that every restricted table is taken to have: its real number would tell of hidden ones.
const ASSUMED_ROWS: usize = 1_000_000;

/// Whose rights a scan was planned for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The user.
    pub user: Arc<str>,
    /// The policy snapshot's version.
    pub policy_version: Arc<str>,
}

/// What EXPLAIN may say of a scan, besides what its plan tells.
#[derive(Debug, Clone, Default)]
pub struct ScanFacts {
    /// Does policy hide rows?
    pub row_filter: bool,
    /// How many of the table's columns policy masks.
    pub masked_columns: usize,
    /// The user's own filters that crossed into the scan.
    pub filters: Vec<String>,
    /// What a reader of files said.
    pub note: Option<ScanNote>,
}

/// The barrier over one table's scan. Only this module's siblings build one.
#[derive(Debug)]
pub struct GovernedExec {
    table: TableReference,
    stamp: Stamp,
    inner: Arc<dyn ExecutionPlan>,
    sealed: bool,
    facts: Arc<ScanFacts>,
    /// By output position: the source's own column, unmasked.
    unmasked: Arc<[bool]>,
    /// Filters of joins that the sealed plan waits for.
    late: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GovernedExec {
    /// Over an unrestricted table.
    pub(super) fn open(
        table: TableReference,
        stamp: Stamp,
        inner: Arc<dyn ExecutionPlan>,
        facts: Arc<ScanFacts>,
    ) -> Self {
        let properties = Arc::clone(inner.properties());
        let metrics = ExecutionPlanMetricsSet::new();
        let (unmasked, late) = (Arc::default(), Vec::new());
        Self { table, stamp, inner, sealed: false, facts, unmasked, late, properties, metrics }
    }

    /// Over a restricted table: `inner` filters and masks, `schema` is what comes out, `unmasked` says which of it is the
    /// source's own column.
    pub(super) fn sealed(
        table: TableReference,
        stamp: Stamp,
        inner: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        facts: Arc<ScanFacts>,
        unmasked: Arc<[bool]>,
    ) -> Self {
        // Neither order nor partitioning of the inner plan is promised: both could be by a hidden value.
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(inner.output_partitioning().partition_count()),
            inner.pipeline_behavior(),
            inner.boundedness(),
        );
        let metrics = ExecutionPlanMetricsSet::new();
        let (late, properties) = (Vec::new(), Arc::new(properties));
        Self { table, stamp, inner, sealed: true, facts, unmasked, late, properties, metrics }
    }

    /// A sealed one over anything.
    #[cfg(test)]
    pub(crate) fn for_tests(stamp: Stamp, inner: Arc<dyn ExecutionPlan>, schema: SchemaRef) -> Self {
        let unmasked = vec![false; schema.fields().len()].into();
        Self::sealed(TableReference::full("c", "s", "t"), stamp, inner, schema, Arc::default(), unmasked)
    }

    /// The table read.
    #[must_use]
    pub fn table(&self) -> &TableReference {
        &self.table
    }

    /// Whose rights it was planned for.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Is anything withheld here?
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// What EXPLAIN may say of it.
    #[must_use]
    pub fn facts(&self) -> &ScanFacts {
        &self.facts
    }

    /// How many rows the source expects, unless rows are withheld: nothing is said of how many.
    #[must_use]
    pub fn expected_rows(&self) -> Option<usize> {
        if self.sealed {
            return None;
        }
        self.inner.downcast_ref::<ScanExec>()?.expected_rows()
    }

    /// What it guards: for EXPLAIN only, and of a sealed one only for those who may see operational details.
    #[must_use]
    pub(crate) fn inner(&self) -> &Arc<dyn ExecutionPlan> {
        &self.inner
    }

    /// The same barrier over partial states of an aggregation of what it guards: rows that policy leaves out were left out
    /// before they were counted, and no masked column was read but through its mask. `columns` says which of its keys are the
    /// source's own columns: a masked one is an expression or a constant there.
    #[must_use]
    pub(crate) fn over_states(&self, states: Arc<dyn ExecutionPlan>, columns: Arc<[bool]>) -> Self {
        let (table, stamp, facts) = (self.table.clone(), self.stamp.clone(), Arc::clone(&self.facts));
        if self.sealed {
            let schema = states.schema();
            Self::sealed(table, stamp, states, schema, facts, columns)
        } else {
            Self::open(table, stamp, states, facts)
        }
    }

    /// The same barrier over another plan of the same rows. What that waits for is not known yet.
    pub(crate) fn around(&self, inner: Arc<dyn ExecutionPlan>) -> Self {
        let (table, stamp, facts) = (self.table.clone(), self.stamp.clone(), Arc::clone(&self.facts));
        if self.sealed {
            Self::sealed(table, stamp, inner, self.schema(), facts, Arc::clone(&self.unmasked))
        } else {
            Self::open(table, stamp, inner, facts)
        }
    }

    /// May a join's filter enter the sealed plan? Only when each of its keys is an unmasked column: a masked one would tell
    /// hidden values by what is left out.
    pub(crate) fn lets_through(&self, filter: &Arc<dyn PhysicalExpr>) -> bool {
        let unmasked = |key| plain_column(key).is_some_and(|column| self.unmasked.get(column) == Some(&true));
        filter.children().into_iter().all(unmasked)
    }

    /// The same barrier over the same plan that waits for one more filter of a join.
    pub(crate) fn with_late(&self, inner: Arc<dyn ExecutionPlan>, filter: Arc<dyn PhysicalExpr>) -> Self {
        let late = self.late.iter().cloned().chain([filter]).collect();
        Self { late, ..self.around(inner) }
    }
}

impl DisplayAs for GovernedExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restricted = if self.sealed { " restricted" } else { "" };
        write!(f, "GovernedExec: {}{restricted}", self.table)
    }
}

impl ExecutionPlan for GovernedExec {
    fn name(&self) -> &'static str {
        "GovernedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        if self.sealed { Vec::new() } else { vec![&self.inner] }
    }

    // A join makes its filter only when it finds who reads it: what is sealed must say so itself.
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in &self.late {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match (self.sealed, children.pop(), children.is_empty()) {
            (true, None, _) => Ok(self),
            (false, Some(inner), true) => Ok(Arc::new(self.around(inner))),
            _ => internal_err!("wrong number of children for a governed scan"),
        }
    }

    // A recursive CTE executes its plan once a round. Without this the inner plan would keep the first round's state.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.around(reset_plan_states(Arc::clone(&self.inner))?)))
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true; self.children().len()]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn repartitioned(&self, target: usize, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if self.sealed {
            return Ok(None);
        }
        let inner = self.inner.repartitioned(target, config)?;
        Ok(inner.map(|inner| Arc::new(self.around(inner)) as Arc<dyn ExecutionPlan>))
    }

    fn supports_limit_pushdown(&self) -> bool {
        !self.sealed
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        if self.sealed {
            return None;
        }
        let inner = self.inner.with_fetch(limit)?;
        Some(Arc::new(self.around(inner)))
    }

    fn fetch(&self) -> Option<usize> {
        if self.sealed { None } else { self.inner.fetch() }
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        if self.sealed { CardinalityEffect::Unknown } else { CardinalityEffect::Equal }
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        if self.sealed {
            return Ok(FilterDescription::all_unsupported(&parent_filters, &self.children()));
        }
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        match inputs.first() {
            // Never exact: MIN, MAX and COUNT must read the rows.
            Some(inner) if !self.sealed => Ok(Arc::new((**inner).clone().to_inexact())),
            // Says nothing of the table: it only keeps small tables that are joined with it on the build side.
            _ => {
                let mut statistics = Statistics::new_unknown(&self.schema());
                statistics.num_rows = Precision::Inexact(ASSUMED_ROWS);
                Ok(Arc::new(statistics))
            }
        }
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<datafusion::physical_plan::statistics::ChildStats> {
        self.children().iter().map(|_| datafusion::physical_plan::statistics::ChildStats::At(partition)).collect()
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if !self.sealed {
            return self.inner.execute(partition, context);
        }
        let ctx = context.session_config().get_extension::<QueryContext>();
        let query = ctx.as_ref().map_or_else(String::new, |ctx| ctx.query_id.to_string());
        let context = ctx.map_or_else(|| Arc::clone(&context), |ctx| inside(&context, &ctx, &self.table));
        let table = self.table.clone();
        let seal = move |error: DataFusionError| seal_error(error, &table, &query);
        let inner = self.inner.execute(partition, context).map_err(&seal)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        let out = Arc::clone(&schema);
        let batches = inner.map(move |batch| {
            let batch = batch.map_err(&seal)?;
            metrics.record_output(batch.num_rows());
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&out), batch.columns().to_vec(), &options)
                .map_err(|error| seal(error.into()))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// The context for what runs inside a restricted table: what a source warns of there, such as where the rows are that policy
/// asks for, is not the user's to know.
fn inside(context: &TaskContext, ctx: &QueryContext, table: &TableReference) -> Arc<TaskContext> {
    let sealed = QueryContext { warnings: ctx.warnings.sealed(&table.to_string()), ..ctx.clone() };
    Arc::new(TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone().with_extension(Arc::new(sealed)),
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    ))
}

/// Replaces whatever failed inside a restricted table by its code, the object and the query's id; the log keeps the rest.
fn seal_error(error: DataFusionError, table: &TableReference, query: &str) -> DataFusionError {
    let original = Error::from(error);
    let code = match original.code {
        ErrorCode::QueryCancelled
        | ErrorCode::StatementTimeout
        | ErrorCode::OutOfMemory
        | ErrorCode::DiskFull
        | ErrorCode::SourceUnavailable => original.code,
        _ => ErrorCode::RestrictedTable,
    };
    let message = format!("reading the restricted table {table} failed (query {query})");
    let log = format!("{original}; {}", original.detail.as_deref().unwrap_or_default());
    Error::new(code, message).with_detail(log).into()
}
