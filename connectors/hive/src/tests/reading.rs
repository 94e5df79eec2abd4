//! Which files are read and what comes out.

use super::{Lake, context, int64, text};
use datafusion::arrow::array::{ArrayRef, DictionaryArray, Float64Array, LargeStringArray};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::common::ColumnStatistics;
use datafusion::common::stats::Precision;
use datafusion::logical_expr::Expr;
use datafusion::parquet::data_type::{Int96, Int96Type};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::parser::parse_message_type;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use datafusion::scalar::ScalarValue;
use naru_connector::{PlannedFiles, Support};
use std::sync::Arc;

/// Plans a read of shop.orders' `id` and `dt`.
async fn plan(lake: &Lake, filters: &[Expr], limit: Option<usize>) -> PlannedFiles {
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let table = lake.table("shop", "orders").await;
    let source = table.plan_source().unwrap();
    source.plan(&session.state(), &context(), &[0, 2], filters, limit).await.unwrap()
}

fn day(days: i32) -> Expr {
    lit(ScalarValue::Date32(Some(19_723 + days)))
}

#[tokio::test]
async fn filters_on_partitions_choose_the_files() {
    let lake = Lake::with_orders();
    let none: Expr = lit(ScalarValue::Utf8View(None));
    let cases = [
        (vec![], 3, "files=3/3"),
        (vec![col("dt").eq(day(0))], 1, "files=1/3 pruned by dt"),
        (vec![col("dt").gt_eq(day(1)), col("shop").is_null()], 1, "files=1/3 pruned by dt, shop"),
        (vec![col("shop").not_eq(lit("c"))], 1, "files=1/3 pruned by shop"),
        (vec![col("shop").eq(lit("a:b")).or(col("dt").eq(day(2)))], 2, "files=2/3 pruned by dt, shop"),
        (vec![col("$path").like(lit("/nowhere%"))], 0, "files=0/3 pruned by $path"),
        (vec![col("$file_size").gt(lit(1_i64))], 3, "files=3/3"),
        (vec![col("id").gt(lit(100_i64))], 3, "files=3/3"),
        (vec![col("shop").eq(none)], 3, "files=3/3"),
    ];
    for (filters, splits, remote) in cases {
        let planned = plan(&lake, &filters, None).await;
        assert_eq!((planned.splits, planned.remote.as_str()), (splits, remote), "{filters:?}");
    }
}

#[tokio::test]
async fn support_is_exact_only_over_what_is_constant_in_a_file() {
    let lake = Lake::with_orders();
    let table = lake.table("shop", "orders").await;
    let support = |filter: Expr| table.plan_source().unwrap().supports_expr(&filter);
    assert_eq!(support(col("dt").eq(day(0))), Support::Exact);
    assert_eq!(support(col("$file_size").gt(lit(1_i64)).and(col("shop").is_null())), Support::Exact);
    assert_eq!(support(col("id").eq(lit(1_i64))), Support::Inexact);
    assert_eq!(support(col("id").eq(lit(1_i64)).or(col("dt").eq(day(0)))), Support::Inexact);
    assert_eq!(support((lit(10_i64) / col("id")).gt(lit(1_i64))), Support::Unsupported);
    assert_eq!(support(col("dt").eq(lit("2024-01-01"))), Support::Unsupported);
}

#[tokio::test]
async fn values_come_with_their_partitions() {
    let lake = Lake::with_orders();
    let rows = lake.rows("shop.orders", "SELECT id, name, dt, coalesce(shop, '-') FROM t ORDER BY id").await;
    let expected = [
        "1 x 2024-01-01 a:b",
        "2 y 2024-01-01 a:b",
        "3 x 2024-01-02 c",
        "4 z 2024-01-02 c",
        "5 y 2024-01-03 -",
        "6 z 2024-01-03 -",
    ];
    assert_eq!(rows, expected);
    let rows = |sql: &'static str| lake.rows("shop.orders", sql);
    assert_eq!(rows("SELECT id FROM t WHERE shop IS NULL ORDER BY id").await, ["5", "6"]);
    assert_eq!(rows("SELECT id FROM t WHERE shop IS NOT NULL ORDER BY id").await, ["1", "2", "3", "4"]);
    assert_eq!(rows("SELECT id FROM t WHERE shop <> 'c' ORDER BY id").await, ["1", "2"]);
    assert_eq!(rows("SELECT id FROM t WHERE dt = '2024-01-02' AND id > 3").await, ["4"]);
    assert_eq!(rows("SELECT id FROM t WHERE dt = '2024-01-02' OR id = 5 ORDER BY id").await, ["3", "4", "5"]);
    assert_eq!(rows("SELECT a.id FROM t a JOIN t b ON a.id = b.id AND a.shop = b.shop ORDER BY 1").await.len(), 4);
}

