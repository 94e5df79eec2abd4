//! Functions and operators that take or give an interval, and those that make dates of their parts (PostgreSQL manual, 9.9).

use super::interval::{MICROS_PER_DAY, Span};
use super::moment::{Moments, moment_type, session_zone};
use super::text::instant_of;
use super::{out_of_range, wrong_count, wrong_type};
use crate::error::{Error, ErrorCode};
use crate::functions::column_function::ColumnFunction;
use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// `interval * number`: there is no such operator in DataFusion.
pub(crate) fn multiply() -> Arc<ScalarUDF> {
    ColumnFunction::new("naru_interval_multiply", interval_and_number, INTERVAL, |args, _| {
        scaled(args, |by| Ok(move |part| part * by))
    })
    .into_udf()
}

/// `interval / number`.
pub(crate) fn divide() -> Arc<ScalarUDF> {
    ColumnFunction::new("naru_interval_divide", interval_and_number, INTERVAL, |args, _| {
        scaled(args, |by| match by {
            0.0 => Err(Error::new(ErrorCode::DivisionByZero, "division by zero").into()),
            _ => Ok(move |part| part / by),
        })
    })
    .into_udf()
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let justified = |name, of| ColumnFunction::new(name, one_interval, INTERVAL, of);
    let of_numbers = |name, takes, gives, compute| ColumnFunction::new(name, takes, gives, compute);
    let timestamp = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    let mut functions = vec![multiply(), divide()];
    let others = [
        justified("justify_hours", |args, _| spans(&args[0], Span::justify_hours)),
        justified("justify_days", |args, _| spans(&args[0], Span::justify_days)),
        justified("justify_interval", |args, _| spans(&args[0], Span::justify)),
        ColumnFunction::new(
            "age",
            |name, given| match given {
                [to, from] => Ok(vec![moment_type(name, to)?, moment_type(name, from)?]),
                _ => Err(wrong_count(name, 2)),
            },
            INTERVAL,
            |args, options| {
                let zone = session_zone(options);
                let (to, from) = (Moments::new(&args[0], zone)?, Moments::new(&args[1], zone)?);
                let between = |row| match (to.get(row)?, from.get(row)?) {
                    (Some(to), Some(from)) => age(to, from).to_arrow().map(Some),
                    _ => Ok(None),
                };
                let ages = (0..args[0].len()).map(between);
                Ok(Arc::new(ages.collect::<Result<PrimitiveArray<IntervalMonthDayNanoType>>>()?) as ArrayRef)
            },
        ),
        of_numbers("make_date", numbers::<3, false>, DataType::Date32, |args, _| {
            let parts = Parts::of(args);
            parts.collect::<Date32Type>(|row| parts.date(row).map(|date| date.to_epoch_days()))
        }),
        of_numbers("make_time", numbers::<3, true>, DataType::Time64(TimeUnit::Microsecond), |args, _| {
            let parts = Parts::of(args);
            parts.collect::<Time64MicrosecondType>(|row| parts.clock(row, 0))
        }),
        of_numbers("make_timestamp", numbers::<6, true>, timestamp(None), |args, _| {
            let parts = Parts::of(args);
            parts.collect::<TimestampMicrosecondType>(|row| parts.moment(row))
        }),
        of_numbers("make_timestamptz", numbers::<6, true>, timestamp(Some("UTC")), |args, options| {
            let (parts, zone) = (Parts::of(args), session_zone(options));
            let instants =
                parts.collect::<TimestampMicrosecondType>(|row| Ok(instant_of(parts.moment(row)?, zone)?))?;
            Ok(datafusion::arrow::compute::cast(
                &instants,
                &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            )?)
        }),
        of_numbers("naru_make_interval", numbers::<7, true>, INTERVAL, |args, _| {
            let parts = Parts::of(args);
            parts.collect::<IntervalMonthDayNanoType>(|row| parts.interval(row).ok_or_else(out_of_range)?.to_arrow())
        }),
    ];
    functions.extend(others.map(ColumnFunction::into_udf));
    functions
}

