//! Moments cut to a unit as the number that their digits make, such as 20240131 for a day. A server computes and groups those in
//! a third of the time that DATE_FORMAT takes; what the query asked for is made of them here.

use chrono::format::{Item, StrftimeItems};
use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// How finely a moment is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    const ALL: [Self; 6] = [Self::Year, Self::Month, Self::Day, Self::Hour, Self::Minute, Self::Second];

    /// The unit of `date_trunc`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let names = ["year", "month", "day", "hour", "minute", "second"];
        names.iter().position(|known| known.eq_ignore_ascii_case(name)).and_then(|unit| Self::ALL.get(unit).copied())
    }

    /// The expression of a column's digits.
    pub(crate) fn digits(self, column: &str) -> String {
        let month = format!("EXTRACT(YEAR_MONTH FROM {column})");
        match self {
            Self::Year => format!("YEAR({column})"),
            Self::Month => month,
            Self::Day => format!("{month} * 100 + DAY({column})"),
            Self::Hour => format!("{month} * 10000 + EXTRACT(DAY_HOUR FROM {column})"),
            Self::Minute => format!("{month} * 1000000 + EXTRACT(DAY_MINUTE FROM {column})"),
            Self::Second => format!("{month} * 100000000 + EXTRACT(DAY_SECOND FROM {column})"),
        }
    }

    /// The first moment of what the digits name; `None` when that is no date.
    pub(crate) fn start(self, digits: i64) -> Option<NaiveDateTime> {
        let digits = match self {
            Self::Year => digits * 10_000_000_000 + 101_000_000,
            Self::Month => digits * 100_000_000 + 1_000_000,
            Self::Day => digits * 1_000_000,
            Self::Hour => digits * 10_000,
            Self::Minute => digits * 100,
            Self::Second => digits,
        };
        let number = u64::try_from(digits).ok()?;
        let part = |place: u64| u32::try_from(number / place % 100).ok();
        let year = i32::try_from(number / 10_000_000_000).ok()?;
        let date = NaiveDate::from_ymd_opt(year, part(100_000_000)?, part(1_000_000)?)?;
        date.and_hms_opt(part(10_000)?, part(100)?, part(1)?)
    }
}

/// A pattern of MySQL's letters that says a moment's digits from the year on, down to some unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pattern {
    pub(crate) unit: Unit,
    /// The same in strftime's letters.
    strftime: String,
}

impl Pattern {
    /// `None` for a pattern with other letters, or with gaps: the hours of all days would be far more groups than hours.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        let mut strftime = String::new();
        let mut said = [false; Unit::ALL.len()];
        let mut letters = pattern.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                strftime.push(letter);
                continue;
            }
            let (units, written): (&[Unit], _) = match letters.next()? {
                'Y' => (&[Unit::Year], "%Y"),
                'y' => (&[Unit::Year], "%y"),
                'm' => (&[Unit::Month], "%m"),
                'd' => (&[Unit::Day], "%d"),
                'j' => (&[Unit::Month, Unit::Day], "%j"),
                'H' => (&[Unit::Hour], "%H"),
                'i' => (&[Unit::Minute], "%M"),
                'S' | 's' => (&[Unit::Second], "%S"),
                'T' => (&[Unit::Hour, Unit::Minute, Unit::Second], "%T"),
                '%' => (&[], "%%"),
                _ => return None,
            };
            strftime.push_str(written);
            for (unit, said) in Unit::ALL.iter().zip(&mut said) {
                *said |= units.contains(unit);
            }
        }
        let without_gaps = said.is_sorted_by(|coarse, fine| coarse >= fine);
        let finest = Unit::ALL.into_iter().zip(said).rfind(|(_, said)| *said);
        finest.filter(|_| without_gaps).map(|(unit, _)| Self { unit, strftime })
    }

    /// The pattern's pieces, for [`write`].
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        StrftimeItems::new(&self.strftime).collect()
    }
}

/// Writes a moment by a pattern's pieces.
pub(crate) fn write(out: &mut String, items: &[Item<'_>], moment: NaiveDateTime) {
    // Writing to a String can't fail, and no letter asks for a zone.
    let _ = write!(out, "{}", moment.format_with_items(items.iter()));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn written(pattern: &str, digits: i64) -> String {
        let pattern = Pattern::of(pattern).unwrap();
        let mut out = String::new();
        write(&mut out, &pattern.items(), pattern.unit.start(digits).unwrap());
        out
    }

    #[test]
    fn digits_are_the_first_moment_of_what_they_name() {
        let text = |unit: Unit, digits| unit.start(digits).unwrap().to_string();
        assert_eq!(text(Unit::Year, 987), "0987-01-01 00:00:00");
        assert_eq!(text(Unit::Month, 202_402), "2024-02-01 00:00:00");
        assert_eq!(text(Unit::Day, 20_240_229), "2024-02-29 00:00:00");
        assert_eq!(text(Unit::Hour, 2_024_022_923), "2024-02-29 23:00:00");
        assert_eq!(text(Unit::Minute, 202_402_292_359), "2024-02-29 23:59:00");
        assert_eq!(text(Unit::Second, 99_991_231_235_958), "9999-12-31 23:59:58");
        for (unit, digits) in [(Unit::Day, 0), (Unit::Day, 20_230_229), (Unit::Month, 202_400), (Unit::Day, -1)] {
            assert_eq!(unit.start(digits), None, "{digits}");
        }
    }

    #[test]
    fn patterns_are_written_as_the_server_would() {
        assert_eq!(written("%Y%m%d", 20_260_131), "20260131");
        assert_eq!(written("%y/%m", 202_601), "26/01");
        assert_eq!(written("%Y-%j", 20_260_203), "2026-034");
        assert_eq!(written("%Y년 100%%", 987), "0987년 100%");
        assert_eq!(written("%d.%m.%Y %T", 20_260_131_091_500), "31.01.2026 09:15:00");
        assert_eq!(written("%Y-%m-%d %H:%i:%s", 20_260_131_091_507), "2026-01-31 09:15:07");
    }

    #[test]
    fn other_letters_and_gaps_are_left_to_the_server() {
        for pattern in ["%M %Y", "%H", "%m-%d", "%Y%d", "%Y-%m-%d %H:%i:%s.%f", "%", "%Y%", "constant"] {
            assert_eq!(Pattern::of(pattern), None, "{pattern}");
        }
    }
}
