//! Dates and timestamps from texts by a template: `to_date` and `to_timestamp`, which are as kind to blanks and signs as PostgreSQL's
//! (its manual, 9.8, the notes on usage).

use super::pattern::{Field, Piece};
use super::write::ROMAN_MONTHS;
use crate::error::{Error, ErrorCode, Result};
use crate::functions::dates::interval::{MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::functions::dates::pattern::{DAYS, MONTHS};
use chrono::{Datelike, NaiveDate, Weekday};

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    year: Option<i64>,
    /// Is the year one of two digits or less, which a century completes?
    short_year: bool,
    century: Option<i64>,
    before_christ: bool,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week: Option<i64>,
    week_of_month: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    julian: Option<i64>,
    hour: i64,
    twelve: bool,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    second_of_day: Option<i64>,
    micros: i64,
    /// Hours and minutes east of UTC, and their sign.
    zone: Option<(i64, i64)>,
    zone_sign: i64,
    minus_skipped: bool,
}

/// A moment as its text gives it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Days from 1970-01-01.
    pub(super) days: i32,
    /// Microseconds of the day.
    pub(super) micros: i64,
    /// Seconds east of UTC.
    pub(super) east: Option<i64>,
}

/// Reads a text by a template. What it leaves out is that of the first day of the year 1 BC, as in PostgreSQL.
pub(super) fn read(text: &str, pieces: &[Piece]) -> Result<Found> {
    let exact = pieces.iter().any(|piece| matches!(piece, Piece::Field(field) if field.name == "FX"));
    let mut read = Read::default();
    let mut rest = text;
    // How many characters more the text had between fields than the template.
    let mut skipped = 0_i64;
    for (at, piece) in pieces.iter().enumerate() {
        if rest.is_empty() {
            break;
        }
        if !exact && (at == 0 || matches!(piece, Piece::Field(_))) {
            rest = skip_blanks(rest, &mut skipped);
        }
        match piece {
            Piece::Separator(_) if !exact => {
                skipped -= 1;
                if let Some(after) = rest.strip_prefix(separates) {
                    rest = after;
                    skipped += 1;
                }
            }
            Piece::Text(_) if !exact && skipped > 0 => skipped -= 1,
            Piece::Separator(_) | Piece::Text(_) => rest = after_first(rest),
            Piece::Field(field) => {
                let open = field.fill || field.ordinal.is_some() || !is_digit(pieces.get(at + 1));
                // A minus before hours may have gone as a separator.
                read.minus_skipped = skipped > 0 && text[..text.len() - rest.len()].ends_with('-');
                rest = read.field(field, rest, open)?;
                if field.ordinal.is_some() {
                    rest = rest.get(2..).unwrap_or_default();
                }
                if !exact {
                    skipped = 0;
                    rest = skip_blanks(rest, &mut skipped);
                }
            }
        }
    }
    read.found(text)
}

/// Is it something that can't be told from the digits before it?
fn is_digit(piece: Option<&Piece>) -> bool {
    match piece {
        Some(Piece::Field(field)) => field.is_number(),
        Some(Piece::Text(character) | Piece::Separator(character)) => character.is_ascii_digit(),
        None => false,
    }
}

fn separates(character: char) -> bool {
    character.is_ascii_whitespace() || character.is_ascii_punctuation()
}

fn skip_blanks<'a>(text: &'a str, skipped: &mut i64) -> &'a str {
    let rest = text.trim_ascii_start();
    *skipped += i64::try_from(text.len() - rest.len()).unwrap_or_default();
    rest
}

