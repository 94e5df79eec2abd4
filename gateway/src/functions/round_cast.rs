//! A cast of a number with a fraction to a whole one rounds: as PostgreSQL and Trino. DataFusion's cuts off.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable};

/// Rounds before such a cast.
pub(super) fn rounded(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
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
