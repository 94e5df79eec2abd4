//! MySQL's types and ours: what a column becomes, and how its values may be compared at the source.

use crate::config::TypeOptions;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use mysql_async::Column;
use mysql_async::consts::{ColumnFlags, ColumnType};
use serde::{Deserialize, Serialize};

/// The zone of TIMESTAMP columns: sessions run in UTC.
const UTC: &str = "+00:00";
/// The number of the character set `binary` in the protocol.
const BINARY_CHARSET: u16 = 63;

/// How a result column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt64,
    Decimal128(u8, i8),
    Decimal256(u8, i8),
    Float32,
    Float64,
    Boolean,
    Text,
    /// Text in Arrow's older form, which some functions give.
    PlainText,
    Bytes,
    /// Well-known binary, behind four bytes that name the reference system.
    Geometry,
    Date,
    Time,
    DateTime,
    Timestamp,
}

impl Kind {
    /// The Arrow type of the batches.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Int8 => DataType::Int8,
            Self::Int16 => DataType::Int16,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::UInt64 => DataType::UInt64,
            Self::Decimal128(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Decimal256(precision, scale) => DataType::Decimal256(precision, scale),
            Self::Float32 => DataType::Float32,
            Self::Float64 => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Text => DataType::Utf8View,
            Self::PlainText => DataType::Utf8,
            Self::Bytes | Self::Geometry => DataType::Binary,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::DateTime => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        }
    }

    /// The kind that gives this Arrow type, for columns that are computed at the source.
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Int8 => Self::Int8,
            DataType::Int16 => Self::Int16,
            DataType::Int32 => Self::Int32,
            DataType::Int64 => Self::Int64,
            DataType::UInt64 => Self::UInt64,
            DataType::Decimal128(precision, scale) => Self::Decimal128(*precision, *scale),
            DataType::Decimal256(precision, scale) => Self::Decimal256(*precision, *scale),
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::Utf8View => Self::Text,
            DataType::Utf8 => Self::PlainText,
            DataType::Binary => Self::Bytes,
            DataType::Date32 => Self::Date,
            DataType::Time64(TimeUnit::Microsecond) => Self::Time,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Self::DateTime,
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == UTC => Self::Timestamp,
            _ => return None,
        })
    }

    /// The kind of a result's column as the protocol describes it; `None` for a type that has no counterpart here.
    pub(crate) fn of_wire(column: &Column) -> Option<Self> {
        let unsigned = column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        let binary = column.character_set() == BINARY_CHARSET;
        Some(match column.column_type() {
            ColumnType::MYSQL_TYPE_TINY if unsigned => Self::Int16,
            ColumnType::MYSQL_TYPE_TINY => Self::Int8,
            ColumnType::MYSQL_TYPE_SHORT if unsigned => Self::Int32,
            ColumnType::MYSQL_TYPE_SHORT => Self::Int16,
            ColumnType::MYSQL_TYPE_INT24 | ColumnType::MYSQL_TYPE_YEAR => Self::Int32,
            ColumnType::MYSQL_TYPE_LONG if unsigned => Self::Int64,
            ColumnType::MYSQL_TYPE_LONG => Self::Int32,
            ColumnType::MYSQL_TYPE_LONGLONG if unsigned => Self::Decimal128(20, 0),
            ColumnType::MYSQL_TYPE_LONGLONG => Self::Int64,
            ColumnType::MYSQL_TYPE_FLOAT => Self::Float32,
            ColumnType::MYSQL_TYPE_DOUBLE => Self::Float64,
            ColumnType::MYSQL_TYPE_DECIMAL | ColumnType::MYSQL_TYPE_NEWDECIMAL => {
                // The length counts a sign and a point.
                let scale = column.decimals();
                let signs = u32::from(!unsigned) + u32::from(scale > 0);
                let precision = u8::try_from(column.column_length().saturating_sub(signs)).ok()?.max(scale).max(1);
                let scale = i8::try_from(scale).ok()?;
                match precision {
                    0..=38 => Self::Decimal128(precision, scale),
                    39..=76 => Self::Decimal256(precision, scale),
                    _ => return None,
                }
            }
            ColumnType::MYSQL_TYPE_BIT if column.column_length() == 1 => Self::Boolean,
            ColumnType::MYSQL_TYPE_BIT => Self::Bytes,
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Self::Date,
            ColumnType::MYSQL_TYPE_TIME | ColumnType::MYSQL_TYPE_TIME2 => Self::Time,
            ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_DATETIME2 => Self::DateTime,
            ColumnType::MYSQL_TYPE_TIMESTAMP | ColumnType::MYSQL_TYPE_TIMESTAMP2 => Self::Timestamp,
            ColumnType::MYSQL_TYPE_GEOMETRY => Self::Geometry,
            // `SELECT NULL`
            ColumnType::MYSQL_TYPE_NULL | ColumnType::MYSQL_TYPE_JSON => Self::Text,
            ColumnType::MYSQL_TYPE_VARCHAR
            | ColumnType::MYSQL_TYPE_VAR_STRING
            | ColumnType::MYSQL_TYPE_STRING
            | ColumnType::MYSQL_TYPE_ENUM
            | ColumnType::MYSQL_TYPE_SET
            | ColumnType::MYSQL_TYPE_TINY_BLOB
            | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
            | ColumnType::MYSQL_TYPE_LONG_BLOB
            | ColumnType::MYSQL_TYPE_BLOB => {
                if binary {
                    Self::Bytes
                } else {
                    Self::Text
                }
            }
            _ => return None,
        })
    }

    /// Is it a date, with or without a time of day? Those may be zero.
    pub(crate) fn is_dated(self) -> bool {
        matches!(self, Self::Date | Self::DateTime | Self::Timestamp)
    }
}