fn after_first(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

impl Read {
    /// Reads one field at the beginning of a text and gives the rest. `open`: a number goes on as long as there are digits.
    fn field<'a>(&mut self, field: &Field, text: &'a str, open: bool) -> Result<&'a str> {
        let name = field.name;
        let number = |width: usize| number(text, width, open, name);
        let into = |slot: &mut Option<i64>, width: usize| {
            let (value, rest) = number(width)?;
            if slot.is_some_and(|before| before != value) {
                let text = format!("conflicting values for \"{name}\" field in formatting string");
                return Err(Error::new(ErrorCode::InvalidDatetime, text));
            }
            *slot = Some(value);
            Ok(rest)
        };
        let within = |(value, rest): (i64, &'a str), slot: &mut i64| {
            *slot = value;
            Ok(rest)
        };
        match name {
            "FX" => Ok(text),
            "HH24" => within(number(2)?, &mut self.hour),
            "HH" | "HH12" => {
                self.twelve = true;
                within(number(2)?, &mut self.hour)
            }
            "MI" => within(number(2)?, &mut self.minute),
            "SS" => within(number(2)?, &mut self.second),
            "SSSS" | "SSSSS" => into(&mut self.second_of_day, 5),
            "MS" => within(fraction(number(3)?, text)?, &mut self.micros),
            "US" => within(fraction(number(6)?, text)?, &mut self.micros),
            "FF1" | "FF2" | "FF3" | "FF4" | "FF5" | "FF6" => {
                let width = name[2..].parse().unwrap_or(6);
                within(fraction(number(width)?, text)?, &mut self.micros)
            }
            "YYYY" => into(&mut self.year, 4),
            "YYY" | "YY" | "Y" => {
                let (year, rest) = number(name.len())?;
                self.short_year = name.len() < 3 && text.len() - rest.len() < 4;
                self.year = Some(if text.len() - rest.len() < 4 { near_2020(year) } else { year });
                Ok(rest)
            }
            "Y,YYY" => {
                let (thousands, rest) = number_of(text, 9).ok_or_else(|| invalid(text, name))?;
                let (year, rest) =
                    rest.strip_prefix(',').and_then(|rest| number_of(rest, 3)).ok_or_else(|| invalid(text, name))?;
                self.year = Some(thousands * 1000 + year);
                Ok(rest)
            }
            "CC" => into(&mut self.century, 2),
            "IYYY" => into(&mut self.iso_year, 4),
            "IYY" | "IY" | "I" => {
                let (year, rest) = number(name.len())?;
                self.iso_year = Some(if text.len() - rest.len() < 4 { near_2020(year) } else { year });
                Ok(rest)
            }
            "MM" => into(&mut self.month, 2),
            "DD" => into(&mut self.day, 2),
            "DDD" => into(&mut self.day_of_year, 3),
            "WW" => into(&mut self.week, 2),
            "W" => into(&mut self.week_of_month, 1),
            "IW" => into(&mut self.iso_week, 2),
            "ID" => into(&mut self.iso_day, 1),
            "J" => into(&mut self.julian, 10),
            // A quarter and the day of the week say no date by themselves.
            "Q" | "D" => Ok(number(1)?.1),
            "TZH" => {
                let signed = text.starts_with(['+', '-', ' ']);
                let negative = text.starts_with('-') || (!signed && self.minus_skipped);
                self.zone_sign = if negative { -1 } else { 1 };
                let digits = text.strip_prefix(['+', '-', ' ']).unwrap_or(text);
                let (hours, rest) = number_of(digits, 2).ok_or_else(|| invalid(text, name))?;
                self.zone = Some((hours, self.zone.map_or(0, |(_, minutes)| minutes)));
                Ok(rest)
            }
            "TZM" => {
                let (minutes, rest) = number(2)?;
                self.zone = Some((self.zone.map_or(0, |(hours, _)| hours), minutes));
                Ok(rest)
            }
            "TZ" | "tz" | "OF" => Err(Error::unsupported(format!(
                "formatting field \"{}\", which is only supported in to_char,",
                name.to_ascii_uppercase()
            ))),
            "IDDD" => Err(Error::unsupported("formatting field \"IDDD\" of to_date and to_timestamp")),
            word => self.word(word, text),
        }
    }

    fn word<'a>(&mut self, name: &str, text: &'a str) -> Result<&'a str> {
        let wrong = || invalid(text, name);
        let after = |length: usize| text.get(length..).ok_or_else(wrong);
        match name.to_ascii_uppercase().as_str() {
            "MONTH" | "MON" => {
                let (month, length) = find(&MONTHS, text, name.len() == 3).ok_or_else(wrong)?;
                self.month = Some(month + 1);
                after(length)
            }
            "DAY" | "DY" => after(find(&DAYS, text, name.len() == 2).ok_or_else(wrong)?.1),
            "RM" => {
                let begins =
                    |numeral: &&str| text.get(..numeral.len()).is_some_and(|t| t.eq_ignore_ascii_case(numeral));
                // The longest: `V` begins `VIII`.
                let found = ROMAN_MONTHS.iter().zip(1..).filter(|(numeral, _)| begins(numeral));
                let (numeral, month) = found.max_by_key(|(numeral, _)| numeral.len()).ok_or_else(wrong)?;
                self.month = Some(month);
                after(numeral.len())
            }
            half @ ("AM" | "PM" | "A.M." | "P.M.") => {
                let word = text.get(..half.len()).ok_or_else(wrong)?;
                self.afternoon = Some(match word.to_ascii_uppercase().replace('.', "").as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return Err(wrong()),
                });
                self.twelve = true;
                after(half.len())
            }
            era => {
                let word = text.get(..era.len()).ok_or_else(wrong)?;
                self.before_christ = match word.to_ascii_uppercase().replace('.', "").as_str() {
                    "BC" => true,
                    "AD" => false,
                    _ => return Err(wrong()),
                };
                after(era.len())
            }
        }
    }

    fn found(&self, text: &str) -> Result<Found> {
        let out_of_range =
            || Error::new(ErrorCode::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\""));
        let days = self.day().ok_or_else(out_of_range)?;
        let micros = self.clock()?.ok_or_else(out_of_range)?;
        let east = self.zone.map(|(hours, minutes)| self.zone_sign.signum() * (hours * 3600 + minutes * 60));
        Ok(Found { days, micros, east })
    }

    fn clock(&self) -> Result<Option<i64>> {
        let mut hour = self.hour;
        if self.twelve {
            if !(1..=12).contains(&hour) && (hour != 0 || self.afternoon.is_none()) {
                let text = format!("hour \"{hour}\" is invalid for the 12-hour clock");
                return Err(Error::new(ErrorCode::InvalidDatetime, text)
                    .with_hint("use the 24-hour clock, or give an hour between 1 and 12"));
            }
            hour = match self.afternoon {
                Some(true) if hour < 12 => hour + 12,
                Some(false) | None if hour == 12 => 0,
                _ => hour,
            };
        }
        let (hour, minute, second) = match self.second_of_day {
            Some(second) => (second / 3600, second / 60 % 60, second % 60),
            None => (hour, self.minute, self.second),
        };
        let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
        let micros = (hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + self.micros;
        Ok((fits && micros < MICROS_PER_DAY).then_some(micros))
    }

    /// Days from 1970-01-01.
    fn day(&self) -> Option<i32> {
        if let Some(julian) = self.julian {
            return i32::try_from(julian - super::JULIAN_EPOCH).ok();
        }
        if let Some(year) = self.iso_year {
            let day = u8::try_from(self.iso_day.unwrap_or(1) - 1).ok()?;
            let weekday = Weekday::try_from(day).ok()?;
            let week = u32::try_from(self.iso_week.unwrap_or(1)).ok()?;
            return Some(NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, week, weekday)?.to_epoch_days());
        }
        let year = i32::try_from(self.full_year()).ok()?;
        let day_of_year = self.day_of_year.or(self.week.map(|week| (week - 1) * 7 + 1));
        if let (Some(day), None) = (day_of_year, self.month) {
            return Some(NaiveDate::from_yo_opt(year, u32::try_from(day).ok()?)?.to_epoch_days());
        }
        let day = self.day.or(self.week_of_month.map(|week| (week - 1) * 7 + 1)).unwrap_or(1);
        let month = u32::try_from(self.month.unwrap_or(1)).ok()?;
        let date = NaiveDate::from_ymd_opt(year, month, u32::try_from(day).ok()?)?;
        Some(date.num_days_from_ce() - EPOCH_FROM_CE)
    }

    /// Counted as the calendar does: 0 is 1 BC.
    fn full_year(&self) -> i64 {
        match (self.century, self.year) {
            (Some(century), Some(year)) if self.short_year => {
                let (century, rest) = if self.before_christ { (-century, year % 100) } else { (century, year % 100) };
                if rest == 0 { century * 100 } else { (century - 1) * 100 + rest }
            }
            (_, Some(year)) if self.before_christ => 1 - year,
            (_, Some(year)) => {
                if year < 0 {
                    year + 1
                } else {
                    year
                }
            }
            (Some(century), None) if self.before_christ => (century - 1) * -100,
            (Some(century), None) => (century - 1) * 100 + 1,
            (None, None) => 0,
        }
    }
}

