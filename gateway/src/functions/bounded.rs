//! Functions whose result may be far larger than their arguments, such as `repeat('a', 2000000000)`: the engine would build it
//! in one piece, outside every memory limit. Each is asked first how much it would build.

use crate::error::{Error, ErrorCode};
use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, IntervalMonthDayNanoType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::Arc;

/// The most that one call may build, for all rows of a batch.
const MOST_BYTES: f64 = 256.0 * 1024.0 * 1024.0;

/// A function of the engine and the size of what it would give.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
}

/// Puts the bound around those of the engine's functions that need one.
pub(super) fn bounded(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    let known = matches!(function.name(), "repeat" | "lpad" | "rpad" | "array_repeat" | "range" | "generate_series");
    known.then(|| Arc::new(ScalarUDF::from(Bounded { inner: Arc::clone(function) })))
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arguments)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arguments)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let bytes = estimate(self.name(), &args)?;
        if bytes > MOST_BYTES {
            let text = format!("the result of {} would exceed {} MB", self.name(), MOST_BYTES / 1024.0 / 1024.0);
            return Err(Error::new(ErrorCode::ProgramLimit, text).into());
        }
        self.inner.invoke_with_args(args)
    }
}

/// Bytes, roughly, over all rows. What can't be told is left to the function itself.
fn estimate(name: &str, args: &ScalarFunctionArgs) -> Result<f64> {
    // Constants are one row: they stay one in the engine, too.
    let rows = if args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) { 1 } else { args.number_rows };
    let numbers = |at: usize| -> Result<Option<Float64Array>> {
        let Some(arg) = args.args.get(at) else { return Ok(None) };
        number(arg, rows)
    };
    let product = |each: &Float64Array, of: &dyn Fn(usize) -> f64| -> f64 {
        (0..each.len()).filter(|row| each.is_valid(*row)).map(|row| each.value(row).max(0.0) * of(row)).sum()
    };
    Ok(match name {
        "repeat" => {
            let Some(times) = numbers(1)? else { return Ok(0.0) };
            let text = cast(args.args[0].to_array(rows)?.as_ref(), &DataType::LargeUtf8)?;
            let text = text.as_string::<i64>();
            #[allow(clippy::cast_precision_loss, reason = "an estimate")]
            let length = |row: usize| if text.is_valid(row) { text.value(row).len() as f64 } else { 0.0 };
            product(&times, &length)
        }
        "lpad" | "rpad" => numbers(1)?.map_or(0.0, |length| product(&length, &|_| 1.0)),
        "array_repeat" => numbers(1)?.map_or(0.0, |times| product(&times, &|_| 16.0)),
        _ => steps(&[numbers(0)?, numbers(1)?, numbers(2)?]),
    })
}

/// What `range` and `generate_series` make: from, to and step, or only to.
fn steps(numbers: &[Option<Float64Array>; 3]) -> f64 {
    let (from, to) = match numbers {
        [Some(to), None, _] => (None, to),
        [Some(from), Some(to), _] => (Some(from), to),
        _ => return 0.0,
    };
    let of = |array: Option<&Float64Array>, row: usize, other: f64| match array {
        Some(array) if array.is_valid(row) => array.value(row),
        _ => other,
    };
    let count = |row: usize| {
        let step = of(numbers[2].as_ref(), row, 1.0);
        let count = (of(Some(to), row, 0.0) - of(from, row, 0.0)) / step;
        if step == 0.0 || count.is_nan() { 0.0 } else { count.max(0.0) * 8.0 }
    };
    (0..to.len()).map(count).sum()
}

/// An argument as numbers: whole numbers as they are, dates in days, times and intervals in nanoseconds.
fn number(arg: &ColumnarValue, rows: usize) -> Result<Option<Float64Array>> {
    const DAY: f64 = 86_400e9;
    let array = arg.to_array(rows)?;
    #[allow(clippy::cast_precision_loss, reason = "an estimate")]
    let numbers = match array.data_type() {
        whole if whole.is_integer() => cast(&array, &DataType::Float64)?.as_primitive::<Float64Type>().clone(),
        DataType::Date32 => cast(&cast(&array, &DataType::Int32)?, &DataType::Float64)?
            .as_primitive::<Float64Type>()
            .unary(|days| days * DAY),
        DataType::Timestamp(unit, _) => {
            let scale = match unit {
                datafusion::arrow::datatypes::TimeUnit::Second => 1e9,
                datafusion::arrow::datatypes::TimeUnit::Millisecond => 1e6,
                datafusion::arrow::datatypes::TimeUnit::Microsecond => 1e3,
                datafusion::arrow::datatypes::TimeUnit::Nanosecond => 1.0,
            };
            cast(&cast(&array, &DataType::Int64)?, &DataType::Float64)?
                .as_primitive::<Float64Type>()
                .unary(|value| value * scale)
        }
        DataType::Interval(datafusion::arrow::datatypes::IntervalUnit::MonthDayNano) => {
            array.as_primitive::<IntervalMonthDayNanoType>().unary(|interval| {
                (f64::from(interval.months) * 28.0 + f64::from(interval.days)) * DAY + interval.nanoseconds as f64
            })
        }
        _ => return Ok(None),
    };
    Ok(Some(numbers))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::prelude::SessionContext;

    async fn run(sql: &str) -> Result<usize> {
        let context = SessionContext::new();
        let all: Vec<_> = context.state().scalar_functions().values().cloned().collect();
        for function in all.iter().filter_map(bounded) {
            context.register_udf(function.as_ref().clone());
        }
        #[allow(clippy::disallowed_methods, reason = "a function alone, without tables")]
        let batches = context.sql(sql).await?.collect().await?;
        Ok(batches.iter().map(|batch| batch.get_array_memory_size()).sum())
    }

    #[tokio::test]
    async fn a_small_statement_builds_no_giant() {
        for sql in [
            "select repeat('a', 2000000000)",
            "select lpad('a', 2000000000)",
            "select rpad('a', 2000000000, 'b')",
            "select array_repeat(1, 100000000)",
            "select range(1, 1000000000)",
            "select generate_series(1000000000, 1, -1)",
            "select generate_series(timestamp '2000-01-01', timestamp '2024-01-01', interval '1 microsecond')",
            "select repeat(v, 100000) from (values (repeat('x', 10000))) t(v)",
        ] {
            let Err(error) = run(sql).await else { panic!("{sql} was answered") };
            assert_eq!(Error::from(error).code, ErrorCode::ProgramLimit, "{sql}");
        }
    }

    #[tokio::test]
    async fn what_is_of_use_is_built() {
        for sql in [
            "select repeat('ab', 1000), lpad('a', 10), rpad('a', 10, 'b'), repeat(null, 5), repeat('a', -1)",
            "select array_repeat(1, 1000), range(5), range(1, 1000, 3), generate_series(10, 1, -1)",
            "select generate_series(date '2020-01-01', date '2024-01-01', interval '1 day')",
        ] {
            assert!(run(sql).await.unwrap() > 0, "{sql}");
        }
    }
}
