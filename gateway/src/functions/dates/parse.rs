//! `date_parse(text, pattern)`: a timestamp.

use super::pattern::{self, Piece};
use super::{invalid, text_type, wrong_count};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondBuilder};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `date_parse`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateParse(Signature);

impl Default for DateParse {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Immutable))
    }
}

impl ScalarUDFImpl for DateParse {
    fn name(&self) -> &'static str {
        "date_parse"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [text, pattern] = given else { return Err(wrong_count("date_parse", 2)) };
        Ok(vec![text_type("date_parse", text)?, text_type("date_parse", pattern)?])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Timestamp(TimeUnit::Microsecond, None))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [texts, patterns] = arrays.as_slice() else { return Err(wrong_count("date_parse", 2)) };
        let (texts, patterns) = (texts.as_string::<i32>(), patterns.as_string::<i32>());
        let mut known: (&str, Vec<Piece>) = ("", Vec::new());
        let mut moments = TimestampMicrosecondBuilder::with_capacity(texts.len());
        for row in 0..texts.len() {
            if texts.is_null(row) || patterns.is_null(row) {
                moments.append_null();
                continue;
            }
            if known.0 != patterns.value(row) {
                known = (patterns.value(row), pattern::pieces(patterns.value(row)));
            }
            let moment = parse(texts.value(row), &known.1)
                .ok_or_else(|| invalid(format!("\"{}\" does not fit \"{}\"", texts.value(row), known.0)))?;
            moments.append_value(moment.and_utc().timestamp_micros());
        }
        super::format::returned(Arc::new(moments.finish()) as ArrayRef, scalar)
    }
}

/// What was read so far; what a pattern leaves out is that of 1970-01-01 00:00:00.
#[derive(Debug, Default)]
struct Read {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    micros: u32,
}

/// Reads a whole text by a pattern.
fn parse(text: &str, pieces: &[Piece]) -> Option<NaiveDateTime> {
    let mut read = Read::default();
    let mut rest = text;
    for piece in pieces {
        rest = match piece {
            Piece::Text(expected) => rest.strip_prefix(expected.as_str())?,
            Piece::Field(letter) => read.field(*letter, rest)?,
        };
    }
    if rest.is_empty() { read.moment() } else { None }
}

impl Read {
    /// Reads one field at the beginning of a text and gives the rest.
    fn field<'a>(&mut self, letter: char, text: &'a str) -> Option<&'a str> {
        match letter {
            'Y' => {
                let (year, rest) = number(text, 4)?;
                self.year = Some(i32::try_from(year).ok()?);
                Some(rest)
            }
            'y' => {
                // As MySQL: 70 to 99 are of the last century.
                let (year, rest) = number(text, 2)?;
                self.year = Some(i32::try_from(if year < 70 { 2000 + year } else { 1900 + year }).ok()?);
                Some(rest)
            }
            'm' | 'c' => into(&mut self.month, number(text, 2)?),
            'd' | 'e' => into(&mut self.day, number(text, 2)?),
            'j' => into(&mut self.day_of_year, number(text, 3)?),
            'H' | 'k' => into(&mut self.hour, number(text, 2)?),
            'h' | 'I' | 'l' => {
                let (hour, rest) = number(text, 2)?;
                self.hour = Some((1..=12).contains(&hour).then_some(hour % 12)?);
                self.afternoon = self.afternoon.or(Some(false));
                Some(rest)
            }
            'i' => {
                let (minute, rest) = number(text, 2)?;
                self.minute = minute;
                Some(rest)
            }
            'S' | 's' => {
                let (second, rest) = number(text, 2)?;
                self.second = second;
                Some(rest)
            }
            'f' => {
                let digits = text.bytes().take(6).take_while(u8::is_ascii_digit).count();
                let (fraction, rest) = number(text, digits)?;
                self.micros = fraction * 10_u32.pow(6 - u32::try_from(digits).ok()?);
                Some(rest)
            }
            'p' => {
                let word = text.get(..2)?;
                self.afternoon = Some(match word.to_ascii_uppercase().as_str() {
                    "AM" => false,
                    "PM" => true,
                    _ => return None,
                });
                text.get(2..)
            }
            'M' | 'b' => {
                let (month, length) = pattern::name(text, letter)?;
                self.month = Some(month + 1);
                text.get(length..)
            }
            'W' | 'a' => pattern::name(text, letter).and_then(|(_, length)| text.get(length..)),
            'T' => self.fields("H:i:s", text),
            'r' => self.fields("h:i:s p", text),
            // Weeks and ordinals say no day by themselves.
            _ => None,
        }
    }

    fn fields<'a>(&mut self, letters: &str, text: &'a str) -> Option<&'a str> {
        letters.chars().try_fold(text, |rest, letter| match letter {
            ':' | ' ' => rest.strip_prefix(letter),
            letter => self.field(letter, rest),
        })
    }

    fn moment(&self) -> Option<NaiveDateTime> {
        let year = self.year.unwrap_or(1970);
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let hour = self.hour.unwrap_or(0);
        let hour = if self.afternoon == Some(true) && hour < 12 { hour + 12 } else { hour };
        Some(date.and_time(NaiveTime::from_hms_micro_opt(hour, self.minute, self.second, self.micros)?))
    }
}

fn into<'a>(field: &mut Option<u32>, (number, rest): (u32, &'a str)) -> Option<&'a str> {
    *field = Some(number);
    Some(rest)
}

/// Up to `most` digits, at least one.
fn number(text: &str, most: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
pub(super) fn parse_for_tests(text: &str, pattern: &str) -> Option<NaiveDateTime> {
    parse(text, &pattern::pieces(pattern))
}
