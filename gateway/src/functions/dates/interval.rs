//! Intervals as PostgreSQL reads and computes them (its manual, 8.5.4 and 9.9): months, days and microseconds, each with its sign. A
//! month counts 30 days where a fraction of it is asked for, a day 24 hours.

use super::out_of_range;
use crate::error::{Error, ErrorCode};
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::Result;
use std::ops::{Add, Sub};

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
const DAYS_PER_MONTH: i32 = 30;

/// The parts of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) micros: i64,
}

impl From<IntervalMonthDayNano> for Span {
    fn from(value: IntervalMonthDayNano) -> Self {
        Self { months: value.months, days: value.days, micros: value.nanoseconds / 1_000 }
    }
}

impl Span {
    pub(super) fn to_arrow(self) -> Result<IntervalMonthDayNano> {
        let nanos = self.micros.checked_mul(1_000).ok_or_else(out_of_range)?;
        Ok(IntervalMonthDayNano::new(self.months, self.days, nanos))
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        Some(Self {
            months: self.months.checked_add(other.months)?,
            days: self.days.checked_add(other.days)?,
            micros: self.micros.checked_add(other.micros)?,
        })
    }

    /// Each part by `scaled`; what is left of a month goes to the days, of a day to the time. As `interval_mul` of PostgreSQL.
    pub(super) fn scaled(self, scaled: impl Fn(f64) -> f64) -> Option<Self> {
        let (months, days) = (scaled(f64::from(self.months)), scaled(f64::from(self.days)));
        let (whole_months, whole_days) = (whole(months)?, whole(days)?);
        let month_rest = to_micros((months - f64::from(whole_months)) * f64::from(DAYS_PER_MONTH));
        let mut result_days = whole_days;
        let mut seconds = to_micros((days - f64::from(whole_days) + month_rest.fract()) * 86_400.0);
        if seconds.abs() >= 86_400.0 {
            let carried = (seconds / 86_400.0).trunc();
            result_days = result_days.checked_add(whole(carried)?)?;
            seconds -= carried * 86_400.0;
        }
        result_days = result_days.checked_add(whole(month_rest)?)?;
        #[allow(clippy::cast_precision_loss, reason = "PostgreSQL computes in double precision")]
        let micros = (scaled(self.micros as f64) + seconds * 1e6).round_ties_even();
        Some(Self { months: whole_months, days: result_days, micros: whole_micros(micros)? })
    }

    /// 24 hours are a day.
    pub(super) fn justify_hours(self) -> Option<Self> {
        let days = self.days.checked_add(i32::try_from(self.micros / MICROS_PER_DAY).ok()?)?;
        let (days, micros) = of_one_sign(days, self.micros % MICROS_PER_DAY, MICROS_PER_DAY);
        Some(Self { days, micros, ..self })
    }

    /// 30 days are a month.
    pub(super) fn justify_days(self) -> Option<Self> {
        let months = self.months.checked_add(self.days / DAYS_PER_MONTH)?;
        let (months, days) = of_one_sign(months, self.days % DAYS_PER_MONTH, DAYS_PER_MONTH);
        Some(Self { months, days, ..self })
    }

    /// Both, and all parts of one sign.
    pub(super) fn justify(self) -> Option<Self> {
        let mut result = self;
        // Without this, days that the hours bring could leave the months' sign.
        if (result.days > 0 && result.micros > 0) || (result.days < 0 && result.micros < 0) {
            result = result.justify_days()?;
        }
        result.days = result.days.checked_add(i32::try_from(result.micros / MICROS_PER_DAY).ok()?)?;
        result.micros %= MICROS_PER_DAY;
        result = Self { months: result.months.checked_add(result.days / DAYS_PER_MONTH)?, ..result };
        result.days %= DAYS_PER_MONTH;
        if result.months > 0 && (result.days < 0 || (result.days == 0 && result.micros < 0)) {
            (result.months, result.days) = (result.months - 1, result.days + DAYS_PER_MONTH);
        } else if result.months < 0 && (result.days > 0 || (result.days == 0 && result.micros > 0)) {
            (result.months, result.days) = (result.months + 1, result.days - DAYS_PER_MONTH);
        }
        (result.days, result.micros) = of_one_sign(result.days, result.micros, MICROS_PER_DAY);
        Some(result)
    }
}

/// A part and the next smaller one, `per` of which make one: where their signs differ, the smaller one takes the larger one's.
fn of_one_sign<T>(large: i32, small: T, per: T) -> (i32, T)
where
    T: Copy + Default + PartialOrd + Add<Output = T> + Sub<Output = T>,
{
    let zero = T::default();
    if large > 0 && small < zero {
        (large - 1, small + per)
    } else if large < 0 && small > zero {
        (large + 1, small - per)
    } else {
        (large, small)
    }
}

