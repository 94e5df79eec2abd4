//! One table over many: which shards are asked, and that the rows are all there.

use crate::world::{SERVERS, catalog, everywhere, orders, table};
use datafusion::scalar::ScalarValue;
use naru_connector::{ColumnPath, CompareOp, DerivedFrom, ErrorKind, ParameterValue, Predicate, ScanRequest, Table};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::{read, select, text};
use serde_json::json;
use std::collections::BTreeSet;

fn equals(column: &str, value: i32) -> Predicate {
    Predicate::Compare { column: ColumnPath::column(column), op: CompareOp::Eq, value: ScalarValue::Int32(Some(value)) }
}

async fn shards(table: &dyn Table, predicates: &[Predicate]) -> Vec<String> {
    let request = ScanRequest { projection: vec![0], predicates: predicates.to_vec(), limit: None };
    let scan = table.plan(&context(), request).await.unwrap();
    scan.splits().iter().map(|split| split.label.clone()).collect()
}

#[tokio::test]
async fn a_key_is_looked_for_in_its_shard_alone() {
    let table = orders("pruning").await;
    assert_eq!(shards(table.as_ref(), &[equals("user_id", 6)]).await, ["shard 2"]);
    assert_eq!(select(table.as_ref(), &[equals("user_id", 6)]).await.unwrap().num_rows(), 8);
    assert_eq!(shards(table.as_ref(), &[equals("ms", 6)]).await.len(), 4);
    let two = Predicate::Or(vec![equals("user_id", 1), equals("user_id", 5), equals("user_id", 3)]);
    assert_eq!(shards(table.as_ref(), &[two]).await, ["shard 1", "shard 3"]);
    assert_eq!(shards(table.as_ref(), &[equals("user_id", 1), equals("user_id", 2)]).await, [""; 0]);
}

#[tokio::test]
async fn the_shard_column_is_hidden_names_its_rows_shard_and_reveals_the_key() {
    let table = orders("shard_column").await;
    let column = table.columns().last().unwrap();
    assert_eq!((column.name(), column.hidden), ("$shard", true));
    assert_eq!(column.derived_from, DerivedFrom::Columns(vec!["user_id".to_owned()]));
    let position = table.columns().len() - 1;
    let request = ScanRequest { projection: vec![1, position], predicates: vec![equals("$shard", 3)], limit: None };
    let scan = table.plan(&context(), request).await.unwrap();
    assert_eq!(scan.splits().len(), 1);
    let rows = text(&read(scan.as_ref()).await.unwrap());
    assert!(!rows.is_empty() && rows.iter().all(|row| row.ends_with("|3")), "{rows:?}");
}

