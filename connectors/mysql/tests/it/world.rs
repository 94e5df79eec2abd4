//! Four servers that all tests share: each test makes databases of its own, and the servers end with this process.

use naru_connector::{Connector, ConnectorFactory, ParameterValue, Secret, Table};
use naru_connector_testkit::{context, parameters};
use naru_mysql::FACTORY;
use naru_services::{Mariadb, MariadbOptions, mariadb};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

pub(crate) static SERVERS: LazyLock<Vec<Mariadb>> = LazyLock::new(|| {
    install_crypto();
    Mariadb::start_all(4, &MariadbOptions::default()).unwrap()
});

pub(crate) fn install_crypto() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

/// Runs statements on every server; `{shard}` stands for the server's number.
pub(crate) fn everywhere(statements: &str) {
    for (number, server) in SERVERS.iter().enumerate() {
        server.sql(&statements.replace("{shard}", &number.to_string())).unwrap();
    }
}

pub(crate) fn hosts() -> Vec<String> {
    SERVERS.iter().map(|server| server.address().to_string()).collect()
}

/// A catalog over all servers with these logical tables and further parameters.
pub(crate) fn catalog(tables: &Value, more: Vec<(&'static str, ParameterValue)>) -> Arc<dyn Connector> {
    catalog_of(hosts(), tables, more)
}

pub(crate) fn catalog_of(
    hosts: Vec<String>,
    tables: &Value,
    more: Vec<(&'static str, ParameterValue)>,
) -> Arc<dyn Connector> {
    let mut given = vec![
        ("hosts", ParameterValue::List(hosts)),
        ("user", ParameterValue::Text(mariadb::USER.to_owned())),
        ("password", ParameterValue::Secret(Secret::new(mariadb::PASSWORD))),
        ("tls", ParameterValue::Text("disable".to_owned())),
        ("tables", ParameterValue::Document(tables.clone())),
    ];
    for (name, value) in more {
        given.retain(|(known, _)| *known != name);
        given.push((name, value));
    }
    FACTORY.create("shop", &parameters(&FACTORY, given)).unwrap()
}

pub(crate) async fn table(connector: &Arc<dyn Connector>, schema: &str, name: &str) -> Arc<dyn Table> {
    connector.table(&context(), schema, name).await.unwrap().expect("the table exists")
}

/// A table on the first server alone, made by a statement.
pub(crate) async fn single(schema: &str, name: &str, statements: &str) -> Arc<dyn Table> {
    let all = format!("CREATE DATABASE IF NOT EXISTS {schema}; USE {schema}; {statements}");
    SERVERS[0].sql(&all).unwrap();
    table(&catalog(&json!([]), Vec::new()), schema, name).await
}

/// `orders` over four servers by `user_id mod 4`: 400 rows, 50 users, text that differs by case, accents and blanks only.
pub(crate) async fn orders(schema: &str) -> Arc<dyn Table> {
    everywhere(&format!(
        "CREATE DATABASE {schema}; USE {schema};
         CREATE TABLE orders (
             id BIGINT PRIMARY KEY, user_id INT NOT NULL, code VARCHAR(20), ms INT, amount DECIMAL(18,2),
             ratio DOUBLE, at DATETIME(6), stamp TIMESTAMP(6) NULL, day DATE, big BIGINT UNSIGNED, UNIQUE (user_id, id), KEY (code)
         ) COLLATE utf8mb4_general_ci;
         INSERT INTO orders
         SELECT seq, seq % 50, ELT(seq % 9, 'a', 'A', 'a ', 'b', 'B', 'ä', '한글', ''), NULLIF(seq * 37 % 1000, 5),
             IF(seq % 11 = 0, NULL, seq * 1.25 - 100), IF(seq % 13 = 0, NULL, seq / 7e0),
             '2024-01-31 23:30:00.5' + INTERVAL seq HOUR, '2024-02-28 12:00:00' + INTERVAL seq * 37 MINUTE,
             '2023-12-30' + INTERVAL seq % 40 DAY, 18446744073709551615 - seq
         FROM seq_1_to_400 WHERE seq % 50 % 4 = {{shard}};"
    ));
    table(&catalog(&orders_tables(schema), Vec::new()), schema, "orders").await
}

pub(crate) fn orders_tables(schema: &str) -> Value {
    json!([{"schema": schema, "name": "orders", "key": "user_id", "routing": {"function": "modulo"}}])
}
