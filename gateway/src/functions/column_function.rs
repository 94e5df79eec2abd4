//! A strict function of columns (NULL gives NULL), described by a row of a table: for the many that differ in little but what they
//! compute. It belongs to no session and travels by its name.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What the arguments become: an error for those that it does not take. It is given the function's name.
type Takes = fn(&'static str, &[DataType]) -> Result<Vec<DataType>>;

/// The result's rows, of arguments of equal length, with the settings of the session.
type Compute = fn(&[ArrayRef], &ConfigOptions) -> Result<ArrayRef>;

/// One function.
pub(super) struct ColumnFunction {
    name: &'static str,
    signature: Signature,
    takes: Takes,
    gives: DataType,
    /// Does it give NULL of arguments that are none?
    nullable: bool,
    compute: Compute,
}

impl ColumnFunction {
    pub(super) fn new(name: &'static str, takes: Takes, gives: DataType, compute: Compute) -> Self {
        let signature = Signature::user_defined(Volatility::Stable);
        Self { name, signature, takes, gives, nullable: false, compute }
    }

    pub(super) fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub(super) fn into_udf(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(self))
    }
}

impl fmt::Debug for ColumnFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ColumnFunction({})", self.name)
    }
}

impl PartialEq for ColumnFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ColumnFunction {}

impl Hash for ColumnFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for ColumnFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        (self.takes)(self.name, given)
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let nullable = self.nullable || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name, self.gives.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let result = (self.compute)(&arrays, &args.config_options)?;
        if constant && result.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
