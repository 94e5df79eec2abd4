//! Users' own accounts at the servers.

use crate::world::{SERVERS, catalog, catalog_of, table};
use naru_connector::{Connector, ErrorKind, ParameterValue, Principal, QueryContext, Secret};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::select;
use naru_services::mariadb;
use serde_json::json;
use std::sync::Arc;

fn as_user(user: &str) -> QueryContext {
    QueryContext { principal: Principal { user: user.into(), groups: Arc::from([]) }, ..context() }
}

fn with(credentials: &str) -> Arc<dyn Connector> {
    catalog(&json!([]), vec![("credentials", ParameterValue::Secret(Secret::new(credentials)))])
}

/// Databases that the user's account sees.
async fn seen(connector: &Arc<dyn Connector>, user: &str) -> Vec<String> {
    let mut schemas = connector.schemas(&as_user(user)).await.unwrap();
    schemas.retain(|schema| schema.starts_with("own_"));
    schemas
}

#[tokio::test]
async fn each_user_sees_what_their_account_does_and_nobody_elses_memory() {
    SERVERS[0]
        .sql(
            "CREATE DATABASE own_a; CREATE DATABASE own_b; CREATE TABLE own_a.t AS SELECT CURRENT_USER() AS who;
             CREATE SQL SECURITY INVOKER VIEW own_a.me AS SELECT CURRENT_USER() AS who;
             CREATE USER src_a@'%' IDENTIFIED BY 'pa'; GRANT SELECT ON own_a.* TO src_a@'%';
             CREATE USER src_b@'%' IDENTIFIED BY 'pb'; GRANT SELECT ON own_b.* TO src_b@'%';",
        )
        .unwrap();
    let connector = with("alice:src_a:pa\nbob:src_b:pb\nmallory:src_m:wrong\n");
    for _ in 0..2 {
        assert_eq!(seen(&connector, "alice").await, ["own_a"]);
        assert_eq!(seen(&connector, "bob").await, ["own_b"]);
    }
    assert!(connector.table(&as_user("alice"), "own_a", "t").await.unwrap().is_some());
    // Known to the catalog by now, and still not to bob.
    assert!(connector.table(&as_user("bob"), "own_a", "t").await.unwrap().is_none());

    // No line, no answer; a wrong password, no answer.
    for (user, expected) in
        [("carol", "catalog shop has no account for user carol"), ("mallory", "server 0 refuses the")]
    {
        let error = connector.schemas(&as_user(user)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SourceDenied, "{user}: {error:?}");
        assert!(error.message.starts_with(expected), "{error}");
        assert!(!format!("{error:?}").contains("wrong"), "{error:?}");
        assert!(connector.table(&as_user(user), "own_a", "t").await.is_err(), "{user}");
        assert!(connector.query_function().unwrap().table(&as_user(user), "all", "SELECT 1").await.is_err(), "{user}");
    }
    // A check is nobody's query: it goes by the catalog's own account.
    connector.check(&context()).await.unwrap();
    assert!(!format!("{connector:?}").contains("pa\""));

    let everyone = with("bob:src_b:pb\n*:src_a:pa");
    assert_eq!(seen(&everyone, "carol").await, ["own_a"]);
    assert_eq!(seen(&everyone, "bob").await, ["own_b"]);
}

#[tokio::test]
async fn a_server_may_have_another_account_than_the_catalog() {
    for server in &SERVERS[0..2] {
        server.sql("CREATE DATABASE apart; CREATE TABLE apart.t AS SELECT 1 AS n").unwrap();
    }
    SERVERS[1].sql("CREATE USER apart@'%' IDENTIFIED BY 'other'; GRANT SELECT ON apart.* TO apart@'%'").unwrap();
    let hosts: Vec<_> = SERVERS[0..2].iter().map(|server| server.address().to_string()).collect();
    let tables = json!([{"schema": "apart", "name": "t"}]);
    let accounts = |password: &str| {
        let document = json!([{"servers": [1], "user": "apart", "password": password}]);
        vec![("accounts", ParameterValue::Document(document))]
    };
    let t = table(&catalog_of(hosts.clone(), &tables, accounts("other")), "apart", "t").await;
    assert_eq!(select(t.as_ref(), &[]).await.unwrap().num_rows(), 2);
    let wrong = catalog_of(hosts, &tables, accounts(mariadb::PASSWORD));
    assert_eq!(wrong.table(&context(), "apart", "t").await.unwrap_err().kind, ErrorKind::SourceDenied);
}
