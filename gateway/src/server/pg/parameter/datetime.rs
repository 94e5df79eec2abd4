//! Dates and times in the ISO forms that drivers send: `2024-01-31`, `04:05:06.789`, `2024-01-31T04:05:06+05:30`, with ` BC`.

use super::super::types::{self, PgType};
use super::invalid;
use crate::error::{Error, ErrorCode, Result};
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// The parts of a text. Everything but the date may be missing.
struct Parts<'a> {
    /// Days from 1970-01-01.
    days: i32,
    /// Microseconds of the day.
    micros: i64,
    zone: Option<&'a str>,
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
pub(super) fn date(text: &str) -> Result<i32> {
    match infinite(text) {
        Some(positive) => Ok(if positive { i32::MAX } else { i32::MIN }),
        None => split(text, &types::DATE).map(|parts| parts.days),
    }
}

/// Microseconds of the day; an offset behind it is ignored.
pub(super) fn time(text: &str) -> Result<i64> {
    let bad = || invalid(&types::TIME, text);
    let end = text.find(['+', '-', 'Z', 'z']).unwrap_or(text.len());
    clock(text[..end].trim()).ok_or_else(bad)
}

/// Microseconds from 1970-01-01 as the clock shows it: an offset in the text is ignored, as PostgreSQL does.
pub(super) fn timestamp(text: &str) -> Result<i64> {
    match infinite(text) {
        Some(positive) => Ok(if positive { i64::MAX } else { i64::MIN }),
        None => local(&split(text, &types::TIMESTAMP)?),
    }
}

/// Microseconds from 1970-01-01 UTC; without an offset the text means the session's zone.
pub(super) fn timestamptz(text: &str, session: Tz) -> Result<i64> {
    if let Some(positive) = infinite(text) {
        return Ok(if positive { i64::MAX } else { i64::MIN });
    }
    let parts = split(text, &types::TIMESTAMPTZ)?;
    let local = local(&parts)?;
    let seconds = match parts.zone {
        None => offset_in(session, local),
        Some(zone) => match fixed_offset(zone) {
            Some(seconds) => seconds,
            None => offset_in(zone.parse().map_err(|_| invalid(&types::TIMESTAMPTZ, text))?, local),
        },
    };
    local.checked_sub(i64::from(seconds) * MICROS_PER_SECOND).ok_or_else(|| out_of_range(text))
}

fn out_of_range(text: &str) -> Error {
    Error::new(ErrorCode::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\""))
}

fn local(parts: &Parts<'_>) -> Result<i64> {
    let days = i64::from(parts.days).checked_mul(MICROS_PER_DAY);
    days.and_then(|days| days.checked_add(parts.micros))
        .ok_or_else(|| Error::new(ErrorCode::DatetimeOutOfRange, "timestamp out of range"))
}

fn split<'a>(text: &'a str, of: &PgType) -> Result<Parts<'a>> {
    let bad = || invalid(of, text);
    let trimmed = text.trim();
    let (trimmed, before_christ) = match trimmed.strip_suffix("BC").or_else(|| trimmed.strip_suffix("bc")) {
        Some(rest) => (rest.trim_end(), true),
        None => (trimmed, false),
    };
    let date_end = trimmed.find([' ', 'T', 't']).unwrap_or(trimmed.len());
    let (date, rest) = trimmed.split_at(date_end);
    let mut numbers = date.splitn(3, '-').map(number);
    let (Some(Some(year)), Some(Some(month)), Some(Some(day)), None) =
        (numbers.next(), numbers.next(), numbers.next(), numbers.next())
    else {
        return Err(bad());
    };
    let year = i32::try_from(year).map_err(|_| out_of_range(text))?;
    if year == 0 {
        return Err(out_of_range(text));
    }
    let date = NaiveDate::from_ymd_opt(if before_christ { 1 - year } else { year }, month, day);
    let days = date.ok_or_else(|| out_of_range(text))?.to_epoch_days();

    let rest = rest.get(1..).unwrap_or_default().trim_start();
    let clock_end = rest.find(|character: char| !matches!(character, '0'..='9' | ':' | '.')).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(clock_end);
    let micros = if time.is_empty() && zone.is_empty() { 0 } else { clock(time).ok_or_else(bad)? };
    Ok(Parts { days, micros, zone: Some(zone.trim()).filter(|zone| !zone.is_empty()) })
}

/// An unsigned number of digits alone.
fn number(digits: &str) -> Option<u32> {
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits_only.then(|| digits.parse().ok()).flatten()
}

/// `HH:MM[:SS[.fraction]]` up to 24:00:00, rounded to microseconds.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let (hours, minutes) = (number(parts.next()?)?, number(parts.next()?)?);
    let (seconds, fraction) = match parts.next() {
        Some(rest) => rest.split_once('.').unwrap_or((rest, "")),
        None => ("0", ""),
    };
    let seconds = number(seconds)?;
    if !fraction.is_empty() {
        number(&fraction[..fraction.len().min(9)])?;
    }
    let digit = |index: usize| fraction.as_bytes().get(index).map_or(0, |byte| i64::from(byte - b'0'));
    let micros = (0..6).fold(0, |micros, index| micros * 10 + digit(index)) + i64::from(digit(6) >= 5);
    if minutes > 59 || seconds > 60 {
        return None;
    }
    let total = (i64::from(hours) * 3600 + i64::from(minutes) * 60 + i64::from(seconds)) * MICROS_PER_SECOND + micros;
    (total <= MICROS_PER_DAY).then_some(total)
}

/// Seconds east of UTC of `Z`, `+05`, `+0530`, `+05:30`, `-05:30:15`.
fn fixed_offset(zone: &str) -> Option<i32> {
    if zone.eq_ignore_ascii_case("z") || zone.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let (hours, minutes) = match first.len() {
        3 | 4 => (number(&first[..first.len() - 2])?, number(&first[first.len() - 2..])?),
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
