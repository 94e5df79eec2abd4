//! PostgreSQL's types as clients know them (`pg_type`), and which one a column of a result has.
//!
//! A column may ask for another type of the same shape by its metadata: [`PG_TYPE`] names it (`oid`, `name`, `regclass`, ...), and
//! Arrow's own extension names `arrow.uuid` and `arrow.json` are understood.

use super::respond::without_zero;
use crate::error::{Error, Result};
use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use pgwire::messages::data::{FieldDescription, RowDescription};
use std::sync::Arc;

/// Key in a field's metadata: the name of the PostgreSQL type that clients are to see.
pub const PG_TYPE: &str = "naru.pg_type";
/// Key in a field's metadata: Arrow's canonical extension type.
const EXTENSION: &str = "ARROW:extension:name";

/// One of PostgreSQL's built-in types.
#[derive(Debug, PartialEq, Eq)]
pub struct PgType {
    /// Its name in `pg_type`.
    pub name: &'static str,
    /// Its OID.
    pub oid: u32,
    /// The OID of the array of it.
    pub array: u32,
    /// `typlen`: bytes, -1 for variable.
    pub length: i16,
}

macro_rules! types {
    ($($constant:ident $name:literal $oid:literal $array:literal $length:literal)*) => {
        $(
            #[doc = concat!("`", $name, "`")]
            pub const $constant: PgType = PgType { name: $name, oid: $oid, array: $array, length: $length };
        )*
        /// Every type that a result or a parameter may have.
        pub const ALL: &[&PgType] = &[$(&$constant),*];
    };
}

types! {
    BOOL "bool" 16 1000 1
    BYTEA "bytea" 17 1001 -1
    CHAR "char" 18 1002 1
    NAME "name" 19 1003 64
    INT8 "int8" 20 1016 8
    INT2 "int2" 21 1005 2
    INT2VECTOR "int2vector" 22 1006 -1
    INT4 "int4" 23 1007 4
    REGPROC "regproc" 24 1008 4
    TEXT "text" 25 1009 -1
    OID "oid" 26 1028 4
    XID "xid" 28 1011 4
    OIDVECTOR "oidvector" 30 1013 -1
    JSON "json" 114 199 -1
    XML "xml" 142 143 -1
    PG_NODE_TREE "pg_node_tree" 194 0 -1
    FLOAT4 "float4" 700 1021 4
    FLOAT8 "float8" 701 1022 8
    UNKNOWN "unknown" 705 0 -2
    ACLITEM "aclitem" 1033 1034 12
    BPCHAR "bpchar" 1042 1014 -1
    VARCHAR "varchar" 1043 1015 -1
    DATE "date" 1082 1182 4
    TIME "time" 1083 1183 8
    TIMESTAMP "timestamp" 1114 1115 8
    TIMESTAMPTZ "timestamptz" 1184 1185 8
    INTERVAL "interval" 1186 1187 16
    NUMERIC "numeric" 1700 1231 -1
    REGCLASS "regclass" 2205 2210 4
    REGTYPE "regtype" 2206 2211 4
    ANYARRAY "anyarray" 2277 0 -1
    UUID "uuid" 2950 2951 16
    JSONB "jsonb" 3802 3807 -1
    REGNAMESPACE "regnamespace" 4089 4090 4
    REGROLE "regrole" 4096 4097 4
}

/// The type with this OID.
#[must_use]
pub fn by_oid(oid: u32) -> Option<&'static PgType> {
    ALL.iter().copied().find(|known| known.oid == oid)
}

/// The type whose array has this OID.
#[must_use]
pub fn by_array_oid(oid: u32) -> Option<&'static PgType> {
    ALL.iter().copied().find(|known| known.array == oid && oid != 0)
}

/// A column's type: one of the built-in ones, or an array of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType {
    /// The type, or the array's innermost element's.
    pub element: &'static PgType,
    /// Is it an array?
    pub array: bool,
}

impl ColumnType {
    /// The OID that clients see.
    #[must_use]
    pub fn oid(self) -> u32 {
        if self.array { self.element.array } else { self.element.oid }
    }

