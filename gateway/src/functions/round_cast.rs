//! A cast of a number with a fraction to a whole one rounds: as PostgreSQL and Trino. DataFusion's cuts off.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// Rounds before such a cast.
#[derive(Debug)]
pub(super) struct RoundCast;

impl AnalyzerRule for RoundCast {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            if matches!(node, LogicalPlan::TableScan(_)) {
                return Ok(Transformed::no(node));
            }
            let mut schema = merge_schema(&node.inputs());
            schema.merge(node.schema());
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|expr| rounded(expr, &schema))?.update_data(|expr| name.restore(expr)))
            })
        })
        .map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "round_cast"
    }
}

fn rounded(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr, field }) if field.data_type().is_integer() && has_fraction(&expr, schema) => {
            let whole = Box::new(round(vec![*expr]));
            Ok(Transformed::yes(Expr::Cast(Cast { expr: whole, field })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn has_fraction(expr: &Expr, schema: &dyn ExprSchema) -> bool {
    match expr.get_type(schema) {
        Ok(DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)) => scale > 0,
        Ok(data_type) => data_type.is_floating(),
        Err(_) => false,
    }
}