#[tokio::test]
async fn partitions_and_counts_need_no_column_of_the_file() {
    let lake = Lake::with_orders();
    let rows = |sql: &'static str| lake.rows("shop.orders", sql);
    assert_eq!(
        rows("SELECT DISTINCT dt FROM t WHERE dt > '2024-01-01' ORDER BY dt").await,
        ["2024-01-02", "2024-01-03"]
    );
    assert_eq!(rows("SELECT shop FROM t WHERE shop = 'a:b'").await, ["a:b", "a:b"]);
    assert_eq!(rows("SELECT count(*) FROM t").await, ["6"]);
    assert_eq!(rows("SELECT count(*) FROM t WHERE dt = '2024-01-01'").await, ["2"]);
    assert_eq!(rows("SELECT count(*), count(shop) FROM t WHERE dt < '2020-01-01'").await, ["0 0"]);
    assert_eq!(rows("SELECT id, dt FROM t WHERE dt < '2020-01-01'").await, Vec::<String>::new());
    assert_eq!(rows("SELECT dt FROM t WHERE dt = '2024-01-01' LIMIT 1").await, ["2024-01-01"]);
}

#[tokio::test]
async fn hidden_columns_tell_of_the_file() {
    let lake = Lake::with_orders();
    let file = lake.root.path().join("shop/orders/dt=2024-01-01/shop=a%3Ab/0.parquet");
    let sql = "SELECT DISTINCT \"$path\", \"$file_size\" FROM t WHERE dt = '2024-01-01'";
    let size = std::fs::metadata(&file).unwrap().len();
    assert_eq!(lake.rows("shop.orders", sql).await, [format!("{} {size}", file.display())]);
    let sql = format!("SELECT id FROM t WHERE \"$path\" = '{}' ORDER BY id", file.display());
    assert_eq!(lake.rows("shop.orders", &sql).await, ["1", "2"]);
    let sql = "SELECT count(*) FROM t WHERE \"$file_modified_time\" > now() - interval '1 hour' AND \"$file_size\" > 0";
    assert_eq!(lake.rows("shop.orders", sql).await, ["6"]);
}

#[tokio::test]
async fn a_limit_is_taken_over_only_when_every_filter_is_exact() {
    let lake = Lake::with_orders();
    assert_eq!(plan(&lake, &[col("dt").lt(day(2))], Some(1)).await.plan.fetch(), Some(1));
    assert_eq!(plan(&lake, &[col("id").lt(lit(2_i64))], Some(1)).await.plan.fetch(), None);
}

#[tokio::test]
async fn a_file_may_lack_a_column_or_have_more() {
    let lake = Lake::new();
    lake.write("s/t/dt=1/0.parquet", [("id", int64([1])), ("name", text(["x"]))]);
    lake.write("s/t/dt=2/0.parquet", [("id", int64([2]))]);
    lake.write("s/t/dt=3/0.parquet", [("more", int64([9])), ("name", text(["y"])), ("id", int64([3]))]);
    let rows = lake.rows("s.t", "SELECT id, coalesce(name, '-'), dt FROM t ORDER BY id").await;
    assert_eq!(rows, ["1 x 1", "2 - 2", "3 y 3"]);
    assert_eq!(lake.rows("s.t", "SELECT id FROM t WHERE name IS NULL").await, ["2"]);
    assert_eq!(lake.rows("s.t", "SELECT id FROM t WHERE name > 'x'").await, ["3"]);
}

#[tokio::test]
async fn a_column_of_another_type_or_case_is_an_error_only_where_it_is_read() {
    let lake = Lake::new();
    lake.write("s/t/dt=1/0.parquet", [("id", int64([1]))]);
    lake.write("s/t/dt=2/0.parquet", [("id", text(["2"]))]);
    let message = lake.query_error("s.t", "SELECT id FROM t").await;
    assert!(
        message.contains("s.t: file \"dt=2/0.parquet\": column \"id\" is Utf8View, the table's is Int64"),
        "{message}"
    );
    assert_eq!(lake.rows("s.t", "SELECT id FROM t WHERE dt = '1'").await, ["1"]);
    lake.write("s/t/dt=2/0.parquet", [("ID", int64([2]))]);
    let message = lake.query_error("s.t", "SELECT id FROM t").await;
    assert!(message.contains("column \"ID\" differs from column \"id\" only by case"), "{message}");
}

