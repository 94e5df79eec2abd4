//! Arrow's values, as Flight SQL carries them.

use super::value;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

/// A value's text, `None` for NULL.
pub(crate) fn text(array: &ArrayRef, row: usize) -> Option<String> {
    (array.is_valid(row) && array.data_type() != &DataType::Null).then(|| valid(array, row))
}

fn valid(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Boolean => if array.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => value::float(&format!("{:e}", array.as_primitive::<Float32Type>().value(row)), 6),
        DataType::Float64 => value::float(&format!("{:e}", array.as_primitive::<Float64Type>().value(row)), 15),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Binary => value::bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => value::bytes(array.as_binary::<i64>().value(row)),
        DataType::FixedSizeBinary(_) => value::bytes(array.as_fixed_size_binary().value(row)),
        DataType::Date32 => value::date(i64::from(array.as_primitive::<Date32Type>().value(row))),
        DataType::Time64(TimeUnit::Microsecond) => {
            value::time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            value::time(array.as_primitive::<Time64NanosecondType>().value(row) / 1000)
        }
        DataType::Timestamp(unit, zone) => {
            let micros = micros(array, *unit, row);
            if zone.is_some() { value::instant(micros) } else { value::timestamp(micros) }
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            value::interval(interval.months, interval.days, interval.nanoseconds / 1000)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            const DAY: i64 = 86_400_000_000;
            let micros = array.as_primitive::<DurationMicrosecondType>().value(row);
            value::interval(0, i32::try_from(micros / DAY).expect("107 million days at the most"), micros % DAY)
        }
        DataType::List(item) => {
            let (elements, nested) = (array.as_list::<i32>().value(row), item.data_type().is_nested());
            value::array((0..elements.len()).map(|index| text(&elements, index)), nested)
        }
        // Drivers of today can't read the rest, so a door must not send it.
        other => panic!("Flight SQL carries {other}"),
    }
}

fn micros(array: &ArrayRef, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row) * 1_000_000,
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row) * 1000,
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1000),
    }
}
