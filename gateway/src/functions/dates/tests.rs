//! Expectations are those of MySQL's manual and of Trino's documentation, not of this code.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::parse::parse_for_tests;
use super::pattern::{pieces, write};
use super::unit::Unit;
use chrono::NaiveDateTime;

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap()
}

fn formatted(moment: &str, pattern: &str) -> String {
    let mut text = String::new();
    write(&mut text, &pieces(pattern), at(moment));
    text
}

#[test]
fn patterns_of_mysqls_manual() {
    // MySQL 8.0 reference manual, DATE_FORMAT.
    assert_eq!(formatted("2009-10-04 22:23:00", "%W %M %Y"), "Sunday October 2009");
    assert_eq!(formatted("2007-10-04 22:23:00", "%H:%i:%s"), "22:23:00");
    assert_eq!(formatted("1900-10-04 22:23:00", "%D %y %a %d %m %b %j"), "4th 00 Thu 04 10 Oct 277");
    assert_eq!(formatted("1997-10-04 22:23:00", "%H %k %I %r %T %S %w"), "22 22 10 10:23:00 PM 22:23:00 00 6");
    assert_eq!(formatted("1999-01-01 00:00:00", "%X %V"), "1998 52");
    assert_eq!(formatted("2006-06-01 00:00:00", "%d"), "01");
    // Trino's documentation, and the mission's signature query.
    assert_eq!(formatted("2022-10-20 05:10:00", "%m-%d-%Y %H"), "10-20-2022 05");
    assert_eq!(formatted("2026-01-02 03:04:05.678901", "%Y%m%d %f %% %Q"), "20260102 678901 % Q");
    assert_eq!(formatted("2008-02-20 00:00:00", "%U %u"), "07 08");
    assert_eq!(formatted("2008-12-31 00:00:00", "%u %v %x"), "53 01 2009");
    assert_eq!(formatted("2000-01-01 00:00:00", "%U %V %X"), "00 52 1999");
    assert_eq!(formatted("2026-01-11 12:00:00", "%D %l %p"), "11th 12 PM");
}

#[test]
fn texts_are_read_by_pattern() {
    let read = |text, pattern| parse_for_tests(text, pattern);
    assert_eq!(read("2013-05-11", "%Y-%m-%d"), Some(at("2013-05-11 00:00:00")));
    assert_eq!(read("22/10/2022 05:10", "%d/%m/%Y %H:%i"), Some(at("2022-10-22 05:10:00")));
    assert_eq!(read("May 1, 2013 10:15:30 PM", "%M %e, %Y %r"), Some(at("2013-05-01 22:15:30")));
    assert_eq!(read("20130511", "%Y%m%d"), Some(at("2013-05-11 00:00:00")));
    assert_eq!(read("10:20:30.5", "%T.%f"), Some(at("1970-01-01 10:20:30.5")));
    assert_eq!(read("12 AM", "%h %p"), Some(at("1970-01-01 00:00:00")));
    assert_eq!(read("69-70", "%y-%j"), Some(at("2069-03-11 00:00:00")));
    for (text, pattern) in
        [("2013-02-30", "%Y-%m-%d"), ("2013", "%Y-%m"), ("2013-01 x", "%Y-%m"), ("13 AM", "%h %p"), ("Octember", "%M")]
    {
        assert_eq!(read(text, pattern), None, "{text}");
    }
}

#[test]
fn adding_months_keeps_to_the_month() {
    let added = |unit: &str, count, to| Unit::parse(unit).unwrap().add(at(to), count).unwrap();
    assert_eq!(added("month", 1, "2026-01-31 10:00:00"), at("2026-02-28 10:00:00"));
    assert_eq!(added("year", -1, "2024-02-29 10:00:00"), at("2023-02-28 10:00:00"));
    assert_eq!(added("quarter", 2, "2026-01-15 00:00:00"), at("2026-07-15 00:00:00"));
    assert_eq!(added("second", 86, "2020-03-01 00:00:00"), at("2020-03-01 00:01:26"));
    assert_eq!(added("week", -1, "2020-03-01 00:00:00"), at("2020-02-23 00:00:00"));
    assert!(Unit::parse("fortnight").is_err());
    assert_eq!(Unit::Months(12).add(at("2020-03-01 00:00:00"), i64::MAX), None);
}

#[test]
fn differences_are_whole_units_towards_zero() {
    let between = |unit: &str, from, to| Unit::parse(unit).unwrap().between(at(from), at(to)).unwrap();
    // Trino's documentation, date_diff.
    assert_eq!(between("second", "2020-03-01 00:00:00", "2020-03-02 00:00:00"), 86_400);
    assert_eq!(between("day", "2020-03-01 00:00:00", "2020-03-02 00:00:00"), 1);
    assert_eq!(between("day", "2020-03-01 12:00:00", "2020-03-02 11:59:59"), 0);
    assert_eq!(between("month", "2026-01-31 00:00:00", "2026-02-28 00:00:00"), 1);
    assert_eq!(between("month", "2026-01-15 00:00:00", "2026-02-14 23:59:59"), 0);
    assert_eq!(between("month", "2026-03-01 00:00:00", "2026-01-02 00:00:00"), -1);
    assert_eq!(between("year", "2024-02-29 00:00:00", "2025-02-28 00:00:00"), 1);
    assert_eq!(between("week", "2026-01-01 00:00:00", "2025-12-01 00:00:00"), -4);
}
