//! The one scan node that serves every connector: metrics, cancellation, EXPLAIN text and limits live here.

use crate::{BatchStream, Column, ConnectorError, ErrorKind, Late, QueryContext, Scan, TableName, plain_column};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{OnceCell, mpsc};

/// Batches in flight between a source's runtime and the engine's, per split: enough to overlap, few enough to bound
/// memory.
const BATCHES_IN_FLIGHT: usize = 2;

/// Reads a [`Scan`], one partition per split. A leaf.
#[derive(Debug)]
pub struct ScanExec {
    catalog: Arc<str>,
    name: TableName,
    columns: Vec<Column>,
    scan: Arc<dyn Scan>,
    rows: Precision<usize>,
    bytes: Precision<usize>,
    /// Filters that become known while the query runs.
    late: Vec<Arc<DynamicFilterPhysicalExpr>>,
    /// What they came to, once for all splits.
    known: Arc<OnceCell<Late>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanExec {
    /// A node over a settled scan. `columns` describe the scan's output, position by position.
    #[must_use]
    pub fn new(
        catalog: Arc<str>,
        name: TableName,
        columns: Vec<Column>,
        scan: Arc<dyn Scan>,
        statistics: &Statistics,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(scan.schema()),
            Partitioning::UnknownPartitioning(scan.splits().len().max(1)),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        Self {
            catalog,
            name,
            columns,
            scan,
            rows: statistics.num_rows,
            bytes: statistics.total_byte_size,
            late: Vec::new(),
            known: Arc::default(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// The catalog read.
    #[must_use]
    pub fn catalog(&self) -> &Arc<str> {
        &self.catalog
    }

    /// The table read.
    #[must_use]
    pub fn table_name(&self) -> &TableName {
        &self.name
    }

    /// The settled scan.
    #[must_use]
    pub fn scan(&self) -> &Arc<dyn Scan> {
        &self.scan
    }

    /// What the output columns are.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows its source expects.
    #[must_use]
    pub fn expected_rows(&self) -> Option<usize> {
        self.rows.get_value().copied()
    }

    /// The same node, which waits for one more late filter before it reads: `None` when its source makes no use of it. Column
    /// positions count the output's columns. Only for a filter that completes without this scan, as that of a join does on
    /// whose build side the scan is not; others would be waited for in vain.
    #[must_use]
    pub fn with_late(&self, filter: &Arc<DynamicFilterPhysicalExpr>) -> Option<Self> {
        let useful = self.scan.late_columns();
        let children = filter.children();
        children.iter().any(|child| plain_column(child).is_some_and(|column| useful.contains(&column))).then_some(())?;
        let mut node = self.fresh();
        node.properties = Arc::clone(&self.properties);
        node.late = self.late.iter().chain([filter]).cloned().collect();
        Some(node)
    }

    /// The columns that late filters are on; empty without such filters.
    #[must_use]
    pub fn late_columns(&self) -> Vec<&str> {
        let columns = self.late.iter().flat_map(|filter| filter.children()).filter_map(plain_column);
        let mut names: Vec<_> = columns.filter_map(|i| self.columns.get(i)).map(Column::name).collect();
        names.dedup();
        names
    }

    /// What the late filters came to; `None` before the scan is read.
    #[must_use]
    pub fn late(&self) -> Option<&Late> {
        self.known.get()
    }

    /// The same node with another scan whose schema may differ (a rewrite by a physical rule). Late filters are left out.
    #[must_use]
    pub fn with_scan(&self, scan: Arc<dyn Scan>, columns: Vec<Column>) -> Self {
        let statistics = Statistics { num_rows: self.rows, total_byte_size: self.bytes, column_statistics: Vec::new() };
        Self::new(Arc::clone(&self.catalog), self.name.clone(), columns, scan, &statistics)
    }

    fn fresh(&self) -> Self {
        self.with_scan(Arc::clone(&self.scan), self.columns.clone())
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TableName { schema, table } = &self.name;
        write!(f, "ScanExec: {}.{schema}.{table} splits={}", self.catalog, self.scan.splits().len())
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    // A join makes its filter only when it finds who reads it.
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in &self.late {
            let filter: Arc<dyn PhysicalExpr> = Arc::clone(filter) as _;
            if f(&filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if !children.is_empty() {
            return internal_err!("a scan has no children");
        }
        Ok(self)
    }

    // A recursive CTE executes its plan once a round: each needs its own metrics. A join that is reset forgets its filter, so
    // there is nothing to wait for any more.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.fresh()))
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let scan = self.scan.with_limit(limit?)?;
        Some(Arc::new(self.with_scan(scan, self.columns.clone())))
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &datafusion::physical_plan::StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        if args.partition().is_none() {
            statistics.num_rows = self.rows;
            statistics.total_byte_size = self.bytes;
        }
        Ok(Arc::new(statistics))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(ctx) = context.session_config().get_extension::<QueryContext>() else {
            return internal_err!("a scan runs outside a query");
        };
        let schema = self.scan.schema();
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let Some(split) = self.scan.splits().get(partition).cloned() else {
            return Ok(Box::pin(datafusion::physical_plan::EmptyRecordBatchStream::new(schema)));
        };
        let scan = Arc::clone(&self.scan);
        let (late, columns, known) = (self.late.clone(), self.columns.clone(), Arc::clone(&self.known));
        let opened = {
            let ctx = Arc::clone(&ctx);
            async move {
                match known.get_or_init(|| Late::of(&late, &columns)).await {
                    Late::Nothing => Ok(futures::stream::empty().boxed()),
                    Late::Predicates(predicates) => scan.open(&ctx, &split, predicates).await,
                }
            }
        };
        let batches = if self.scan.computes() {
            in_place(&ctx, opened, Arc::clone(&schema))
        } else {
            on_io_runtime(&ctx, opened, Arc::clone(&schema))
        };
        let counted = batches.inspect(move |batch| {
            if let Ok(batch) = batch {
                metrics.record_output(batch.num_rows());
            }
        });
        // It yields to the runtime by itself, so that no plan needs a node for that.
        Ok(Box::pin(cooperative(RecordBatchStreamAdapter::new(schema, counted))))
    }
}

/// Drives a source that waits for nothing where its batches are wanted.
fn in_place(
    ctx: &QueryContext,
    opened: impl Future<Output = crate::Result<BatchStream>> + Send + 'static,
    schema: SchemaRef,
) -> BoxStream<'static, Result<RecordBatch>> {
    let cancel = ctx.cancel.clone();
    let batches = futures::stream::once(opened).try_flatten().map(move |batch| {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        batch.and_then(|batch| check_schema(batch, &schema))
    });
    batches.map_err(DataFusionError::from).boxed()
}

/// Drives a source on the IO runtime and hands its batches over a short channel. Dropping the stream, or cancelling the
/// query, drops the source's stream there, which is where a connector stops the work at the source.
fn on_io_runtime(
    ctx: &QueryContext,
    opened: impl Future<Output = crate::Result<BatchStream>> + Send + 'static,
    schema: SchemaRef,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (sender, mut receiver) = mpsc::channel(BATCHES_IN_FLIGHT);
    let cancel = ctx.cancel.clone();
    let io = ctx.io.clone();
    let mut start = Some(async move {
        let forward = async {
            let mut batches = match opened.await {
                Ok(batches) => batches,
                Err(error) => return drop(sender.send(Some(Err(error))).await),
            };
            while let Some(batch) = batches.next().await {
                let batch = batch.and_then(|batch| check_schema(batch, &schema));
                let failed = batch.is_err();
                if sender.send(Some(batch)).await.is_err() || failed {
                    return;
                }
            }
            let _ = sender.send(None).await;
        };
        // A panic drops the sender: its reader finds the last word missing.
        tokio::select! {
            biased;
            () = cancel.cancelled() => drop(sender.send(Some(Err(cancelled()))).await),
            () = sender.closed() => {}
            () = forward => {}
        }
    });
    // Started at the first poll, so that a plan that is never read never reaches its source.
    let mut over = false;
    let stream = futures::stream::poll_fn(move |cx| {
        if let Some(work) = start.take() {
            drop(io.spawn(work));
        }
        if over {
            return Poll::Ready(None);
        }
        receiver.poll_recv(cx).map(|said| {
            over = !matches!(said, Some(Some(Ok(_))));
            // What breaks off must not look like a whole.
            let broken = || Some(Err(ConnectorError::internal("a source's task ended without a word")));
            said.unwrap_or_else(broken).map(|batch| batch.map_err(DataFusionError::from))
        })
    });
    stream.boxed()
}

fn check_schema(batch: RecordBatch, schema: &SchemaRef) -> crate::Result<RecordBatch> {
    if batch.schema().fields() == schema.fields() {
        return Ok(batch);
    }
    Err(ConnectorError::internal("a source gave a batch of another shape than it promised")
        .with_detail(format!("promised {schema:?}, gave {:?}", batch.schema())))
}

fn cancelled() -> ConnectorError {
    ConnectorError::new(ErrorKind::Cancelled, "the query was cancelled")
}