fn one_interval(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    match given {
        [given] => Ok(vec![interval_type(name, given)?]),
        _ => Err(wrong_count(name, 1)),
    }
}

fn interval_and_number(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    match given {
        [interval, number] if number.is_numeric() || number.is_null() => {
            Ok(vec![interval_type(name, interval)?, DataType::Float64])
        }
        [_, number] => Err(wrong_type(name, number)),
        _ => Err(wrong_count(name, 2)),
    }
}

/// The difference of two timestamps is a duration here.
fn interval_type(name: &str, given: &DataType) -> Result<DataType> {
    match given {
        DataType::Duration(_) => Ok(DataType::Duration(TimeUnit::Microsecond)),
        DataType::Interval(_) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(INTERVAL)
        }
        other => Err(wrong_type(name, other)),
    }
}

/// `COUNT` whole numbers, of which the last has a fraction if `SECONDS`.
fn numbers<const COUNT: usize, const SECONDS: bool>(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    if given.len() != COUNT {
        return Err(wrong_count(name, COUNT));
    }
    if let Some(wrong) = given.iter().find(|given| !given.is_numeric() && !given.is_null()) {
        return Err(wrong_type(name, wrong));
    }
    let mut takes = vec![DataType::Int64; COUNT];
    if let (true, Some(last)) = (SECONDS, takes.last_mut()) {
        *last = DataType::Float64;
    }
    Ok(takes)
}

fn span_at(array: &ArrayRef, row: usize) -> Span {
    match array.data_type() {
        DataType::Duration(_) => {
            let micros = array.as_primitive::<DurationMicrosecondType>().value(row);
            // At most 107 million days.
            Span { months: 0, days: (micros / MICROS_PER_DAY) as i32, micros: micros % MICROS_PER_DAY }
        }
        _ => array.as_primitive::<IntervalMonthDayNanoType>().value(row).into(),
    }
}

fn spans(array: &ArrayRef, of: impl Fn(Span) -> Option<Span>) -> Result<ArrayRef> {
    let values = (0..array.len()).map(|row| {
        let span = array.is_valid(row).then(|| span_at(array, row));
        span.map(|span| of(span).ok_or_else(interval_out_of_range)?.to_arrow()).transpose()
    });
    Ok(Arc::new(values.collect::<Result<PrimitiveArray<IntervalMonthDayNanoType>>>()?))
}

fn scaled<F: Fn(f64) -> f64>(args: &[ArrayRef], by: impl Fn(f64) -> Result<F>) -> Result<ArrayRef> {
    let (spans, numbers) = (&args[0], args[1].as_primitive::<Float64Type>());
    let values = (0..spans.len()).map(|row| {
        if spans.is_null(row) || numbers.is_null(row) {
            return Ok(None);
        }
        let scaled = span_at(spans, row).scaled(by(numbers.value(row))?);
        scaled.ok_or_else(interval_out_of_range)?.to_arrow().map(Some)
    });
    Ok(Arc::new(values.collect::<Result<PrimitiveArray<IntervalMonthDayNanoType>>>()?))
}

fn interval_out_of_range() -> DataFusionError {
    Error::new(ErrorCode::DatetimeOutOfRange, "interval out of range").into()
}

/// Years, months, days and time from one moment to another, counted on the calendar as PostgreSQL's `timestamp_age`.
fn age(to: NaiveDateTime, from: NaiveDateTime) -> Span {
    let (later, earlier) = if to < from { (from, to) } else { (to, from) };
    let micros = |moment: NaiveDateTime| {
        i64::from(moment.num_seconds_from_midnight()) * 1_000_000
            + i64::from(moment.nanosecond() % 1_000_000_000) / 1_000
    };
    let mut months = (later.year() - earlier.year()) * 12 + later.month0() as i32 - earlier.month0() as i32;
    let mut days = later.day() as i32 - earlier.day() as i32;
    let mut time = micros(later) - micros(earlier);
    if time < 0 {
        time += MICROS_PER_DAY;
        days -= 1;
    }
    // A month that is borrowed has the days of the earlier moment's.
    while days < 0 {
        days += i32::from(earlier.num_days_in_month());
        months -= 1;
    }
    let sign = if to < from { -1 } else { 1 };
    Span { months: months * sign, days: days * sign, micros: time * i64::from(sign) }
}

