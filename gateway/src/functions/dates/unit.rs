//! The units of `date_add` and `date_diff`.

use super::invalid;
use chrono::{Datelike, Months, NaiveDateTime, TimeDelta, Timelike};
use datafusion::error::Result;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// So many microseconds, on any clock.
    Micros(i64),
    /// So many days of the calendar.
    Days(i64),
    /// So many months of the calendar.
    Months(i32),
}

impl Unit {
    /// Trino's names, in any case, and their plurals.
    pub(super) fn parse(name: &str) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        Ok(match lower.strip_suffix('s').unwrap_or(&lower) {
            "microsecond" => Self::Micros(1),
            "millisecond" => Self::Micros(1_000),
            "second" => Self::Micros(1_000_000),
            "minute" => Self::Micros(60_000_000),
            "hour" => Self::Micros(3_600_000_000),
            "day" => Self::Days(1),
            "week" => Self::Days(7),
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return Err(invalid(format!("\"{name}\" is not a unit of time"))),
        })
    }

    /// Is it part of a day?
    pub(super) fn is_of_the_clock(self) -> bool {
        matches!(self, Self::Micros(_))
    }

    /// A moment so many units later; the day of the month is cut to the month's last.
    pub(super) fn add(self, moment: NaiveDateTime, count: i64) -> Option<NaiveDateTime> {
        match self {
            Self::Micros(size) => moment.checked_add_signed(TimeDelta::microseconds(count.checked_mul(size)?)),
            Self::Days(size) => moment.checked_add_signed(TimeDelta::try_days(count.checked_mul(size)?)?),
            Self::Months(size) => {
                let months = i32::try_from(count.checked_mul(i64::from(size))?).ok()?;
                let by = Months::new(months.unsigned_abs());
                if months < 0 { moment.checked_sub_months(by) } else { moment.checked_add_months(by) }
            }
        }
    }

    /// Whole units from one moment to another, towards zero.
    pub(super) fn between(self, from: NaiveDateTime, to: NaiveDateTime) -> Option<i64> {
        match self {
            Self::Micros(size) => Some(to.signed_duration_since(from).num_microseconds()? / size),
            Self::Days(size) => Some(to.signed_duration_since(from).num_days() / size),
            Self::Months(size) => Some(i64::from(months_between(from, to) / size)),
        }
    }
}

/// Whole months: the last one is whole when its day and time are reached. As Joda counts, whom Trino asks: from Jan 31 to
/// Feb 28 is one month, since Jan 31 plus a month is Feb 28.
fn months_between(from: NaiveDateTime, to: NaiveDateTime) -> i32 {
    if to < from {
        return -months_back(to, from);
    }
    months_forward(from, to)
}

fn months_forward(from: NaiveDateTime, to: NaiveDateTime) -> i32 {
    let estimate = (to.year() - from.year()) * 12 + month(to) - month(from);
    let reached = Unit::Months(1).add(from, i64::from(estimate)).is_some_and(|moment| moment <= to);
    if reached { estimate } else { estimate - 1 }
}

fn months_back(earlier: NaiveDateTime, later: NaiveDateTime) -> i32 {
    let estimate = (later.year() - earlier.year()) * 12 + month(later) - month(earlier);
    let reached = Unit::Months(1).add(later, -i64::from(estimate)).is_some_and(|moment| moment >= earlier);
    if reached { estimate } else { estimate - 1 }
}

fn month(moment: NaiveDateTime) -> i32 {
    moment.month0() as i32
}

/// Microseconds of the second.
pub(super) fn micros(moment: NaiveDateTime) -> u32 {
    moment.nanosecond() % 1_000_000_000 / 1_000
}
