//! A smoke test against a real MySQL, an old one: names, types, and that what is pushed down gives the same rows.

use crate::world::{catalog_of, install_crypto, table};
use datafusion::arrow::datatypes::DataType;
use naru_connector::{AggregateCall, AggregateFunction, ColumnPath, KeyExpr};
use naru_connector_testkit::aggregation::{self, Question};
use naru_connector_testkit::rows::{select, text};
use naru_connector_testkit::{context, predicates, topn};
use naru_services::Mysql55;
use serde_json::json;

const TABLE: &str = "CREATE DATABASE old CHARACTER SET utf8mb4; USE old;
CREATE TABLE calls (id INT PRIMARY KEY, code VARCHAR(9) COLLATE utf8mb4_general_ci, ms INT, amount DECIMAL(18,2),
    ratio DOUBLE, at DATETIME, big BIGINT UNSIGNED, raw VARBINARY(4), choice ENUM('z', 'a')) COMMENT 'of old';
INSERT INTO calls VALUES
    (1, 'a', 10, 1.50, 0.25, '2024-02-29 23:59:59', 18446744073709551615, x'00ff', 'z'),
    (2, 'A', 20, -2.25, 1e300, '2024-03-01 00:00:00', 0, '', 'a'),
    (3, 'a ', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, '한글', 40, 99999999999999.99, -0.5, '1000-01-01 00:00:00', 7, 'a', 'a'),
    (5, 'a', 70, 0.01, 3.5, '2024-02-29 00:00:00', 8, 'A', 'z');";

#[tokio::test]
async fn an_old_mysql_is_read_and_pushed_down_to() {
    install_crypto();
    let server = Mysql55::start().unwrap();
    assert!(server.sql("SELECT VERSION()").unwrap().starts_with("5.5.9"));
    server.sql(TABLE).unwrap();
    let connector = catalog_of(vec![server.address().to_string()], &json!([]), Vec::new());
    connector.check(&context()).await.unwrap();
    assert_eq!(connector.tables(&context(), "old").await.unwrap(), ["calls"]);

    let calls = table(&connector, "old", "calls").await;
    assert_eq!(calls.comment(), Some("of old"));
    let all = select(calls.as_ref(), &[]).await.unwrap();
    let first = "1|a|10|1.50|0.25|2024-02-29T23:59:59|18446744073709551615|00ff|z";
    assert!(text(&all).contains(&first.to_owned()), "{:?}", text(&all));

    let asked = predicates::over(&all);
    let exact = predicates::agree(calls.as_ref(), &asked).await;
    assert!(exact * 2 > asked.len(), "only {exact} of {} were pushed down", asked.len());
    for column in ["id", "code", "amount", "at", "big"] {
        assert_eq!(topn::agree(calls.as_ref(), column, 2).await, 4, "{column}");
    }
}

#[tokio::test]
async fn an_old_mysql_aggregates_alike() {
    install_crypto();
    let server = Mysql55::start().unwrap();
    server.sql(TABLE).unwrap();
    let connector = catalog_of(vec![server.address().to_string()], &json!([]), Vec::new());
    let calls = table(&connector, "old", "calls").await;
    let call =
        |function, argument: &str, cast| AggregateCall { function, argument: Some(ColumnPath::column(argument)), cast };
    let question = Question {
        sql: "SELECT code, count(ms), avg(ms), stddev(ms), sum(amount), max(at) FROM t GROUP BY code ORDER BY code"
            .into(),
        keys: vec![KeyExpr::Column(ColumnPath::column("code"))],
        calls: vec![
            call(AggregateFunction::Count, "ms", None),
            call(AggregateFunction::Avg, "ms", Some(DataType::Float64)),
            call(AggregateFunction::Variance, "ms", Some(DataType::Float64)),
            call(AggregateFunction::Sum, "amount", None),
            call(AggregateFunction::Max, "at", None),
        ],
        predicates: Vec::new(),
    };
    // Four codes by their bytes; two by their collation.
    assert_eq!(aggregation::agree(calls.as_ref(), &question).await, Some(4));
}
