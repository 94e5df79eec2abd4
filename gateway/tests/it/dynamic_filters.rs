//! Joins with a sharded table of a real server: the keys of the other side go there, so that hundreds of rows come back and not
//! all of them; under policies too, and never by a masked column.

use crate::world::{World, rows};
use naru_connector::{ConnectorFactory, ParameterValue, Parameters, Secret};
use naru_gateway::catalog::Catalog;
use naru_services::{Mariadb, mariadb};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Rows of all shards.
const ROWS: usize = 80_000;

/// Four shards by `user_id mod 4`: ten rows for each of 8,000 users. Every other name differs from the customer's by case.
static SERVER: LazyLock<Mariadb> = LazyLock::new(|| {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let server = Mariadb::start().unwrap();
    for shard in 0..4 {
        server
            .sql(&format!(
                "CREATE DATABASE shop_{shard}; USE shop_{shard};
                 CREATE TABLE events (id BIGINT PRIMARY KEY, user_id INT NOT NULL, name VARCHAR(30), status VARCHAR(10),
                     secret VARCHAR(30), ms INT, at DATETIME, KEY (user_id), KEY (name)) COLLATE utf8mb4_general_ci;
                 INSERT INTO events
                 SELECT seq, seq % 8000, CONCAT(IF(seq % 2 = 0, 'Customer#', 'CUSTOMER#'), LPAD(seq % 8000, 9, '0')),
                     IF(seq % 10 = 0, 'INTERNAL', 'OK'), CONCAT('Customer#', LPAD(seq % 8000, 9, '0')), seq % 997,
                     '2024-01-01' + INTERVAL seq % 8000 HOUR
                 FROM seq_1_to_{ROWS} WHERE seq % 4 = {shard};
                 ANALYZE TABLE events;"
            ))
            .unwrap();
    }
    server
});

fn catalog() -> Catalog {
    let tables = json!([{"schema": "shop", "name": "events", "databases": "shop_{0..3}", "key": "user_id",
        "routing": {"function": "modulo"}}]);
    let parameters = Parameters::new(BTreeMap::from([
        ("hosts", ParameterValue::List(vec![SERVER.address().to_string()])),
        ("user", ParameterValue::Text(mariadb::USER.to_owned())),
        ("password", ParameterValue::Secret(Secret::new(mariadb::PASSWORD))),
        ("tls", ParameterValue::Text("disable".to_owned())),
        ("tables", ParameterValue::Document(tables)),
    ]));
    let connector = naru_mysql::FACTORY.create("shop", &parameters).unwrap();
    Catalog { name: "shop".into(), connector, default_schema: "shop".to_owned() }
}

/// alice sees everything; bob no internal events, and only the end of `secret`.
pub(crate) fn world() -> World {
    let policy = |kind: i32, mut policy: serde_json::Value| {
        let more = json!({"id": kind + 1, "name": format!("policy {kind}"), "service": "naru", "serviceType": "trino",
            "policyType": kind, "isEnabled": true});
        policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        policy
    };
    let table = |column: &str| {
        json!({"catalog": {"values": ["shop"]}, "schema": {"values": ["*"]}, "table": {"values": ["events"]},
            "column": {"values": [column]}})
    };
    let mut filtered = table("*");
    filtered.as_object_mut().unwrap().remove("column");
    let read = json!([{"type": "select", "isAllowed": true}]);
    let everything = json!({"catalog": {"values": ["*"]}, "schema": {"values": ["*"]}, "table": {"values": ["*"]},
        "column": {"values": ["*"]}});
    let policies = json!({"policies": [
        policy(0, json!({"resources": everything, "policyItems": [{"accesses": [{"type": "all", "isAllowed": true}],
            "users": ["alice", "bob"]}]})),
        policy(1, json!({"resources": table("secret"), "dataMaskPolicyItems": [{"accesses": read, "users": ["bob"],
            "dataMaskInfo": {"dataMaskType": "MASK_SHOW_LAST_4"}}]})),
        policy(2, json!({"resources": filtered, "rowFilterPolicyItems": [{"accesses": read, "users": ["bob"],
            "rowFilterInfo": {"filterExpr": "status <> 'INTERNAL'"}}]})),
    ]});
    World::with_catalogs(&policies.to_string(), vec![catalog()])
}

/// A query's rows with dynamic filters and without, and how many rows and what statements the server sent and received with them.
struct Compared {
    rows: Vec<Vec<String>>,
    sent: usize,
    log: String,
}

async fn compared(user: &str, sql: &str) -> Compared {
    let world = world();
    let mut session = world.session(user).await;
    rows(&mut session, "SET shop.dynamic_filtering = off").await.unwrap();
    let without = rows(&mut session, sql).await.unwrap();
    rows(&mut session, "SET shop.dynamic_filtering = on").await.unwrap();
    let mut found = Vec::new();
    let before = rows_sent();
    let ((), log) = SERVER
        .received(|| {
            tokio::task::block_in_place(|| {
                let asked = rows(&mut session, sql);
                found = tokio::runtime::Handle::current().block_on(asked).unwrap();
            });
        })
        .unwrap();
    let sent = rows_sent() - before;
    assert!(!found.is_empty() && found == without, "{sql}: {found:?} is not {without:?}");
    Compared { rows: found, sent, log }
}

