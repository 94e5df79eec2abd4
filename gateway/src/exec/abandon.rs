//! Planning that nobody waits for any more. DataFusion's rules are synchronous: a task that is dropped goes on to its next
//! await, which lies behind all of them. [`Checkpoint`] stands between the rules and ends the planning there.

use super::cancelled;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use std::future::Future;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static ABANDONED: CancellationToken;
}

/// Work whose [`Checkpoint`]s fail from the moment at which `abandoned` is cancelled.
pub(super) fn until_abandoned<T>(
    abandoned: CancellationToken,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    ABANDONED.scope(abandoned, work)
}

/// A rule that changes nothing. Nobody reads its error: who would have has gone.
#[derive(Debug)]
pub(crate) struct Checkpoint;

impl Checkpoint {
    /// These rules with a checkpoint before each.
    pub(crate) fn between<R: ?Sized>(rules: &[Arc<R>], checkpoint: &Arc<R>) -> Vec<Arc<R>> {
        rules.iter().flat_map(|rule| [Arc::clone(checkpoint), Arc::clone(rule)]).collect()
    }

    fn pass() -> Result<()> {
        match ABANDONED.try_with(CancellationToken::is_cancelled) {
            Ok(true) => Err(cancelled().into()),
            _ => Ok(()),
        }
    }
}

impl OptimizerRule for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        Self::pass()?;
        Ok(Transformed::no(plan))
    }
}

impl PhysicalOptimizerRule for Checkpoint {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        Self::pass()?;
        Ok(plan)
    }

    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
