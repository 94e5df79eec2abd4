//! The proof that policy was applied: a walk over the finished plan that refuses every leaf and node it does not know.

use super::exec::{GovernedExec, Stamp};
use super::table::GovernedTable;
use crate::error::{Error, Result};
use datafusion::catalog::TableProvider;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::source_as_provider;
use datafusion::functions_table::generate_series::GenerateSeriesTable;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::memory::LazyMemoryExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::work_table::WorkTableExec;
use std::any::Any;
use std::sync::Arc;

use crate::catalog::SystemTable;

/// Every scan of a bound plan, expression subqueries too, is a governed table stamped for this identity and snapshot, our
/// own system table or a work table; every node is one that only reads.
pub fn verify_logical(plan: &LogicalPlan, stamp: &Stamp) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        check_node(node, stamp)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The same for what is planned inside a restricted table: besides its own raw scan, its policies read governed tables only.
pub(super) fn verify_inside(plan: &LogicalPlan, raw: &Arc<dyn TableProvider>, stamp: &Stamp) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let is_raw = match node {
            LogicalPlan::TableScan(scan) => Arc::ptr_eq(&source_as_provider(&scan.source)?, raw),
            _ => false,
        };
        if !is_raw {
            check_node(node, stamp)?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn check_node(node: &LogicalPlan, stamp: &Stamp) -> Result<()> {
    match node {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source)?;
            let provider: &dyn Any = provider.as_ref();
            if let Some(table) = provider.downcast_ref::<GovernedTable>() {
                return check_stamp(table.stamp(), stamp);
            }
            if provider.is::<SystemTable>() || provider.is::<CteWorkTable>() || provider.is::<GenerateSeriesTable>() {
                return Ok(());
            }
            Err(Error::internal(format!("a scan of {} escaped the policy barrier", scan.table_name)))
        }
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Ok(()),
        other => Err(Error::internal(format!("a plan holds a node that is not allowed: {}", other.display()))),
    }
}

/// The same for the physical plan, after all optimiser rules.
pub fn verify_physical(plan: &Arc<dyn ExecutionPlan>, stamp: &Stamp) -> Result<()> {
    let node: &dyn Any = plan.as_ref();
    if let Some(governed) = node.downcast_ref::<GovernedExec>() {
        return check_stamp(governed.stamp(), stamp);
    }
    let children = plan.children();
    if children.is_empty() && !is_known_leaf(node) {
        return Err(Error::internal(format!("a {} escaped the policy barrier", plan.name())));
    }
    children.into_iter().try_for_each(|child| verify_physical(child, stamp))
}

fn is_known_leaf(node: &dyn Any) -> bool {
    // Memory holds the statement's own VALUES and our system tables, which are filtered where they are made.
    let memory = |source: &DataSourceExec| (source.data_source().as_ref() as &dyn Any).is::<MemorySourceConfig>();
    node.is::<EmptyExec>()
        || node.is::<PlaceholderRowExec>()
        || node.is::<WorkTableExec>()
        // Only generate_series is planned as one.
        || node.is::<LazyMemoryExec>()
        || node.downcast_ref::<DataSourceExec>().is_some_and(memory)
}

fn check_stamp(found: &Stamp, expected: &Stamp) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::internal(format!("a scan planned under {found:?} in a query under {expected:?}")))
}
