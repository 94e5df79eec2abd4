//! Partition folders: `key=value` as Hive writes it, the types a value can have, and the value as that type.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::scalar::ScalarValue;

/// Hive's name for a NULL (and for an empty text) in a folder name.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What a partition's type can be, for messages.
pub(crate) const TYPES: &str = "string, bigint, int, date, timestamp, decimal(p,s) or boolean";

/// Key (canonical, lower case) and decoded value of a folder name, `None` when it is no `key=value`.
pub(crate) fn key_value(folder: &str) -> Option<(String, Option<String>)> {
    let (key, value) = folder.split_once('=')?;
    let value = (value != NULL).then(|| unescape(value));
    (!key.is_empty()).then(|| (unescape(key).to_lowercase(), value))
}

/// Undoes Hive's `FileUtils.escapePathName`: `%XX` is a byte. What isn't such an escape, or wouldn't be UTF-8, stays.
fn unescape(text: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (Some(high), Some(low)) if byte == b'%' => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        decoded.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// The Arrow type of a type name in `.naru.toml`.
pub(crate) fn parse_type(name: &str) -> Option<DataType> {
    Some(match name {
        "string" => DataType::Utf8View,
        "bigint" => DataType::Int64,
        "int" => DataType::Int32,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "boolean" => DataType::Boolean,
        decimal => {
            let (precision, scale) = decimal.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
            let precision: u8 = precision.trim().parse().ok().filter(|p| (1..=38).contains(p))?;
            let scale: u8 = scale.trim().parse().ok().filter(|s| *s <= precision)?;
            DataType::Decimal128(precision, i8::try_from(scale).ok()?)
        }
    })
}

/// A folder's value as its column's type; `None` when it isn't one.
pub(crate) fn value(text: Option<&str>, data_type: &DataType) -> Option<ScalarValue> {
    let Some(text) = text else { return ScalarValue::try_from(data_type).ok() };
    let value = ScalarValue::try_from_string(text.to_owned(), data_type).ok()?;
    (!value.is_null()).then_some(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn folder_names_are_decoded_as_hive_encodes_them() {
        let decoded = |folder| key_value(folder).unwrap();
        assert_eq!(decoded("DT=2024-01-01"), ("dt".to_owned(), Some("2024-01-01".to_owned())));
        assert_eq!(decoded("t=10%3A00%2f5%"), ("t".to_owned(), Some("10:00/5%".to_owned())));
        assert_eq!(decoded("c=서울"), ("c".to_owned(), Some("서울".to_owned())));
        assert_eq!(decoded("c=a=b"), ("c".to_owned(), Some("a=b".to_owned())));
        assert_eq!(decoded("c=%FF"), ("c".to_owned(), Some("%FF".to_owned())));
        assert_eq!(decoded("c=%+1"), ("c".to_owned(), Some("%+1".to_owned())));
        assert_eq!(decoded("c=__HIVE_DEFAULT_PARTITION__"), ("c".to_owned(), None));
        assert_eq!(key_value("c"), None);
        assert_eq!(key_value("=c"), None);
    }

    #[test]
    fn values_are_of_their_type_or_refused() {
        let as_type = |text, name: &str| value(Some(text), &parse_type(name).unwrap());
        assert_eq!(as_type("007", "int"), Some(ScalarValue::Int32(Some(7))));
        assert_eq!(as_type("1970-01-02", "date"), Some(ScalarValue::Date32(Some(1))));
        let second = ScalarValue::TimestampMicrosecond(Some(1_000_000), None);
        assert_eq!(as_type("1970-01-01 00:00:01", "timestamp"), Some(second));
        assert_eq!(as_type("1.5", "decimal(5, 2)"), Some(ScalarValue::Decimal128(Some(150), 5, 2)));
        assert_eq!(as_type("true", "boolean"), Some(ScalarValue::Boolean(Some(true))));
        for (text, name) in [("x", "int"), ("", "bigint"), ("2024-13-01", "date"), ("99999999999", "int")] {
            assert_eq!(as_type(text, name), None, "{text} as {name}");
        }
        assert_eq!(value(None, &DataType::Date32), Some(ScalarValue::Date32(None)));
    }

    #[test]
    fn unknown_types_are_unknown() {
        for name in ["text", "decimal", "decimal(39,0)", "decimal(5,6)", "decimal(0,0)", "Date"] {
            assert_eq!(parse_type(name), None, "{name}");
        }
    }
}
