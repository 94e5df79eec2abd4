//! What a reader of TPC-H data may rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use crate::{Dataset, FACTORY};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
use futures::TryStreamExt;
use naru_connector::{Connector, ConnectorFactory, ParameterValue, Parameters, QueryContext, Scan, ScanRequest, Table};
use std::collections::BTreeMap;
use std::sync::Arc;

fn connector(splits: i64) -> Arc<dyn Connector> {
    let parameters = Parameters::new(BTreeMap::from([("splits", ParameterValue::Integer(splits))]));
    FACTORY.create("tpch", &parameters).unwrap()
}

fn context() -> QueryContext {
    QueryContext::system(tokio::runtime::Handle::current())
}

async fn tiny(splits: i64, table: &str) -> Arc<dyn Table> {
    connector(splits).table(&context(), "tiny", table).await.unwrap().unwrap()
}

async fn scan(splits: i64, table: &str, projection: Option<Vec<usize>>, limit: Option<usize>) -> Arc<dyn Scan> {
    let table = tiny(splits, table).await;
    let projection = projection.unwrap_or_else(|| (0..table.columns().len()).collect());
    table.plan(&context(), ScanRequest { projection, predicates: Vec::new(), limit }).await.unwrap()
}

async fn read_splits(scan: &Arc<dyn Scan>) -> Vec<RecordBatch> {
    let mut splits = Vec::new();
    for split in scan.splits() {
        let batches: Vec<_> = scan.open(&context(), split, &[]).await.unwrap().try_collect().await.unwrap();
        splits.push(concat_batches(&scan.schema(), &batches).unwrap());
    }
    splits
}

async fn read(scan: &Arc<dyn Scan>) -> RecordBatch {
    concat_batches(&scan.schema(), &read_splits(scan).await).unwrap()
}

#[tokio::test]
async fn a_table_is_the_same_in_one_split_and_in_many() {
    let rows = [1500, 60175, 25, 15000, 2000, 8000, 5, 100];
    for (dataset, rows) in Dataset::ALL.into_iter().zip(rows) {
        let whole = read(&scan(1, dataset.name(), None, None).await).await;
        assert_eq!(whole.num_rows(), rows, "{}", dataset.name());
        let in_seven = read(&scan(7, dataset.name(), None, None).await).await;
        assert!(in_seven == whole, "{} differs in seven splits", dataset.name());
    }
}

#[tokio::test]
async fn no_split_is_empty_even_when_more_are_wanted_than_there_are_rows() {
    let supplier = scan(1024, "supplier", Some(vec![0]), None).await;
    let splits = read_splits(&supplier).await;
    assert_eq!(splits.len(), 100);
    assert!(splits.iter().all(|batch| batch.num_rows() == 1));
    assert_eq!(scan(1024, "nation", None, None).await.splits().len(), 1);
}

#[tokio::test]
async fn the_first_customer_is_the_one_of_the_standard() {
    let customer = read(&scan(4, "customer", None, Some(1)).await).await;
    let value = |name: &str| Arc::clone(customer.column_by_name(name).unwrap());
    assert_eq!(value("c_custkey").as_primitive::<Int64Type>().value(0), 1);
    assert_eq!(value("c_name").as_string_view().value(0), "Customer#000000001");
    assert_eq!(value("c_phone").as_string_view().value(0), "25-989-741-2988");
    assert_eq!(value("c_acctbal").as_primitive::<Decimal128Type>().value_as_string(0), "711.56");
}

#[tokio::test]
async fn a_projection_keeps_its_order_and_can_be_narrowed() {
    let both = scan(3, "orders", Some(vec![3, 0]), None).await;
    assert_eq!(both.schema().field(0).name(), "o_totalprice");
    assert_eq!(both.schema().field(1).name(), "o_orderkey");
    let narrowed = both.with_projection(&[1]).unwrap();
    let whole = read(&scan(1, "orders", None, None).await).await;
    assert_eq!(read(&narrowed).await.column(0), whole.column(0));
    assert!(both.with_projection(&[2]).is_none());
}

#[tokio::test]
async fn without_columns_the_rows_still_count() {
    let scan = scan(3, "lineitem", Some(Vec::new()), None).await;
    let mut rows = 0;
    for split in scan.splits() {
        let batches: Vec<_> = scan.open(&context(), split, &[]).await.unwrap().try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| batch.num_columns() == 0 && batch.num_rows() <= 8192));
        rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    }
    assert_eq!(rows, 60175);
}

#[tokio::test]
async fn a_limit_holds_for_each_split_and_never_grows() {
    let limited = scan(3, "lineitem", Some(vec![0]), Some(8200)).await;
    assert!(read_splits(&limited).await.iter().all(|batch| batch.num_rows() == 8200));
    let fewer = limited.with_limit(10).unwrap();
    assert_eq!(fewer.pushed(), ["limit 10"]);
    assert!(read_splits(&fewer).await.iter().all(|batch| batch.num_rows() == 10));
    assert!(read_splits(&fewer.with_limit(20).unwrap()).await.iter().all(|batch| batch.num_rows() == 10));
    assert!(read_splits(&fewer.with_limit(0).unwrap()).await.iter().all(|batch| batch.num_rows() == 0));
}

#[tokio::test]
async fn a_scan_reads_the_same_after_a_journey() {
    let scan = scan(3, "partsupp", Some(vec![1, 4]), Some(700)).await;
    let text = scan.encode().unwrap().to_string();
    let decoded = connector(1).decode_scan(&serde_json::from_str(&text).unwrap()).unwrap();
    assert_eq!(decoded.splits(), scan.splits());
    assert!(read(&decoded).await == read(&scan).await);
    assert!(connector(1).decode_scan(&serde_json::json!({ "schema": "tiny" })).is_err());
}

#[tokio::test]
async fn columns_are_not_null_and_keys_identify_a_row() {
    for dataset in Dataset::ALL {
        let table = tiny(1, dataset.name()).await;
        assert!(table.columns().iter().all(|column| !column.field.is_nullable()), "{}", dataset.name());
    }
    let lineitem = tiny(1, "lineitem").await;
    let key: Vec<_> = lineitem.unique_keys()[0].iter().map(|&i| lineitem.columns()[i].name()).collect();
    assert_eq!(key, ["l_orderkey", "l_linenumber"]);
    assert_eq!(tiny(1, "orders").await.statistics().rows, Some(15_000));
}

#[tokio::test]
async fn whole_scales_are_there_when_named() {
    let connector = connector(1);
    let ctx = context();
    assert_eq!(connector.schemas(&ctx).await.unwrap(), ["sf1", "sf10", "sf100", "sf1000", "tiny"]);
    assert_eq!(connector.tables(&ctx, "tiny").await.unwrap().len(), 8);
    for (schema, there) in
        [("sf3", true), ("sf10000", true), ("sf10001", false), ("sf0", false), ("sf01", false), ("sf", false)]
    {
        assert_eq!(connector.table(&ctx, schema, "orders").await.unwrap().is_some(), there, "{schema}");
    }
    assert!(connector.table(&ctx, "tiny", "order").await.unwrap().is_none());
}
