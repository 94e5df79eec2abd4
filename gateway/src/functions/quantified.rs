//! `x op ANY (array)` and `x op ALL (array)`, with PostgreSQL's three answers (manual, 9.24.3 and 9.24.4): unknown counts where no
//! element decides. DataFusion 55.2 takes them for other functions, to which NULL in an array is no element.
//!
//! Each is a function of the array and of x, called as it is written: `= any`. Over an array that is known, `= ANY` and `<> ALL` become
//! IN lists, which sources take.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use datafusion::arrow::compute::{and_kleene, cast, or_kleene};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, in_list, lit,
};
use datafusion::physical_expr_common::datum::apply_cmp;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// One operator with ANY or ALL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Quantified {
    name: &'static str,
    operator: Operator,
    /// ALL, else ANY.
    all: bool,
    signature: Signature,
}

/// Their names, by operator and by whether it is ALL.
const NAMES: [(&str, Operator, bool); 12] = [
    ("= any", Operator::Eq, false),
    ("<> any", Operator::NotEq, false),
    ("< any", Operator::Lt, false),
    ("<= any", Operator::LtEq, false),
    ("> any", Operator::Gt, false),
    (">= any", Operator::GtEq, false),
    ("= all", Operator::Eq, true),
    ("<> all", Operator::NotEq, true),
    ("< all", Operator::Lt, true),
    ("<= all", Operator::LtEq, true),
    ("> all", Operator::Gt, true),
    (">= all", Operator::GtEq, true),
];

/// Is this the name of one of these functions?
#[must_use]
pub(crate) fn is_quantified(name: &str) -> bool {
    NAMES.iter().any(|(known, ..)| *known == name)
}

impl Quantified {
    /// For the function registry.
    pub(super) fn functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
        NAMES.into_iter().map(|(name, operator, all)| {
            let signature = Signature::array_and_element(Volatility::Immutable);
            Arc::new(ScalarUDF::from(Self { name, operator, all, signature }))
        })
    }

    /// The answers of each row about these elements: x stands on the left. `x` is one value, or one for each element or of each row.
    fn compared(&self, x: &ColumnarValue, elements: &ColumnarValue, length: usize) -> Result<BooleanArray> {
        if x.data_type().is_null() || elements.data_type().is_null() {
            return Ok(BooleanArray::new_null(length));
        }
        let answers = apply_cmp(self.operator, x, elements)?.into_array(length)?;
        Ok(answers.as_boolean().clone())
    }

    /// The answer over one array's elements.
    fn decided(&self, answers: &BooleanArray) -> Option<bool> {
        match (self.all, answers.has_true(), answers.has_false()) {
            (false, true, _) => Some(true),
            (true, _, true) => Some(false),
            _ if answers.null_count() > 0 => None,
            _ => Some(self.all),
        }
    }

    /// One array, and many values: element by element.
    fn of_one_array(&self, elements: &ArrayRef, x: &ArrayRef) -> Result<ArrayRef> {
        let mut decided = BooleanArray::from(vec![self.all; x.len()]);
        let values = ColumnarValue::Array(Arc::clone(x));
        for position in 0..elements.len() {
            let element = ColumnarValue::Scalar(ScalarValue::try_from_array(elements, position)?);
            let answers = self.compared(&values, &element, x.len())?;
            decided = if self.all { and_kleene(&decided, &answers)? } else { or_kleene(&decided, &answers)? };
        }
        Ok(Arc::new(decided))
    }

    /// An array and a value in each row.
    fn of_each_array(&self, arrays: &ArrayRef, x: &ArrayRef) -> Result<ArrayRef> {
        let lists = arrays.as_list::<i32>();
        let answer = |row: usize| -> Result<Option<bool>> {
            if lists.is_null(row) {
                return Ok(None);
            }
            let elements = lists.value(row);
            let length = elements.len();
            let value = ColumnarValue::Scalar(ScalarValue::try_from_array(x, row)?);
            Ok(self.decided(&self.compared(&value, &ColumnarValue::Array(elements), length)?))
        };
        let answers = (0..lists.len()).map(answer).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(BooleanArray::from(answers)))
    }
}

