//! Our physical rules: work that a source takes over.
//!
//! They run after all of DataFusion's, on the finished plan, and change nothing but what a scan is asked for and the node that
//! would have done the work here. A rule that is not sure leaves the plan as it is.

mod aggregation;
mod late;
mod source;
#[cfg(test)]
mod tests;
mod topn;

pub(crate) use late::takes_join_keys;

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use std::sync::Arc;

/// The rules, in order.
pub(crate) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    vec![
        Arc::new(aggregation::PushAggregation),
        Arc::new(topn::PushTopN),
        // Last: a scan that gives states or first rows takes other filters than one that gives all rows.
        Arc::new(late::HandDownJoinFilters),
    ]
}
