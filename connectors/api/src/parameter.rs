//! A connector's parameters as data: validation, help and docs all come from one table.

use crate::{ConnectorError, Result, Secret};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The type of a parameter, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number in this range.
    Integer(i64, i64),
    /// `true` or `false`.
    Boolean,
    /// A number with a unit: `500ms`, `30s`, `5m`, `1h`, `1d`.
    Duration,
    /// A number of bytes with an optional unit: `64KiB`, `16MiB`, `1GiB`.
    Bytes,
    /// A file or folder; relative ones start at the configuration folder.
    Path,
    /// A list of texts.
    List,
    /// An IP address and a port.
    Address,
    /// A structured part of the file (a table, a list of tables); the connector checks what is inside.
    Document,
}

impl ParameterKind {
    /// What a wrong value should have been.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::Boolean => "true or false".to_owned(),
            Self::Duration => "a duration such as 500ms, 30s, 5m, 1h or 1d".to_owned(),
            Self::Bytes => "a size in bytes such as 64KiB, 16MiB or 1GiB".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::List => "a list of texts".to_owned(),
            Self::Address => "an IP address with a port such as 127.0.0.1:5432".to_owned(),
            Self::Document => "a table or a list of tables".to_owned(),
        }
    }
}

/// One key of a catalog file.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The key.
    pub name: &'static str,
    /// Type and unit.
    pub kind: ParameterKind,
    /// Must it be given?
    pub required: bool,
    /// The value when not given, written as in the file.
    pub default: Option<&'static str>,
    /// Is it a secret? Secrets are never printed.
    pub secret: bool,
    /// One sentence for help and docs.
    pub help: &'static str,
}

/// A validated value. `Debug` shows neither secrets nor structured parts, which may hold some.
#[derive(Clone, PartialEq)]
pub enum ParameterValue {
    /// Text or choice.
    Text(String),
    /// Secret text.
    Secret(Secret),
    /// Whole number, or bytes.
    Integer(i64),
    /// Boolean.
    Boolean(bool),
    /// Duration.
    Duration(Duration),
    /// Path, made absolute.
    Path(PathBuf),
    /// List of texts.
    List(Vec<String>),
    /// IP address and port.
    Address(SocketAddr),
    /// Structured part.
    Document(serde_json::Value),
}

impl fmt::Debug for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::Secret(secret) => fmt::Debug::fmt(secret, f),
            Self::Integer(number) => fmt::Debug::fmt(number, f),
            Self::Boolean(flag) => fmt::Debug::fmt(flag, f),
            Self::Duration(duration) => fmt::Debug::fmt(duration, f),
            Self::Path(path) => fmt::Debug::fmt(path, f),
            Self::List(list) => fmt::Debug::fmt(list, f),
            Self::Address(address) => fmt::Debug::fmt(address, f),
            Self::Document(_) => f.write_str("***"),
        }
    }
}

/// The validated parameters of one catalog. The getters answer for what the table declares; asking for anything else, or
/// by another type, is a defect and comes back as an internal error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters(BTreeMap<&'static str, ParameterValue>);

impl Parameters {
    /// Parameters from validated values; the gateway's configuration makes these.
    #[must_use]
    pub fn new(values: BTreeMap<&'static str, ParameterValue>) -> Self {
        Self(values)
    }

    /// An optional or defaulted text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(ParameterValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A secret.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        match self.0.get(name) {
            Some(ParameterValue::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// A whole number or a size in bytes.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(ParameterValue::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A boolean; absent is false.
    #[must_use]
    pub fn boolean(&self, name: &str) -> bool {
        matches!(self.0.get(name), Some(ParameterValue::Boolean(true)))
    }

    /// A duration.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.0.get(name) {
            Some(ParameterValue::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    /// A path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&std::path::Path> {
        match self.0.get(name) {
            Some(ParameterValue::Path(path)) => Some(path),
            _ => None,
        }
    }

    /// An IP address and a port.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        match self.0.get(name) {
            Some(ParameterValue::Address(address)) => Some(*address),
            _ => None,
        }
    }

    /// A list; absent is empty.
    #[must_use]
    pub fn list(&self, name: &str) -> &[String] {
        match self.0.get(name) {
            Some(ParameterValue::List(list)) => list,
            _ => &[],
        }
    }

    /// A structured part.
    #[must_use]
    pub fn document(&self, name: &str) -> Option<&serde_json::Value> {
        match self.0.get(name) {
            Some(ParameterValue::Document(document)) => Some(document),
            _ => None,
        }
    }

    /// A text that the table declares as required.
    pub fn required_text(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| ConnectorError::internal(format!("parameter \"{name}\" was not validated")))
    }

    /// A path that the table declares as required.
    pub fn required_path(&self, name: &str) -> Result<&std::path::Path> {
        self.path(name).ok_or_else(|| ConnectorError::internal(format!("parameter \"{name}\" was not validated")))
    }
}
