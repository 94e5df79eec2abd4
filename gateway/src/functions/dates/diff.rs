//! `date_diff(unit, from, to)`: whole units from one moment to another.

use super::moment::{Moments, moment_type, session_zone};
use super::unit::Unit;
use super::{out_of_range, text_type, wrong_count};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Builder};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `date_diff`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateDiff(Signature);

impl Default for DateDiff {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Stable))
    }
}

impl ScalarUDFImpl for DateDiff {
    fn name(&self) -> &'static str {
        "date_diff"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [unit, from, to] = given else { return Err(wrong_count("date_diff", 3)) };
        let (from, to) = (moment_type("date_diff", from)?, moment_type("date_diff", to)?);
        let both = match (&from, &to) {
            (DataType::Date32, DataType::Date32) => DataType::Date32,
            // A wall clock beside an instant is read in the session's zone.
            (DataType::Timestamp(_, Some(zone)), _) | (_, DataType::Timestamp(_, Some(zone))) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone)))
            }
            _ => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        Ok(vec![text_type("date_diff", unit)?, both.clone(), both])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [units, from, to] = arrays.as_slice() else { return Err(wrong_count("date_diff", 3)) };
        let zone = session_zone(&args.config_options);
        let (from, to) = (Moments::new(from, zone)?, Moments::new(to, zone)?);
        let units = units.as_string::<i32>();
        let mut counts = Int64Builder::with_capacity(units.len());
        for row in 0..units.len() {
            let (Some(earlier), Some(later)) = (from.get(row)?, to.get(row)?) else {
                counts.append_null();
                continue;
            };
            if units.is_null(row) {
                counts.append_null();
                continue;
            }
            let count = match (Unit::parse(units.value(row))?, &from, &to) {
                (Unit::Micros(size), Moments::Instants(a, _), Moments::Instants(b, _)) => {
                    let instant = |array: &ArrayRef| array.as_primitive::<TimestampMicrosecondType>().value(row);
                    instant(b).checked_sub(instant(a)).map(|micros| micros / size)
                }
                (unit, ..) => unit.between(earlier, later),
            };
            counts.append_value(count.ok_or_else(out_of_range)?);
        }
        super::format::returned(Arc::new(counts.finish()) as ArrayRef, scalar)
    }
}
