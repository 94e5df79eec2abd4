//! Every expected text is what PostgreSQL 15 gave.

use super::*;
use chrono_tz::{America::New_York, Asia::Kolkata, UTC};

fn written(write: impl Fn(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Microseconds of a UTC time from 1970 on.
fn at(text: &str) -> i64 {
    text.parse::<DateTime<chrono::Utc>>().map(|instant| instant.timestamp_micros()).unwrap_or_default()
}

#[test]
fn dates_before_christ_and_after_9999() {
    let cases = [
        (0, "1970-01-01"),
        (19_753, "2024-01-31"),
        (19_782, "2024-02-29"),
        (-1, "1969-12-31"),
        (-719_528, "0001-01-01 BC"),
        (-719_162, "0001-01-01"),
        (-2_440_550, "4713-01-01 BC"),
        (2_932_897, "10000-01-01"),
        (2_145_042_905, "5874897-12-31"),
        (i32::MAX, "infinity"),
        (i32::MIN, "-infinity"),
    ];
    for (days, expected) in cases {
        assert_eq!(written(|out| date(out, days)), expected);
    }
}

#[test]
fn times_lose_their_trailing_zeros() {
    let cases = [
        (43_200_000_000, "12:00:00"),
        (43_200_100_000, "12:00:00.1"),
        (86_400_000_000, "24:00:00"),
        (1, "00:00:00.000001"),
        (14_706_789_000, "04:05:06.789"),
    ];
    for (micros, expected) in cases {
        assert_eq!(written(|out| time(out, micros)), expected);
    }
}

#[test]
fn timestamps() {
    let cases = [
        (at("2024-01-31T04:05:06.5Z"), "2024-01-31 04:05:06.5"),
        (at("2024-01-01T00:00:00Z"), "2024-01-01 00:00:00"),
        (-1, "1969-12-31 23:59:59.999999"),
        (-63_517_788_000_000_000, "0044-03-15 10:00:00 BC"),
        (i64::MAX, "infinity"),
        (i64::MIN, "-infinity"),
        (i64::MAX - 1, "294247-01-10 04:00:54.775806"),
    ];
    for (micros, expected) in cases {
        assert_eq!(written(|out| timestamp(out, micros, Style::Postgres)), expected);
    }
    assert_eq!(written(|out| timestamp(out, -1, Style::Xml)), "1969-12-31T23:59:59.999999");
}

#[test]
fn instants_in_the_sessions_zone() {
    let cases = [
        (at("2024-01-31T04:05:06.5Z"), UTC, "2024-01-31 04:05:06.5+00"),
        (at("2024-01-31T04:05:06.5Z"), Kolkata, "2024-01-31 09:35:06.5+05:30"),
        (at("1900-01-01T00:00:00Z"), Kolkata, "1900-01-01 05:21:10+05:21:10"),
        (at("2024-03-10T06:59:59Z"), New_York, "2024-03-10 01:59:59-05"),
        (at("2024-03-10T07:00:00Z"), New_York, "2024-03-10 03:00:00-04"),
        (at("1880-01-01T00:00:00Z"), New_York, "1879-12-31 19:03:58-04:56:02"),
        (i64::MAX, Kolkata, "infinity"),
    ];
    for (micros, zone, expected) in cases {
        assert_eq!(written(|out| timestamptz(out, micros, zone, Style::Postgres)), expected);
    }
    let written = written(|out| timestamptz(out, at("2024-01-31T04:05:06.5Z"), New_York, Style::Xml));
    assert_eq!(written, "2024-01-30T23:05:06.5-05:00");
}

#[test]
fn intervals() {
    let hour = 3600 * MICROS_PER_SECOND;
    let cases = [
        ((0, 0, 0), "00:00:00"),
        ((0, 1, 0), "1 day"),
        ((0, -1, 0), "-1 days"),
        ((1, -1, MICROS_PER_SECOND), "1 mon -1 days +00:00:01"),
        ((-1, 1, 0), "-1 mons +1 day"),
        ((0, 0, -1), "-00:00:00.000001"),
        ((0, 0, 100 * hour), "100:00:00"),
        ((11, 0, 0), "11 mons"),
        ((-12, 0, 0), "-1 years"),
        ((13, 0, -4 * hour - 300 * MICROS_PER_SECOND), "1 year 1 mon -04:05:00"),
        ((-14, -1, 2 * hour + 180_500_000), "-1 years -2 mons -1 days +02:03:00.5"),
        ((i32::MIN, 0, 0), "-178956970 years -8 mons"),
    ];
    for ((months, days, micros), expected) in cases {
        assert_eq!(written(|out| interval(out, months, days, micros)), expected);
    }
}
