//! `mysql_query`: a user's own statement at the servers, which only reads.

use crate::world::{SERVERS, catalog, everywhere};
use naru_connector::{Connector, ErrorKind, Result, ScanRequest, Table};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::{read, text};
use serde_json::json;
use std::sync::Arc;

async fn ask(connector: &Arc<dyn Connector>, selector: &str, statement: &str) -> Result<Arc<dyn Table>> {
    connector.query_function().unwrap().table(&context(), selector, statement).await
}

async fn answer(connector: &Arc<dyn Connector>, selector: &str, statement: &str) -> Result<Vec<String>> {
    let table = ask(connector, selector, statement).await?;
    let projection = (0..table.columns().len()).collect();
    let scan = table.plan(&context(), ScanRequest { projection, ..ScanRequest::default() }).await?;
    Ok(text(&read(scan.as_ref()).await?))
}

fn any() -> Arc<dyn Connector> {
    catalog(&json!([]), Vec::new())
}

#[tokio::test]
async fn the_statement_goes_to_the_selected_servers_as_it_is() {
    everywhere(
        "CREATE DATABASE passed; CREATE TABLE passed.t (n INT, s VARCHAR(10)); INSERT INTO passed.t VALUES ({shard}, 'x{shard}')",
    );
    let statement = "SELECT n, s FROM passed.t";
    assert_eq!(answer(&any(), "all", statement).await.unwrap(), ["0|x0", "1|x1", "2|x2", "3|x3"]);
    assert_eq!(answer(&any(), "1,3", statement).await.unwrap(), ["1|x1", "3|x3"]);
    assert_eq!(answer(&any(), "2", "SELECT COUNT(*) AS c, MAX(s) FROM passed.t").await.unwrap(), ["1|x2"]);
    // All of these servers are at one host.
    let address = SERVERS[2].address();
    assert_eq!(answer(&any(), &address.to_string(), statement).await.unwrap(), ["2|x2"]);
    assert_eq!(answer(&any(), &address.ip().to_string(), statement).await.unwrap().len(), 4);
    let scan = ask(&any(), "0-1", statement).await.unwrap();
    let scan = scan.plan(&context(), ScanRequest { projection: vec![1], ..ScanRequest::default() }).await.unwrap();
    assert_eq!(scan.remote_text(), statement);
    let decoded = any().decode_scan(&scan.encode().unwrap()).unwrap();
    assert_eq!(text(&read(decoded.as_ref()).await.unwrap()), ["x0", "x1"]);
}

#[tokio::test]
async fn columns_have_the_types_of_the_result() {
    let statement = "SELECT CAST(18446744073709551615 AS UNSIGNED) AS u, 1.50 AS d, 'x' AS s, x'00ff' AS b, DATE '2024-02-29' AS day, \
         CAST('2024-02-29 12:00:00.5' AS DATETIME(6)) AS at, 1.5e0 AS f, NULL AS nothing, CAST(-12.345 AS DECIMAL(20,3)) AS big, \
         CAST('10:11:12' AS TIME) AS t";
    let table = ask(&any(), "0", statement).await.unwrap();
    let types: Vec<_> =
        table.columns().iter().map(|column| format!("{} {}", column.name(), column.field.data_type())).collect();
    assert_eq!(
        types,
        [
            "u Decimal128(20, 0)",
            "d Decimal128(3, 2)",
            "s Utf8View",
            "b Binary",
            "day Date32",
            "at Timestamp(µs)",
            "f Float64",
            "nothing Utf8View",
            "big Decimal128(20, 3)",
            "t Time64(µs)"
        ]
    );
    let expected = "18446744073709551615|1.50|x|00ff|2024-02-29|2024-02-29T12:00:00.500|1.5|NULL|-12.345|10:11:12";
    assert_eq!(answer(&any(), "0", statement).await.unwrap(), [expected]);
}

#[tokio::test]
async fn describing_does_not_run_it() {
    let statement = "SELECT BENCHMARK(100000000000, MD5('x')) AS spent";
    let described = tokio::time::timeout(std::time::Duration::from_secs(20), ask(&any(), "0", statement)).await;
    assert_eq!(described.expect("it is only prepared").unwrap().columns().len(), 1);
}

#[tokio::test]
async fn nothing_is_changed_and_nothing_is_left_behind() {
    SERVERS[0]
        .sql("CREATE OR REPLACE DATABASE kept; USE kept; CREATE TABLE t (x INT); CREATE TABLE m (x INT) ENGINE=MyISAM;
              DELIMITER //\nCREATE FUNCTION f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO kept.t VALUES (1); RETURN 1; END//\n\
              CREATE FUNCTION g() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO kept.m VALUES (1); RETURN 1; END//")
        .unwrap();
    for statement in ["SELECT kept.f()", "SELECT kept.g()"] {
        assert!(answer(&any(), "0", statement).await.is_err(), "{statement}");
    }
    assert_eq!(
        SERVERS[0].sql("SELECT (SELECT COUNT(*) FROM kept.t), (SELECT COUNT(*) FROM kept.m)").unwrap(),
        "0\t0\n"
    );
    // What a statement puts into its session is gone with it: the next one has another. (The server lets go when it gets to it.)
    let connector = any();
    let lock = "SELECT GET_LOCK('naru', 20) AS got, CONNECTION_ID() AS id";
    let first = answer(&connector, "0", lock).await.unwrap();
    let second = answer(&connector, "0", lock).await.unwrap();
    assert!(first[0].starts_with("1|") && second[0].starts_with("1|") && first != second, "{first:?} {second:?}");
    let refused = ask(&connector, "0", "SELECT 1 INTO OUTFILE '/tmp/naru-should-not-exist'").await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    for (selector, statement, expected) in [
        ("4", "SELECT 1", "\"4\" selects no server"),
        ("0", "SELECT 1 AS a, 2 AS A", "two columns of the statement are called \"a\""),
        ("0", "SELECT ?", "without parameters"),
        ("0", "SELECT * FROM no_such_db.t", "the statement on server 0 is refused"),
        ("0", "SELECT 1; SELECT 2", "one SELECT"),
        ("0", "DROP TABLE x", "one SELECT"),
    ] {
        let error = ask(&any(), selector, statement).await.unwrap_err();
        assert!(error.kind == ErrorKind::Unsupported && error.message.contains(expected), "{statement}: {error}");
    }
}
