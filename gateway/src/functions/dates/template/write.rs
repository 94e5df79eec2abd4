//! Dates, timestamps and intervals by a template: `to_char`.

use super::pattern::{Field, Piece};
use crate::error::{Error, ErrorCode, Result};
use crate::functions::dates::interval::{MICROS_PER_SECOND, Span};
use crate::functions::dates::pattern::{DAYS, MONTHS};
use chrono::{Datelike, NaiveDateTime, Timelike};
use std::fmt::Write;

pub(super) const ROMAN_MONTHS: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// What a template writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Moment {
    /// As PostgreSQL counts them: 0 is 1 BC. Of an interval, its years.
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    day_of_year: i64,
    /// What only a date has.
    date: Option<Calendar>,
    /// The zone's short name and the seconds it is east of UTC.
    pub(super) zone: Option<(String, i32)>,
}

#[derive(Debug, Clone)]
struct Calendar {
    /// 0 is Sunday.
    weekday: i64,
    iso_year: i64,
    iso_week: i64,
    julian: i64,
}

impl Moment {
    pub(super) fn of(moment: NaiveDateTime) -> Self {
        let iso = moment.iso_week();
        Self {
            year: i64::from(moment.year()),
            month: i64::from(moment.month()),
            day: i64::from(moment.day()),
            hour: i64::from(moment.hour()),
            minute: i64::from(moment.minute()),
            second: i64::from(moment.second()),
            micros: i64::from(moment.nanosecond() % 1_000_000_000 / 1_000),
            day_of_year: i64::from(moment.ordinal()),
            date: Some(Calendar {
                weekday: i64::from(moment.weekday().num_days_from_sunday()),
                iso_year: i64::from(iso.year()),
                iso_week: i64::from(iso.week()),
                julian: i64::from(moment.date().to_epoch_days()) + super::JULIAN_EPOCH,
            }),
            zone: None,
        }
    }

    pub(super) fn of_span(span: Span) -> Self {
        let seconds = span.micros / MICROS_PER_SECOND;
        let (year, month, day) = (i64::from(span.months / 12), i64::from(span.months % 12), i64::from(span.days));
        Self {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            micros: span.micros % MICROS_PER_SECOND,
            day_of_year: (year * 12 + month) * 30 + day,
            ..Self::default()
        }
    }

    fn calendar(&self) -> Result<&Calendar> {
        self.date.as_ref().ok_or_else(|| {
            let text = "invalid format specification for an interval value";
            Error::new(ErrorCode::InvalidDatetime, text).with_hint("intervals are not tied to specific calendar dates")
        })
    }

    /// Years before Christ begin with 1; an interval's are counted as they are.
    fn shown_year(&self, year: i64) -> i64 {
        if self.date.is_some() && year <= 0 { 1 - year } else { year }
    }
}

/// Writes a moment by a template.
pub(super) fn write(out: &mut String, pieces: &[Piece], moment: &Moment) -> Result<()> {
    for piece in pieces {
        match piece {
            Piece::Field(field) => write_field(out, field, moment)?,
            Piece::Separator(character) | Piece::Text(character) => out.push(*character),
        }
    }
    Ok(())
}

