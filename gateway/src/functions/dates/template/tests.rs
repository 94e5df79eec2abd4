//! Expectations are those of PostgreSQL's manual (9.8, table 9.31) and what PostgreSQL 15 answered, not of this code.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::number::Template;
use super::pattern::pieces;
use super::write::{Moment, write};
use super::{JULIAN_EPOCH, read};
use crate::error::ErrorCode;
use crate::functions::dates::interval;
use chrono::{NaiveDate, NaiveDateTime};

fn shown(moment: &Moment, template: &str) -> String {
    let mut text = String::new();
    write(&mut text, &pieces(template), moment).unwrap();
    text
}

fn at(text: &str) -> Moment {
    Moment::of(NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").unwrap())
}

fn number(number: &str, template: &str) -> String {
    Template::parse(template).unwrap().write(number, usize::MAX)
}

#[test]
fn a_date_is_written_by_its_template() {
    let moment = at("2024-02-29 13:04:05.678901");
    for (template, text) in [
        ("Day, DD  HH12:MI:SS", "Thursday , 29  01:04:05"),
        ("FMDay, FMDD  HH12:MI:SS", "Thursday, 29  01:04:05"),
        ("MONTH month Mon FMMonth", "FEBRUARY  february  Feb February"),
        ("YYYY YYY YY Y Y,YYY IYYY-IW-ID", "2024 024 24 4 2,024 2024-09-4"),
        ("HH24\"h\"MI am A.M. SSSS", "13h04 pm P.M. 47045"),
        ("FF1 FF2 MS US", "6 67 678 678901"),
        ("DDth DDDTH Q CC WW W J", "29th 060TH 1 21 09 5 2460370"),
        ("RM rm FMRM", "II   ii   II"),
        ("\\\"x\\y", "\"x\\4"),
    ] {
        assert_eq!(shown(&moment, template), text, "{template}");
    }
}

#[test]
fn an_interval_has_no_calendar() {
    let span = |text: &str| Moment::of_span(interval::read(text).unwrap().into());
    assert_eq!(shown(&span("15h 2m 12s"), "HH24:MI:SS"), "15:02:12");
    assert_eq!(shown(&span("-30 hours"), "HH24:MI"), "-30:00");
    let refused = write(&mut String::new(), &pieces("Day"), &span("1 day")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidDatetime);
}

#[test]
fn a_number_is_written_by_its_template() {
    for (value, template, text) in [
        ("-0.1", "99.99", "  -.10"),
        ("-0.1", "FM9.99", "-.1"),
        ("0.1", "0.9", " 0.1"),
        ("12", "9990999.9", "    0012.0"),
        ("12", "FM9990999.9", "0012."),
        ("485", "999", " 485"),
        ("1485", "9,999", " 1,485"),
        ("148.5", "FM999.990", "148.500"),
        ("3148.5", "9G999D999", " 3,148.500"),
        ("-485", "999S", "485-"),
        ("-485", "FM999MI", "485-"),
        ("485", "FM999PL", "485+"),
        ("-485", "9SG99", "4-85"),
        ("-485", "999PR", "<485>"),
        ("485", "L999", "  485"),
        ("485", "RN", "        CDLXXXV"),
        ("5.2", "FMRN", "V"),
        ("482", "999th", " 482nd"),
        ("485.8", "\"Pre:\"999\" Post:\" .999", "Pre: 485 Post: .800"),
        ("12.45", "99V9", " 125"),
        ("0.0004859", "9.99EEEE", " 4.86e-04"),
        ("1234", "999", " ###"),
        ("2.5", "9", " 3"),
        ("-0.4", "9", " 0"),
    ] {
        assert_eq!(number(value, template), text, "{value} {template}");
    }
    for template in ["9S9S", "9.9.9", "99PR9", "MI9S", "9V.9", "9EEEE9"] {
        assert_eq!(Template::parse(template).unwrap_err().code, ErrorCode::SyntaxError, "{template}");
    }
    assert_eq!(Template::parse("9C").unwrap_err().code, ErrorCode::FeatureNotSupported);
}

#[test]
fn a_text_is_read_by_its_template() {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap().to_epoch_days();
    for (text, template, days) in [
        ("29.02.2024", "DD.MM.YYYY", day(2024, 2, 29)),
        ("20240131", "YYYYMMDD", day(2024, 1, 31)),
        ("  2024  -  01-  31", "YYYY-MM-DD", day(2024, 1, 31)),
        ("January 5, 2024", "Month DD, YYYY", day(2024, 1, 5)),
        ("31st Jan 24", "DDth Mon YY", day(2024, 1, 31)),
        ("2024-366", "YYYY-DDD", day(2024, 12, 31)),
        ("2024-05-3", "IYYY-IW-ID", day(2024, 1, 31)),
        ("95", "YY", day(1995, 1, 1)),
        ("2011x 12x 18", "YYYYxMMxDD", day(2011, 12, 18)),
    ] {
        assert_eq!(read::read(text, &pieces(template)).unwrap().days, days, "{text} {template}");
    }
    assert_eq!(i64::from(day(1970, 1, 1)) + JULIAN_EPOCH, 2_440_588);
    let found = read::read("2024-01-31 10:05:07.25 PM -0530", &pieces("YYYY-MM-DD HH12:MI:SS.MS AM TZHTZM")).unwrap();
    assert_eq!((found.micros, found.east), (79_507_250_000, Some(-19_800)));
    for (text, template, code) in [
        ("2024-02-30", "YYYY-MM-DD", ErrorCode::DatetimeOutOfRange),
        // A number that a sign ends takes all digits.
        ("20240131", "YYYY-MM-DD", ErrorCode::DatetimeOutOfRange),
        ("25", "HH24", ErrorCode::DatetimeOutOfRange),
        ("13", "HH12", ErrorCode::InvalidDatetime),
        ("x", "YYYY", ErrorCode::InvalidDatetime),
        ("Foo 1", "Mon DD", ErrorCode::InvalidDatetime),
        ("12", "YYYYMM", ErrorCode::InvalidDatetime),
        ("UTC", "TZ", ErrorCode::FeatureNotSupported),
    ] {
        assert_eq!(read::read(text, &pieces(template)).unwrap_err().code, code, "{text} {template}");
    }
}

#[test]
fn templates_of_digits_alone_are_patterns_of_date_format() {
    for (template, pattern) in [
        ("YYYYMMDD", "%Y%m%d"),
        ("yyyy-mm-dd hh24:mi:ss", "%Y-%m-%d %H:%i:%S"),
        ("DDD \"of\" YYYY, 100%", "%j of %Y, 100%%"),
    ] {
        assert_eq!(super::date_format_of(template).as_deref(), Some(pattern), "{template}");
    }
    for template in ["", "FMMM", "DDth", "Month YYYY", "YY", "HH12", "YYYY-MM-DD HH24:MI:SS.US"] {
        assert_eq!(super::date_format_of(template), None, "{template}");
    }
}
