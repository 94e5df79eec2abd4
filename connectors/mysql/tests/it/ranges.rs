//! Big physical tables read in several ranges of their primary key.

use crate::world::{SERVERS, catalog, everywhere, orders, orders_tables, table};
use naru_connector::{ColumnPath, CompareOp, ParameterValue, Predicate, ScanRequest, Table};
use naru_connector_testkit::rows::{multiset, read, select};
use naru_connector_testkit::{context, predicates, topn};
use serde_json::{Value, json};
use std::sync::Arc;

/// A range for each so many rows.
pub(crate) fn rows_per_split(rows: i64) -> Vec<(&'static str, ParameterValue)> {
    vec![("rows_per_split", ParameterValue::Integer(rows)), ("max_splits_per_shard", ParameterValue::Integer(4))]
}

async fn split_table(tables: &Value, schema: &str, name: &str) -> Arc<dyn Table> {
    table(&catalog(tables, rows_per_split(20)), schema, name).await
}

async fn splits(table: &dyn Table, predicates: Vec<Predicate>) -> usize {
    let request = ScanRequest { projection: vec![0], predicates, limit: None };
    table.plan(&context(), request).await.unwrap().splits().len()
}

#[tokio::test]
async fn all_rows_are_read_once_whatever_is_asked_of_them() {
    let whole = orders("ranges").await;
    everywhere("ANALYZE TABLE ranges.orders");
    let table = split_table(&orders_tables("ranges"), "ranges", "orders").await;
    let parts = splits(table.as_ref(), Vec::new()).await;
    assert!(parts > 8, "{parts} splits of four shards");
    let all = select(table.as_ref(), &[]).await.unwrap();
    assert_eq!(multiset(&all), multiset(&select(whole.as_ref(), &[]).await.unwrap()));
    assert!(predicates::agree(table.as_ref(), &predicates::over(&all)).await > 100);
    for column in ["id", "ms", "code", "at", "big"] {
        assert_eq!(topn::agree(table.as_ref(), column, 7).await, 4, "{column}");
    }
    // Few rows are not worth several statements.
    let value = datafusion::scalar::ScalarValue::Int32(Some(6));
    let one_user = Predicate::Compare { column: ColumnPath::column("user_id"), op: CompareOp::Eq, value };
    assert_eq!(splits(table.as_ref(), vec![one_user]).await, 1);
    let few = ScanRequest { projection: vec![0], limit: Some(3), ..ScanRequest::default() };
    assert_eq!(table.plan(&context(), few).await.unwrap().splits().len(), 4);
}

#[tokio::test]
async fn keys_may_be_unsigned_negative_and_far_apart() {
    SERVERS[0]
        .sql(
            "CREATE DATABASE odd_keys; USE odd_keys;
             CREATE TABLE unsigned_key (id BIGINT UNSIGNED PRIMARY KEY, v INT);
             INSERT INTO unsigned_key SELECT 18446744073709551615 - seq * seq * seq, seq FROM seq_0_to_99;
             INSERT INTO unsigned_key VALUES (0, -1);
             CREATE TABLE negative_key (id SMALLINT PRIMARY KEY, v INT);
             INSERT INTO negative_key SELECT CAST(seq * 5 AS SIGNED) - 32768, seq FROM seq_0_to_99;
             CREATE TABLE one_row (id INT PRIMARY KEY); INSERT INTO one_row VALUES (7);
             CREATE TABLE composite (a INT, b INT, PRIMARY KEY (a, b)); INSERT INTO composite SELECT seq, 1 FROM seq_1_to_100;
             CREATE TABLE text_key (a VARCHAR(9) PRIMARY KEY); INSERT INTO text_key SELECT seq FROM seq_1_to_100;
             CREATE TABLE nullable (a INT UNIQUE); INSERT INTO nullable SELECT NULLIF(seq, 3) FROM seq_1_to_100;
             ANALYZE TABLE unsigned_key, negative_key, one_row, composite, text_key, nullable;",
        )
        .unwrap();
    for (name, rows, in_ranges) in [
        ("unsigned_key", 101, true),
        ("negative_key", 100, true),
        ("one_row", 1, false),
        ("composite", 100, false),
        ("text_key", 100, false),
        ("nullable", 100, false),
    ] {
        let table = split_table(&json!([]), "odd_keys", name).await;
        assert_eq!(splits(table.as_ref(), Vec::new()).await > 1, in_ranges, "{name}");
        let request = ScanRequest { projection: vec![0], ..ScanRequest::default() };
        let scan = table.plan(&context(), request).await.unwrap();
        let found = multiset(&read(scan.as_ref()).await.unwrap());
        assert_eq!(found.len(), rows, "{name}");
    }
}
