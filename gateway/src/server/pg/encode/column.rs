//! An Arrow array as one of a few shapes, so that writing a value needs one `match` and no downcast.

use super::datetime::MICROS_PER_DAY;
use super::json::key_order;
use crate::error::{Error, ErrorCode, Result};
use crate::server::pg::types::{self, ColumnType, of_field};
use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array,
    Decimal256Array, FixedSizeBinaryArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    IntervalMonthDayNanoArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray, UInt32Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date64Type, Decimal128Type, Field, Float32Type, Int16Type, Int32Type, Int64Type, IntervalUnit,
    Time64MicrosecondType, TimeUnit, UInt32Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

/// A column of one batch, ready to be written value by value.
pub(super) struct Column {
    nulls: Option<NullBuffer>,
    pub(super) data: Data,
}

/// The shapes. Instants are microseconds since 1970-01-01.
pub(super) enum Data {
    /// Nothing but NULL.
    Null,
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Oid(UInt32Array),
    /// A function: its OID in binary, its name in text.
    Procedure(UInt32Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Numeric(Decimal128Array, i8),
    BigNumeric(Decimal256Array, i8),
    Text(StringArray),
    LargeText(LargeStringArray),
    TextView(StringViewArray),
    /// Text that goes out as jsonb: its binary form begins with a version.
    Jsonb(StringArray),
    Bytea(BinaryArray),
    LargeBytea(LargeBinaryArray),
    ByteaView(BinaryViewArray),
    Uuid(FixedSizeBinaryArray),
    Date(Date32Array),
    Time(Int64Array),
    Timestamp(Int64Array),
    Timestamptz(Int64Array, Tz),
    Interval(IntervalMonthDayNanoArray),
    /// A duration, in microseconds.
    Duration(Int64Array),
    List(List),
    /// Fields in the order of jsonb's keys.
    Struct(Vec<(String, Column)>),
    Map {
        ranges: Vec<(usize, usize)>,
        keys: Box<Column>,
        values: Box<Column>,
    },
}

/// A list's rows as ranges of its values.
pub(super) struct List {
    pub(super) ranges: Vec<(usize, usize)>,
    pub(super) values: Box<Column>,
    /// OID of the innermost element.
    pub(super) element: u32,
    /// Is it an `int2vector` or `oidvector`? Their text has neither braces nor commas.
    pub(super) vector: bool,
}

impl Column {
    /// Unpacks an array; a conversion of a whole column happens only for the types that PostgreSQL doesn't have.
    pub(super) fn new(array: &ArrayRef, shown: ColumnType, zone: Tz) -> Result<Self> {
        let data = data(array, shown, zone)?;
        Ok(Self { nulls: array.logical_nulls(), data })
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        matches!(self.data, Data::Null) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

fn data(array: &ArrayRef, shown: ColumnType, zone: Tz) -> Result<Data> {
    let converted = |to: &DataType| cast(array, to).map_err(Error::internal);
    let data = match array.data_type() {
        DataType::Null => Data::Null,
        DataType::Dictionary(_, values) => return data(&converted(values)?, shown, zone),
        DataType::RunEndEncoded(_, values) => return data(&converted(values.data_type())?, shown, zone),
        DataType::Boolean => Data::Bool(array.as_boolean().clone()),
        DataType::Int64 if shown.element == &types::REGPROC && !shown.array => {
            Data::Procedure(converted(&DataType::UInt32)?.as_primitive::<UInt32Type>().clone())
        }
        DataType::UInt32 if types::is_oid(shown.element) && !shown.array => {
            Data::Oid(array.as_primitive::<UInt32Type>().clone())
        }
        DataType::Int64 | DataType::Int32 if types::is_oid(shown.element) && !shown.array => {
            Data::Oid(converted(&DataType::UInt32)?.as_primitive::<UInt32Type>().clone())
        }
        DataType::Int16 => Data::Int2(array.as_primitive::<Int16Type>().clone()),
        DataType::Int8 | DataType::UInt8 => Data::Int2(converted(&DataType::Int16)?.as_primitive().clone()),
        DataType::Int32 => Data::Int4(array.as_primitive::<Int32Type>().clone()),
        DataType::UInt16 => Data::Int4(converted(&DataType::Int32)?.as_primitive().clone()),
        DataType::Int64 => Data::Int8(array.as_primitive::<Int64Type>().clone()),
        DataType::UInt32 => Data::Int8(converted(&DataType::Int64)?.as_primitive().clone()),
        DataType::UInt64 => {
            Data::Numeric(converted(&DataType::Decimal128(20, 0))?.as_primitive::<Decimal128Type>().clone(), 0)
        }
        DataType::Float16 => Data::Float4(converted(&DataType::Float32)?.as_primitive().clone()),
        DataType::Float32 => Data::Float4(array.as_primitive::<Float32Type>().clone()),
        DataType::Float64 => Data::Float8(array.as_primitive().clone()),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            let wide = converted(&DataType::Decimal128(*precision, *scale))?;
            Data::Numeric(wide.as_primitive().clone(), *scale)
        }
        DataType::Decimal128(_, scale) => Data::Numeric(array.as_primitive().clone(), *scale),
        DataType::Decimal256(_, scale) => Data::BigNumeric(array.as_primitive().clone(), *scale),
        DataType::Utf8 if shown.element == &types::JSONB => Data::Jsonb(array.as_string().clone()),
        DataType::LargeUtf8 | DataType::Utf8View if shown.element == &types::JSONB => {
            Data::Jsonb(converted(&DataType::Utf8)?.as_string().clone())
        }
        DataType::Utf8 => Data::Text(array.as_string().clone()),
        DataType::LargeUtf8 => Data::LargeText(array.as_string().clone()),
        DataType::Utf8View => Data::TextView(array.as_string_view().clone()),
        DataType::Binary => Data::Bytea(array.as_binary().clone()),
        DataType::LargeBinary => Data::LargeBytea(array.as_binary().clone()),
        DataType::BinaryView => Data::ByteaView(array.as_binary_view().clone()),
        DataType::FixedSizeBinary(16) if shown.element == &types::UUID => {
            Data::Uuid(array.as_fixed_size_binary().clone())
        }
        DataType::FixedSizeBinary(_) => Data::Bytea(converted(&DataType::Binary)?.as_binary().clone()),
        DataType::Date32 => Data::Date(array.as_primitive().clone()),
        DataType::Date64 => Data::Date(days(array)?),
        DataType::Time32(_) | DataType::Time64(_) => {
            let micros = converted(&DataType::Time64(TimeUnit::Microsecond))?;
            Data::Time(micros.as_primitive::<Time64MicrosecondType>().reinterpret_cast())
        }
        DataType::Timestamp(unit, None) => Data::Timestamp(micros(array, *unit)?),
        DataType::Timestamp(unit, Some(_)) => Data::Timestamptz(micros(array, *unit)?, zone),
        DataType::Interval(IntervalUnit::MonthDayNano) => Data::Interval(array.as_primitive().clone()),
        DataType::Interval(_) => {
            Data::Interval(converted(&DataType::Interval(IntervalUnit::MonthDayNano))?.as_primitive().clone())
        }
        DataType::Duration(unit) => Data::Duration(micros(array, *unit)?),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let column = |(values, field): (&ArrayRef, &std::sync::Arc<Field>)| {
                Ok((field.name().clone(), Column::new(values, of_field(field), zone)?))
            };
            let mut columns = columns.map(column).collect::<Result<Vec<_>>>()?;
            columns.sort_by(|(left, _), (right, _)| key_order(left, right));
            Data::Struct(columns)
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let inner =
                |values: &ArrayRef| Column::new(values, types::of_data_type(values.data_type()), zone).map(Box::new);
            Data::Map { ranges: ranges(map.offsets()), keys: inner(map.keys())?, values: inner(map.values())? }
        }
        list if types::list_item(list).is_some() => Data::List(List::new(array, shown, zone)?),
        _ => Data::Text(shown_by_arrow(array)?),
    };
    Ok(data)
}

/// Types that nobody sends to a SQL client (unions): as Arrow shows them.
fn shown_by_arrow(array: &ArrayRef) -> Result<StringArray> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options).map_err(Error::internal)?;
    Ok((0..array.len()).map(|row| Some(formatter.value(row).to_string())).collect())
}

