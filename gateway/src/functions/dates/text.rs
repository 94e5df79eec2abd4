//! Dates and times as PostgreSQL reads them from text: `2024-01-31`, `04:05:06.789`, `2024-01-31T04:05+05:30`, with ` BC`. Of the
//! forms that people write besides (its manual, 8.5.1), those in numbers.

use super::interval::{MICROS_PER_DAY, MICROS_PER_SECOND};
use super::zone;
use crate::error::{Error, ErrorCode, Result};
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

/// What is wrong with a text.
enum Wrong {
    /// It is none of the forms.
    Form,
    /// Its form is right, and there is no such day or time.
    Range,
    /// It names a zone that there isn't.
    Zone(Error),
}

impl Wrong {
    fn error(self, text: &str, of: &str) -> Error {
        match self {
            Self::Form => {
                Error::new(ErrorCode::InvalidDatetime, format!("invalid input syntax for type {of}: \"{text}\""))
            }
            Self::Range => {
                Error::new(ErrorCode::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\""))
            }
            Self::Zone(error) => error,
        }
    }
}

/// What a text says. Everything but the date may be missing.
struct Parts {
    /// Days from 1970-01-01.
    days: i32,
    /// Microseconds of the day.
    micros: i64,
    zone: Option<Zone>,
}

enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    Named(Tz),
}

/// `infinity` and `-infinity`.
fn infinite(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" => Some(true),
        "-infinity" => Some(false),
        _ => None,
    }
}

/// Days from 1970-01-01; a time behind it is ignored, as PostgreSQL does.
pub(crate) fn date(text: &str) -> Result<i32> {
    match infinite(text) {
        Some(positive) => Ok(if positive { i32::MAX } else { i32::MIN }),
        None => moment(text).map(|parts| parts.days).map_err(|wrong| wrong.error(text, "date")),
    }
}

/// Microseconds of the day; a date before it and an offset behind it are ignored.
pub(crate) fn time(text: &str) -> Result<i64> {
    let read = match clock_and_zone(text.trim()) {
        Err(Wrong::Form) => moment_with_clock(text),
        of_the_clock => of_the_clock.map(|(micros, _)| micros),
    };
    read.map_err(|wrong| wrong.error(text, "time"))
}

/// Microseconds from 1970-01-01 as the clock shows it: an offset in the text is ignored, as PostgreSQL does.
pub(crate) fn timestamp(text: &str) -> Result<i64> {
    match infinite(text) {
        Some(positive) => Ok(if positive { i64::MAX } else { i64::MIN }),
        None => moment(text).map_err(|wrong| wrong.error(text, "timestamp")).and_then(|parts| local(&parts)),
    }
}

/// Microseconds from 1970-01-01 UTC; without an offset the text means the session's zone.
pub(crate) fn timestamptz(text: &str, session: Tz) -> Result<i64> {
    if let Some(positive) = infinite(text) {
        return Ok(if positive { i64::MAX } else { i64::MIN });
    }
    let parts = moment(text).map_err(|wrong| wrong.error(text, "timestamp with time zone"))?;
    let local = local(&parts)?;
    let seconds = match parts.zone {
        None => offset_in(session, local),
        Some(Zone::Fixed(seconds)) => seconds,
        Some(Zone::Named(zone)) => offset_in(zone, local),
    };
    local.checked_sub(i64::from(seconds) * MICROS_PER_SECOND).ok_or_else(out_of_range)
}

/// The instant at which a zone's clocks show this, both in microseconds from 1970-01-01.
pub(super) fn instant_of(local_micros: i64, zone: Tz) -> Result<i64> {
    if local_micros == i64::MAX || local_micros == i64::MIN {
        return Ok(local_micros);
    }
    let seconds = offset_in(zone, local_micros);
    local_micros.checked_sub(i64::from(seconds) * MICROS_PER_SECOND).ok_or_else(out_of_range)
}

fn out_of_range() -> Error {
    Error::new(ErrorCode::DatetimeOutOfRange, "timestamp out of range")
}

fn local(parts: &Parts) -> Result<i64> {
    let days = i64::from(parts.days).checked_mul(MICROS_PER_DAY);
    days.and_then(|days| days.checked_add(parts.micros)).ok_or_else(out_of_range)
}

/// The time of a text that begins with a date.
fn moment_with_clock(text: &str) -> Result<i64, Wrong> {
    if !text.contains(':') {
        return Err(Wrong::Form);
    }
    moment(text).map(|parts| parts.micros)
}

fn moment(text: &str) -> Result<Parts, Wrong> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("epoch") {
        return Ok(Parts { days: 0, micros: 0, zone: Some(Zone::Fixed(0)) });
    }
    let (trimmed, before_christ) = match strip_suffix_ignore_case(trimmed, "bc") {
        Some(rest) => (rest.trim_end(), true),
        None => (strip_suffix_ignore_case(trimmed, "ad").unwrap_or(trimmed).trim_end(), false),
    };
    let date_end = trimmed.find([' ', 'T', 't']).unwrap_or(trimmed.len());
    let (date, rest) = trimmed.split_at(date_end);
    let (year, month, day) = day_of_calendar(date).ok_or(Wrong::Form)?;
    let year = i32::try_from(year).ok().filter(|year| *year != 0).ok_or(Wrong::Range)?;
    // The rest is read before the day is looked up: PostgreSQL tells of a wrong form first.
    let rest = rest.get(1..).unwrap_or_default().trim();
    let (micros, zone) = if rest.is_empty() { (0, None) } else { clock_and_zone(rest)? };
    let date = NaiveDate::from_ymd_opt(if before_christ { 1 - year } else { year }, month, day).ok_or(Wrong::Range)?;
    Ok(Parts { days: date.to_epoch_days(), micros, zone })
}

