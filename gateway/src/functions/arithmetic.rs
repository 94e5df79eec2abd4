//! `+`, `-` and `*` of whole numbers that fail with 22003 where DataFusion's wrap around: as PostgreSQL and Trino.
//!
//! DataFusion's own operator could check, but nothing in its planner asks it to. So an analyser rule, after types are settled and
//! before anything is folded, puts a function in the operator's place.

use super::rewrite::rewrite_typed;
use datafusion::arrow::array::Datum;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// A checked operator on two numbers of the same type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Checked {
    operator: Operator,
    signature: Signature,
}

impl Checked {
    /// One for each operator, for the function registry: plans are sent and kept by name.
    pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
        [Operator::Plus, Operator::Minus, Operator::Multiply].map(|operator| Arc::new(Self::function(operator))).into()
    }

    fn function(operator: Operator) -> ScalarUDF {
        let whole = [
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::Int64,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
        ];
        ScalarUDF::from(Self { operator, signature: Signature::uniform(2, whole.to_vec(), Volatility::Immutable) })
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.operator {
            Operator::Plus => "naru_add",
            Operator::Minus => "naru_subtract",
            _ => "naru_multiply",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let apply = match self.operator {
            Operator::Plus => numeric::add,
            Operator::Minus => numeric::sub,
            _ => numeric::mul,
        };
        let operand = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
            Ok(match value {
                ColumnarValue::Array(array) => Box::new(Arc::clone(array)),
                ColumnarValue::Scalar(value) => Box::new(value.to_scalar()?),
            })
        };
        let [left, right] = args.args.as_slice() else {
            return Err(crate::error::Error::internal("an operator takes two operands").into());
        };
        let constant = matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let result = apply(operand(left)?.as_ref(), operand(right)?.as_ref())?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// Puts [`Checked`] in the place of DataFusion's operators.
#[derive(Debug)]
pub(super) struct CheckArithmetic;

impl AnalyzerRule for CheckArithmetic {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_typed(plan, checked)
    }

    fn name(&self) -> &'static str {
        "check_arithmetic"
    }
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply)
                && same_whole_type(&left, &right, schema) =>
        {
            let function = Arc::new(Checked::function(op));
            let call = ScalarFunction::new_udf(function, vec![*left, *right]);
            Ok(Transformed::yes(Expr::ScalarFunction(call)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn same_whole_type(left: &Expr, right: &Expr, schema: &dyn ExprSchema) -> bool {
    match (left.get_type(schema), right.get_type(schema)) {
        (Ok(left), Ok(right)) => left == right && left.is_integer(),
        _ => false,
    }
}
