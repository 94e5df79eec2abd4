//! From a bound plan to one that runs. After each step it is proved that policy still holds, for whoever runs it.

use super::bind::Bound;
use crate::audit::AuditedTable;
use crate::error::Result;
use crate::govern::{self, GovernedTable, Stamp};
use datafusion::arrow::array::RecordBatch;
use datafusion::common::ParamValues;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::optimizer::Optimizer;
use datafusion::optimizer::eliminate_filter::EliminateFilter;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::propagate_empty_relation::PropagateEmptyRelation;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::push_down_limit::PushDownLimit;
use datafusion::optimizer::simplify_expressions::SimplifyExpressions;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::scalar::ScalarValue;
use std::any::Any;
use std::sync::{Arc, LazyLock};

/// An optimised query.
#[derive(Debug, Clone)]
pub struct Optimised {
    plan: LogicalPlan,
    /// The governed tables it reads, and which of their columns.
    pub tables: Vec<AuditedTable>,
}

/// What is left to do when the values of parameters are known: to simplify what they are in, and to push down what that gives.
static FINISHING: LazyLock<Optimizer> = LazyLock::new(|| {
    Optimizer::with_rules(vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(PropagateEmptyRelation::new()),
        Arc::new(PushDownLimit::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(OptimizeProjections::new()),
    ])
});

/// Optimises a bound query as far as that goes without the values of its parameters.
pub fn outline(state: &SessionState, bound: &Bound, stamp: &Stamp) -> Result<LogicalPlan> {
    govern::verify_logical(&bound.plan, stamp)?;
    Ok(state.optimize(&bound.plan)?)
}

/// Optimises the outline of a bound query with values for `$1`, `$2`, ...
pub fn finish(
    state: &SessionState,
    bound: &Bound,
    outline: &LogicalPlan,
    values: Vec<ScalarValue>,
) -> Result<Optimised> {
    let plan = outline.clone().with_param_values(ParamValues::from(values))?;
    Optimised::new(bound, FINISHING.optimize(plan, state, |_, _| {})?)
}

/// Optimises a bound query with values for `$1`, `$2`, ... `stamp` is that of whoever runs it.
pub fn optimise(state: &SessionState, bound: &Bound, values: Vec<ScalarValue>, stamp: &Stamp) -> Result<Optimised> {
    govern::verify_logical(&bound.plan, stamp)?;
    let plan = if values.is_empty() {
        state.optimize(&bound.plan)?
    } else {
        state.optimize(&bound.plan.clone().with_param_values(ParamValues::from(values))?)?
    };
    Optimised::new(bound, plan)
}

impl Optimised {
    fn new(bound: &Bound, plan: LogicalPlan) -> Result<Self> {
        let mut tables = bound.tables.clone();
        note_columns(&plan, &mut tables)?;
        Ok(Self { plan, tables })
    }
}

/// The row of a plan that computes constants and nothing else.
#[must_use]
pub fn constant_row(plan: &Arc<dyn ExecutionPlan>) -> Option<RecordBatch> {
    let projection = plan.downcast_ref::<ProjectionExec>()?;
    projection.input().downcast_ref::<PlaceholderRowExec>()?;
    let value = |expr: &ProjectionExpr| expr.expr.downcast_ref::<Literal>()?.value().to_array().ok();
    let values = projection.expr().iter().map(value).collect::<Option<Vec<_>>>()?;
    RecordBatch::try_new(plan.schema(), values).ok()
}

/// Plans an optimised query.
pub async fn physical_plan(
    state: &SessionState,
    optimised: &Optimised,
    stamp: &Stamp,
) -> Result<Arc<dyn ExecutionPlan>> {
    govern::verify_logical(&optimised.plan, stamp)?;
    let physical = state.query_planner().create_physical_plan(&optimised.plan, state).await?;
    govern::verify_physical(&physical, stamp)?;
    Ok(physical)
}

/// Does optimising give the same plan at any time? Not when a function is called whose value is that of the moment: `now()` becomes
/// a constant.
pub fn optimises_alike(bound: &Bound) -> Result<bool> {
    let mut alike = true;
    bound.plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                alike &= match part {
                    Expr::ScalarVariable(..) => false,
                    Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
                    _ => true,
                };
                Ok(if alike { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
            })
        })
    })?;
    Ok(alike)
}

/// Notes which columns an optimised plan reads: those a scan gives out, and those its filters look at.
fn note_columns(plan: &LogicalPlan, tables: &mut [AuditedTable]) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = node else { return Ok(TreeNodeRecursion::Continue) };
        let provider = source_as_provider(&scan.source)?;
        let provider: &dyn Any = provider.as_ref();
        let name = provider.downcast_ref::<GovernedTable>().map(|table| table.name().to_string());
        let Some(table) = tables.iter_mut().find(|table| Some(&table.name) == name.as_ref()) else {
            return Ok(TreeNodeRecursion::Continue);
        };
        let given = scan.projected_schema.fields().iter().map(|field| field.name().clone());
        let looked_at = scan.filters.iter().flat_map(|filter| filter.column_refs()).map(|column| column.name.clone());
        table.columns.extend(given.chain(looked_at));
        table.columns.sort_unstable();
        table.columns.dedup();
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
