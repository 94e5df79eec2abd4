//! serde helpers for the liberties that Ranger's JSON takes: nulls for anything, numbers and booleans as strings, two
//! spellings of a date.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde::{Deserialize, Deserializer};

/// `true`, for members that are on unless said otherwise.
pub(super) fn yes() -> bool {
    true
}

/// A value whose null means the same as leaving it out.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// A flag that is on when missing or null.
pub(super) fn nullable_yes<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(d)?.unwrap_or(true))
}

/// A list; null is empty and null elements are dropped.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<T>, D::Error> {
    let elements = Option::<Vec<Option<T>>>::deserialize(d)?.unwrap_or_default();
    Ok(elements.into_iter().flatten().collect())
}

/// A map whose null is empty and whose null values are dropped.
pub(super) fn map<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<BTreeMap<String, T>, D::Error> {
    let entries = Option::<BTreeMap<String, Option<T>>>::deserialize(d)?.unwrap_or_default();
    Ok(entries.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}

/// A scalar that Ranger writes as a string, a number or a boolean, depending on who wrote it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Flag(bool),
    Number(serde_json::Number),
}

impl From<Scalar> for String {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => text,
            Scalar::Flag(flag) => flag.to_string(),
            Scalar::Number(number) => number.to_string(),
        }
    }
}

/// Text; a number or boolean becomes its text, null the empty string.
pub(super) fn text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(Option::<Scalar>::deserialize(d)?.map(String::from).unwrap_or_default())
}

/// A map of scalars, all kept as text.
pub(super) fn text_map<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, String>, D::Error> {
    Ok(map::<D, Scalar>(d)?.into_iter().map(|(key, value)| (key, value.into())).collect())
}

/// A date in epoch milliseconds. Dates of documents are only informative, so an unreadable one is none.
pub(super) fn date<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    let Some(scalar) = Option::<Scalar>::deserialize(d)? else { return Ok(None) };
    Ok(match scalar {
        Scalar::Number(number) => number.as_i64(),
        Scalar::Text(text) => parse_date(&text),
        Scalar::Flag(_) => None,
    })
}

/// Ranger's cache format `yyyyMMdd-HH:mm:ss.SSS-Z`, whose zone follows a literal dash: `20180304-09:49:38.000-+0000`.
fn parse_date(text: &str) -> Option<i64> {
    ["%Y%m%d-%H:%M:%S%.3f-%z", "%Y%m%d-%H:%M:%S%.3f%z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop at the line")]

    use super::*;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "date")]
        at: Option<i64>,
        #[serde(deserialize_with = "list")]
        names: Vec<String>,
        #[serde(deserialize_with = "text_map")]
        options: BTreeMap<String, String>,
    }

    #[test]
    fn dates_come_as_milliseconds_or_cache_strings() {
        let read = |json: &str| serde_json::from_str::<Sample>(json).unwrap().at;
        assert_eq!(read(r#"{"at": 1520156978000}"#), Some(1_520_156_978_000));
        assert_eq!(read(r#"{"at": "20180304-09:49:38.000-+0000"}"#), Some(1_520_156_978_000));
        assert_eq!(read(r#"{"at": null}"#), None);
        assert_eq!(read(r#"{"at": "yesterday"}"#), None);
    }

    #[test]
    fn nulls_vanish_and_scalars_become_text() {
        let sample: Sample =
            serde_json::from_str(r#"{"names": ["a", null], "options": {"w": true, "l": 4, "x": null}}"#).unwrap();
        assert_eq!(sample.names, ["a"]);
        assert_eq!(sample.options["w"], "true");
        assert_eq!(sample.options["l"], "4");
        assert!(!sample.options.contains_key("x"));
    }
}
