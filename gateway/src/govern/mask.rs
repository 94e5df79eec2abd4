//! Ranger's stock masks with Trino's results, as expressions that keep the column's own type.
//!
//! A mask without meaning for a column's type (a hash of a number) is NULL. The text masks are our own functions because
//! Trino's regular expressions stop at a line break and leave what stands before it readable; on one line the results are
//! equal. They are not in any registry: no user can call them.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::functions::expr_fn::date_trunc;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::prelude::cast as cast_expr;
use datafusion::scalar::ScalarValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The expression for a stock mask over `column`.
pub(super) fn stock(mask_type: &str, column: Expr, data_type: &DataType) -> Expr {
    let null = || null_of(data_type);
    match mask_type {
        "MASK" => TextMask::Redact.over(column, data_type),
        "MASK_SHOW_LAST_4" => TextMask::ShowLast(4).over(column, data_type),
        "MASK_SHOW_FIRST_4" => TextMask::ShowFirst(4).over(column, data_type),
        "MASK_HASH" => TextMask::Hash.over(column, data_type),
        "MASK_DATE_SHOW_YEAR" => match data_type {
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => {
                cast_expr(date_trunc(lit("year"), column), data_type.clone())
            }
            _ => null(),
        },
        // MASK_NULL, and whatever this version does not know.
        _ => null(),
    }
}

/// NULL of a type.
pub(super) fn null_of(data_type: &DataType) -> Expr {
    ScalarValue::try_new_null(data_type).map_or_else(|_| cast_expr(lit(ScalarValue::Null), data_type.clone()), lit)
}

/// A mask for a plan that is sent: `None` for any other function.
pub(crate) fn encode_mask(function: &ScalarUDF) -> Option<Vec<u8>> {
    let mask = function.inner().downcast_ref::<TextMaskFunction>()?;
    serde_json::to_vec(&mask.mask).ok()
}

/// The mask that was encoded.
pub(crate) fn decode_mask(bytes: &[u8]) -> Option<ScalarUDF> {
    serde_json::from_slice(bytes).ok().map(TextMask::function)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum TextMask {
    Redact,
    ShowLast(usize),
    ShowFirst(usize),
    Hash,
}

impl TextMask {
    fn over(self, column: Expr, data_type: &DataType) -> Expr {
        match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => self.function().call(vec![column]),
            other => null_of(other),
        }
    }

    fn function(self) -> ScalarUDF {
        ScalarUDF::from(TextMaskFunction { mask: self, signature: Signature::any(1, Volatility::Immutable) })
    }

    fn apply(self, text: &str) -> String {
        match self {
            Self::Redact => text
                .chars()
                .map(|c| match c {
                    'A'..='Z' => 'X',
                    'a'..='z' => 'x',
                    '0'..='9' => '0',
                    other => other,
                })
                .collect(),
            Self::ShowLast(shown) => {
                let hidden = text.chars().count().saturating_sub(shown);
                text.chars().enumerate().map(|(i, c)| if i < hidden { 'X' } else { c }).collect()
            }
            Self::ShowFirst(shown) => text.chars().enumerate().map(|(i, c)| if i < shown { c } else { 'X' }).collect(),
            Self::Hash => hex::encode_upper(Sha256::digest(text.as_bytes())),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextMaskFunction {
    mask: TextMask,
    signature: Signature,
}

impl ScalarUDFImpl for TextMaskFunction {
    fn name(&self) -> &'static str {
        "naru_text_mask"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Utf8))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(input) = arrays.first() else {
            return datafusion::common::internal_err!("a text mask takes one argument");
        };
        let text = cast(input, &DataType::Utf8)?;
        let masked: StringArray =
            text.as_string::<i32>().iter().map(|value| value.map(|text| self.mask.apply(text))).collect();
        let masked: ArrayRef = Arc::new(masked);
        debug_assert_eq!(masked.len(), input.len());
        Ok(ColumnarValue::Array(cast(&masked, args.return_field.data_type())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_masks_give_trinos_results() {
        assert_eq!(TextMask::ShowLast(4).apply("25-989-741-2988"), "XXXXXXXXXXX2988");
        assert_eq!(TextMask::ShowFirst(4).apply("25-989-741-2988"), "25-9XXXXXXXXXXX");
        assert_eq!(TextMask::Redact.apply("Ab9-é"), "Xx0-é");
        // sha256("abc"), FIPS 180-2 appendix B.1
        assert_eq!(TextMask::Hash.apply("abc"), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
    }

    #[test]
    fn what_stands_before_a_line_break_is_masked_too() {
        assert_eq!(TextMask::ShowLast(4).apply("secret\n123456"), "XXXXXXXXX3456");
    }

    #[test]
    fn a_mask_without_meaning_for_the_type_is_null() {
        let masked = stock("MASK_HASH", datafusion::prelude::col("n"), &DataType::Int64);
        assert_eq!(masked, lit(ScalarValue::Int64(None)));
        assert_eq!(
            stock("MASK_OF_TOMORROW", datafusion::prelude::col("s"), &DataType::Utf8),
            lit(ScalarValue::Utf8(None))
        );
    }
}