#[tokio::test]
async fn physical_tables_behind_a_logical_one_are_not_listed() {
    everywhere("CREATE DATABASE spread_{shard}; CREATE TABLE spread_{shard}.orders_0 (user_id INT NOT NULL, v INT);
                CREATE TABLE spread_{shard}.orders_1 LIKE spread_{shard}.orders_0;
                INSERT INTO spread_{shard}.orders_0 VALUES ({shard} * 2, 0); INSERT INTO spread_{shard}.orders_1 VALUES ({shard} * 2 + 1, 1);
                CREATE TABLE spread_{shard}.plain (x INT);");
    let tables = json!([{"schema": "shop", "name": "orders", "databases": "spread_{0..3}", "tables": "orders_{0..1}",
        "layout": "spread", "key": "user_id", "routing": {"function": "modulo"}}]);
    let connector = catalog(&tables, Vec::new());
    let ctx = context();
    assert!(connector.schemas(&ctx).await.unwrap().contains(&"shop".to_owned()));
    assert_eq!(connector.tables(&ctx, "shop").await.unwrap(), ["orders"]);
    assert_eq!(connector.tables(&ctx, "spread_0").await.unwrap(), ["plain"]);
    assert!(connector.table(&ctx, "spread_0", "orders_0").await.unwrap().is_none());
    let orders = table(&connector, "shop", "orders").await;
    assert_eq!(select(orders.as_ref(), &[]).await.unwrap().num_rows(), 8);
    assert_eq!(shards(orders.as_ref(), &[equals("user_id", 5)]).await, ["shard 5"]);
    assert_eq!(select(orders.as_ref(), &[equals("user_id", 5)]).await.unwrap().num_rows(), 1);
    connector.check(&ctx).await.unwrap();
}

#[tokio::test]
async fn a_look_up_table_says_where_a_key_lies() {
    everywhere(
        "CREATE DATABASE looked_up; CREATE TABLE looked_up.t (k INT NOT NULL); INSERT INTO looked_up.t VALUES ({shard} + 10);",
    );
    SERVERS[0].sql("CREATE TABLE looked_up.place (k INT PRIMARY KEY, s INT); INSERT INTO looked_up.place VALUES (10,0),(11,1),(12,2),(13,3)").unwrap();
    let routing =
        json!({"function": "lookup", "server": 0, "database": "looked_up", "table": "place", "key": "k", "shard": "s"});
    let connector = catalog(&json!([{"schema": "looked_up", "name": "t", "key": "k", "routing": routing}]), Vec::new());
    let found = table(&connector, "looked_up", "t").await;
    assert_eq!(shards(found.as_ref(), &[equals("k", 12)]).await, ["shard 2"]);
    assert_eq!(shards(found.as_ref(), &[equals("k", 99)]).await, [""; 0]);
    assert_eq!(select(found.as_ref(), &[equals("k", 12)]).await.unwrap().num_rows(), 1);
}

#[tokio::test]
async fn a_shard_with_another_shape_is_a_clear_error() {
    everywhere("CREATE DATABASE drift; CREATE TABLE drift.t (k INT, v INT);");
    SERVERS[2].sql("ALTER TABLE drift.t MODIFY v BIGINT").unwrap();
    let connector = catalog(&json!([{"schema": "drift", "name": "t"}]), Vec::new());
    let error = connector.table(&context(), "drift", "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::ObjectChanged);
    assert_eq!(error.message, "column \"v\" of drift.t differs between its shards 0 and 2");
    assert!(connector.check(&context()).await.is_err());
}

#[tokio::test]
async fn a_column_that_shards_lack_is_an_error_or_null_there() {
    everywhere(
        "CREATE DATABASE lacking; USE lacking; CREATE TABLE t (k INT NOT NULL, v INT NOT NULL, w INT NOT NULL); INSERT INTO t VALUES ({shard}, {shard} + 10, 1);",
    );
    SERVERS[0].sql("ALTER TABLE lacking.t DROP COLUMN w").unwrap();
    SERVERS[2].sql("ALTER TABLE lacking.t DROP COLUMN v").unwrap();
    let tables = json!([{"schema": "lacking", "name": "t", "key": "k", "routing": {"function": "modulo"}}]);
    let strict = catalog(&tables, Vec::new());
    let error = strict.table(&context(), "lacking", "t").await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::ObjectChanged, "shard 2 of lacking.t lacks column \"v\", which shard 0 has")
    );
    assert!(strict.check(&context()).await.is_err());

    let null = vec![("missing_column", ParameterValue::Text("null".to_owned()))];
    let lenient = catalog(&tables, null.clone());
    let t = table(&lenient, "lacking", "t").await;
    let mut rows = text(&select(t.as_ref(), &[]).await.unwrap());
    rows.sort_unstable();
    assert_eq!(rows, ["0|10|NULL|0", "1|11|1|1", "2|NULL|1|2", "3|13|1|3"]);
    assert!(t.columns()[1].field.is_nullable());
    let is_null = Predicate::IsNull { column: ColumnPath::column("v") };
    assert_eq!(text(&select(t.as_ref(), std::slice::from_ref(&is_null)).await.unwrap()), ["2|NULL|1|2"]);
    assert_eq!(select(t.as_ref(), &[Predicate::Not(Box::new(is_null))]).await.unwrap().num_rows(), 3);
    assert_eq!(select(t.as_ref(), &[Predicate::Not(Box::new(equals("v", 10)))]).await.unwrap().num_rows(), 2);
    let ctx = context();
    lenient.check(&ctx).await.unwrap();
    let said = ctx.warnings.take();
    assert_eq!(
        said,
        ["shard 0 of lacking.t lacks `w`: read as NULL there", "shard 2 of lacking.t lacks `v`: read as NULL there"]
    );
    // Rows can't be found by a key that a shard lacks.
    let by_v = json!([{"schema": "lacking", "name": "t", "key": "v", "routing": {"function": "modulo"}}]);
    let error = catalog(&by_v, null).table(&context(), "lacking", "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
}

#[tokio::test]
async fn a_scan_can_be_read_elsewhere() {
    let orders = orders("elsewhere").await;
    let connector = catalog(&crate::world::orders_tables("elsewhere"), Vec::new());
    let request = ScanRequest { projection: vec![0, 2], predicates: vec![equals("user_id", 7)], limit: None };
    let scan = orders.plan(&context(), request).await.unwrap();
    let encoded = scan.encode().unwrap();
    assert!(!encoded.to_string().contains(naru_services::mariadb::PASSWORD));
    let decoded = connector.decode_scan(&encoded).unwrap();
    assert_eq!(read(decoded.as_ref()).await.unwrap(), read(scan.as_ref()).await.unwrap());
    let labels: BTreeSet<_> = decoded.splits().iter().map(|split| split.label.as_str()).collect();
    assert_eq!(labels, BTreeSet::from(["shard 3"]));
}
