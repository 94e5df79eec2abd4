//! The policy matrix: every kind of statement x every state of a column, as bob, who sees part of `customer`, and as carol, for
//! whom nothing exists. A new kind of statement is one line in `sql-tests/policy/statements.sql`.

use crate::world::{World, error, policies, rows, snapshot};
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::error::ErrorCode;
use naru_gateway::plan;
use naru_gateway::session::Session;

const DEMO: &str = include_str!("../../../conf/policies/demo.json");

/// `{c}` is a column of `customer`.
pub(crate) fn statements() -> impl Iterator<Item = &'static str> {
    include_str!("../../../sql-tests/policy/statements.sql").lines().filter(|line| !line.starts_with('#'))
}

async fn all(session: &mut Session, sql: &str) -> Vec<String> {
    rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).into_iter().flatten().collect()
}

/// What a client may learn by Describe, without ever executing.
async fn describe_error(session: &mut Session, sql: &str) -> Option<ErrorCode> {
    let parsed = plan::parse(sql).unwrap();
    session.describe(&parsed[0], &[]).await.err().map(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_meets_every_kind_of_column() {
    let world = World::new();
    let (mut alice, mut bob, mut carol) =
        (world.session("alice").await, world.session("bob").await, world.session("carol").await);
    let secret_phones = all(&mut alice, "select c_phone from customer").await;
    let hidden_names = all(&mut alice, "select c_name from customer where c_mktsegment <> 'BUILDING'").await;
    for template in statements() {
        let of = |column: &str| template.replace("{c}", column);
        for column in ["c_name", "c_phone"] {
            let shown = all(&mut bob, &of(column)).await;
            let leaked = |secrets: &[String]| {
                shown.iter().find(|cell| secrets.iter().any(|s| cell.contains(s.as_str()))).cloned()
            };
            assert_eq!(leaked(&secret_phones), None, "{}", of(column));
            assert_eq!(leaked(&hidden_names), None, "{}", of(column));
        }
        for (column, code) in [("c_acctbal", ErrorCode::InsufficientPrivilege), ("c_nope", ErrorCode::UndefinedColumn)]
        {
            let refused = error(&mut bob, &of(column)).await;
            assert_eq!(refused.code, code, "{}: {refused}", of(column));
            assert!(!refused.message.contains("c_comment"), "it lists columns: {refused}");
            assert_eq!(describe_error(&mut bob, &of(column)).await, describe_code(template, code), "{}", of(column));
        }
        let nothing = error(&mut carol, &of("c_name")).await;
        let unknown = error(&mut carol, &of("c_name").replace("customer", "nope")).await;
        assert_eq!(nothing.code, unknown.code, "{template}");
        let same = |text: &str| text.replace("customer", "nope").replace("nation", "nope");
        assert_eq!(same(&nothing.message), same(&unknown.message), "{template}");
    }
}

/// PREPARE is described as a statement without rows; it is refused when it is executed.
fn describe_code(template: &str, code: ErrorCode) -> Option<ErrorCode> {
    (!template.starts_with("prepare")).then_some(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_key_is_null_and_not_unique_and_says_so() {
    // A number has no last four characters to show: the mask is NULL, on a column that is NOT NULL and a key at the source.
    let world = World::with_policies(&DEMO.replace("c_phone", "c_custkey"));
    let mut bob = world.session("bob").await;
    let count = all(&mut bob, "select count(*) from customer").await;
    assert_ne!(count, ["0"]);
    assert_eq!(all(&mut bob, "select count(*) from customer where c_custkey is null").await, count);
    assert_eq!(all(&mut bob, "select count(c_custkey) from customer").await, ["0"]);
    assert_eq!(all(&mut bob, "select distinct c_custkey from customer").await, ["NULL"]);
    assert_eq!(
        all(&mut bob, "select count(*) from (select c_custkey from customer group by c_custkey) t").await,
        ["1"]
    );
    assert_eq!(all(&mut bob, "select count(*) from customer where c_custkey = 1").await, ["0"]);
    assert_eq!(all(&mut bob, "select count(*) from customer a join customer b using (c_custkey)").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_name_nothing_that_is_denied() {
    let world = World::new();
    let (mut alice, mut bob, mut carol) =
        (world.session("alice").await, world.session("bob").await, world.session("carol").await);
    for sql in [
        "describe customer",
        "show columns from tpch.tiny.customer",
        "select table_name, column_name from information_schema.columns",
        "select column_name from tpch.information_schema.columns where table_name = 'customer'",
        "select attname from pg_attribute",
        "select a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relname = 'customer'",
    ] {
        let has = |cells: Vec<String>, name: &str| cells.iter().any(|cell| cell == name);
        assert!(has(all(&mut alice, sql).await, "c_acctbal"), "{sql} shows nothing to anybody");
        let seen = all(&mut bob, sql).await;
        assert!(has(seen.clone(), "c_phone") && !has(seen, "c_acctbal"), "{sql}");
        let seen = rows(&mut carol, sql).await.unwrap_or_default();
        assert!(!seen.iter().flatten().any(|cell| cell.starts_with("c_") || cell == "customer"), "{sql}: {seen:?}");
    }
    for sql in ["show tables", "select table_name from information_schema.tables", "select relname from pg_class"] {
        assert!(all(&mut bob, sql).await.contains(&"customer".to_owned()), "{sql}");
        let seen = rows(&mut carol, sql).await.unwrap_or_default();
        assert!(!seen.iter().flatten().any(|cell| cell == "customer"), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_prepared_under_old_policies_runs_under_the_new_ones() {
    let world = World::with_policies(&DEMO.replace("c_acctbal", "c_comment"));
    let mut bob = world.session("bob").await;
    all(&mut bob, "prepare p as select c_acctbal, c_phone from customer").await;
    all(&mut bob, "execute p").await;
    let parsed = plan::parse("select c_acctbal from customer").unwrap().remove(0);
    bob.describe(&parsed, &[]).await.unwrap();
    world.gateway.replace_snapshot(snapshot(world.folder(), policies(DEMO), DeniedColumns::Error));
    assert_eq!(error(&mut bob, "execute p").await.code, ErrorCode::InsufficientPrivilege);
    let refused = bob.execute(&parsed, Vec::new()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InsufficientPrivilege);
    // And the other way round: what was denied may be allowed.
    assert_eq!(all(&mut bob, "select count(c_comment) from customer").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_rows_cause_no_errors_and_no_counts() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    let visible = all(&mut alice, "select count(*) from customer where c_mktsegment = 'BUILDING'").await;
    assert_eq!(all(&mut bob, "select count(*) from customer").await, visible);
    assert_eq!(all(&mut bob, "select count(*) from (select 1 from customer limit 100000) t").await, visible);
    // The first BUILDING customer is 1; whatever fails on others only must not fail for bob.
    for sql in [
        "select count(*) from customer where 1 / (c_custkey - 2) >= 0",
        "select count(cast(case when c_mktsegment = 'BUILDING' then '1' else c_name end as int)) from customer",
        "select sum(1 / (c_custkey - 2)) from customer",
        "select max(cast(replace(c_mktsegment, 'BUILDING', '7') as int)) from customer",
        "select count(*) from customer a join nation on 1 / (c_custkey - 2) = n_nationkey - 100",
        "select c_custkey from customer order by 1 / (c_custkey - 2) limit 1",
        "select count(*) from customer where c_mktsegment = 'BUILDING' or 1 / (c_custkey - c_custkey) = 1",
    ] {
        let as_bob = rows(&mut bob, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(!as_bob.is_empty(), "{sql}");
    }
    // An error on a row that bob may see is his own, and quotes no masked value.
    let own = error(&mut bob, "select cast(c_phone as int) from customer").await;
    assert!(own.message.contains("XXXXXXXXXXX"), "{own}");
}
