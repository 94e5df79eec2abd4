//! From the values of a result to Arrow columns.

use crate::kind::Kind;
use chrono::NaiveDate;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int8Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, StringViewBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use datafusion::arrow::compute::kernels::cast_utils::parse_decimal;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Decimal256Type};
use mysql_async::Value;
use naru_connector::{ConnectorError, ErrorKind};
use std::borrow::Cow;
use std::str::FromStr;
use std::sync::Arc;

/// Bytes of the reference system's number in front of a geometry.
const SRID: usize = 4;
const MICROS: i64 = 1_000_000;
const DAY: i64 = 24 * 60 * 60 * MICROS;

/// Why a value is none here. The text must not hold the value.
pub(crate) type Refusal = &'static str;

const OUT_OF_RANGE: Refusal = "is out of range";
pub(crate) const ZERO_DATE: Refusal =
    "is a zero or impossible date (the catalog's option zero_dates = \"null\" reads those as NULL)";
const LONG_TIME: Refusal = "is not a time of day (the catalog's option time_type = \"text\" reads it as text)";
const BROKEN_TEXT: Refusal = "is not valid text";
const OTHER_TYPE: Refusal = "has another type than the catalog knows";

/// One column of a batch being filled.
pub(crate) struct ColumnBuilder {
    kind: Kind,
    name: Arc<str>,
    zero_dates_are_null: bool,
    values: Values,
    bytes: usize,
}