/// Year, month and day: `2024-01-31`, `2024/1/31`, `20240131`, and `1/31/2024` as PostgreSQL's `DateStyle` `MDY` has it.
fn day_of_calendar(text: &str) -> Option<(u32, u32, u32)> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((number(&text[..4])?, number(&text[4..6])?, number(&text[6..])?));
    }
    let separator = text.chars().find(|character| matches!(character, '-' | '/' | '.'))?;
    let mut parts = text.splitn(3, separator);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = if first.len() < 3 { (third, first, second) } else { (first, second, third) };
    (month.len() < 3 && day.len() < 3).then_some(())?;
    let year = match number(year)? {
        short if year.len() < 3 && short < 70 => short + 2000,
        short if year.len() < 3 => short + 1900,
        year => year,
    };
    Some((year, number(month)?, number(day)?))
}

fn strip_suffix_ignore_case<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// An unsigned number of digits alone.
fn number(digits: &str) -> Option<u32> {
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits_only.then(|| digits.parse().ok()).flatten()
}

/// A time of the day in microseconds, and the zone behind it.
fn clock_and_zone(text: &str) -> Result<(i64, Option<Zone>), Wrong> {
    let end = text.find(|character: char| !matches!(character, '0'..='9' | ':' | '.')).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let rest = rest.trim();
    let word = rest.find(|character: char| !character.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (half, rest) = match rest.split_at(word) {
        (am, after) if am.eq_ignore_ascii_case("am") => (Some(false), after.trim_start()),
        (pm, after) if pm.eq_ignore_ascii_case("pm") => (Some(true), after.trim_start()),
        _ => (None, rest),
    };
    let micros = clock(time, half)?;
    let zone = if rest.is_empty() { None } else { Some(zone_of(rest)?) };
    Ok((micros, zone))
}

/// `HH:MM[:SS[.fraction]]` or `HHMMSS` up to 24:00:00, rounded to microseconds; `afternoon` is that of a clock of twelve hours.
fn clock(text: &str, afternoon: Option<bool>) -> Result<i64, Wrong> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits_only = whole.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes, seconds) = if digits_only && matches!(whole.len(), 4 | 6) {
        (&whole[..2], &whole[2..4], if whole.len() == 6 { &whole[4..] } else { "0" })
    } else {
        let mut parts = whole.splitn(3, ':');
        let hours_and_minutes = parts.next().zip(parts.next()).ok_or(Wrong::Form)?;
        (hours_and_minutes.0, hours_and_minutes.1, parts.next().unwrap_or("0"))
    };
    let field = |digits| number(digits).ok_or(Wrong::Form);
    let (hours, minutes, seconds) = (field(hours)?, field(minutes)?, field(seconds)?);
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::Form);
    }
    let hours = match afternoon {
        Some(_) if hours > 12 => return Err(Wrong::Range),
        Some(false) if hours == 12 => 0,
        Some(true) if hours < 12 => hours + 12,
        _ => hours,
    };
    let digit = |index: usize| fraction.as_bytes().get(index).map_or(0, |byte| i64::from(byte - b'0'));
    let micros = (0..6).fold(0, |micros, index| micros * 10 + digit(index)) + i64::from(digit(6) >= 5);
    if minutes > 59 || seconds > 60 {
        return Err(Wrong::Range);
    }
    let total = (i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds)) * MICROS_PER_SECOND + micros;
    if total <= MICROS_PER_DAY { Ok(total) } else { Err(Wrong::Range) }
}

fn zone_of(text: &str) -> Result<Zone, Wrong> {
    if text.starts_with(['+', '-']) {
        return fixed_offset(text).map(Zone::Fixed).ok_or(Wrong::Form);
    }
    if text.eq_ignore_ascii_case("z") {
        return Ok(Zone::Fixed(0));
    }
    zone::find(text).map(Zone::Named).map_err(|unknown| match text.contains('/') {
        true => Wrong::Zone(unknown),
        false => Wrong::Form,
    })
}

/// Seconds east of UTC of `+05`, `+0530`, `+05:30`, `-05:30:15`.
fn fixed_offset(zone: &str) -> Option<i32> {
    let (sign, digits) = (if zone.starts_with('-') { -1 } else { 1 }, zone.get(1..)?);
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let (hours, minutes) = match first.len() {
        3 | 4 => {
            let (hours, minutes) = first.split_at_checked(first.len() - 2)?;
            (number(hours)?, number(minutes)?)
        }
        _ => (number(first)?, parts.next().map_or(Some(0), number)?),
    };
    let seconds = parts.next().map_or(Some(0), number)?;
    if hours > 15 || minutes > 59 || seconds > 59 {
        return None;
    }
    i32::try_from(hours * 3600 + minutes * 60 + seconds).ok().map(|total| sign * total)
}

/// The offset that a zone's clocks had when they showed this time: standard time where they showed it twice, the offset before
/// the jump where they never did.
fn offset_in(zone: Tz, local_micros: i64) -> i32 {
    let Some(local) = DateTime::from_timestamp_micros(local_micros).map(|instant| instant.naive_utc()) else {
        return 0;
    };
    let seconds = |found: LocalResult<_>| -> Option<i32> {
        match found {
            LocalResult::Single(offset) => Some(fix::<Tz>(&offset)),
            LocalResult::Ambiguous(first, second) => Some(fix::<Tz>(&first).min(fix::<Tz>(&second))),
            LocalResult::None => None,
        }
    };
    let at = |local: NaiveDateTime| seconds(zone.offset_from_local_datetime(&local));
    at(local).or_else(|| at(local - TimeDelta::hours(24))).unwrap_or(0)
}

fn fix<Z: TimeZone>(offset: &Z::Offset) -> i32 {
    offset.fix().local_minus_utc()
}
