//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's templates (its manual, 9.8). A template is cut into pieces once for all
//! rows that have it.

mod number;
mod pattern;
mod read;
#[cfg(test)]
mod tests;
mod write;

use super::interval::{MICROS_PER_SECOND, Span};
use super::moment::{Moments, session_zone};
use super::text::instant_of;
use super::{out_of_range, text_type, wrong_count, wrong_type};
use crate::functions::column_function::ColumnFunction;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::{OffsetName, Tz};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;
use write::Moment;

/// The Julian day of 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let instants = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let functions = [
        ColumnFunction::new("to_char", value_and_template, DataType::Utf8, to_char).nullable(),
        ColumnFunction::new("to_date", two_texts, DataType::Date32, to_date).nullable(),
        ColumnFunction::new("to_timestamp", seconds_or_two_texts, instants, to_timestamp).nullable(),
    ];
    functions.into_iter().map(ColumnFunction::into_udf).collect()
}

fn value_and_template(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    let [value, template] = given else { return Err(wrong_count(name, 2)) };
    let value = match value {
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Interval(_) | DataType::Duration(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        number if number.is_numeric() => number.clone(),
        DataType::Null => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => return Err(wrong_type(name, other)),
    };
    Ok(vec![value, text_type(name, template)?])
}

fn two_texts(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    let [text, template] = given else { return Err(wrong_count(name, 2)) };
    Ok(vec![text_type(name, text)?, text_type(name, template)?])
}

fn seconds_or_two_texts(name: &'static str, given: &[DataType]) -> Result<Vec<DataType>> {
    match given {
        [number] if number.is_numeric() || number.is_null() => Ok(vec![DataType::Float64]),
        [other] => Err(wrong_type(name, other)),
        given => two_texts(name, given),
    }
}

/// What is made of each template, kept as long as it is the same.
struct Templates<'a, T> {
    texts: &'a StringArray,
    known: Option<(&'a str, T)>,
    make: fn(&str) -> Result<T>,
}

impl<'a, T> Templates<'a, T> {
    fn new(texts: &'a ArrayRef, make: fn(&str) -> Result<T>) -> Self {
        Self { texts: texts.as_string(), known: None, make }
    }

    /// `None` for NULL, and for an empty one, as in PostgreSQL.
    fn get(&mut self, row: usize) -> Result<Option<&T>> {
        if self.texts.is_null(row) || self.texts.value(row).is_empty() {
            return Ok(None);
        }
        let text = self.texts.value(row);
        if self.known.as_ref().is_none_or(|(known, _)| *known != text) {
            self.known = Some((text, (self.make)(text)?));
        }
        Ok(self.known.as_ref().map(|(_, made)| made))
    }
}

/// The same as a pattern of `date_format`, when it has the digits of dates and times alone.
pub(crate) fn date_format_of(template: &str) -> Option<String> {
    let letters = |piece| match piece {
        pattern::Piece::Field(pattern::Field { name, fill: false, ordinal: None }) => Some(match name {
            "YYYY" => "%Y".to_owned(),
            "MM" => "%m".to_owned(),
            "DD" => "%d".to_owned(),
            "DDD" => "%j".to_owned(),
            "HH24" => "%H".to_owned(),
            "MI" => "%i".to_owned(),
            "SS" => "%S".to_owned(),
            _ => return None,
        }),
        pattern::Piece::Field(_) => None,
        pattern::Piece::Separator('%') | pattern::Piece::Text('%') => Some("%%".to_owned()),
        pattern::Piece::Separator(character) | pattern::Piece::Text(character) => Some(character.to_string()),
    };
    let pieces = pattern::pieces(template);
    (!pieces.is_empty()).then(|| pieces.into_iter().map(letters).collect()).flatten()
}

fn to_char(args: &[ArrayRef], options: &ConfigOptions) -> Result<ArrayRef> {
    let [values, templates] = args else { return Err(wrong_count("to_char", 2)) };
    if values.data_type().is_numeric() {
        return numbers_to_char(values, templates);
    }
    let zone = session_zone(options);
    let moments = match values.data_type() {
        DataType::Interval(_) | DataType::Time64(_) => None,
        _ => Some(Moments::new(values, zone)?),
    };
    let mut templates = Templates::new(templates, |text| Ok(pattern::pieces(text)));
    let texts = (0..values.len()).map(|row| {
        let moment = match &moments {
            None => values.is_valid(row).then(|| Moment::of_span(span_at(values, row))),
            Some(moments) => moments.get(row)?.map(Moment::of),
        };
        let (Some(mut moment), Some(pieces)) = (moment, templates.get(row)?) else { return Ok(None) };
        if let Some(Moments::Instants(instants, zone)) = &moments {
            moment.zone = zone_at(instants.as_primitive::<TimestampMicrosecondType>().value(row), *zone);
        }
        let mut text = String::new();
        write::write(&mut text, pieces, &moment)?;
        Ok(Some(text))
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

/// An interval, or a time, which counts as one.
fn span_at(values: &ArrayRef, row: usize) -> Span {
    match values.data_type() {
        DataType::Time64(_) => {
            Span { micros: values.as_primitive::<Time64MicrosecondType>().value(row), ..Span::default() }
        }
        _ => values.as_primitive::<IntervalMonthDayNanoType>().value(row).into(),
    }
}

/// What a zone was called at an instant, and how many seconds it was east of UTC.
fn zone_at(micros: i64, zone: Tz) -> Option<(String, i32)> {
    let offset = zone.offset_from_utc_datetime(&DateTime::from_timestamp_micros(micros)?.naive_utc());
    let east = offset.fix().local_minus_utc();
    Some((offset.abbreviation().unwrap_or_default().to_owned(), east))
}

/// Decimal digits that a `double precision` holds for certain.
const DIGITS: usize = 15;

fn numbers_to_char(numbers: &ArrayRef, templates: &ArrayRef) -> Result<ArrayRef> {
    let mut templates = Templates::new(templates, |text| Ok(number::Template::parse(text)?));
    let floats = numbers.data_type().is_floating().then(|| cast(numbers, &DataType::Float64)).transpose()?;
    let texts = (0..numbers.len()).map(|row| {
        let (true, Some(template)) = (numbers.is_valid(row), templates.get(row)?) else { return Ok(None) };
        let (number, scale) = match &floats {
            Some(floats) => {
                let value = floats.as_primitive::<Float64Type>().value(row);
                let whole = format!("{:.0}", value.abs()).len();
                let scale = DIGITS.saturating_sub(whole);
                (format!("{value:.*}", template.scale().min(scale)), scale)
            }
            None => (array_value_to_string(numbers, row)?, usize::MAX),
        };
        Ok(Some(template.write(&number, scale)))
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

fn to_date(args: &[ArrayRef], _: &ConfigOptions) -> Result<ArrayRef> {
    let days = found(args)?.into_iter().map(|found| found.map(|found| found.days));
    Ok(Arc::new(days.collect::<PrimitiveArray<Date32Type>>()))
}

fn to_timestamp(args: &[ArrayRef], options: &ConfigOptions) -> Result<ArrayRef> {
    let zone = session_zone(options);
    let instants: PrimitiveArray<TimestampMicrosecondType> = match args {
        [seconds] => {
            let micros = seconds.as_primitive::<Float64Type>().iter();
            micros.map(|seconds| seconds.map(instant_at).transpose()).collect::<Result<_>>()?
        }
        texts => {
            let instant = |found: read::Found| -> Result<i64> {
                let days = i64::from(found.days) * super::interval::MICROS_PER_DAY;
                let local = days.checked_add(found.micros).ok_or_else(out_of_range)?;
                match found.east {
                    Some(east) => local.checked_sub(east * MICROS_PER_SECOND).ok_or_else(out_of_range),
                    None => Ok(instant_of(local, zone)?),
                }
            };
            found(texts)?.into_iter().map(|found| found.map(instant).transpose()).collect::<Result<_>>()?
        }
    };
    Ok(Arc::new(instants.with_timezone("UTC")))
}

fn found(args: &[ArrayRef]) -> Result<Vec<Option<read::Found>>> {
    let [texts, templates] = args else { return Err(wrong_count("to_date", 2)) };
    let texts = texts.as_string::<i32>();
    let mut templates = Templates::new(templates, |text| Ok(pattern::pieces(text)));
    let found = (0..texts.len()).map(|row| match templates.get(row)? {
        Some(pieces) if texts.is_valid(row) => Ok(Some(read::read(texts.value(row), pieces)?)),
        _ => Ok(None),
    });
    found.collect()
}

/// An instant of so many seconds since 1970-01-01 UTC.
fn instant_at(seconds: f64) -> Result<i64> {
    let micros = (seconds * 1e6).round_ties_even();
    #[allow(clippy::cast_possible_truncation, reason = "it fits")]
    (micros.abs() < 9e18).then_some(micros as i64).ok_or_else(out_of_range)
}