/// The arguments of the functions that make something of numbers.
struct Parts<'a>(&'a [ArrayRef]);

impl<'a> Parts<'a> {
    fn of(args: &'a [ArrayRef]) -> Self {
        Self(args)
    }

    fn collect<T: datafusion::arrow::datatypes::ArrowPrimitiveType>(
        &self,
        of: impl Fn(usize) -> Result<T::Native>,
    ) -> Result<ArrayRef> {
        let rows = 0..self.0.first().map_or(0, |array| array.len());
        let value = |row| self.0.iter().all(|array| array.is_valid(row)).then(|| of(row)).transpose();
        Ok(Arc::new(rows.map(value).collect::<Result<PrimitiveArray<T>>>()?))
    }

    fn whole(&self, position: usize, row: usize) -> i64 {
        self.0[position].as_primitive::<Int64Type>().value(row)
    }

    fn seconds(&self, position: usize, row: usize) -> f64 {
        self.0[position].as_primitive::<Float64Type>().value(row)
    }

    fn date(&self, row: usize) -> Result<NaiveDate> {
        let [year, month, day] = [0, 1, 2].map(|position| self.whole(position, row));
        let wrong = || {
            let text = format!("date field value out of range: {year}-{month:02}-{day:02}");
            Error::new(ErrorCode::DatetimeOutOfRange, text)
        };
        let part = |value: i64| u32::try_from(value).map_err(|_| wrong());
        // Negative years are before Christ; there is no year 0.
        let year_of_calendar = match i32::try_from(year).map_err(|_| wrong())? {
            0 => return Err(wrong().into()),
            before_christ if before_christ < 0 => before_christ + 1,
            year => year,
        };
        Ok(NaiveDate::from_ymd_opt(year_of_calendar, part(month)?, part(day)?).ok_or_else(wrong)?)
    }

    /// Microseconds of the day, of hours, minutes and seconds from this position on.
    fn clock(&self, row: usize, from: usize) -> Result<i64> {
        let (hours, minutes) = (self.whole(from, row), self.whole(from + 1, row));
        let seconds = self.seconds(from + 2, row);
        let in_range = (0..=24).contains(&hours) && (0..60).contains(&minutes) && (0.0..=60.0).contains(&seconds);
        #[allow(clippy::cast_possible_truncation, reason = "a minute at the most")]
        let micros = (seconds * 1e6).round_ties_even() as i64;
        let total = (hours.clamp(0, 24) * 3600 + minutes.clamp(0, 60) * 60) * 1_000_000 + micros;
        if !in_range || total > MICROS_PER_DAY {
            let text = format!("time field value out of range: {hours}:{minutes:02}:{seconds:02}");
            return Err(Error::new(ErrorCode::DatetimeOutOfRange, text).into());
        }
        Ok(total)
    }

    fn moment(&self, row: usize) -> Result<i64> {
        let days = i64::from(self.date(row)?.to_epoch_days());
        let time = self.clock(row, 3)?;
        days.checked_mul(MICROS_PER_DAY).and_then(|days| days.checked_add(time)).ok_or_else(out_of_range)
    }

    /// Years, months, weeks, days, hours, minutes and seconds.
    fn interval(&self, row: usize) -> Option<Span> {
        let part = |position| self.whole(position, row);
        let months = part(0).checked_mul(12)?.checked_add(part(1))?;
        let days = part(2).checked_mul(7)?.checked_add(part(3))?;
        let minutes = part(4).checked_mul(60)?.checked_add(part(5))?;
        let seconds = self.seconds(6, row) * 1e6;
        #[allow(clippy::cast_possible_truncation, reason = "it fits")]
        let seconds = (seconds.abs() < 9e18).then_some(seconds.round_ties_even() as i64)?;
        let micros = minutes.checked_mul(60_000_000)?.checked_add(seconds)?;
        Some(Span { months: i32::try_from(months).ok()?, days: i32::try_from(days).ok()?, micros })
    }
}
