//! A join's filter for the scans on its other side: once the build side is read, only rows with its keys are of use.
//!
//! DataFusion hands such filters down by the names of columns, which are not unique in a plan; here they go by position, and
//! only those of hash joins do: a TopK's completes when its scan is over and a MIN's never, so a scan must not wait for them.
//! A build side never waits for the probe side, so neither does anything below it.

use super::source::{Expression, inlined};
use crate::govern::GovernedExec;
use datafusion::common::JoinSide;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::JoinType;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::build_join_schema;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::UnionExec;
use naru_connector::ScanExec;
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(super) struct HandDownJoinFilters;

impl PhysicalOptimizerRule for HandDownJoinFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let hand_down = |node: Arc<dyn ExecutionPlan>| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(Transformed::no(node)) };
            let Some(filter) = join.dynamic_expressions_produced().pop() else { return Ok(Transformed::no(node)) };
            let Some(probe) = below(join.right(), &filter, Barrier::Open)? else { return Ok(Transformed::no(node)) };
            let children = vec![Arc::clone(join.left()), probe];
            Ok(Transformed::yes(replace_children_if_necessary(Arc::clone(&node), children)?))
        };
        plan.transform_down(hand_down).map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "HandDownJoinFilters"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Does a scan of this plan wait for the keys of a join?
pub(crate) fn takes_join_keys(plan: &Plan) -> bool {
    if let Some(scan) = plan.downcast_ref::<ScanExec>() {
        return !scan.late_columns().is_empty();
    }
    match plan.downcast_ref::<GovernedExec>() {
        Some(governed) => takes_join_keys(governed.inner()),
        None => plan.children().into_iter().any(takes_join_keys),
    }
}

/// Inside which barrier a filter is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Barrier {
    Open,
    /// Columns stay bare columns: nothing is computed on rows that policy may hide.
    Sealed,
}

type Plan = Arc<dyn ExecutionPlan>;

/// The node with the filter handed to the scans below it; `None` when none takes it. The filter's columns count the node's
/// output.
fn below(node: &Plan, filter: &Expression, barrier: Barrier) -> Result<Option<Plan>> {
    if let Some(scan) = node.downcast_ref::<ScanExec>() {
        let filter = Arc::clone(filter) as Arc<dyn std::any::Any + Send + Sync>;
        let Ok(filter) = Arc::downcast::<DynamicFilterPhysicalExpr>(filter) else { return Ok(None) };
        return Ok(scan.with_late(&filter).map(|scan| Arc::new(scan) as Plan));
    }
    if let Some(governed) = node.downcast_ref::<GovernedExec>() {
        return inside(governed, filter);
    }
    let children = node.children();
    let mut handed = Vec::with_capacity(children.len());
    let mut any = false;
    for (position, child) in children.into_iter().enumerate() {
        let passed = match through(node, position, filter, barrier) {
            Some(filter) => below(child, &filter, barrier)?,
            None => None,
        };
        any |= passed.is_some();
        handed.push(passed.unwrap_or_else(|| Arc::clone(child)));
    }
    if any { replace_children_if_necessary(Arc::clone(node), handed).map(Some) } else { Ok(None) }
}

/// Through the barrier of a table. Into a restricted one only by bare unmasked columns; what its source then gets of the filter's
/// value are comparisons of them with constants.
fn inside(governed: &GovernedExec, filter: &Expression) -> Result<Option<Plan>> {
    if !governed.is_sealed() {
        let inner = below(governed.inner(), filter, Barrier::Open)?;
        return Ok(inner.map(|inner| Arc::new(governed.around(inner)) as Plan));
    }
    if !governed.lets_through(filter) {
        return Ok(None);
    }
    let inner = below(governed.inner(), filter, Barrier::Sealed)?;
    Ok(inner.map(|inner| Arc::new(governed.with_late(inner, Arc::clone(filter))) as Plan))
}

/// The filter over one child of a node, where leaving out the child's rows that it is false for leaves out just those rows of the
/// node.
fn through(node: &Plan, child: usize, filter: &Expression, barrier: Barrier) -> Option<Expression> {
    let same = || Some(Arc::clone(filter));
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        return match barrier {
            Barrier::Open => inlined(Arc::clone(filter), projection),
            Barrier::Sealed => moved(filter, &|index| bare(&projection.expr().get(index)?.expr)),
        };
    }
    if let Some(selected) = node.downcast_ref::<FilterExec>() {
        selected.fetch().is_none().then_some(())?;
        return match selected.projection() {
            Some(kept) => moved(filter, &|index| kept.get(index).copied()),
            None => same(),
        };
    }
    if let Some(sort) = node.downcast_ref::<SortExec>() {
        return sort.fetch().is_none().then(same)?;
    }
    if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() {
        return merge.fetch().is_none().then(same)?;
    }
    if let Some(coalesce) = node.downcast_ref::<CoalescePartitionsExec>() {
        return coalesce.fetch().is_none().then(same)?;
    }
    if node.is::<CooperativeExec>() || node.is::<RepartitionExec>() || node.is::<UnionExec>() {
        return same();
    }
    // What a policy computes its filters from is its own.
    (barrier == Barrier::Open).then_some(())?;
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr();
        let plain = groups.is_single() && !groups.is_true_no_grouping() && !groups.has_grouping_set();
        (plain && aggregate.limit_options().is_none()).then_some(())?;
        return moved(filter, &|index| bare(&groups.expr().get(index)?.0));
    }
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        let side = if child == 0 { JoinSide::Left } else { JoinSide::Right };
        (join.fetch().is_none() && keeps(*join.join_type(), side)).then_some(())?;
        let (_, sources) = build_join_schema(&join.left().schema(), &join.right().schema(), join.join_type());
        return moved(filter, &|index| {
            let index = join.projection.as_ref().map_or(Some(index), |kept| kept.get(index).copied())?;
            sources.get(index).filter(|source| source.side == side).map(|source| source.index)
        });
    }
    None
}

/// Does the join give out that side's rows as they are, and no row of NULLs in their place?
fn keeps(join: JoinType, side: JoinSide) -> bool {
    match join {
        JoinType::Inner => true,
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => side == JoinSide::Left,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => side == JoinSide::Right,
        _ => false,
    }
}

fn bare(expression: &Expression) -> Option<usize> {
    expression.downcast_ref::<Column>().map(Column::index)
}

/// The filter with each column at another position; `None` when one has none.
fn moved(filter: &Expression, place: &dyn Fn(usize) -> Option<usize>) -> Option<Expression> {
    let mut complete = true;
    let moved = Arc::clone(filter).transform_down(|node| {
        let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
        match place(column.index()) {
            Some(index) => {
                let column: Expression = Arc::new(Column::new(column.name(), index));
                Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
            }
            None => {
                complete = false;
                Ok(Transformed::new(node, false, TreeNodeRecursion::Stop))
            }
        }
    });
    moved.ok().filter(|_| complete).map(|moved| moved.data)
}
