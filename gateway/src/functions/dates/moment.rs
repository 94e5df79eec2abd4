//! Dates and timestamps of every Arrow type as wall-clock moments, and back.

use super::{defect, out_of_range, wrong_type};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use std::str::FromStr;

const EPOCH: NaiveDate = NaiveDate::from_epoch_days(0).unwrap();

/// The session's zone.
pub(in crate::functions) fn session_zone(options: &ConfigOptions) -> Tz {
    options.execution.time_zone.as_deref().and_then(|name| Tz::from_str(name).ok()).unwrap_or(Tz::UTC)
}

/// The type in which a function takes its date or timestamp argument: microseconds are what a timestamp here has.
pub(super) fn moment_type(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Date32 | DataType::Date64 => Ok(DataType::Date32),
        DataType::Timestamp(_, zone) => Ok(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        // A literal in quotes is a timestamp, as in Trino's and PostgreSQL's calls.
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => {
            Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        other => Err(wrong_type(function, other)),
    }
}

/// Wall-clock moments of a column.
pub(super) enum Moments {
    /// Days since 1970-01-01.
    Dates(ArrayRef),
    /// Microseconds of the wall clock.
    Wall(ArrayRef),
    /// Microseconds since 1970-01-01 UTC, seen in a zone.
    Instants(ArrayRef, Tz),
}

impl Moments {
    pub(super) fn new(array: &ArrayRef, zone: Tz) -> Result<Self> {
        match array.data_type() {
            DataType::Date32 => Ok(Self::Dates(ArrayRef::clone(array))),
            DataType::Timestamp(TimeUnit::Microsecond, None) => Ok(Self::Wall(ArrayRef::clone(array))),
            DataType::Timestamp(_, Some(_)) => {
                let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                Ok(Self::Instants(cast(array, &utc)?, zone))
            }
            _ => Err(defect("a date function was called with a type that it does not take")),
        }
    }

    /// The wall clock at a row; `None` for NULL.
    pub(super) fn get(&self, row: usize) -> Result<Option<NaiveDateTime>> {
        let array = match self {
            Self::Dates(array) | Self::Wall(array) | Self::Instants(array, _) => array,
        };
        if array.is_null(row) {
            return Ok(None);
        }
        let moment = match self {
            Self::Dates(array) => {
                let days = i64::from(array.as_primitive::<Date32Type>().value(row));
                EPOCH.checked_add_signed(chrono::TimeDelta::try_days(days).ok_or_else(out_of_range)?).map(at_midnight)
            }
            Self::Wall(array) => {
                utc(array.as_primitive::<TimestampMicrosecondType>().value(row)).map(|t| t.naive_utc())
            }
            Self::Instants(array, zone) => utc(array.as_primitive::<TimestampMicrosecondType>().value(row))
                .map(|t| t.with_timezone(zone).naive_local()),
        };
        moment.map(Some).ok_or_else(out_of_range)
    }
}

fn utc(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

fn at_midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(chrono::NaiveTime::MIN)
}

/// Days since 1970-01-01.
pub(super) fn days(moment: NaiveDateTime) -> Result<i32> {
    i32::try_from(moment.date().signed_duration_since(EPOCH).num_days()).map_err(|_| out_of_range())
}

/// The instant at which a zone's wall clock shows this: the first of two, and after a gap what the old offset would give.
pub(super) fn instant(moment: NaiveDateTime, zone: Tz) -> Result<i64> {
    if let Some(instant) = zone.from_local_datetime(&moment).earliest() {
        return Ok(instant.timestamp_micros());
    }
    let hour = chrono::TimeDelta::hours(1);
    let before = moment.checked_sub_signed(hour).and_then(|m| zone.from_local_datetime(&m).earliest());
    before.map(|instant| (instant + hour).timestamp_micros()).ok_or_else(out_of_range)
}
