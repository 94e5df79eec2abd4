//! A function over the values of one row: plenty for catalogs, which are small.

use crate::server::pg::types::PG_TYPE;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::Arc;

type Call = Arc<dyn Fn(&[ScalarValue]) -> Result<ScalarValue> + Send + Sync>;

/// One function.
pub(super) struct RowFunction {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    /// The PostgreSQL type that clients see.
    shown_as: &'static str,
    call: Call,
}

impl RowFunction {
    /// A function of so many arguments of any type.
    pub(super) fn new(
        name: &'static str,
        arguments: RangeInclusive<usize>,
        (returns, shown_as): (DataType, &'static str),
        call: impl Fn(&[ScalarValue]) -> Result<ScalarValue> + Send + Sync + 'static,
    ) -> Self {
        let count = |count| if count == 0 { TypeSignature::Nullary } else { TypeSignature::Any(count) };
        let signature = Signature::one_of(arguments.map(count).collect(), Volatility::Stable);
        Self { name, signature, returns, shown_as, call: Arc::new(call) }
    }

    /// One that gives a text.
    pub(super) fn text(
        name: &'static str,
        arguments: RangeInclusive<usize>,
        call: impl Fn(&[ScalarValue]) -> Result<Option<String>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, arguments, (DataType::Utf8, "text"), move |args| call(args).map(ScalarValue::Utf8))
    }

    /// One that gives true or false.
    pub(super) fn flag(
        name: &'static str,
        arguments: RangeInclusive<usize>,
        call: impl Fn(&[ScalarValue]) -> Result<Option<bool>> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, arguments, (DataType::Boolean, "bool"), move |args| call(args).map(ScalarValue::Boolean))
    }

    /// One that gives an OID.
    pub(super) fn oid(
        name: &'static str,
        arguments: RangeInclusive<usize>,
        call: impl Fn(&[ScalarValue]) -> Result<Option<u32>> + Send + Sync + 'static,
    ) -> Self {
        let widened = move |args: &[ScalarValue]| Ok(ScalarValue::Int64(call(args)?.map(i64::from)));
        Self::new(name, arguments, (DataType::Int64, "oid"), widened)
    }
}

/// The text of an argument.
pub(super) fn text(args: &[ScalarValue], position: usize) -> Option<&str> {
    args.get(position)?.try_as_str().flatten()
}

/// The number of an argument, also of one that is written as a text.
pub(super) fn integer(args: &[ScalarValue], position: usize) -> Option<i64> {
    let argument = args.get(position)?;
    match argument.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) => number,
        _ => None,
    }
}

/// The OID of an argument.
pub(super) fn oid(args: &[ScalarValue], position: usize) -> Option<u32> {
    integer(args, position).and_then(|number| u32::try_from(number).ok())
}

impl fmt::Debug for RowFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowFunction({})", self.name)
    }
}

impl PartialEq for RowFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.call, &other.call)
    }
}

impl Eq for RowFunction {}

impl Hash for RowFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for RowFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef> {
        let metadata = HashMap::from([(PG_TYPE.to_owned(), self.shown_as.to_owned())]);
        Ok(Arc::new(Field::new(self.name, self.returns.clone(), true).with_metadata(metadata)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let mut results = Vec::with_capacity(rows);
        for row in 0..rows {
            let value = |arg: &ColumnarValue| match arg {
                ColumnarValue::Scalar(value) => Ok(value.clone()),
                ColumnarValue::Array(array) => ScalarValue::try_from_array(array, row),
            };
            let values = args.args.iter().map(value).collect::<Result<Vec<_>>>()?;
            results.push((self.call)(&values)?);
        }
        match (constant, results.pop()) {
            (true, Some(result)) => Ok(ColumnarValue::Scalar(result)),
            (_, None) => Ok(ColumnarValue::Array(datafusion::arrow::array::new_empty_array(&self.returns))),
            (false, Some(last)) => {
                results.push(last);
                ScalarValue::iter_to_array(results).map(ColumnarValue::Array)
            }
        }
    }
}
