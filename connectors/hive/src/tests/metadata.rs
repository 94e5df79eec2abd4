//! What exists, under which name and of which type.

use super::{Lake, context, int64, text};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use naru_connector::{DerivedFrom, ErrorKind, Table, TableStatistics};
use std::sync::Arc;

fn described(table: &Arc<dyn Table>) -> Vec<(String, DataType)> {
    table.columns().iter().map(|column| (column.name().to_owned(), column.field.data_type().clone())).collect()
}

#[tokio::test]
async fn columns_are_the_files_then_partitions_then_hidden_ones() {
    let lake = Lake::with_orders();
    let table = lake.table("shop", "orders").await;
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let expected = [
        ("id", DataType::Int64),
        ("name", DataType::Utf8View),
        ("dt", DataType::Date32),
        ("shop", DataType::Utf8View),
        ("$path", DataType::Utf8View),
        ("$file_size", DataType::Int64),
        ("$file_modified_time", utc),
    ];
    assert_eq!(described(&table), expected.map(|(name, data_type)| (name.to_owned(), data_type)));
    assert!(table.columns().iter().take(4).all(|column| column.field.is_nullable() && !column.hidden));
    assert!(table.columns().iter().skip(4).all(|column| column.hidden));
    let reveals = |i: usize| table.columns()[i].derived_from.clone();
    assert_eq!(reveals(4), DerivedFrom::Columns(vec!["dt".to_owned(), "shop".to_owned()]));
    assert_eq!(reveals(5), DerivedFrom::AllColumns);
    assert_eq!(reveals(6), DerivedFrom::AllColumns);
    assert_eq!(table.comment(), Some("orders by day"));
}

#[tokio::test]
async fn every_partition_type_is_read_as_itself() {
    let lake = Lake::new();
    let folder = "s/t/a=서울 #1%2F/b=-5/c=7/d=1.50/e=true/f=2024-02-29 23%3A59%3A58.5/g=2024-02-29";
    lake.write(&format!("{folder}/0.parquet"), [("id", int64([1]))]);
    let types = "b = \"bigint\"\nc = \"int\"\nd = \"decimal(6,2)\"\ne = \"boolean\"\nf = \"timestamp\"\ng = \"date\"\n";
    lake.text("s/t/.naru.toml", &format!("[partitions]\na = \"string\"\n{types}"));
    let table = lake.table("s", "t").await;
    let types: Vec<_> = described(&table).into_iter().skip(1).take(7).map(|(_, data_type)| data_type).collect();
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let (decimal, boolean) = (DataType::Decimal128(6, 2), DataType::Boolean);
    assert_eq!(
        types,
        [DataType::Utf8View, DataType::Int64, DataType::Int32, decimal, boolean, micros, DataType::Date32]
    );
    let row = lake.rows("s.t", "SELECT a, b, c, d, e, f, g FROM t WHERE d > 1.49 AND b < 0 AND e").await;
    assert_eq!(row, ["서울 #1/ -5 7 1.50 true 2024-02-29T23:59:58.500 2024-02-29"]);
}

#[tokio::test]
async fn a_value_that_is_not_of_its_type_is_an_error_without_the_value() {
    let lake = Lake::with_orders();
    lake.write("shop/orders/dt=yesterday/shop=c/0.parquet", [("id", int64([7]))]);
    let message = lake.query_error("shop.orders", "SELECT * FROM t").await;
    assert!(message.contains("shop.orders: a folder's value of partition \"dt\" is not of type Date32"), "{message}");
    assert!(!message.contains("yesterday"), "{message}");
}

#[tokio::test]
async fn names_are_folded_and_only_data_is_listed() {
    let lake = Lake::new();
    lake.write("Shop/Orders/0.parquet", [("id", int64([1]))]);
    lake.write("Shop/nested/DT=1/0.PARQUET", [("id", int64([1]))]);
    lake.write("Shop/.hidden/0.parquet", [("id", int64([1]))]);
    lake.write("Shop/_tmp/0.parquet", [("id", int64([1]))]);
    lake.write("_staging/t/0.parquet", [("id", int64([1]))]);
    lake.text("Shop/notes/readme.txt", "no data");
    lake.text("Shop/buckets/000000_0", "");
    lake.text("file.parquet", "at the root");
    let ctx = context();
    assert_eq!(lake.connector.schemas(&ctx).await.unwrap(), ["shop"]);
    assert_eq!(lake.connector.tables(&ctx, "shop").await.unwrap(), ["nested", "orders"]);
    assert!(lake.connector.tables(&ctx, "other").await.unwrap().is_empty());
    assert!(lake.connector.table(&ctx, "shop", "other").await.unwrap().is_none());
    assert!(lake.connector.table(&ctx, "..", "shop").await.unwrap().is_none());
    assert_eq!(lake.rows("shop.orders", "SELECT * FROM t").await.len(), 1);
    assert!(described(&lake.table("shop", "nested").await).contains(&("dt".to_owned(), DataType::Utf8View)));
    let message = lake.table_error("shop", "notes").await;
    assert_eq!(message, "shop.notes has no data files yet, so its columns are not known");
    lake.connector.check(&ctx).await.unwrap();
}