fn rows_sent() -> usize {
    let status = SERVER.sql("SHOW GLOBAL STATUS LIKE 'Rows_sent'").unwrap();
    status.split_whitespace().last().unwrap().parse().unwrap()
}

const BY_KEY: &str = "SELECT c.c_nationkey, count(*) AS n, sum(e.ms) AS s, count(e.secret) AS m FROM shop.shop.events e \
     JOIN tpch.tiny.customer c ON c.c_custkey = e.user_id WHERE c.c_mktsegment = 'BUILDING' GROUP BY 1 ORDER BY 1";

// One test: the counts are those of the whole server.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_reads_the_rows_of_its_keys_and_no_others() {
    for user in ["alice", "bob"] {
        let by_key = compared(user, BY_KEY).await;
        assert!(by_key.sent < 5_000, "{user}: {} rows", by_key.sent);
        assert!(by_key.log.contains("`user_id` IN (?"), "{user}: {}", by_key.log);
        let mut asked = by_key.log.lines().filter(|line| line.contains("Prepare") && line.contains("FROM `shop_"));
        assert!(user == "alice" || asked.all(|line| line.contains("`status`")), "{}", by_key.log);
    }
    // The server compares names by its collation, the join by bytes: a superset comes back, the rows are the same.
    let by_text = "SELECT count(*), sum(e.ms) FROM shop.shop.events e JOIN tpch.tiny.customer c ON c.c_name = e.name \
         WHERE c.c_mktsegment = 'BUILDING'";
    let by_text = compared("alice", by_text).await;
    assert!(by_text.sent < 5_000, "{} rows", by_text.sent);
    // Other kinds of joins, with what they must not lose.
    for (sql, limit) in [
        (
            "SELECT count(*) FROM tpch.tiny.customer c LEFT JOIN shop.shop.events e ON c.c_custkey = e.user_id \
          WHERE c.c_mktsegment = 'BUILDING' AND (e.ms IS NULL OR e.ms < 2000)",
            5_000,
        ),
        (
            "SELECT count(*), sum(ms) FROM shop.shop.events e WHERE user_id IN \
          (SELECT c_custkey FROM tpch.tiny.customer WHERE c_mktsegment = 'BUILDING')",
            5_000,
        ),
        // A row of the sharded side for each of its rows: nothing may be left out.
        (
            "SELECT count(*), count(c.c_name) FROM shop.shop.events e LEFT JOIN \
          (SELECT * FROM tpch.tiny.customer WHERE c_mktsegment = 'BUILDING') c ON c.c_custkey = e.user_id",
            usize::MAX,
        ),
        (
            "SELECT count(*) FROM shop.shop.events e WHERE user_id NOT IN \
          (SELECT c_custkey FROM tpch.tiny.customer WHERE c_mktsegment = 'BUILDING')",
            usize::MAX,
        ),
        // The first rows are those of the whole table.
        (
            "SELECT count(*) FROM (SELECT * FROM shop.shop.events ORDER BY id LIMIT 100) e \
          JOIN tpch.tiny.customer c ON c.c_custkey = e.user_id WHERE c.c_mktsegment = 'BUILDING'",
            5_000,
        ),
        // Two joins, one inside the other's probe side.
        (
            "SELECT count(*), sum(e.ms) FROM shop.shop.events e JOIN tpch.tiny.customer c ON c.c_custkey = e.user_id \
          JOIN tpch.tiny.nation n ON n.n_nationkey = c.c_nationkey WHERE n.n_name = 'KENYA'",
            20_000,
        ),
    ] {
        let compared = compared("alice", sql).await;
        assert!(compared.sent < limit, "{sql}: {} rows", compared.sent);
    }
    // Keys that nobody has: no shard is asked at all.
    let none = compared(
        "alice",
        "SELECT count(*) FROM shop.shop.events e JOIN tpch.tiny.customer c ON c.c_custkey = e.user_id \
         WHERE c.c_name LIKE '%nobody%'",
    )
    .await;
    assert_eq!(none.rows, [["0"]]);
    assert!(!none.log.contains("FROM `shop_"), "{}", none.log);
    // By a masked column nothing crosses: it would tell which hidden values there are.
    let masked = "SELECT count(*) FROM shop.shop.events e JOIN tpch.tiny.customer c \
         ON c.c_name = e.secret WHERE c.c_mktsegment = 'BUILDING'";
    let seen = compared("alice", masked).await;
    assert!(seen.log.contains("`secret` IN (?"), "{}", seen.log);
    let hidden = compared("bob", masked).await;
    assert!(hidden.sent >= ROWS * 9 / 10 && !hidden.log.contains("IN (?"), "{} rows; {}", hidden.sent, hidden.log);
    groups_are_those_of_the_keys().await;
    a_cast_is_not_tried_on_hidden_rows().await;
    explain_says_where_the_keys_come_from().await;
}