    /// `typlen`.
    #[must_use]
    pub fn length(self) -> i16 {
        if self.array { -1 } else { self.element.length }
    }
}

/// The type that a column is shown as.
#[must_use]
pub fn of_field(field: &Field) -> ColumnType {
    let named = field.metadata().get(PG_TYPE).and_then(|name| ALL.iter().copied().find(|known| known.name == name));
    if let Some(element) = named {
        // A vector is a type of its own, whatever holds its elements here.
        return ColumnType { element, array: is_list(field.data_type()) && vector_element(element).is_none() };
    }
    match (field.metadata().get(EXTENSION).map(String::as_str), field.data_type()) {
        (Some("arrow.uuid"), DataType::FixedSizeBinary(16)) => ColumnType { element: &UUID, array: false },
        (Some("arrow.json"), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            ColumnType { element: &JSON, array: false }
        }
        (_, data_type) => of_data_type(data_type),
    }
}

/// The element type of `int2vector` and `oidvector`.
pub(super) fn vector_element(of: &PgType) -> Option<&'static PgType> {
    match of.oid {
        22 => Some(&INT2),
        30 => Some(&OID),
        _ => None,
    }
}

/// Is a value of the type an OID on the wire? In a plan all of them are `Int64`.
pub(super) fn is_oid(of: &PgType) -> bool {
    [&OID, &XID, &REGPROC, &REGCLASS, &REGTYPE, &REGNAMESPACE, &REGROLE].contains(&of)
}

fn is_list(data_type: &DataType) -> bool {
    list_item(data_type).is_some()
}

/// A list's item field.
pub(super) fn list_item(data_type: &DataType) -> Option<&Arc<Field>> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => Some(item),
        _ => None,
    }
}

/// The type that values of an Arrow type are shown as.
#[must_use]
pub fn of_data_type(data_type: &DataType) -> ColumnType {
    if let Some(item) = list_item(data_type) {
        return ColumnType { element: of_field(item).element, array: true };
    }
    let element = match data_type {
        DataType::Dictionary(_, values) => return of_data_type(values),
        DataType::RunEndEncoded(_, values) => return of_field(values),
        DataType::Boolean => &BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => &INT2,
        DataType::UInt16 | DataType::Int32 => &INT4,
        DataType::UInt32 | DataType::Int64 => &INT8,
        DataType::Float16 | DataType::Float32 => &FLOAT4,
        DataType::Float64 => &FLOAT8,
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => &NUMERIC,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => &BYTEA,
        DataType::Date32 | DataType::Date64 => &DATE,
        DataType::Time32(_) | DataType::Time64(_) => &TIME,
        DataType::Timestamp(_, None) => &TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => &TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => &INTERVAL,
        DataType::Struct(_) | DataType::Map(..) => &JSONB,
        // A column of nulls too: `unknown` upsets pgjdbc and pgx.
        _ => &TEXT,
    };
    ColumnType { element, array: false }
}

/// The type modifier: precision and scale of a numeric, else -1.
#[must_use]
pub fn type_modifier(data_type: &DataType) -> i32 {
    if let Some(item) = list_item(data_type) {
        return type_modifier(item.data_type());
    }
    match data_type {
        DataType::Dictionary(_, values) => type_modifier(values),
        DataType::RunEndEncoded(_, values) => type_modifier(values.data_type()),
        DataType::UInt64 => numeric_modifier(20, 0),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => numeric_modifier(i32::from(*precision), i32::from(*scale)),
        _ => -1,
    }
}

fn numeric_modifier(precision: i32, scale: i32) -> i32 {
    // A negative scale only means trailing zeros before the point.
    let digits = precision - scale.min(0);
    (digits << 16 | scale.max(0)) + 4
}

