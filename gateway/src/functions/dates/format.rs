//! `date_format(moment, pattern)`: text.

use super::moment::{Moments, moment_type, session_zone};
use super::pattern::{self, Piece};
use super::{text_type, wrong_count};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// `date_format`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateFormat(Signature);

impl Default for DateFormat {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Stable))
    }
}

impl ScalarUDFImpl for DateFormat {
    fn name(&self) -> &'static str {
        "date_format"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [moment, pattern] = given else { return Err(wrong_count("date_format", 2)) };
        Ok(vec![moment_type("date_format", moment)?, text_type("date_format", pattern)?])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [moments, patterns] = arrays.as_slice() else { return Err(wrong_count("date_format", 2)) };
        let moments = Moments::new(moments, session_zone(&args.config_options))?;
        let patterns = patterns.as_string::<i32>();
        let mut known: (&str, Vec<Piece>) = ("", Vec::new());
        let mut texts = StringBuilder::with_capacity(patterns.len(), patterns.len() * 10);
        let mut text = String::new();
        for row in 0..patterns.len() {
            let moment = moments.get(row)?.filter(|_| patterns.is_valid(row));
            let Some(moment) = moment else {
                texts.append_null();
                continue;
            };
            if known.0 != patterns.value(row) {
                known = (patterns.value(row), pattern::pieces(patterns.value(row)));
            }
            text.clear();
            pattern::write(&mut text, &known.1, moment);
            texts.append_value(&text);
        }
        returned(Arc::new(texts.finish()) as ArrayRef, scalar)
    }
}

/// A column, or its one value when all arguments were constants.
pub(super) fn returned(values: ArrayRef, scalar: bool) -> Result<ColumnarValue> {
    if scalar && values.len() == 1 {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
    }
    Ok(ColumnarValue::Array(values))
}