fn ranges(offsets: &[i32]) -> Vec<(usize, usize)> {
    // Arrow's offsets are never negative.
    offsets.windows(2).map(|pair| (pair[0] as usize, pair[1] as usize)).collect()
}

fn days(array: &ArrayRef) -> Result<Date32Array> {
    let millis = array.as_primitive::<Date64Type>();
    millis
        .try_unary(|millis| i32::try_from(millis.div_euclid(MICROS_PER_DAY / 1000)).map_err(|_| out_of_range()))
        .map(|days: Date32Array| days)
}

/// Any instant or duration in microseconds; nanoseconds are cut off.
fn micros(array: &ArrayRef, unit: TimeUnit) -> Result<Int64Array> {
    let raw = array.to_data().into_builder().data_type(DataType::Int64).build().map_err(Error::internal)?;
    let raw = Int64Array::from(raw);
    let scaled = |factor: i64| raw.try_unary(|value| value.checked_mul(factor).ok_or_else(out_of_range));
    match unit {
        TimeUnit::Second => scaled(1_000_000),
        TimeUnit::Millisecond => scaled(1_000),
        TimeUnit::Microsecond => Ok(raw),
        TimeUnit::Nanosecond => Ok(raw.unary(|value| value.div_euclid(1_000))),
    }
}

pub(super) fn out_of_range() -> Error {
    Error::new(ErrorCode::DatetimeOutOfRange, "date or timestamp out of range")
}

impl List {
    fn new(array: &ArrayRef, shown: ColumnType, zone: Tz) -> Result<Self> {
        let (ranges, values) = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                (ranges(list.offsets()), list.values())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                let pairs = list.offsets().windows(2);
                (pairs.map(|pair| (pair[0] as usize, pair[1] as usize)).collect(), list.values())
            }
            DataType::FixedSizeList(_, size) => {
                let size = *size as usize;
                (
                    (0..array.len()).map(|row| (row * size, (row + 1) * size)).collect(),
                    array.as_fixed_size_list().values(),
                )
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                let pairs = list.offsets().iter().zip(list.sizes().iter());
                let pairs = pairs.map(|(&offset, &size)| (offset as usize, offset as usize + size as usize));
                (pairs.collect(), list.values())
            }
            _ => {
                let list = array.as_list_view::<i64>();
                let pairs = list.offsets().iter().zip(list.sizes().iter());
                let pairs = pairs.map(|(&offset, &size)| (offset as usize, offset as usize + size as usize));
                (pairs.collect(), list.values())
            }
        };
        // An array of oids is one of elements that are oids.
        let vector_element = types::vector_element(shown.element);
        let element = vector_element.unwrap_or(shown.element);
        let inner = ColumnType { element, array: types::list_item(values.data_type()).is_some() };
        let values = Box::new(Column::new(values, inner, zone)?);
        Ok(Self { ranges, values, element: element.oid, vector: vector_element.is_some() })
    }
}
