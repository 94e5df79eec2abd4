//! The first rows of an order: each split of a scan need give no more than its own first ones.
//!
//! The sort stays where it is and merges them. A source that orders otherwise than the engine declines.

use super::source::{descend, over_scan};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::sorts::sort::SortExec;
use naru_connector::{KeyExpr, SortKey, TopN};
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(super) struct PushTopN;

impl PhysicalOptimizerRule for PushTopN {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let push = |node: Arc<dyn ExecutionPlan>| match pushed(&node)? {
            Some(pushed) => Ok(Transformed::yes(pushed)),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_down(push).map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "PushTopN"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn pushed(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(None) };
    let Some(limit) = sort.fetch() else { return Ok(None) };
    let expressions = sort.expr().iter().map(|key| Arc::clone(&key.expr)).collect();
    let Some(found) = descend(sort.input(), expressions) else { return Ok(None) };
    let keys = sort.expr().iter().zip(&found.expressions).map(|(key, expression)| {
        let (descending, nulls_first) = (key.options.descending, key.options.nulls_first);
        Some(SortKey { key: KeyExpr::Column(found.column(expression)?), descending, nulls_first })
    });
    let Some(keys) = keys.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let Some(scan) = found.scan.scan().with_topn(&TopN { keys, limit }) else { return Ok(None) };
    let scan = Arc::new(found.scan.with_scan(scan, found.scan.columns().to_vec()));
    let input = over_scan(sort.input(), scan)?;
    Ok(Some(replace_children_if_necessary(Arc::clone(node), vec![input])?))
}