/// Below an aggregation that the shards do as well: one state of each key comes back, whatever the key is called above.
async fn groups_are_those_of_the_keys() {
    let joined = |groups: &str, key: &str| {
        format!(
            "SELECT count(*), sum(n), sum(s) FROM tpch.tiny.customer c JOIN ({groups}) e ON {key} \
             WHERE c.c_mktsegment = 'BUILDING'"
        )
    };
    let by_number = "SELECT user_id, count(*) AS n, sum(ms) AS s FROM shop.shop.events GROUP BY user_id";
    // The other column's name is that of the key by which shards are chosen.
    let swapped = "SELECT ms AS user_id, count(*) AS n, sum(ms) AS s FROM shop.shop.events GROUP BY ms";
    let by_text = "SELECT name AS ms, count(*) AS n, sum(ms) AS s FROM shop.shop.events GROUP BY name";
    for user in ["alice", "bob"] {
        for (groups, key, column) in [
            (by_number, "c.c_custkey = e.user_id", "user_id"),
            (swapped, "c.c_custkey = e.user_id", "ms"),
            (by_text, "c.c_name = e.ms", "name"),
        ] {
            let compared = compared(user, &joined(groups, key)).await;
            let mut asked =
                compared.log.lines().filter(|line| line.contains("Prepare") && line.contains("FROM `shop_"));
            let expected = [format!("`{column}` IN (?"), "GROUP BY".to_owned()];
            assert!(asked.all(|line| expected.iter().all(|part| line.contains(part))), "{user}: {}", compared.log);
            assert!(compared.sent < 2_000, "{user}: {} states", compared.sent);
        }
    }
    // Computed at the shards, under the name of a column of theirs.
    let months = "SELECT count(*), sum(n) FROM (SELECT at AS k FROM shop.shop.events WHERE id = 744) c \
         JOIN (SELECT date_trunc('month', at) AS at, count(*) AS n FROM shop.shop.events GROUP BY 1) e ON c.k = e.at";
    let months = compared("alice", months).await;
    assert_eq!(months.rows, [["1", "6960"]]);
    assert!(!months.log.contains("IN (?"), "{}", months.log);
    // A masked key is an expression, so what is grouped by it is grouped here.
    let by_masked = "SELECT secret AS ms, count(*) AS n, sum(ms) AS s FROM shop.shop.events GROUP BY secret";
    let seen = compared("alice", &joined(by_masked, "c.c_name = e.ms")).await;
    assert!(seen.log.contains("`secret` IN (?"), "{}", seen.log);
    let hidden = compared("bob", &joined(by_masked, "c.c_name = e.ms")).await;
    assert!(!hidden.log.contains("IN (?") && !hidden.log.contains("GROUP BY"), "{}", hidden.log);
}

/// The date of a timestamp is a range at the source, and a cast that can fail here: it does not enter a restricted table.
async fn a_cast_is_not_tried_on_hidden_rows() {
    let of_a_day = "SELECT count(*) FROM shop.shop.events WHERE at::date = '2024-01-05'";
    let range = "`at` >= ? AND `at` < ?";
    let open = compared("alice", of_a_day).await;
    assert!(open.log.contains(range), "{}", open.log);
    let sealed = compared("bob", of_a_day).await;
    assert!(sealed.log.contains("`status`") && !sealed.log.contains(range), "{}", sealed.log);
    assert_ne!(open.rows, sealed.rows);
}

async fn explain_says_where_the_keys_come_from() {
    let world = world();
    let planned = "dynamic filter: user_id, from a join";
    let keys = "SELECT count(*) FROM tpch.tiny.customer WHERE c_mktsegment = 'BUILDING'";
    let keys = rows(&mut world.session("alice").await, keys).await.unwrap().concat().concat();
    let ran = format!("dynamic filter: user_id IN ({keys} values), from a join");
    for (user, ran) in [("alice", ran.as_str()), ("bob", planned)] {
        let mut session = world.session(user).await;
        for (word, expected) in [("EXPLAIN", planned), ("EXPLAIN ANALYZE", ran)] {
            let lines = rows(&mut session, &format!("{word} {BY_KEY}")).await.unwrap().concat();
            assert_eq!(lines.iter().filter(|line| line.trim() == expected).count(), 1, "{user}: {lines:#?}");
        }
        rows(&mut session, "SET shop.dynamic_filtering = off").await.unwrap();
        let lines = rows(&mut session, &format!("EXPLAIN {BY_KEY}")).await.unwrap().concat();
        assert!(!lines.iter().any(|line| line.contains("dynamic filter")), "{lines:#?}");
    }
}
