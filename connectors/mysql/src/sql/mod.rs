//! Pieces of statements: text of our own making, names quoted, and every value bound.
//!
//! Nothing a user typed becomes text here: a value is a `?` and a [`Bind`], a name comes from the server's own catalog and
//! is quoted.

pub(crate) mod aggregate;
pub(crate) mod moment;
pub(crate) mod predicate;

use crate::kind::SourceType;
use mysql_async::Value;
use serde::{Deserialize, Serialize};

/// A bound value. Serialisable, exact, and of the type that MySQL is to compare it as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bind {
    Int(i64),
    UInt(u64),
    /// The bits of a floating-point number.
    Double(u64),
    Bytes(Vec<u8>),
    /// Year, month, day, hour, minute, second, microseconds.
    Date(u16, u8, u8, u8, u8, u8, u32),
    /// Hour, minute, second, microseconds.
    Time(u8, u8, u8, u32),
    /// The number of the shard that is asked.
    Shard,
}

impl Bind {
    /// As the driver takes it.
    pub(crate) fn value(&self, shard: u32) -> Value {
        match self {
            Self::Int(number) => Value::Int(*number),
            Self::UInt(number) => Value::UInt(*number),
            Self::Double(bits) => Value::Double(f64::from_bits(*bits)),
            Self::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Self::Date(year, month, day, hour, minute, second, micros) => {
                Value::Date(*year, *month, *day, *hour, *minute, *second, *micros)
            }
            Self::Time(hour, minute, second, micros) => Value::Time(false, 0, *hour, *minute, *second, *micros),
            Self::Shard => Value::Int(shard.into()),
        }
    }
}

/// A piece of a statement with its values in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fragment {
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind>,
}

impl Fragment {
    /// Text without values.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), binds: Vec::new() }
    }

    /// One value.
    pub(crate) fn bind(bind: Bind) -> Self {
        Self { text: "?".to_owned(), binds: vec![bind] }
    }

    /// The same with text around it.
    pub(crate) fn wrapped(self, before: &str, after: &str) -> Self {
        Self { text: format!("{before}{}{after}", self.text), binds: self.binds }
    }

    /// This, some text, that.
    pub(crate) fn then(mut self, between: &str, next: Self) -> Self {
        self.text.push_str(between);
        self.text.push_str(&next.text);
        self.binds.extend(next.binds);
        self
    }

    /// All pieces with text between them; empty without any.
    pub(crate) fn joined(pieces: impl IntoIterator<Item = Self>, between: &str) -> Self {
        pieces.into_iter().reduce(|all, piece| all.then(between, piece)).unwrap_or_default()
    }
}

/// A name in backquotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The bytes of a text column's UTF-8 form, whatever its character set and collation: compares as text does here.
pub(crate) fn bytes_of(column: &str) -> String {
    format!("CAST(CONVERT({column} USING utf8mb4) AS BINARY)")
}

/// Where a table's column comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The shard's number.
    Shard,
    /// A column of the physical tables.
    Column {
        /// Its quoted name.
        quoted: String,
        source: SourceType,
        nullable: bool,
    },
}

/// What predicates, keys and aggregates are compiled against.
#[derive(Debug)]
pub(crate) struct Origins {
    /// By canonical name, in table order.
    pub(crate) columns: Vec<(String, Origin)>,
    pub(crate) zero_dates_are_null: bool,
}

impl Origins {
    /// The column of this canonical name.
    pub(crate) fn get(&self, name: &str) -> Option<&Origin> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, origin)| origin)
    }

    /// May the server see a value where we see NULL?
    pub(crate) fn hides_zero_dates(&self, source: &SourceType) -> bool {
        self.zero_dates_are_null && source.kind.is_dated()
    }
}
