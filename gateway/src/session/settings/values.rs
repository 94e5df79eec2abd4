//! Values of settings, as they are read and kept.

use chrono_tz::Tz;
use std::time::Duration;

pub(super) fn any(value: &str) -> std::result::Result<String, &'static str> {
    Ok(value.to_owned())
}

pub(super) fn word(value: &str, allowed: &[&str]) -> std::result::Result<String, &'static str> {
    let value = value.to_lowercase();
    let value = match value.as_str() {
        "true" | "yes" | "1" => "on",
        "false" | "no" | "0" => "off",
        other => other,
    };
    allowed.contains(&value).then(|| value.to_owned()).ok_or("this value is not supported")
}

pub(super) fn date_style(value: &str) -> std::result::Result<String, &'static str> {
    let mut order = "MDY";
    for part in value.split(',').map(str::trim) {
        match part.to_uppercase().as_str() {
            "ISO" => {}
            "MDY" | "US" => order = "MDY",
            "DMY" | "EURO" => order = "DMY",
            "YMD" => order = "YMD",
            _ => return Err("only the ISO style is supported"),
        }
    }
    Ok(format!("ISO, {order}"))
}

pub(super) fn zone(value: &str) -> std::result::Result<Tz, &'static str> {
    let named = chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(value));
    named.copied().ok_or("name a zone of the tz database, such as Asia/Seoul")
}

pub(super) fn timeout(value: &str) -> std::result::Result<String, &'static str> {
    duration(value).map(|limit| limit.as_millis().to_string())
}

/// Milliseconds without a unit, as PostgreSQL has it.
fn duration(value: &str) -> std::result::Result<Duration, &'static str> {
    let value = value.trim();
    let digits = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let scale = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("valid units are ms, s, min, h and d"),
    };
    let number: u64 = number.parse().map_err(|_| "a number of milliseconds, or one with a unit, is expected")?;
    number.checked_mul(scale).map(Duration::from_millis).ok_or("the value is too large")
}
