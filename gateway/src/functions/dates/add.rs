//! `date_add(unit, count, moment)`: a moment of the same type.

use super::moment::{Moments, days, instant, moment_type, session_zone};
use super::unit::Unit;
use super::{out_of_range, text_type, wrong_count, wrong_type};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Builder, TimestampMicrosecondBuilder};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `date_add`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateAdd(Signature);

impl Default for DateAdd {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Stable))
    }
}

impl ScalarUDFImpl for DateAdd {
    fn name(&self) -> &'static str {
        "date_add"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [unit, count, moment] = given else { return Err(wrong_count("date_add", 3)) };
        if !count.is_integer() && !count.is_null() {
            return Err(wrong_type("date_add", count));
        }
        Ok(vec![text_type("date_add", unit)?, DataType::Int64, moment_type("date_add", moment)?])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        arguments.get(2).cloned().ok_or_else(|| wrong_count("date_add", 3))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [units, counts, moments] = arrays.as_slice() else { return Err(wrong_count("date_add", 3)) };
        let sum = Sum {
            units: units.as_string::<i32>().iter().collect(),
            counts: counts.as_primitive::<Int64Type>().iter().collect(),
            moments: Moments::new(moments, session_zone(&args.config_options))?,
        };
        super::format::returned(sum.values(moments)?, scalar)
    }
}

struct Sum<'a> {
    units: Vec<Option<&'a str>>,
    counts: Vec<Option<i64>>,
    moments: Moments,
}

impl Sum<'_> {
    fn values(&self, given: &ArrayRef) -> Result<ArrayRef> {
        let rows = given.len();
        if given.data_type() == &DataType::Date32 {
            let mut dates = Date32Builder::with_capacity(rows);
            for row in 0..rows {
                dates.append_option(self.date(row)?);
            }
            return Ok(Arc::new(dates.finish()));
        }
        let mut moments = TimestampMicrosecondBuilder::with_capacity(rows);
        for row in 0..rows {
            moments.append_option(self.micros(row)?);
        }
        Ok(Arc::new(moments.finish().with_data_type(given.data_type().clone())))
    }

    fn parts(&self, row: usize) -> Result<Option<(Unit, i64)>> {
        match (self.units.get(row).copied().flatten(), self.counts.get(row).copied().flatten()) {
            (Some(unit), Some(count)) => Ok(Some((Unit::parse(unit)?, count))),
            _ => Ok(None),
        }
    }

    fn date(&self, row: usize) -> Result<Option<i32>> {
        let (Some((unit, count)), Some(moment)) = (self.parts(row)?, self.moments.get(row)?) else { return Ok(None) };
        if unit.is_of_the_clock() {
            return Err(DataFusionError::Plan("a date has no parts smaller than a day".to_owned()));
        }
        days(unit.add(moment, count).ok_or_else(out_of_range)?).map(Some)
    }

    fn micros(&self, row: usize) -> Result<Option<i64>> {
        let (Some((unit, count)), Some(moment)) = (self.parts(row)?, self.moments.get(row)?) else { return Ok(None) };
        match (&self.moments, unit) {
            // An hour later is an hour later, whatever the wall clock does.
            (Moments::Instants(instants, _), Unit::Micros(size)) => {
                let added = count.checked_mul(size);
                let instant = instants.as_primitive::<TimestampMicrosecondType>().value(row);
                added.and_then(|added| instant.checked_add(added)).map(Some).ok_or_else(out_of_range)
            }
            (Moments::Instants(_, zone), unit) => {
                instant(unit.add(moment, count).ok_or_else(out_of_range)?, *zone).map(Some)
            }
            (_, unit) => Ok(Some(unit.add(moment, count).ok_or_else(out_of_range)?.and_utc().timestamp_micros())),
        }
    }
}
