//! Every type, with NULL and the ends of its range.

use crate::world::{SERVERS, catalog, single, table};
use naru_connector::{ErrorKind, ParameterValue, Table};
use naru_connector_testkit::rows::{select, text};
use serde_json::json;

/// The values of a one-column table, in the order they were inserted, each as text.
async fn values(name: &str, column: &str, inserted: &[&str]) -> (String, Vec<String>) {
    let values: Vec<_> = inserted.iter().map(|value| format!("INSERT INTO {name} (c) VALUES ({value});")).collect();
    let ddl = format!(
        "SET sql_mode = ''; CREATE TABLE {name} (c {column}, n INT PRIMARY KEY AUTO_INCREMENT); {}",
        values.concat()
    );
    let table = single("types", name, &ddl).await;
    let read = select(table.as_ref(), &[]).await.unwrap();
    let rows = text(&read.project(&[0]).unwrap());
    (table.columns()[0].field.data_type().to_string(), rows)
}

async fn check(name: &str, column: &str, inserted: &[&str], data_type: &str, expected: &[&str]) {
    let (found, rows) = values(name, column, inserted).await;
    assert_eq!(found, data_type, "{column}");
    assert_eq!(rows, expected, "{column}");
}

#[tokio::test]
async fn integers_keep_their_ends() {
    let cases = [
        ("TINYINT", "-128", "127", "Int8"),
        ("TINYINT(1)", "-128", "127", "Int8"),
        ("TINYINT UNSIGNED", "0", "255", "Int16"),
        ("SMALLINT", "-32768", "32767", "Int16"),
        ("SMALLINT UNSIGNED", "0", "65535", "Int32"),
        ("MEDIUMINT", "-8388608", "8388607", "Int32"),
        ("MEDIUMINT UNSIGNED", "0", "16777215", "Int32"),
        ("INT", "-2147483648", "2147483647", "Int32"),
        ("INT UNSIGNED", "0", "4294967295", "Int64"),
        ("BIGINT", "-9223372036854775808", "9223372036854775807", "Int64"),
        ("BIGINT UNSIGNED", "0", "18446744073709551615", "Decimal128(20, 0)"),
        ("YEAR", "1901", "2155", "Int32"),
    ];
    for (i, (column, low, high, data_type)) in cases.into_iter().enumerate() {
        check(&format!("int_{i}"), column, &["NULL", low, high], data_type, &["NULL", low, high]).await;
    }
}

#[tokio::test]
async fn decimals_keep_all_digits_and_floats_their_bits() {
    let wide = "12345678901234567890123456789012345.123456789012345678901234567890";
    let negative = format!("-{wide}");
    check("wide", "DECIMAL(65,30)", &["NULL", wide, &negative], "Decimal256(65, 30)", &["NULL", wide, &negative]).await;
    let cents = ["-9999999999999999.99", "0.01", "NULL"];
    check("cents", "DECIMAL(18,2)", &cents, "Decimal128(18, 2)", &cents).await;
    let doubles = ["1.7976931348623157e308", "5e-324", "0e0", "0.1"];
    check("doubles", "DOUBLE", &doubles, "Float64", &["1.7976931348623157e308", "5e-324", "0.0", "0.1"]).await;
    check("floats", "FLOAT", &["0.1", "-3.4028234e38"], "Float32", &["0.1", "-3.4028235e38"]).await;
}

#[tokio::test]
async fn bits_are_booleans_or_bytes() {
    check("bit_one", "BIT(1)", &["b'0'", "b'1'", "NULL"], "Boolean", &["false", "true", "NULL"]).await;
    check("bit_many", "BIT(12)", &["b'101010101010'", "NULL"], "Binary", &["0aaa", "NULL"]).await;
}

#[tokio::test]
async fn text_is_the_same_in_every_character_set() {
    let expected = ["NULL", "", "a ", "한글", "日本"];
    for (name, column) in [
        ("t_general", "VARCHAR(20) COLLATE utf8mb4_general_ci"),
        ("t_unicode", "VARCHAR(20) COLLATE utf8mb4_unicode_ci"),
        ("t_bin", "LONGTEXT COLLATE utf8mb4_bin"),
        ("t_nopad", "TEXT COLLATE utf8mb4_nopad_bin"),
        ("t_utf16", "VARCHAR(20) CHARACTER SET utf16"),
    ] {
        check(name, column, &["NULL", "''", "'a '", "'한글'", "'日本'"], "Utf8View", &expected).await;
    }
    check("t_latin", "VARCHAR(20) CHARACTER SET latin1", &["'é€'"], "Utf8View", &["é€"]).await;
    check("t_sjis", "VARCHAR(20) CHARACTER SET sjis", &["'日本ソ'"], "Utf8View", &["日本ソ"]).await;
    check("t_euckr", "VARCHAR(20) CHARACTER SET euckr", &["'한글'"], "Utf8View", &["한글"]).await;
    check("t_enum", "ENUM('z','a','')", &["'z'", "'a'", "''", "NULL"], "Utf8View", &["z", "a", "", "NULL"]).await;
    check("t_set", "SET('z','a')", &["'a,z'", "''"], "Utf8View", &["z,a", ""]).await;
    check("t_json", "JSON", &["'{\"a\": 1}'"], "Utf8View", &["{\"a\": 1}"]).await;
    check(
        "t_uuid",
        "UUID",
        &["'123e4567-e89b-12d3-a456-426655440000'"],
        "Utf8View",
        &["123e4567-e89b-12d3-a456-426655440000"],
    )
    .await;
}