fn write_field(out: &mut String, field: &Field, moment: &Moment) -> Result<()> {
    let begin = out.len();
    let number = |out: &mut String, value: i64, width: usize| {
        // The sign counts for one more.
        let width = if field.fill { 0 } else { width + usize::from(value < 0) };
        // Writing to a String can't fail.
        let _ = write!(out, "{value:0width$}");
    };
    let name = |out: &mut String, name: &str, width: usize| {
        let width = if field.fill { 0 } else { width };
        let _ = write!(out, "{name:width$}");
    };
    let twelve = if moment.hour % 12 == 0 { 12 } else { moment.hour % 12 };
    match field.name {
        "HH24" => number(out, moment.hour, 2),
        "HH" | "HH12" => number(out, twelve, 2),
        "MI" => number(out, moment.minute, 2),
        "SS" => number(out, moment.second, 2),
        "SSSS" | "SSSSS" => number(out, moment.hour * 3600 + moment.minute * 60 + moment.second, 0),
        "MS" | "FF3" => number(out, moment.micros / 1_000, 3),
        "US" | "FF6" => number(out, moment.micros, 6),
        "FF1" => number(out, moment.micros / 100_000, 1),
        "FF2" => number(out, moment.micros / 10_000, 2),
        "FF4" => number(out, moment.micros / 100, 4),
        "FF5" => number(out, moment.micros / 10, 5),
        "YYYY" => number(out, moment.shown_year(moment.year), 4),
        "YYY" => number(out, moment.shown_year(moment.year) % 1000, 3),
        "YY" => number(out, moment.shown_year(moment.year) % 100, 2),
        "Y" => number(out, moment.shown_year(moment.year) % 10, 1),
        "Y,YYY" => {
            let year = moment.shown_year(moment.year);
            let _ = write!(out, "{},{:03}", year / 1000, year % 1000);
        }
        "IYYY" => number(out, moment.shown_year(moment.calendar()?.iso_year), 4),
        "IYY" => number(out, moment.shown_year(moment.calendar()?.iso_year) % 1000, 3),
        "IY" => number(out, moment.shown_year(moment.calendar()?.iso_year) % 100, 2),
        "I" => number(out, moment.shown_year(moment.calendar()?.iso_year) % 10, 1),
        "CC" => {
            let century = match moment.year {
                year if moment.date.is_none() => year / 100,
                year if year > 0 => (year - 1) / 100 + 1,
                year => year / 100 - 1,
            };
            number(out, century, 2);
        }
        "MM" => number(out, moment.month, 2),
        "DDD" => number(out, moment.day_of_year, 3),
        // Without a place more for the sign, unlike the others.
        "DD" => number(out, moment.day, if moment.day < 0 { 1 } else { 2 }),
        "D" => number(out, moment.calendar()?.weekday + 1, 1),
        "ID" => number(out, iso_weekday(moment.calendar()?), 1),
        "IDDD" => {
            let calendar = moment.calendar()?;
            number(out, (calendar.iso_week - 1) * 7 + iso_weekday(calendar), 3);
        }
        "WW" => number(out, (moment.day_of_year - 1) / 7 + 1, 2),
        "W" => number(out, (moment.day - 1) / 7 + 1, 1),
        "IW" => number(out, moment.calendar()?.iso_week, 2),
        "J" => number(out, moment.calendar()?.julian, 1),
        "Q" if moment.month > 0 => number(out, (moment.month - 1) / 3 + 1, 1),
        "TZH" => {
            let east = offset(moment)?;
            let _ = write!(out, "{}{:02}", sign(east), east.unsigned_abs() / 3600);
        }
        "TZM" => {
            let _ = write!(out, "{:02}", offset(moment)?.unsigned_abs() % 3600 / 60);
        }
        "OF" => {
            let (east, width) = (offset(moment)?, if field.fill { 0 } else { 2 });
            let _ = write!(out, "{}{:0width$}", sign(east), east.unsigned_abs() / 3600);
            if east % 3600 != 0 {
                let _ = write!(out, ":{:02}", east.unsigned_abs() % 3600 / 60);
            }
        }
        "RM" | "rm" if moment.month != 0 || moment.year != 0 => {
            // An interval without months, or of months before, counts from the end.
            let month = match moment.month {
                0 if moment.year < 0 => 0,
                month if month > 0 => month - 1,
                month => 11 + month + i64::from(month < 0),
            };
            name(out, usize::try_from(month).ok().and_then(|month| ROMAN_MONTHS.get(month)).copied().unwrap_or(""), 4);
        }
        "TZ" | "tz" => {
            moment.calendar()?;
            out.push_str(moment.zone.as_ref().map_or("", |(name, _)| name));
        }
        word => {
            let (text, width) = named(word, moment)?;
            name(out, text, width);
        }
    }
    in_its_case(out, begin, field.name);
    if let (Some(ending), true) = (field.ordinal, field.is_number()) {
        let ordinal = ordinal(&out[begin..]);
        out.push_str(&if ending == "TH" { ordinal.to_ascii_uppercase() } else { ordinal.to_owned() });
    }
    Ok(())
}

/// Names of months, days, halves of days and eras, and the width that they are filled to.
fn named(word: &str, moment: &Moment) -> Result<(&'static str, usize)> {
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let afternoon = moment.hour.rem_euclid(24) >= 12;
    let month = || match usize::try_from(moment.month - 1) {
        Ok(month) => MONTHS.get(month).copied().unwrap_or_default(),
        Err(_) => "",
    };
    let weekday = || {
        let calendar = moment.calendar()?;
        Ok::<_, Error>(DAYS[usize::try_from(calendar.weekday).unwrap_or_default()])
    };
    Ok(match word.to_ascii_uppercase().as_str() {
        "MONTH" => moment.calendar().map(|_| (month(), 9))?,
        "MON" => moment.calendar().map(|_| (short(month()), 0))?,
        "DAY" => (weekday()?, 9),
        "DY" => (short(weekday()?), 0),
        "AM" | "PM" => (if afternoon { "PM" } else { "AM" }, 0),
        "A.M." | "P.M." => (if afternoon { "P.M." } else { "A.M." }, 0),
        "AD" | "BC" => moment.calendar().map(|_| (if moment.year <= 0 { "BC" } else { "AD" }, 0))?,
        "A.D." | "B.C." => moment.calendar().map(|_| (if moment.year <= 0 { "B.C." } else { "A.D." }, 0))?,
        _ => ("", 0),
    })
}

/// `MONTH` is upper case, `month` lower, `Month` as it is.
fn in_its_case(out: &mut str, begin: usize, name: &str) {
    let is = |test: fn(&char) -> bool| name.chars().filter(char::is_ascii_alphabetic).all(|character| test(&character));
    if is(char::is_ascii_uppercase) {
        out[begin..].make_ascii_uppercase();
    } else if is(char::is_ascii_lowercase) {
        out[begin..].make_ascii_lowercase();
    }
}

fn iso_weekday(calendar: &Calendar) -> i64 {
    if calendar.weekday == 0 { 7 } else { calendar.weekday }
}

fn offset(moment: &Moment) -> Result<i32> {
    moment.calendar()?;
    Ok(moment.zone.as_ref().map_or(0, |(_, east)| *east))
}

fn sign(east: i32) -> char {
    if east < 0 { '-' } else { '+' }
}

/// The ending of a number's ordinal.
pub(super) fn ordinal(number: &str) -> &'static str {
    let digits = number.as_bytes();
    let tens = digits.len().checked_sub(2).and_then(|at| digits.get(at));
    match (tens, digits.last()) {
        (Some(b'1'), _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    }
}
