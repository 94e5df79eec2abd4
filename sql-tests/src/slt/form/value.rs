//! One value of each kind as PostgreSQL writes it.

use std::fmt::Write as _;

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
pub(super) const POSTGRES_EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// A float with the shortest digits that read back the same; `fixed_below` is the decimal exponent at which scientific
/// notation begins (6 for real, 15 for double precision).
pub(super) fn float(shortest: &str, fixed_below: i32) -> String {
    match shortest {
        "NaN" => return shortest.to_owned(),
        "inf" => return "Infinity".to_owned(),
        "-inf" => return "-Infinity".to_owned(),
        _ => {}
    }
    let (sign, rest) = shortest.strip_prefix('-').map_or(("", shortest), |rest| ("-", rest));
    let (mantissa, exponent) = rest.split_once('e').expect("scientific notation");
    let exponent: i32 = exponent.parse().expect("an exponent");
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if digits == "0" {
        return format!("{sign}0");
    }
    if exponent < -4 || exponent >= fixed_below {
        let (first, more) = digits.split_at(1);
        let point = if more.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{more}e{exponent_sign}{:02}", exponent.abs());
    }
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).expect("small"));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent + 1).expect("not negative");
    if digits.len() <= whole {
        return format!("{sign}{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// Days since 1970-01-01.
pub(super) fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    if year > 0 { format!("{year:04}-{month:02}-{day:02}") } else { format!("{:04}-{month:02}-{day:02} BC", 1 - year) }
}

/// Microseconds since midnight.
pub(super) fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(text, ".{}", digits.trim_end_matches('0'));
    }
    text
}

/// Microseconds since 1970-01-01.
pub(super) fn timestamp(micros: i64) -> String {
    let (day, within) = (date(micros.div_euclid(DAY)), time(micros.rem_euclid(DAY)));
    match day.strip_suffix(" BC") {
        Some(day) => format!("{day} {within} BC"),
        None => format!("{day} {within}"),
    }
}

/// An instant, in UTC.
pub(super) fn instant(micros: i64) -> String {
    match timestamp(micros).strip_suffix(" BC") {
        Some(text) => format!("{text}+00 BC"),
        None => format!("{}+00", timestamp(micros)),
    }
}

/// PostgreSQL's own interval style.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut parts = Vec::new();
    let mut after_negative = false;
    for (count, one, many) in [(months / 12, "year", "years"), (months % 12, "mon", "mons"), (days, "day", "days")] {
        if count == 0 {
            continue;
        }
        // A positive part after a negative one carries its sign.
        let sign = if after_negative && count > 0 { "+" } else { "" };
        parts.push(format!("{sign}{count} {}", if count == 1 { one } else { many }));
        after_negative = count < 0;
    }
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 {
            "-"
        } else if after_negative {
            "+"
        } else {
            ""
        };
        parts.push(format!("{sign}{}", time(i64::try_from(micros.unsigned_abs()).expect("an interval's time"))));
    }
    parts.join(" ")
}

/// `\x` and hex digits.
pub(super) fn bytes(raw: &[u8]) -> String {
    raw.iter().fold("\\x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `{a,"b c",NULL}`
pub(super) fn array(elements: impl IntoIterator<Item = Option<String>>, nested: bool) -> String {
    let quoted = elements.into_iter().map(|element| match element {
        None => "NULL".to_owned(),
        Some(text) if nested => text,
        Some(text) => quote(text),
    });
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

fn quote(text: String) -> String {
    let special = |c: char| c.is_ascii_whitespace() || matches!(c, '{' | '}' | ',' | '"' | '\\');
    if !text.is_empty() && !text.contains(special) && !text.eq_ignore_ascii_case("null") {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Year, month and day of the proleptic Gregorian calendar (Hinnant, `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_postgresql_does() {
        let double = |value: f64| float(&format!("{value:e}"), 15);
        let cases = [(0.1, "0.1"), (1e15, "1e+15"), (123_456_789_012_345.0, "123456789012345"), (1e-5, "1e-05")];
        for (value, text) in cases {
            assert_eq!(double(value), text);
        }
        assert_eq!(double(-2.5e300), "-2.5e+300");
        assert_eq!(double(-0.0), "-0");
        assert_eq!(float(&format!("{:e}", 1e6_f32), 6), "1e+06");
        assert_eq!(float(&format!("{:e}", 100_000_f32), 6), "100000");
    }

    #[test]
    fn dates_and_intervals_are_written_as_postgresql_does() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(POSTGRES_EPOCH_DAYS), "2000-01-01");
        assert_eq!(date(-719_163), "0001-12-31 BC");
        assert_eq!(timestamp(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(interval(14, -3, 3_600_000_000), "1 year 2 mons -3 days +01:00:00");
        assert_eq!(interval(0, 0, 0), "00:00:00");
        assert_eq!(interval(-1, 1, -1_500_000), "-1 mons +1 day -00:00:01.5");
    }

    #[test]
    fn array_elements_are_quoted_where_they_must_be() {
        let elements = ["a", "b c", "", "null", "x\"y"].map(|text| Some(text.to_owned()));
        assert_eq!(array(elements, false), r#"{a,"b c","","null","x\"y"}"#);
    }
}