/// How values of a column compare at the source as they do here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// As they are.
    Native,
    /// Floating point: as they are, but the two zeros, which differ here and are equal there.
    Float,
    /// YEAR, which takes two digits for a century: as a number.
    Year,
    /// By the bytes of their UTF-8 form; the collation finds a superset.
    Text,
    /// Not at all.
    Never,
}

/// A column's type with both its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceType {
    pub(crate) kind: Kind,
    pub(crate) compare: Compare,
    /// Selected as text: a type that has no counterpart here.
    pub(crate) as_text: bool,
}

/// What `information_schema.columns` says of a column's type.
#[derive(Debug, Clone, Default)]
pub(crate) struct TypeDescription {
    /// `DATA_TYPE`: the bare name.
    pub(crate) name: String,
    /// `COLUMN_TYPE`: with length, sign and values.
    pub(crate) full: String,
    pub(crate) precision: Option<u64>,
    pub(crate) scale: Option<u64>,
    /// The character set of text.
    pub(crate) charset: Option<String>,
}

impl TypeDescription {
    /// What the column becomes; `None` when it is hidden.
    pub(crate) fn source_type(&self, options: &TypeOptions) -> Option<SourceType> {
        let unsigned = self.full.contains("unsigned") || self.full.contains("zerofill");
        let native = |kind| Some(SourceType { kind, compare: Compare::Native, as_text: false });
        let with = |kind, compare| Some(SourceType { kind, compare, as_text: false });
        match self.name.as_str() {
            "tinyint" if unsigned => native(Kind::Int16),
            "tinyint" => native(Kind::Int8),
            "smallint" if unsigned => native(Kind::Int32),
            "smallint" => native(Kind::Int16),
            "mediumint" => native(Kind::Int32),
            "int" | "integer" if unsigned => native(Kind::Int64),
            "int" | "integer" => native(Kind::Int32),
            "bigint" if unsigned => native(Kind::Decimal128(20, 0)),
            "bigint" => native(Kind::Int64),
            "year" => with(Kind::Int32, Compare::Year),
            "decimal" | "numeric" => self.decimal(),
            "float" => with(Kind::Float32, Compare::Float),
            "double" | "real" => with(Kind::Float64, Compare::Float),
            "bit" if self.precision == Some(1) => native(Kind::Boolean),
            "bit" => with(Kind::Bytes, Compare::Never),
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" => {
                // Text in the character set "binary" is bytes by another name.
                if self.charset.as_deref() == Some("binary") {
                    native(Kind::Bytes)
                } else {
                    with(Kind::Text, Compare::Text)
                }
            }
            "json" | "uuid" | "inet4" | "inet6" => with(Kind::Text, Compare::Never),
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => native(Kind::Bytes),
            "date" => native(Kind::Date),
            "time" if options.time_is_text => {
                Some(SourceType { kind: Kind::Text, compare: Compare::Never, as_text: true })
            }
            "time" => native(Kind::Time),
            "datetime" => native(Kind::DateTime),
            "timestamp" => native(Kind::Timestamp),
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
            | "geometrycollection" | "geomcollection" => with(Kind::Geometry, Compare::Never),
            _ if options.unsupported_is_text => {
                Some(SourceType { kind: Kind::Text, compare: Compare::Never, as_text: true })
            }
            _ => None,
        }
    }

    fn decimal(&self) -> Option<SourceType> {
        let precision = u8::try_from(self.precision?).ok()?;
        let scale = i8::try_from(self.scale?).ok()?;
        let kind =
            if precision <= 38 { Kind::Decimal128(precision, scale) } else { Kind::Decimal256(precision, scale) };
        Some(SourceType { kind, compare: Compare::Native, as_text: false })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const OPTIONS: TypeOptions =
        TypeOptions { zero_dates_are_null: false, time_is_text: false, unsupported_is_text: false };

    fn described(name: &str, full: &str) -> TypeDescription {
        TypeDescription { name: name.to_owned(), full: full.to_owned(), ..TypeDescription::default() }
    }

    #[test]
    fn unsigned_integers_become_the_next_wider_type() {
        let cases = [
            ("tinyint", DataType::Int16),
            ("smallint", DataType::Int32),
            ("mediumint", DataType::Int32),
            ("int", DataType::Int64),
            ("bigint", DataType::Decimal128(20, 0)),
        ];
        for (name, expected) in cases {
            let unsigned = described(name, &format!("{name}(3) unsigned"));
            assert_eq!(unsigned.source_type(&OPTIONS).unwrap().kind.data_type(), expected, "{name}");
        }
    }

    #[test]
    fn wide_decimals_keep_all_their_digits() {
        let decimal =
            TypeDescription { precision: Some(65), scale: Some(30), ..described("decimal", "decimal(65,30)") };
        assert_eq!(decimal.source_type(&OPTIONS).unwrap().kind, Kind::Decimal256(65, 30));
    }

    #[test]
    fn an_unknown_type_is_hidden_or_text_but_never_guessed() {
        let vector = described("vector", "vector(3)");
        assert_eq!(vector.source_type(&OPTIONS), None);
        let options = TypeOptions { unsupported_is_text: true, ..OPTIONS };
        let text = vector.source_type(&options).unwrap();
        assert_eq!((text.kind, text.compare, text.as_text), (Kind::Text, Compare::Never, true));
    }
}
