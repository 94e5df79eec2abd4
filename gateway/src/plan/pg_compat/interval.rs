//! Operators of intervals that DataFusion lacks or means otherwise. The types decide, so this is not done in the syntax tree.

use crate::functions::dates::span;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// `interval * number`, `number * interval` and `interval / number`; and a date with an interval, which is a timestamp: DataFusion
/// gives a date without the hours.
#[derive(Debug)]
pub(in crate::plan) struct IntervalArithmetic;

impl ExprPlanner for IntervalArithmetic {
    fn plan_binary_op(&self, mut expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let sides = (Side::of(&expr.left, schema), Side::of(&expr.right, schema));
        let moment = |date| cast(date, DataType::Timestamp(TimeUnit::Microsecond, None));
        match (&expr.op, sides) {
            (BinaryOperator::Multiply, (Side::Interval, Side::Number)) => {
                return Ok(PlannerResult::Planned(span::multiply().call(vec![expr.left, expr.right])));
            }
            (BinaryOperator::Multiply, (Side::Number, Side::Interval)) => {
                return Ok(PlannerResult::Planned(span::multiply().call(vec![expr.right, expr.left])));
            }
            (BinaryOperator::Divide, (Side::Interval, Side::Number)) => {
                return Ok(PlannerResult::Planned(span::divide().call(vec![expr.left, expr.right])));
            }
            (BinaryOperator::Plus | BinaryOperator::Minus, (Side::Date, Side::Interval)) => {
                expr.left = moment(expr.left);
            }
            (BinaryOperator::Plus, (Side::Interval, Side::Date)) => expr.right = moment(expr.right),
            _ => {}
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// What an operand is, as far as it matters here.
enum Side {
    Date,
    Interval,
    /// A number, or a parameter that can be one.
    Number,
    Other,
}

impl Side {
    fn of(expr: &Expr, schema: &DFSchema) -> Self {
        if let Expr::Placeholder(placeholder) = expr
            && placeholder.field.is_none()
        {
            return Self::Number;
        }
        match expr.get_type(schema) {
            Ok(DataType::Date32 | DataType::Date64) => Self::Date,
            Ok(DataType::Interval(_) | DataType::Duration(_)) => Self::Interval,
            Ok(data_type) if data_type.is_numeric() => Self::Number,
            _ => Self::Other,
        }
    }
}
