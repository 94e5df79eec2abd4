//! Names, keys, comments and sizes.

use crate::world::{SERVERS, catalog, orders, table};
use naru_connector::{ErrorKind, ParameterValue};
use naru_connector_testkit::context;
use serde_json::json;

#[tokio::test]
async fn comments_keys_and_canonical_names_come_from_the_source() {
    SERVERS[0]
        .sql(
            "CREATE DATABASE described; CREATE TABLE described.`Mixed` (
                 `Id` BIGINT PRIMARY KEY COMMENT 'the number', `Vague` VARCHAR(9) UNIQUE, `part` VARCHAR(9) NOT NULL,
                 UNIQUE (part(3))) COMMENT 'of all sorts'; CREATE VIEW described.v AS SELECT 1 AS one;",
        )
        .unwrap();
    let connector = catalog(&json!([]), Vec::new());
    assert_eq!(connector.tables(&context(), "described").await.unwrap(), ["mixed", "v"]);
    let mixed = table(&connector, "described", "mixed").await;
    let names: Vec<_> = mixed.columns().iter().map(|column| column.name()).collect();
    assert_eq!(names, ["id", "vague", "part"]);
    assert_eq!(mixed.comment(), Some("of all sorts"));
    assert_eq!(mixed.columns()[0].comment.as_deref(), Some("the number"));
    // A nullable key and a key over a prefix identify no row.
    assert_eq!(mixed.unique_keys(), [[0]]);
    assert_eq!(table(&connector, "described", "v").await.comment(), None);
    // Only the canonical name is a name: another spelling could slip past a policy.
    assert!(connector.table(&context(), "described", "Mixed").await.unwrap().is_none());
    let all = connector.columns(&context(), "described").await.unwrap();
    assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["mixed", "v"]);
}

#[tokio::test]
async fn a_key_that_is_unique_in_each_shard_identifies_a_row_only_with_the_sharding_column() {
    let orders = orders("unique_keys").await;
    // (user_id, id), not the primary key (id).
    assert_eq!(orders.unique_keys(), [[1, 0]]);
}

#[tokio::test]
async fn names_that_differ_by_case_alone_are_refused() {
    SERVERS[0].sql("CREATE DATABASE twins; CREATE TABLE twins.t (x INT); CREATE TABLE twins.T (x INT);").unwrap();
    let connector = catalog(&json!([]), Vec::new());
    let error = connector.table(&context(), "twins", "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("only by case"), "{}", error.message);
}

#[tokio::test]
async fn the_servers_own_schemas_are_not_shown() {
    let connector = catalog(&json!([]), Vec::new());
    let schemas = connector.schemas(&context()).await.unwrap();
    assert!(!schemas.iter().any(|name| name == "mysql" || name == "information_schema"), "{schemas:?}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_being_told() {
    let secret = "a password that nobody has";
    let wrong = ParameterValue::Secret(naru_connector::Secret::new(secret));
    let connector = catalog(&json!([]), vec![("password", wrong)]);
    let error = connector.check(&context()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceDenied);
    assert!(!format!("{error:?} {connector:?}").contains(secret));
}
