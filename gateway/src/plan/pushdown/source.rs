//! The scan below a node, through whatever only passes its rows on, and expressions as ones over the scan's own columns.
//!
//! What a policy masks is an expression in a projection inside the barrier: once inlined it is no bare column, so no rule hands
//! it to a source.

use crate::govern::GovernedExec;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning};
use naru_connector::{Column as SourceColumn, ColumnPath, ScanExec};
use std::sync::Arc;

pub(super) type Expression = Arc<dyn PhysicalExpr>;

/// A scan found below a node, and the node's expressions over its columns.
pub(super) struct Found<'a> {
    pub(super) scan: &'a ScanExec,
    pub(super) barrier: Option<&'a GovernedExec>,
    pub(super) expressions: Vec<Expression>,
}

impl Found<'_> {
    /// The source's column that an expression is, if it is just that.
    pub(super) fn column(&self, expression: &Expression) -> Option<ColumnPath> {
        Some(ColumnPath::column(self.source(expression)?.name()))
    }

    /// The same with all that is known of it.
    pub(super) fn source(&self, expression: &Expression) -> Option<&SourceColumn> {
        self.scan.columns().get(expression.downcast_ref::<Column>()?.index())
    }
}

/// Looks for the scan through nodes that pass on every row, inlining projections.
pub(super) fn descend(from: &Arc<dyn ExecutionPlan>, mut expressions: Vec<Expression>) -> Option<Found<'_>> {
    let mut node = from;
    let mut barrier = None;
    loop {
        if let Some(scan) = node.downcast_ref::<ScanExec>() {
            return Some(Found { scan, barrier, expressions });
        } else if let Some(governed) = node.downcast_ref::<GovernedExec>() {
            barrier = Some(governed);
            node = governed.inner();
        } else if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
            expressions = expressions.into_iter().map(|e| inlined(e, projection)).collect::<Option<_>>()?;
            node = projection.input();
        } else if let Some(repartition) = node.downcast_ref::<RepartitionExec>() {
            matches!(repartition.partitioning(), Partitioning::RoundRobinBatch(_)).then_some(())?;
            node = repartition.input();
        } else if let Some(coalesce) = node.downcast_ref::<CoalescePartitionsExec>() {
            coalesce.fetch().is_none().then_some(())?;
            node = coalesce.input();
        } else if let Some(cooperative) = node.downcast_ref::<CooperativeExec>() {
            node = cooperative.input();
        } else {
            return None;
        }
    }
}

/// An expression over a projection's output as one over its input.
pub(super) fn inlined(expression: Expression, projection: &ProjectionExec) -> Option<Expression> {
    let replaced = expression.transform_down(|node| {
        let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
        match projection.expr().get(column.index()) {
            // Its own columns are those of the input: not to be replaced again.
            Some(source) => Ok(Transformed::new(Arc::clone(&source.expr), true, TreeNodeRecursion::Jump)),
            None => internal_err!("a projection without the column that is read of it"),
        }
    });
    replaced.ok().map(|replaced| replaced.data)
}

/// The same nodes over another scan of the same shape.
pub(super) fn over_scan(from: &Arc<dyn ExecutionPlan>, scan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if from.downcast_ref::<ScanExec>().is_some() {
        return Ok(scan);
    }
    if let Some(governed) = from.downcast_ref::<GovernedExec>() {
        return Ok(Arc::new(governed.around(over_scan(governed.inner(), scan)?)));
    }
    let children = from.children();
    let [child] = children.as_slice() else { return internal_err!("a node with several inputs was passed through") };
    let child = over_scan(child, scan)?;
    replace_children_if_necessary(Arc::clone(from), vec![child])
}
