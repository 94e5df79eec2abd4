//! The optional file `.naru.toml` in a table's folder: types of partition columns and a comment, which folder names alone
//! don't tell.

use crate::listing::io_error;
use crate::partition;
use datafusion::arrow::datatypes::DataType;
use naru_connector::{ConnectorError, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use toml::Spanned;

const NAME: &str = ".naru.toml";

/// The file's shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    comment: Option<String>,
    #[serde(default)]
    partitions: BTreeMap<String, Spanned<String>>,
}

/// What the file says, checked against the keys of the table's folders.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TableFile {
    pub(crate) comment: Option<String>,
    /// Types by partition key; a key that isn't here is text.
    pub(crate) types: BTreeMap<String, DataType>,
}

impl TableFile {
    /// Reads the file in a table's folder; no file says nothing. `what` names the folder below the catalog's root.
    pub(crate) fn read(dir: &Path, what: &str, keys: &[String]) -> Result<Self> {
        match std::fs::read_to_string(dir.join(NAME)) {
            Ok(text) => Self::parse(&text, &format!("{what}/{NAME}"), keys),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(io_error(&format!("{what}/{NAME}"), &error)),
        }
    }

    fn parse(text: &str, file: &str, keys: &[String]) -> Result<Self> {
        let wrong = |at: usize, message: &str| {
            let line = text.bytes().take(at).filter(|&byte| byte == b'\n').count() + 1;
            ConnectorError::configuration(format!("{file}:{line}: {message}"))
        };
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            wrong(at, error.message())
        })?;
        let mut types = BTreeMap::new();
        for (key, name) in &raw.partitions {
            let at = name.span().start;
            if !keys.contains(key) {
                let known = if keys.is_empty() { "there are none".to_owned() } else { keys.join(", ") };
                return Err(wrong(at, &format!("\"{key}\" is not a partition of this table ({known})")));
            }
            let data_type = partition::parse_type(name.get_ref()).ok_or_else(|| {
                wrong(at, &format!("unknown type \"{}\"; expected {}", name.get_ref(), partition::TYPES))
            })?;
            types.insert(key.clone(), data_type);
        }
        Ok(Self { comment: raw.comment, types })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(text: &str) -> Result<TableFile, String> {
        TableFile::parse(text, "s/t/.naru.toml", &["dt".to_owned()]).map_err(|error| error.message)
    }

    #[test]
    fn types_and_a_comment_are_read() {
        let file = parse("comment = \"sales\"\n[partitions]\ndt = \"date\"\n").unwrap();
        assert_eq!(file.comment.as_deref(), Some("sales"));
        assert_eq!(file.types.get("dt"), Some(&DataType::Date32));
    }

    #[test]
    fn mistakes_name_file_and_line() {
        let message = parse("comment = \"x\"\npartition = 1\n").unwrap_err();
        assert!(message.starts_with("s/t/.naru.toml:2: unknown field `partition`"), "{message}");
        let message = parse("[partitions]\n\ndt = \"day\"\n").unwrap_err();
        assert!(message.starts_with("s/t/.naru.toml:3: unknown type \"day\""), "{message}");
        let message = parse("[partitions]\nday = \"date\"\n").unwrap_err();
        assert_eq!(message, "s/t/.naru.toml:2: \"day\" is not a partition of this table (dt)");
        assert!(parse("comment = \n").unwrap_err().starts_with("s/t/.naru.toml:1: "));
    }
}
