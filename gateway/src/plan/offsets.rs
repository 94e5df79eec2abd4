//! `LIMIT` with `OFFSET` in two nodes while DataFusion places its sorts.
//!
//! Where rows that were cut are sorted, it sorts before it cuts, and then sorts only as many rows as LIMIT says: those that OFFSET
//! leaves out are missing at the end (apache/datafusion#24958). Apart, the one knows how many rows to take and the other how many to
//! leave out. `sql-tests/guards/sort_over_offset.slt`; when it holds without this rule, it may go.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::GlobalLimitExec;
use std::sync::Arc;

/// The rule; before sorts are placed. Limits are merged again when they are pushed down.
#[derive(Debug)]
pub struct OffsetsApart;

impl PhysicalOptimizerRule for OffsetsApart {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let apart = |node: Arc<dyn ExecutionPlan>| {
            let Some(limit) = node.downcast_ref::<GlobalLimitExec>() else { return Ok(Transformed::no(node)) };
            let (skip, Some(fetch)) = (limit.skip(), limit.fetch()) else { return Ok(Transformed::no(node)) };
            let Some(taken) = skip.checked_add(fetch).filter(|_| skip > 0) else { return Ok(Transformed::no(node)) };
            let mut taking = GlobalLimitExec::new(Arc::clone(limit.input()), 0, Some(taken));
            taking.set_required_ordering(limit.required_ordering().clone());
            let mut leaving = GlobalLimitExec::new(Arc::new(taking), skip, None);
            leaving.set_required_ordering(limit.required_ordering().clone());
            Ok(Transformed::yes(Arc::new(leaving) as Arc<dyn ExecutionPlan>))
        };
        plan.transform_up(apart).data()
    }

    fn name(&self) -> &'static str {
        "offsets_apart"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
