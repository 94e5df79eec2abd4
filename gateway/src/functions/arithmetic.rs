//! `+`, `-` and `*` of whole numbers that fail with 22003 where DataFusion's wrap around: as PostgreSQL and Trino.
//!
//! DataFusion's own operator could check, but nothing in its planner asks it to. So an analyser rule, after types are settled and
//! before anything is folded, puts a function in the operator's place.
//!
//! `#` (exclusive or) is among them because DataFusion 55.2 folds `a # a` to 0 where it is NULL (apache/datafusion#24248;
//! `sql-tests/guards/xor_keeps_null.slt`).

use super::rewrite::rewrite_typed;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Datum, downcast_integer};
use datafusion::arrow::compute::kernels::arity::binary;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType};
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
        [Operator::Plus, Operator::Minus, Operator::Multiply, Operator::BitwiseXor]
            .map(|operator| Arc::new(Self::function(operator)))
            .into()
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
            Operator::BitwiseXor => "naru_bit_xor",
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
        if self.operator == Operator::BitwiseXor {
            return exclusive_or(&args.args);
        }
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

/// The bits in which two whole numbers differ.
fn exclusive_or(operands: &[ColumnarValue]) -> Result<ColumnarValue> {
    fn of<T: ArrowPrimitiveType>(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef>
    where
        T::Native: std::ops::BitXor<Output = T::Native>,
    {
        let (left, right) = (left.as_primitive::<T>(), right.as_primitive::<T>());
        Ok(Arc::new(binary::<_, _, _, T>(left, right, |left, right| left ^ right)?))
    }
    macro_rules! of_type {
        ($t:ty, $left:expr, $right:expr) => {
            of::<$t>($left, $right)
        };
    }
    let arrays = ColumnarValue::values_to_arrays(operands)?;
    let [left, right] = arrays.as_slice() else {
        return Err(crate::error::Error::internal("an operator takes two operands").into());
    };
    let result = downcast_integer! {
        left.data_type() => (of_type, left, right),
        _ => Err(crate::error::Error::internal("an operator on whole numbers got others").into()),
    }?;
    let constant = operands.iter().all(|operand| matches!(operand, ColumnarValue::Scalar(_)));
    if constant {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
    }
    Ok(ColumnarValue::Array(result))
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
            if matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::BitwiseXor)
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