#[tokio::test]
async fn all_encodings_of_text_are_one_type() {
    let lake = Lake::new();
    let dictionary: DictionaryArray<Int32Type> = ["b"].into_iter().collect();
    lake.write("s/t/0.parquet", [("name", text(["a"]))]);
    lake.write("s/t/1.parquet", [("name", Arc::new(dictionary) as ArrayRef)]);
    lake.write("s/t/2.parquet", [("name", Arc::new(LargeStringArray::from(vec!["c"])) as ArrayRef)]);
    assert_eq!(lake.rows("s.t", "SELECT name FROM t ORDER BY name").await, ["a", "b", "c"]);
    assert_eq!(lake.rows("s.t", "SELECT name FROM t WHERE name >= 'b' ORDER BY name").await, ["b", "c"]);
}

/// As Hive and Spark write timestamps; beyond 2262, where nanoseconds end.
#[tokio::test]
async fn int96_timestamps_are_microseconds() {
    let lake = Lake::new();
    let schema = Arc::new(parse_message_type("message t { optional int96 at; }").unwrap());
    let file = std::fs::File::create(lake.path("s/t/0.parquet")).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut row_group = writer.next_row_group().unwrap();
    let mut column = row_group.next_column().unwrap().unwrap();
    let last_day = Int96::from(vec![1_000_000, 0, 5_373_484]);
    column.typed::<Int96Type>().write_batch(&[last_day], Some(&[1]), None).unwrap();
    column.close().unwrap();
    row_group.close().unwrap();
    writer.close().unwrap();
    let rows = lake.rows("s.t", "SELECT at FROM t WHERE at IS NOT NULL").await;
    assert_eq!(rows, ["9999-12-31T00:00:00.001"]);
}

#[tokio::test]
async fn nan_is_greater_than_every_number_in_files_too() {
    let lake = Lake::new();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::NAN]));
    lake.write("s/t/0.parquet", [("x", numbers), ("id", int64([1, 2]))]);
    for filter in
        ["x > 5", "x <> 1", "x = 'NaN'::double", "x * 2 > 5", "x IN ('NaN'::double, 3)", "NOT x <= 1 AND id > 0"]
    {
        assert_eq!(lake.rows("s.t", &format!("SELECT id FROM t WHERE {filter}")).await, ["2"], "{filter}");
    }
    assert_eq!(lake.rows("s.t", "SELECT id FROM t WHERE x = 1").await, ["1"]);
    assert_eq!(lake.rows("s.t", "SELECT id FROM t ORDER BY x DESC LIMIT 1").await, ["2"]);
    let join = "SELECT t.id FROM t JOIN (VALUES ('NaN'::double)) v(x) ON t.x = v.x";
    assert_eq!(lake.rows("s.t", join).await, ["2"]);
    assert_eq!(lake.rows("s.t", "SELECT max(x) FROM t").await, ["NaN"]);
}

/// The negative control of the one above: bounds of whole numbers do prune.
#[tokio::test]
async fn row_groups_that_cannot_match_are_not_read() {
    let lake = Lake::new();
    lake.write("s/t/0.parquet", [("id", int64([1, 2]))]);
    let analyzed = lake.query("s.t", "EXPLAIN ANALYZE SELECT id FROM t WHERE id > 5").await;
    assert!(analyzed.contains("row_groups_pruned_statistics=1 total → 0 matched"), "{analyzed}");
}

#[tokio::test]
async fn files_added_after_the_lookup_are_read() {
    let lake = Lake::with_orders();
    let session = lake.session("shop", "orders").await;
    lake.write("shop/orders/dt=2024-01-04/shop=d/0.parquet", [("id", int64([7])), ("name", text(["q"]))]);
    let batches = session.sql("SELECT id FROM t WHERE shop = 'd'").await.unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
}

/// Estimates: pruning has its own way to the footers, and no number of rows may be taken from here.
#[tokio::test]
async fn columns_have_statistics_unless_a_file_differs() {
    let lake = Lake::with_orders();
    let first_days = col("dt").lt(day(2));
    let columns = async |filters: &[Expr]| {
        let statistics =
            StatisticsContext::new().compute(plan(&lake, filters, None).await.plan.as_ref(), &StatisticsArgs::new());
        statistics.unwrap().column_statistics.clone()
    };
    let bounds = |column: &ColumnStatistics| (column.min_value.clone(), column.max_value.clone());
    let expected = |min, max| (Precision::Inexact(ScalarValue::from(min)), Precision::Inexact(ScalarValue::from(max)));
    let all = columns(&[]).await;
    assert_eq!(bounds(&all[0]), expected(1_i64, 6_i64));
    assert_eq!(all[0].null_count, Precision::Inexact(0));
    assert_eq!(bounds(&columns(&[first_days]).await[0]), expected(1_i64, 4_i64));

    lake.write("shop/orders/dt=2024-01-04/shop=c/0.parquet", [("id", int64([7, 8]))]);
    assert_eq!(columns(&[]).await[0].min_value, Precision::Absent);
}