/// The Arrow type of a parameter whose OID a client gave; `None` when the context is to decide.
///
/// # Errors
/// `UndefinedObject` for an OID that is not one of [`ALL`].
pub fn parameter_type(oid: u32) -> Result<Option<DataType>> {
    if oid == 0 || oid == UNKNOWN.oid {
        return Ok(None);
    }
    if let Some(element) = by_array_oid(oid) {
        let item = element_type(element);
        return Ok(Some(DataType::List(Arc::new(Field::new_list_field(item, true)))));
    }
    let unknown =
        || Error::new(crate::error::ErrorCode::UndefinedObject, format!("type with OID {oid} does not exist"));
    by_oid(oid).map(element_type).map(Some).ok_or_else(unknown)
}

fn element_type(element: &PgType) -> DataType {
    match element.oid {
        16 => DataType::Boolean,
        17 => DataType::Binary,
        20 | 26 | 28 => DataType::Int64,
        21 => DataType::Int16,
        23 => DataType::Int32,
        700 => DataType::Float32,
        701 => DataType::Float64,
        1082 => DataType::Date32,
        1083 => DataType::Time64(TimeUnit::Microsecond),
        1114 => DataType::Timestamp(TimeUnit::Microsecond, None),
        1184 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        1186 => DataType::Interval(IntervalUnit::MonthDayNano),
        1700 => super::parameter::NUMERIC_PARAMETER,
        _ => DataType::Utf8,
    }
}

/// Text or binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Format {
    #[default]
    Text,
    Binary,
}

/// The description of rows; columns beyond `formats` are text.
pub(super) fn row_description(schema: &Schema, formats: &[Format]) -> RowDescription {
    let describe = |(index, field): (usize, &Arc<Field>)| {
        let column = of_field(field);
        let format = formats.get(index).copied().unwrap_or_default();
        let name = without_zero(field.name());
        let modifier = if column.element == &NUMERIC { type_modifier(field.data_type()) } else { -1 };
        FieldDescription::new(name, 0, 0, column.oid(), column.length(), modifier, format as i16)
    };
    RowDescription::new(schema.fields().iter().enumerate().map(describe).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oids_and_modifiers_are_postgresqls() {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        let cases = [
            (DataType::Boolean, 16, -1),
            (DataType::UInt8, 21, -1),
            (DataType::UInt64, 1700, (20 << 16) + 4),
            (DataType::Decimal128(15, 2), 1700, (15 << 16 | 2) + 4),
            (DataType::Decimal256(40, -3), 1700, (43 << 16) + 4),
            (DataType::Null, 25, -1),
            (dictionary, 25, -1),
            (list(DataType::Int32), 1007, -1),
            (list(list(DataType::Decimal128(5, 1))), 1231, (5 << 16 | 1) + 4),
            (DataType::Timestamp(TimeUnit::Second, Some("+05:00".into())), 1184, -1),
            (list(DataType::Struct(Vec::<Field>::new().into())), 3807, -1),
        ];
        for (data_type, oid, modifier) in cases {
            assert_eq!((of_data_type(&data_type).oid(), type_modifier(&data_type)), (oid, modifier), "{data_type}");
        }
    }

    #[test]
    fn metadata_names_another_type() {
        let named = |data_type, key: &str, value: &str| {
            let metadata = [(key.to_owned(), value.to_owned())].into();
            of_field(&Field::new("c", data_type, true).with_metadata(metadata)).oid()
        };
        assert_eq!(named(DataType::UInt32, PG_TYPE, "oid"), 26);
        assert_eq!(named(DataType::Utf8, PG_TYPE, "name"), 19);
        assert_eq!(
            named(DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))), PG_TYPE, "aclitem"),
            1034
        );
        assert_eq!(named(DataType::FixedSizeBinary(16), EXTENSION, "arrow.uuid"), 2950);
        assert_eq!(named(DataType::Utf8, EXTENSION, "arrow.json"), 114);
        assert_eq!(named(DataType::Utf8, PG_TYPE, "nonsense"), 25);
    }

    #[test]
    fn parameters_of_known_types_only() {
        assert_eq!(parameter_type(0).ok(), Some(None));
        assert_eq!(parameter_type(705).ok(), Some(None));
        assert_eq!(parameter_type(21).ok(), Some(Some(DataType::Int16)));
        assert!(parameter_type(99_999).is_err());
    }
}