#[tokio::test]
async fn bytes_stay_bytes_and_geometry_is_well_known_binary() {
    check("b_var", "VARBINARY(20)", &["x'00ff'", "''", "NULL"], "Binary", &["00ff", "", "NULL"]).await;
    check("b_fixed", "BINARY(3)", &["x'01'"], "Binary", &["010000"]).await;
    check("b_blob", "LONGBLOB", &["REPEAT(x'ab', 3)"], "Binary", &["ababab"]).await;
    let point = "0101000000000000000000f03f0000000000000040";
    check("g_point", "POINT", &["ST_GeomFromText('POINT(1 2)', 4326)", "NULL"], "Binary", &[point, "NULL"]).await;
}

#[tokio::test]
async fn dates_and_times_keep_their_microseconds() {
    check("d_date", "DATE", &["'0001-01-01'", "'9999-12-31'", "NULL"], "Date32", &["0001-01-01", "9999-12-31", "NULL"])
        .await;
    let moments = ["'1000-01-01 00:00:00'", "'9999-12-31 23:59:59.999999'", "NULL"];
    let expected = ["1000-01-01T00:00:00", "9999-12-31T23:59:59.999999", "NULL"];
    check("d_datetime", "DATETIME(6)", &moments, "Timestamp(µs)", &expected).await;
    let instants = ["'1970-01-01 00:00:01.5'", "'2038-01-19 03:14:07'"];
    SERVERS[0].sql("SET GLOBAL time_zone = '+09:00'").unwrap();
    let (data_type, rows) = values("d_stamp", "TIMESTAMP(6) NULL DEFAULT NULL", &instants).await;
    SERVERS[0].sql("SET GLOBAL time_zone = SYSTEM").unwrap();
    assert_eq!(data_type, "Timestamp(µs, \"+00:00\")");
    // Written at nine hours east, read as instants.
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1], "2038-01-18T18:14:07Z");
    check(
        "d_time",
        "TIME(6)",
        &["'23:59:59.999999'", "'00:00:00'", "NULL"],
        "Time64(µs)",
        &["23:59:59.999999", "00:00:00", "NULL"],
    )
    .await;
}

async fn with_options(name: &str, options: Vec<(&'static str, ParameterValue)>) -> std::sync::Arc<dyn Table> {
    table(&catalog(&json!([]), options), "types", name).await
}

fn option(name: &'static str, value: &str) -> Vec<(&'static str, ParameterValue)> {
    vec![(name, ParameterValue::Text(value.to_owned()))]
}

#[tokio::test]
async fn a_zero_date_is_an_error_or_null_by_option() {
    let ddl = "SET sql_mode = ''; CREATE TABLE zero (c DATETIME NOT NULL); INSERT INTO zero VALUES (0), ('2024-00-15'), ('2024-01-02');";
    let strict = single("types", "zero", ddl).await;
    let error = select(strict.as_ref(), &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    let lenient = with_options("zero", option("zero_dates", "null")).await;
    assert!(lenient.columns()[0].field.is_nullable());
    assert_eq!(text(&select(lenient.as_ref(), &[]).await.unwrap()), ["NULL", "NULL", "2024-01-02T00:00:00"]);
}

#[tokio::test]
async fn a_time_beyond_a_day_is_an_error_or_text_by_option() {
    let strict = single(
        "types",
        "long_time",
        "CREATE TABLE long_time (c TIME); INSERT INTO long_time VALUES ('-838:59:59'), ('12:00');",
    )
    .await;
    assert_eq!(select(strict.as_ref(), &[]).await.unwrap_err().kind, ErrorKind::Data);
    let texts = with_options("long_time", option("time_type", "text")).await;
    assert_eq!(text(&select(texts.as_ref(), &[]).await.unwrap()), ["-838:59:59", "12:00:00"]);
}