enum Values {
    Int8(Int8Builder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt64(UInt64Builder),
    Decimal128(Decimal128Builder, u8, i8),
    Decimal256(Decimal256Builder, u8, i8),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringViewBuilder),
    PlainText(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Values {
    fn new(kind: Kind) -> Self {
        let data_type = kind.data_type();
        match kind {
            Kind::Int8 => Self::Int8(Int8Builder::new()),
            Kind::Int16 => Self::Int16(Int16Builder::new()),
            Kind::Int32 => Self::Int32(Int32Builder::new()),
            Kind::Int64 => Self::Int64(Int64Builder::new()),
            Kind::UInt64 => Self::UInt64(UInt64Builder::new()),
            Kind::Decimal128(precision, scale) => {
                Self::Decimal128(Decimal128Builder::new().with_data_type(data_type), precision, scale)
            }
            Kind::Decimal256(precision, scale) => {
                Self::Decimal256(Decimal256Builder::new().with_data_type(data_type), precision, scale)
            }
            Kind::Float32 => Self::Float32(Float32Builder::new()),
            Kind::Float64 => Self::Float64(Float64Builder::new()),
            Kind::Boolean => Self::Boolean(BooleanBuilder::new()),
            Kind::Text => Self::Text(StringViewBuilder::new()),
            Kind::PlainText => Self::PlainText(StringBuilder::new()),
            Kind::Bytes | Kind::Geometry => Self::Bytes(BinaryBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Time => Self::Time(Time64MicrosecondBuilder::new()),
            Kind::DateTime | Kind::Timestamp => Self::Timestamp(match data_type {
                DataType::Timestamp(_, zone) => TimestampMicrosecondBuilder::new().with_timezone_opt(zone),
                _ => TimestampMicrosecondBuilder::new(),
            }),
        }
    }
}

impl ColumnBuilder {
    /// An empty column. `name` is for errors.
    pub(crate) fn new(kind: Kind, name: &str, zero_dates_are_null: bool) -> Self {
        Self { kind, name: name.into(), zero_dates_are_null, values: Values::new(kind), bytes: 0 }
    }

    /// Bytes of text and binary values since the last batch.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one value.
    pub(crate) fn append(&mut self, value: &Value) -> Result<(), ConnectorError> {
        self.try_append(value).map_err(|refusal| refused(&self.name, refusal))
    }

    fn try_append(&mut self, value: &Value) -> Result<(), Refusal> {
        let null =
            matches!(value, Value::NULL) || (self.zero_dates_are_null && self.kind.is_dated() && date(value).is_err());
        let value = if null { &Value::NULL } else { value };
        if let Value::Bytes(bytes) = value {
            self.bytes += bytes.len();
        }
        match &mut self.values {
            Values::Int8(builder) => builder.append_option(if null { None } else { Some(whole(value)?) }),
            Values::Int16(builder) => builder.append_option(if null { None } else { Some(whole(value)?) }),
            Values::Int32(builder) => builder.append_option(if null { None } else { Some(whole(value)?) }),
            Values::Int64(builder) => builder.append_option(if null { None } else { Some(whole(value)?) }),
            Values::UInt64(builder) => builder.append_option(if null { None } else { Some(whole(value)?) }),
            Values::Decimal128(builder, precision, scale) => builder.append_option(match value {
                Value::NULL => None,
                value => Some(
                    parse_decimal::<Decimal128Type>(&digits(value)?, *precision, *scale).map_err(|_| OUT_OF_RANGE)?,
                ),
            }),
            Values::Decimal256(builder, precision, scale) => builder.append_option(match value {
                Value::NULL => None,
                value => Some(
                    parse_decimal::<Decimal256Type>(&digits(value)?, *precision, *scale).map_err(|_| OUT_OF_RANGE)?,
                ),
            }),
            Values::Float32(builder) => builder.append_option(match value {
                Value::NULL => None,
                Value::Float(number) => Some(*number),
                _ => return Err(OTHER_TYPE),
            }),
            Values::Float64(builder) => builder.append_option(if null { None } else { Some(float(value)?) }),
            Values::Boolean(builder) => builder.append_option(match value {
                Value::NULL => None,
                Value::Bytes(bits) => Some(bits.iter().any(|&byte| byte != 0)),
                value => Some(whole::<i64>(value)? != 0),
            }),
            Values::Text(builder) => builder.append_option(text(value)?),
            Values::PlainText(builder) => builder.append_option(text(value)?),
            Values::Bytes(builder) => builder.append_option(match value {
                Value::NULL => None,
                Value::Bytes(bytes) if self.kind == Kind::Geometry => Some(bytes.get(SRID..).ok_or(OTHER_TYPE)?),
                Value::Bytes(bytes) => Some(bytes.as_slice()),
                _ => return Err(OTHER_TYPE),
            }),
            Values::Date(builder) => builder.append_option(match value {
                Value::NULL => None,
                value => Some(i32::try_from(days(date(value)?)).map_err(|_| OUT_OF_RANGE)?),
            }),
            Values::Time(builder) => builder.append_option(if null { None } else { Some(time_of_day(value)?) }),
            Values::Timestamp(builder) => builder.append_option(match value {
                Value::NULL => None,
                Value::Date(_, _, _, hour, minute, second, micros) => {
                    Some(days(date(value)?) * DAY + micros_of_day(*hour, *minute, *second, *micros))
                }
                _ => return Err(OTHER_TYPE),
            }),
        }
        Ok(())
    }

    /// The column so far; the builder is empty afterwards.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        self.bytes = 0;
        match &mut self.values {
            Values::Int8(builder) => Arc::new(builder.finish()),
            Values::Int16(builder) => Arc::new(builder.finish()),
            Values::Int32(builder) => Arc::new(builder.finish()),
            Values::Int64(builder) => Arc::new(builder.finish()),
            Values::UInt64(builder) => Arc::new(builder.finish()),
            Values::Decimal128(builder, ..) => Arc::new(builder.finish()),
            Values::Decimal256(builder, ..) => Arc::new(builder.finish()),
            Values::Float32(builder) => Arc::new(builder.finish()),
            Values::Float64(builder) => Arc::new(builder.finish()),
            Values::Boolean(builder) => Arc::new(builder.finish()),
            Values::Text(builder) => Arc::new(builder.finish()),
            Values::PlainText(builder) => Arc::new(builder.finish()),
            Values::Bytes(builder) => Arc::new(builder.finish()),
            Values::Date(builder) => Arc::new(builder.finish()),
            Values::Time(builder) => Arc::new(builder.finish()),
            Values::Timestamp(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The error for a value of this column.
pub(crate) fn refused(column: &str, refusal: Refusal) -> ConnectorError {
    ConnectorError::new(ErrorKind::Data, format!("a value of column \"{column}\" {refusal}"))
}

/// A whole number; sums come as decimals, which are text in the protocol.
fn whole<T: TryFrom<i64> + TryFrom<u64> + FromStr>(value: &Value) -> Result<T, Refusal> {
    match value {
        Value::Int(number) => T::try_from(*number).map_err(|_| OUT_OF_RANGE),
        Value::UInt(number) => T::try_from(*number).map_err(|_| OUT_OF_RANGE),
        Value::Bytes(_) => digits(value)?.parse().map_err(|_| OUT_OF_RANGE),
        _ => Err(OTHER_TYPE),
    }
}

fn text(value: &Value) -> Result<Option<&str>, Refusal> {
    match value {
        Value::NULL => Ok(None),
        Value::Bytes(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| BROKEN_TEXT),
        _ => Err(OTHER_TYPE),
    }
}

fn float(value: &Value) -> Result<f64, Refusal> {
    match value {
        Value::Double(number) => Ok(*number),
        Value::Float(number) => Ok(f64::from(*number)),
        value => digits(value)?.parse().map_err(|_| OTHER_TYPE),
    }
}

fn digits(value: &Value) -> Result<Cow<'_, str>, Refusal> {
    match value {
        Value::Int(number) => Ok(number.to_string().into()),
        Value::UInt(number) => Ok(number.to_string().into()),
        Value::Bytes(text) => std::str::from_utf8(text).map(Cow::Borrowed).map_err(|_| OTHER_TYPE),
        _ => Err(OTHER_TYPE),
    }
}

/// The date of a date or timestamp. A zero month or day is no date.
fn date(value: &Value) -> Result<NaiveDate, Refusal> {
    let Value::Date(year, month, day, ..) = value else { return Err(OTHER_TYPE) };
    NaiveDate::from_ymd_opt((*year).into(), (*month).into(), (*day).into()).ok_or(ZERO_DATE)
}

fn days(date: NaiveDate) -> i64 {
    i64::from(date.to_epoch_days())
}

fn micros_of_day(hour: u8, minute: u8, second: u8, micros: u32) -> i64 {
    (i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second)) * MICROS + i64::from(micros)
}

fn time_of_day(value: &Value) -> Result<i64, Refusal> {
    let Value::Time(negative, days, hour, minute, second, micros) = value else { return Err(OTHER_TYPE) };
    let time = micros_of_day(*hour, *minute, *second, *micros);
    if *days > 0 || *hour > 23 || (*negative && time != 0) { Err(LONG_TIME) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::{Int64Type, TimestampMicrosecondType};

    fn refused(kind: Kind, value: Value) -> String {
        ColumnBuilder::new(kind, "c", false).append(&value).unwrap_err().message
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error_without_its_value() {
        let mut column = ColumnBuilder::new(Kind::Int64, "c", false);
        column.append(&Value::Bytes(b"9223372036854775807".to_vec())).unwrap();
        assert_eq!(column.finish().as_primitive::<Int64Type>().value(0), i64::MAX);
        let text = refused(Kind::Int64, Value::Bytes(b"9223372036854775808".to_vec()));
        assert!(text.contains("out of range") && !text.contains("9223"), "{text}");
    }

    #[test]
    fn a_zero_date_is_an_error_or_null_but_never_a_day() {
        let zero = Value::Date(0, 0, 0, 0, 0, 0, 0);
        assert!(refused(Kind::DateTime, zero.clone()).contains("zero_dates"));
        let mut column = ColumnBuilder::new(Kind::DateTime, "c", true);
        column.append(&zero).unwrap();
        column.append(&Value::Date(1969, 12, 31, 23, 59, 59, 999_999)).unwrap();
        let column = column.finish();
        assert!(column.is_null(0));
        assert_eq!(column.as_primitive::<TimestampMicrosecondType>().value(1), -1);
    }

    #[test]
    fn a_time_beyond_a_day_or_below_zero_is_refused() {
        assert!(refused(Kind::Time, Value::Time(false, 1, 0, 0, 0, 0)).contains("time_type"));
        assert!(refused(Kind::Time, Value::Time(true, 0, 0, 0, 1, 0)).contains("time_type"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(refused(Kind::Text, Value::Bytes(vec![0xff])).contains("valid text"));
    }
}
