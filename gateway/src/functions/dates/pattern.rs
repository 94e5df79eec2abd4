//! MySQL's date patterns (MySQL manual, DATE_FORMAT), in which Trino's `date_format` and `date_parse` are written too.

use super::unit::micros;
use chrono::{Datelike, NaiveDateTime, Timelike, Weekday};
use std::fmt::Write;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// A specifier: the letter after `%`.
    Field(char),
}

/// The letters that mean something after `%`.
const SPECIFIERS: &str = "abcDdefHhIijklMmprSsTUuVvWwXxYy";

/// Cuts a pattern into pieces. `%` and a letter without meaning is that letter.
pub(super) fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        let specifier = if character == '%' { rest.next() } else { None };
        match specifier {
            Some(letter) if SPECIFIERS.contains(letter) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Field(letter));
            }
            Some(letter) => text.push(letter),
            None => text.push(character),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// Writes a moment by a pattern.
pub(super) fn write(out: &mut String, pieces: &[Piece], moment: NaiveDateTime) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Field(letter) => {
                // Writing to a String can't fail.
                let _ = field(out, *letter, moment);
            }
        }
    }
}

fn field(out: &mut String, letter: char, moment: NaiveDateTime) -> std::fmt::Result {
    let weekday = moment.weekday().num_days_from_sunday() as usize;
    let month = moment.month0() as usize;
    let (_, twelve) = moment.hour12();
    let half = if moment.hour() < 12 { "AM" } else { "PM" };
    match letter {
        'a' => out.write_str(DAYS.get(weekday).and_then(|day| day.get(..3)).unwrap_or_default()),
        'b' => out.write_str(MONTHS.get(month).and_then(|month| month.get(..3)).unwrap_or_default()),
        'c' => write!(out, "{}", moment.month()),
        'D' => write!(out, "{}{}", moment.day(), ordinal(moment.day())),
        'd' => two(out, moment.day()),
        'e' => write!(out, "{}", moment.day()),
        'f' => write!(out, "{:06}", micros(moment)),
        'H' => two(out, moment.hour()),
        'h' | 'I' => two(out, twelve),
        'i' => two(out, moment.minute()),
        'j' => write!(out, "{:03}", moment.ordinal()),
        'k' => write!(out, "{}", moment.hour()),
        'l' => write!(out, "{twelve}"),
        'M' => out.write_str(MONTHS.get(month).copied().unwrap_or_default()),
        'm' => two(out, moment.month()),
        'p' => out.write_str(half),
        'r' => write!(out, "{twelve:02}:{:02}:{:02} {half}", moment.minute(), moment.second()),
        'S' | 's' => two(out, moment.second()),
        'T' => write!(out, "{:02}:{:02}:{:02}", moment.hour(), moment.minute(), moment.second()),
        'U' => two(out, week_of_year(moment, Weekday::Sun)),
        'u' => two(out, week_of_year_of_four(moment)),
        'V' => two(out, sunday_week(moment).1),
        'v' => two(out, moment.iso_week().week()),
        'W' => out.write_str(DAYS.get(weekday).copied().unwrap_or_default()),
        'w' => write!(out, "{weekday}"),
        'X' => write!(out, "{:04}", sunday_week(moment).0),
        'x' => write!(out, "{:04}", moment.iso_week().year()),
        'Y' => write!(out, "{:04}", moment.year()),
        'y' => two(out, moment.year().rem_euclid(100).unsigned_abs()),
        _ => Ok(()),
    }
}

/// Two digits, the commonest field: without the formatting machinery.
fn two(out: &mut String, number: u32) -> std::fmt::Result {
    let digit = |n: u32| char::from_digit(n % 10, 10).unwrap_or('0');
    out.push(digit(number / 10));
    out.push(digit(number));
    Ok(())
}

fn ordinal(day: u32) -> &'static str {
    match (day % 10, day % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    }
}

/// MySQL's mode 0 (Sunday): the week of the year's first Sunday is 1, days before are week 0.
fn week_of_year(moment: NaiveDateTime, first: Weekday) -> u32 {
    let since = moment.weekday().days_since(first);
    (moment.ordinal0() + 7 - since) / 7
}

/// MySQL's mode 1: weeks begin on Monday, the first with four or more days of the year is 1, days before are week 0.
fn week_of_year_of_four(moment: NaiveDateTime) -> u32 {
    let iso = moment.iso_week();
    if iso.year() < moment.year() {
        0
    } else if iso.year() > moment.year() {
        // The last days of a year that ISO counts to the next one: one more than the week before.
        let week_before = moment.checked_sub_days(chrono::Days::new(7)).map_or(52, |m| m.iso_week().week());
        week_before + 1
    } else {
        iso.week()
    }
}

/// MySQL's mode 2: the year and week of the Sunday on or before.
fn sunday_week(moment: NaiveDateTime) -> (i32, u32) {
    let since = u64::from(moment.weekday().num_days_from_sunday());
    let sunday = moment.checked_sub_days(chrono::Days::new(since)).unwrap_or(moment);
    (sunday.year(), week_of_year(sunday, Weekday::Sun))
}

/// A name of a month or a weekday at the beginning of a text: which one, and how long it is.
pub(super) fn name(text: &str, what: char) -> Option<(u32, usize)> {
    let (names, short): (&[&str], bool) = match what {
        'M' => (&MONTHS, false),
        'b' => (&MONTHS, true),
        'W' => (&DAYS, false),
        _ => (&DAYS, true),
    };
    names.iter().zip(0..).find_map(|(name, number)| {
        let name = if short { name.get(..3)? } else { name };
        let begins = text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        begins.then_some((number, name.len()))
    })
}