#[tokio::test]
async fn two_folders_equal_when_folded_are_an_error_naming_both() {
    let lake = Lake::new();
    lake.write("shop/orders/0.parquet", [("id", int64([1]))]);
    lake.write("shop/Orders/0.parquet", [("id", int64([1]))]);
    let error = lake.connector.tables(&context(), "shop").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    let expected = "schema shop has two folders of one name: \"Orders\" and \"orders\"; rename one";
    assert_eq!(error.message, expected);
    assert_eq!(lake.table_error("shop", "orders").await, expected);
    assert_eq!(lake.connector.check(&context()).await.unwrap_err().message, expected);
    lake.write("SHOP/t/0.parquet", [("id", int64([1]))]);
    assert!(lake.connector.schemas(&context()).await.unwrap_err().message.contains("\"SHOP\" and \"shop\""));
}

#[tokio::test]
async fn folders_that_do_not_agree_are_errors() {
    let lake = Lake::new();
    lake.write("s/t/dt=1/0.parquet", [("id", int64([1]))]);
    lake.write("s/t/0.parquet", [("id", int64([1]))]);
    let message = lake.table_error("s", "t").await;
    assert!(message.contains("has partition keys"), "{message}");
    lake.write("s/u/extra/0.parquet", [("id", int64([1]))]);
    assert_eq!(lake.table_error("s", "u").await, "s.u: folder \"extra\" is not of the form key=value");
    lake.write("s/v/ID=1/0.parquet", [("id", int64([1]))]);
    assert_eq!(lake.table_error("s", "v").await, "s.v: two columns have the name \"id\", ignoring case");
    lake.write("s/w/0.parquet", [("id", int64([1]))]);
    lake.text("s/w/.naru.toml", "\ncommment = \"x\"\n");
    assert!(lake.table_error("s", "w").await.starts_with("s/w/.naru.toml:2: unknown field `commment`"));
    lake.text("s/x/0.parquet", "not parquet");
    assert_eq!(lake.table_error("s", "x").await, "s.x: file \"0.parquet\" is not a readable Parquet file");
    lake.write("s/y/0.parquet", [("id", int64([1]))]);
    // In bulk the broken ones are left out, with a warning each.
    let ctx = context();
    let described = lake.connector.columns(&ctx, "s").await.unwrap();
    assert_eq!(described.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["y"]);
    assert_eq!(ctx.warnings.take().len(), 5);
}

#[tokio::test]
async fn a_missing_root_is_told_without_its_path() {
    let lake = Lake::new();
    std::fs::remove_dir(lake.root.path()).unwrap();
    let error = lake.connector.check(&context()).await.unwrap_err();
    assert_eq!(error.message, "root of catalog lake is not there");
}

#[tokio::test]
async fn rows_are_estimated_from_footers_and_a_changed_file_is_read_again() {
    let lake = Lake::new();
    lake.write("s/t/0.parquet", [("id", int64([1, 2, 3]))]);
    let one = lake.table("s", "t").await.statistics();
    assert_eq!(one.rows, Some(3));
    lake.write("s/t/1.parquet", [("id", int64([4, 5, 6]))]);
    let TableStatistics { rows, bytes } = lake.table("s", "t").await.statistics();
    assert_eq!((rows, bytes), (Some(6), one.bytes.map(|bytes| bytes * 2)));
    lake.write("s/t/0.parquet", [("id", int64([1; 4])), ("name", text(["x"; 4]))]);
    let table = lake.table("s", "t").await;
    assert!(described(&table).contains(&("name".to_owned(), DataType::Utf8View)));
}