impl ScalarUDFImpl for Quantified {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn simplify(&self, args: Vec<Expr>, _info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let elements = match (self.operator, self.all) {
            (Operator::Eq, false) | (Operator::NotEq, true) => args.first().and_then(elements),
            _ => None,
        };
        let Some(elements) = elements else { return Ok(ExprSimplifyResult::Original(args)) };
        let [_, x] = take_function_args(self.name, args)?;
        Ok(ExprSimplifyResult::Simplified(match elements.as_slice() {
            [] => lit(self.all),
            _ => in_list(x, elements, self.all),
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [arrays, x] = take_function_args(self.name, args.args)?;
        let lists = |array: ArrayRef| -> Result<ArrayRef> {
            match array.data_type() {
                DataType::List(_) => Ok(array),
                DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                    Ok(cast(&array, &DataType::List(Arc::clone(item)))?)
                }
                _ => Ok(new_null_array(&DataType::new_list(x.data_type(), true), array.len())),
            }
        };
        match (arrays, &x) {
            (ColumnarValue::Scalar(array), ColumnarValue::Array(values)) => {
                let array = lists(array.to_array()?)?;
                let array = array.as_list::<i32>();
                if array.is_null(0) {
                    return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
                }
                self.of_one_array(&array.value(0), values).map(ColumnarValue::Array)
            }
            (ColumnarValue::Scalar(array), ColumnarValue::Scalar(value)) => {
                let answer = self.of_each_array(&lists(array.to_array()?)?, &value.to_array()?)?;
                ScalarValue::try_from_array(&answer, 0).map(ColumnarValue::Scalar)
            }
            (ColumnarValue::Array(arrays), x) => {
                let x = x.to_array(arrays.len())?;
                self.of_each_array(&lists(arrays)?, &x).map(ColumnarValue::Array)
            }
        }
    }
}

/// The elements of an array that is written out or known.
fn elements(array: &Expr) -> Option<Vec<Expr>> {
    match array {
        Expr::Literal(ScalarValue::List(list), _) if list.is_valid(0) => {
            let elements = list.value(0);
            let element = |position| Some(lit(ScalarValue::try_from_array(&elements, position).ok()?));
            (0..elements.len()).map(element).collect()
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "make_array" => Some(args.clone()),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, ListArray};
    use datafusion::arrow::datatypes::{Field, Int64Type};
    use datafusion::config::ConfigOptions;

    fn call(name: &str, arrays: ColumnarValue, x: ColumnarValue) -> Vec<Option<bool>> {
        let function = Quantified::functions().find(|function| function.name() == name).unwrap();
        let rows = [&arrays, &x].iter().map(|arg| if let ColumnarValue::Array(a) = arg { a.len() } else { 1 }).max();
        let args = ScalarFunctionArgs {
            arg_fields: vec![
                Arc::new(Field::new("array", arrays.data_type(), true)),
                Arc::new(Field::new("x", x.data_type(), true)),
            ],
            args: vec![arrays, x],
            number_rows: rows.unwrap(),
            return_field: Arc::new(Field::new("answer", DataType::Boolean, true)),
            config_options: Arc::new(ConfigOptions::new()),
        };
        let answers = function.invoke_with_args(args).unwrap().into_array(rows.unwrap()).unwrap();
        answers.as_boolean().iter().collect()
    }

    #[test]
    fn one_array_and_an_array_in_each_row_give_the_same() {
        let arrays = [None, Some(vec![]), Some(vec![Some(1), None]), Some(vec![Some(1), Some(2)]), Some(vec![None])];
        let values = [None, Some(1), Some(2), Some(3)];
        for (name, ..) in NAMES {
            for array in &arrays {
                let list = ListArray::from_iter_primitive::<Int64Type, _, _>([array.clone()]);
                let one = ScalarValue::List(Arc::new(list));
                let x: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
                let of_one = call(name, ColumnarValue::Scalar(one), ColumnarValue::Array(Arc::clone(&x)));
                let each = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![array.clone(); values.len()]);
                let of_each = call(name, ColumnarValue::Array(Arc::new(each)), ColumnarValue::Array(x));
                let of_one = if of_one.len() == 1 { vec![of_one[0]; values.len()] } else { of_one };
                assert_eq!(of_one, of_each, "{name} {array:?}");
            }
        }
    }
}