/// Rounded to six decimals.
fn to_micros(value: f64) -> f64 {
    (value * 1e6).round_ties_even() / 1e6
}

/// The whole part, if an `integer` holds it.
fn whole(value: f64) -> Option<i32> {
    let value = value.trunc();
    #[allow(clippy::cast_possible_truncation, reason = "it fits")]
    (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value).then_some(value as i32)
}

fn whole_micros(value: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "it fits")]
    (value.abs() < 9.2e18).then_some(value as i64)
}

/// Reads an interval: numbers with units, `1 year 2 mons 3 days 04:05:06.7`, with `ago` behind it.
pub(crate) fn read(text: &str) -> Result<IntervalMonthDayNano, Error> {
    let wrong =
        || Error::new(ErrorCode::InvalidDatetime, format!("invalid input syntax for type interval: \"{text}\""));
    let too_long =
        || Error::new(ErrorCode::DatetimeOutOfRange, format!("interval field value out of range: \"{text}\""));
    let mut words = words(text);
    if words.first() == Some(&"@") {
        words.remove(0);
    }
    let ago = words.last().is_some_and(|word| word.eq_ignore_ascii_case("ago"));
    if ago {
        words.pop();
    }
    if words.is_empty() {
        return Err(wrong());
    }
    let mut span = Span::default();
    let mut rest = words.as_slice();
    while let [word, following @ ..] = rest {
        let (part, following) = if word.contains(':') {
            (Span { micros: clock(word).ok_or_else(wrong)?, ..Span::default() }, following)
        } else {
            let number: f64 = number(word).ok_or_else(wrong)?;
            match following {
                [] => (unit(number, "s").ok_or_else(too_long)?, following),
                // A number before a clock counts days.
                [clock, ..] if clock.contains(':') => (unit(number, "d").ok_or_else(too_long)?, following),
                [name, after @ ..] => {
                    let name = singular(name).ok_or_else(wrong)?;
                    (unit(number, name).ok_or_else(too_long)?, after)
                }
            }
        };
        span = span.add(part).ok_or_else(too_long)?;
        rest = following;
    }
    let span = if ago { span.scaled(|part| -part).ok_or_else(too_long)? } else { span };
    span.to_arrow().map_err(|_| too_long())
}

/// Words and numbers; a unit may follow its number without a blank.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let unit = word.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(word.len());
        let (number, unit) = word.split_at(unit);
        words.extend([number, unit].into_iter().filter(|part| !part.is_empty()));
    }
    words
}

fn number(word: &str) -> Option<f64> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
    digits.then(|| word.parse().ok()).flatten()
}

/// `[-]HH:MM[:SS[.fraction]]`
fn clock(word: &str) -> Option<i64> {
    let (negative, clock) = match word.strip_prefix('-') {
        Some(clock) => (true, clock),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let mut parts = clock.splitn(3, ':');
    let (hours, minutes) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    let seconds = number(parts.next().unwrap_or("0")).filter(|seconds| (0.0..=60.0).contains(seconds))?;
    if minutes > 59 {
        return None;
    }
    let micros = (i64::from(hours) * 3600 + i64::from(minutes) * 60) * MICROS_PER_SECOND;
    let micros = micros + whole_micros((seconds * 1e6).round_ties_even())?;
    Some(if negative { -micros } else { micros })
}

/// The short name of a unit.
fn singular(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => "us",
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        "mon" | "mons" | "month" | "months" => "mon",
        "y" | "yr" | "yrs" | "year" | "years" => "y",
        "decade" | "decades" | "decs" => "decade",
        "c" | "cent" | "century" | "centuries" => "century",
        "millennium" | "millennia" | "mil" | "mils" => "millennium",
        _ => return None,
    })
}

/// So many units; a fraction of a year is months, of a month days, of a day time.
fn unit(number: f64, unit: &str) -> Option<Span> {
    let micros = |per: f64| Some(Span { micros: whole_micros((number * per).round_ties_even())?, ..Span::default() });
    let months = |per: f64| Some(Span { months: whole((number * per).round_ties_even())?, ..Span::default() });
    match unit {
        "us" => micros(1.0),
        "ms" => micros(1e3),
        "s" => micros(1e6),
        "m" => micros(60e6),
        "h" => micros(3_600e6),
        "d" => Span { days: 1, ..Span::default() }.scaled(|part| part * number),
        "w" => Span { days: 7, ..Span::default() }.scaled(|part| part * number),
        "mon" => Span { months: 1, ..Span::default() }.scaled(|part| part * number),
        "y" => months(12.0),
        "decade" => months(120.0),
        "century" => months(1_200.0),
        _ => months(12_000.0),
    }
}
