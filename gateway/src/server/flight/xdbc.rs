//! GetXdbcTypeInfo: the types of our SQL by the names and numbers of ODBC and JDBC.

use crate::error::{Error, Result};
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType as Xdbc, XdbcDatetimeSubcode as Subcode};
use std::sync::OnceLock;

/// All types; a request takes all or one.
pub(super) fn types() -> Result<&'static XdbcTypeInfoData> {
    static TYPES: OnceLock<XdbcTypeInfoData> = OnceLock::new();
    if let Some(types) = TYPES.get() {
        return Ok(types);
    }
    let mut builder = XdbcTypeInfoDataBuilder::new();
    all().into_iter().for_each(|info| builder.append(info));
    let built = builder.build().map_err(Error::internal)?;
    Ok(TYPES.get_or_init(|| built))
}

fn all() -> Vec<XdbcTypeInfo> {
    vec![
        plain("boolean", Xdbc::XdbcBit, 1),
        exact("smallint", Xdbc::XdbcSmallint, 5),
        exact("integer", Xdbc::XdbcInteger, 10),
        exact("bigint", Xdbc::XdbcBigint, 19),
        XdbcTypeInfo {
            create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
            fixed_prec_scale: false,
            maximum_scale: Some(38),
            ..exact("numeric", Xdbc::XdbcNumeric, 38)
        },
        approximate("real", Xdbc::XdbcReal, 24),
        approximate("double precision", Xdbc::XdbcDouble, 53),
        XdbcTypeInfo { case_sensitive: true, ..quoted("character varying", Xdbc::XdbcVarchar, None) },
        quoted("bytea", Xdbc::XdbcVarbinary, None),
        datetime("date", Xdbc::XdbcDate, 10, Subcode::XdbcSubcodeYear),
        datetime("time without time zone", Xdbc::XdbcTime, 15, Subcode::XdbcSubcodeTime),
        datetime("timestamp without time zone", Xdbc::XdbcTimestamp, 26, Subcode::XdbcSubcodeTimestamp),
        datetime("timestamp with time zone", Xdbc::XdbcTimestamp, 32, Subcode::XdbcSubcodeTimestampWithTimezone),
    ]
}

fn plain(name: &str, data_type: Xdbc, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        local_type_name: Some(name.to_owned()),
        data_type,
        sql_data_type: data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        ..XdbcTypeInfo::default()
    }
}

fn exact(name: &str, data_type: Xdbc, digits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        fixed_prec_scale: true,
        auto_increment: Some(false),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        num_prec_radix: Some(10),
        ..plain(name, data_type, digits)
    }
}

fn approximate(name: &str, data_type: Xdbc, bits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..plain(name, data_type, bits)
    }
}

fn quoted(name: &str, data_type: Xdbc, size: Option<i32>) -> XdbcTypeInfo {
    let quote = Some("'".to_owned());
    XdbcTypeInfo {
        column_size: size,
        literal_prefix: quote.clone(),
        literal_suffix: quote,
        ..plain(name, data_type, 0)
    }
}

/// Sizes are those of the text form.
fn datetime(name: &str, data_type: Xdbc, size: i32, subcode: Subcode) -> XdbcTypeInfo {
    XdbcTypeInfo {
        sql_data_type: Xdbc::XdbcDatetime,
        datetime_subcode: Some(subcode),
        ..quoted(name, data_type, Some(size))
    }
}
