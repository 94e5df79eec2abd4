//! Dates, times and intervals in PostgreSQL's ISO text form. Microseconds and days count from 1970-01-01.

use super::number::unsigned;
use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use std::fmt::Write;

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// PostgreSQL's day zero, 2000-01-01.
pub(super) const EPOCH_DAYS: i32 = 10_957;

/// What stands between date and time, and how an offset looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `2024-01-31 04:05:06+00`
    Postgres,
    /// `2024-01-31T04:05:06+00:00`, as in JSON.
    Xml,
}

/// Year (astronomical: 0 is 1 BC), month and day of a day (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

/// `YYYY-MM-DD`; says whether ` BC` must follow.
fn date_part(out: &mut BytesMut, days: i64) -> bool {
    let (year, month, day) = civil(days);
    let before_christ = year <= 0;
    unsigned(out, if before_christ { 1 - year } else { year }.unsigned_abs(), 4);
    out.put_u8(b'-');
    unsigned(out, month, 2);
    out.put_u8(b'-');
    unsigned(out, day, 2);
    before_christ
}

fn infinite(out: &mut BytesMut, negative: bool) {
    out.put_slice(if negative { b"-infinity" } else { b"infinity" });
}

/// A `date`; the extreme values are the infinities.
pub(super) fn date(out: &mut BytesMut, days: i32) {
    if days == i32::MAX || days == i32::MIN {
        return infinite(out, days < 0);
    }
    if date_part(out, i64::from(days)) {
        out.put_slice(b" BC");
    }
}

/// Microseconds of a second without trailing zeros, with the point.
fn fraction(out: &mut BytesMut, micros: u64) {
    if micros == 0 {
        return;
    }
    out.put_u8(b'.');
    unsigned(out, micros, 6);
    while out.last() == Some(&b'0') {
        out.truncate(out.len() - 1);
    }
}

/// A `time`: microseconds of the day.
pub(super) fn time(out: &mut BytesMut, micros: i64) {
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    unsigned(out, seconds / 3600, 2);
    out.put_u8(b':');
    unsigned(out, seconds / 60 % 60, 2);
    out.put_u8(b':');
    unsigned(out, seconds % 60, 2);
    fraction(out, micros % 1_000_000);
}

/// A `timestamp`; the extreme values are the infinities.
pub(super) fn timestamp(out: &mut BytesMut, micros: i64, style: Style) {
    if micros == i64::MAX || micros == i64::MIN {
        return infinite(out, micros < 0);
    }
    if date_and_time(out, i128::from(micros), style) {
        out.put_slice(b" BC");
    }
}

fn date_and_time(out: &mut BytesMut, micros: i128, style: Style) -> bool {
    let per_day = i128::from(MICROS_PER_DAY);
    // Both fit: a day count is 37 bits, a time of day too.
    let before_christ = date_part(out, micros.div_euclid(per_day) as i64);
    out.put_u8(if style == Style::Xml { b'T' } else { b' ' });
    time(out, micros.rem_euclid(per_day) as i64);
    before_christ
}

/// A `timestamptz` in a zone.
pub(super) fn timestamptz(out: &mut BytesMut, micros: i64, zone: Tz, style: Style) {
    if micros == i64::MAX || micros == i64::MIN {
        return infinite(out, micros < 0);
    }
    let offset = offset_at(micros, zone);
    let local = i128::from(micros) + i128::from(offset) * i128::from(MICROS_PER_SECOND);
    let before_christ = date_and_time(out, local, style);
    out.put_u8(if offset < 0 { b'-' } else { b'+' });
    let seconds = u64::from(offset.unsigned_abs());
    unsigned(out, seconds / 3600, 2);
    if !seconds.is_multiple_of(3600) || style == Style::Xml {
        out.put_u8(b':');
        unsigned(out, seconds / 60 % 60, 2);
    }
    if !seconds.is_multiple_of(60) {
        out.put_u8(b':');
        unsigned(out, seconds % 60, 2);
    }
    if before_christ {
        out.put_slice(b" BC");
    }
}

/// Seconds east of UTC; zero beyond the years that chrono knows (262,000).
fn offset_at(micros: i64, zone: Tz) -> i32 {
    DateTime::from_timestamp_micros(micros)
        .map_or(0, |utc| zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc())
}

/// A duration as an interval: whole days, as PostgreSQL's difference of two timestamps has them, and the rest.
pub(super) fn days_and_rest(micros: i64) -> (i32, i64) {
    // At most 107 million days.
    ((micros / MICROS_PER_DAY) as i32, micros % MICROS_PER_DAY)
}

/// An `interval` in the style `postgres`.
pub(super) fn interval(out: &mut BytesMut, months: i32, days: i32, micros: i64) {
    let mut parts = Parts { empty: true, negative: false };
    parts.add(out, months / 12, "year");
    parts.add(out, months % 12, "mon");
    parts.add(out, days, "day");
    if parts.empty || micros != 0 {
        if !parts.empty {
            out.put_u8(b' ');
        }
        if micros < 0 {
            out.put_u8(b'-');
        } else if parts.negative {
            out.put_u8(b'+');
        }
        let seconds = micros.unsigned_abs() / 1_000_000;
        unsigned(out, seconds / 3600, 2);
        out.put_u8(b':');
        unsigned(out, seconds / 60 % 60, 2);
        out.put_u8(b':');
        unsigned(out, seconds % 60, 2);
        fraction(out, micros.unsigned_abs() % 1_000_000);
    }
}

/// What was written of an interval: a positive part behind a negative one gets its sign.
struct Parts {
    empty: bool,
    negative: bool,
}

impl Parts {
    fn add(&mut self, out: &mut BytesMut, value: i32, unit: &str) {
        if value == 0 {
            return;
        }
        let gap = if self.empty { "" } else { " " };
        let sign = if self.negative && value > 0 { "+" } else { "" };
        let plural = if value == 1 { "" } else { "s" };
        let _ = write!(out, "{gap}{sign}{value} {unit}{plural}");
        self.negative = value < 0;
        self.empty = false;
    }
}

#[cfg(test)]
#[path = "datetime_tests.rs"]
mod tests;
