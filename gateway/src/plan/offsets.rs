//! `LIMIT` with `OFFSET` that sorts stay above of.
//!
//! Where rows that were cut are sorted, DataFusion 55.2 sorts before it cuts: the rows that are left out are then others
//! (apache/datafusion#24958). A node above the cut that promises no order of its own keeps the sort where the statement has it.
//! `sql-tests/guards/sort_over_offset.slt`; when it holds without this rule, it may go.

use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::fmt;
use std::sync::Arc;

/// The rule; before sorts are placed.
#[derive(Debug)]
pub struct OffsetsApart;

impl PhysicalOptimizerRule for OffsetsApart {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let apart = |node: Arc<dyn ExecutionPlan>| {
            let cuts = node.downcast_ref::<GlobalLimitExec>().is_some_and(|limit| limit.skip() > 0);
            if cuts { Ok(Transformed::yes(CutExec::above(node))) } else { Ok(Transformed::no(node)) }
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

/// The rows of its input, unchanged.
#[derive(Debug)]
pub(super) struct CutExec {
    input: Arc<dyn ExecutionPlan>,
}

impl CutExec {
    pub(super) fn above(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { input })
    }
}

impl DisplayAs for CutExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CutExec")
    }
}

impl ExecutionPlan for CutExec {
    fn name(&self) -> &'static str {
        "CutExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    // What keeps a sort from going below.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = children.as_slice() else { return internal_err!("a cut has one input") };
        Ok(Self::above(Arc::clone(input)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