/// 1970-01-01, counted from the first day of the year 1.
const EPOCH_FROM_CE: i32 = 719_163;

/// A year of fewer than four digits is the one that is nearest to 2020.
fn near_2020(year: i64) -> i64 {
    match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        _ => year,
    }
}

/// A number with a sign, of as many digits as there are, or of exactly `width`.
fn number<'a>(text: &'a str, width: usize, open: bool, name: &str) -> Result<(i64, &'a str)> {
    if open {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (value, rest) = number_of(unsigned, usize::MAX).ok_or_else(|| invalid(text, name))?;
        let value = if text.starts_with('-') { -value } else { value };
        return if i32::try_from(value).is_ok() { Ok((value, rest)) } else { Err(too_large(name)) };
    }
    let Some((field, rest)) = text.split_at_checked(width) else {
        let message = format!("source string too short for \"{name}\" formatting field");
        return Err(Error::new(ErrorCode::InvalidDatetime, message).with_hint("use the \"FM\" modifier"));
    };
    match number_of(field, width) {
        Some((value, "")) => Ok((value, rest)),
        _ => Err(invalid(field, name)),
    }
}

/// Up to `most` digits, at least one.
fn number_of(text: &str, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    // What has more digits than this is out of every range.
    Some((digits.get(..18.min(digits.len()))?.parse().ok()?, rest))
}

/// `25` is a quarter of a second, as is `250`: microseconds.
fn fraction<'a>((value, rest): (i64, &'a str), text: &str) -> Result<(i64, &'a str)> {
    let digits = u32::try_from(text.len() - rest.len()).unwrap_or(u32::MAX);
    match 6_u32.checked_sub(digits) {
        Some(missing) => Ok((value * 10_i64.pow(missing), rest)),
        None => {
            Err(Error::new(ErrorCode::DatetimeOutOfRange, format!("date/time field value out of range: \"{text}\"")))
        }
    }
}

fn find(names: &[&str], text: &str, short: bool) -> Option<(i64, usize)> {
    names.iter().zip(0..).find_map(|(name, number)| {
        let name = if short { name.get(..3)? } else { name };
        let begins = text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        begins.then_some((number, name.len()))
    })
}

fn invalid(text: &str, name: &str) -> Error {
    let word = text.split(|character: char| character.is_ascii_whitespace()).next().unwrap_or(text);
    Error::new(ErrorCode::InvalidDatetime, format!("invalid value \"{word}\" for \"{name}\""))
}

fn too_large(name: &str) -> Error {
    Error::new(ErrorCode::DatetimeOutOfRange, format!("value for \"{name}\" in source string is out of range"))
}
