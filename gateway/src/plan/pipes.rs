//! Plans that physical rules have nothing to do for: one table's rows, perhaps filtered and computed with, and nothing that needs
//! them in an order or in one place. A look-up by key costs less to run than to ask all rules about. Scans yield by themselves.

use crate::govern::GovernedExec;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use std::sync::Arc;

/// A rule that leaves such plans alone.
#[derive(Debug)]
pub struct BeyondPipes(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for BeyondPipes {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if is_pipe(&plan, config) { Ok(plan) } else { self.0.optimize(plan, config) }
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if is_pipe(&plan, context.config_options()) { Ok(plan) } else { self.0.optimize_with_context(plan, context) }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// What computes is worth spreading over all cores, unless there is too little of it.
fn is_pipe(plan: &Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> bool {
    let (mut node, mut computes) = (plan, false);
    loop {
        if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
            computes |= !projection.expr().iter().all(|shown| shown.expr.is::<Column>());
            node = projection.input();
        } else if let Some(filter) = node.downcast_ref::<FilterExec>() {
            computes = true;
            node = filter.input();
        } else {
            let batch = config.execution.batch_size.into();
            let few = |scan: &GovernedExec| scan.expected_rows().is_some_and(|rows| rows <= batch);
            let scan = node.downcast_ref::<GovernedExec>();
            return node.is::<PlaceholderRowExec>() || scan.is_some_and(|scan| !computes || few(scan));
        }
    }
}
