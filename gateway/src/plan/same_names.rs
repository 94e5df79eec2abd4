//! DataFusion's physical filter pushdown, kept from filters that it would put on the wrong column.
//!
//! On its way down a filter finds its columns again by name (`FilterRemapper`, DataFusion 55.2): where a node's input has two
//! columns of one name, or an equal name means something else there, it lands on the wrong one, and a scan leaves out rows that
//! the filter never meant (apache/datafusion#24428, #25259). While the rule runs, every such input stands under a node that lets
//! through only filters whose names can be trusted; afterwards the nodes are gone again. `gateway/tests/it/guards.rs` has the
//! queries; when they hold with the bare rule, this may go.

use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, StatisticsArgs, statistics::ChildStats,
};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// One of the two pushdown rules, with trusted names only.
#[derive(Debug)]
pub struct TrustedNames(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for TrustedNames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let watched = plan.transform_up(watch).data()?;
        let pushed = self.0.optimize(watched, config)?;
        pushed.transform_up(unwatch).data()
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Puts a node's doubtful inputs under watch.
fn watch(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let mut watched = false;
    let inputs = node.children().into_iter().enumerate().map(|(side, input)| {
        let doubtful = doubtful_names(node.as_ref(), side, input);
        if doubtful.is_empty() {
            return Arc::clone(input);
        }
        watched = true;
        Arc::new(Watched { input: Arc::clone(input), doubtful: Arc::new(doubtful) }) as Arc<dyn ExecutionPlan>
    });
    let inputs: Vec<_> = inputs.collect();
    if !watched {
        return Ok(Transformed::no(node));
    }
    replace_children_if_necessary(node, inputs).map(Transformed::yes)
}

fn unwatch(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    Ok(match node.downcast_ref::<Watched>() {
        Some(watched) => Transformed::yes(Arc::clone(&watched.input)),
        None => Transformed::no(node),
    })
}

/// The names of an input that may mean another column to the node above.
fn doubtful_names(node: &dyn ExecutionPlan, side: usize, input: &Arc<dyn ExecutionPlan>) -> HashSet<String> {
    let schema = input.schema();
    let (mut seen, mut doubtful) = (HashSet::new(), HashSet::new());
    for field in schema.fields() {
        if !seen.insert(field.name()) {
            doubtful.insert(field.name().clone());
        }
    }
    let position = |name: &str| schema.index_of(name).ok();
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        // A group's name may be that of another column below.
        let renamed = aggregate.group_expr().expr().iter().filter(|(expr, name)| {
            let column = expr.downcast_ref::<Column>();
            column.is_none_or(|column| column.name() != name || position(name) != Some(column.index()))
        });
        doubtful.extend(renamed.map(|(_, name)| name.clone()));
    } else if node.is::<UnionExec>() || node.is::<InterleaveExec>() {
        // Columns of a union go by position.
        let out = node.schema();
        let elsewhere = schema.fields().iter().enumerate().filter(|(i, field)| out.field(*i).name() != field.name());
        doubtful.extend(elsewhere.map(|(_, field)| field.name().clone()));
    } else if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        doubtful.extend(not_joined_by(join, side));
    }
    doubtful
}

/// Of a semi join's side that gives no columns: the names that it has in common with the other side without being joined by them.
/// A filter on the other side's keys is offered to it.
fn not_joined_by(join: &HashJoinExec, side: usize) -> HashSet<String> {
    let (given, hidden) = (join.left().schema(), join.right().schema());
    let ((given, hidden), from_left) = match (join.join_type(), side) {
        (JoinType::LeftSemi, 1) => ((given, hidden), true),
        (JoinType::RightSemi, 0) => ((hidden, given), false),
        _ => return HashSet::new(),
    };
    let is_key = |name: &str| {
        join.on().iter().any(|(left, right)| {
            let (ours, theirs) = if from_left { (right, left) } else { (left, right) };
            let is = |expr: &Arc<dyn PhysicalExpr>, index: Option<usize>| {
                expr.downcast_ref::<Column>().is_some_and(|column| Some(column.index()) == index)
            };
            is(ours, hidden.index_of(name).ok()) && is(theirs, given.index_of(name).ok())
        })
    };
    let names = hidden.fields().iter().map(|field| field.name());
    names.filter(|name| given.index_of(name).is_ok() && !is_key(name)).cloned().collect()
}

/// Stands over an input while filters are pushed down, and is never run.
#[derive(Debug)]
struct Watched {
    input: Arc<dyn ExecutionPlan>,
    doubtful: Arc<HashSet<String>>,
}

impl DisplayAs for Watched {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl ExecutionPlan for Watched {
    fn name(&self) -> &'static str {
        "Watched"
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

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("a watched node has one input") };
        Ok(Arc::new(Self { input, doubtful: Arc::clone(&self.doubtful) }))
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(inputs.first().map_or_else(|| Arc::new(Statistics::new_unknown(&self.schema())), Arc::clone))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let schema = self.schema();
        let trusted = schema.fields().iter().enumerate().filter(|(_, field)| !self.doubtful.contains(field.name()));
        let positions: HashSet<usize> = trusted.map(|(position, _)| position).collect();
        let described =
            ChildFilterDescription::from_child_with_allowed_indices(&parent_filters, positions, &self.input)?;
        Ok(FilterDescription::new().with_child(described))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
