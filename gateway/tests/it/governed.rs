//! What the demo's three users see of one table, and what they must not.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;

const ALL: &str = "select count(*) from tpch.tiny.customer";

#[tokio::test(flavor = "multi_thread")]
async fn alice_sees_everything() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    assert_eq!(rows(&mut alice, ALL).await.unwrap(), [["1500"]]);
    let first = rows(&mut alice, "select c_phone, c_acctbal from customer where c_custkey = 1").await.unwrap();
    assert_eq!(first, [["25-989-741-2988", "711.56"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bob_sees_masked_phones_of_his_segment_only() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    let first = rows(&mut bob, "select c_phone from customer where c_custkey = 1").await.unwrap();
    assert_eq!(first, [["XXXXXXXXXXX2988"]]);
    let allowed = rows(&mut alice, &format!("{ALL} where c_mktsegment = 'BUILDING'")).await.unwrap();
    assert_eq!(rows(&mut bob, ALL).await.unwrap(), allowed);
    assert_eq!(rows(&mut bob, "select distinct c_mktsegment from customer").await.unwrap(), [["BUILDING"]]);
    // The mask is what comparisons see, too.
    let found = rows(&mut bob, &format!("{ALL} where c_phone = '25-989-741-2988'")).await.unwrap();
    assert_eq!(found, [["0"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_column_is_refused_wherever_it_stands() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for sql in [
        "select c_acctbal from customer",
        "select * from customer",
        "select c.* from customer c",
        "select 1 from customer where c_acctbal > 0",
        "select 1 from customer order by c_acctbal",
        "select count(*) from customer group by c_acctbal",
        "select sum(c_acctbal) from customer",
        "select max(c_acctbal) over () from customer",
        "with x as (select * from customer) select 1 from x",
        "select 1 from nation where exists (select c_acctbal from customer)",
        "select (select max(c_acctbal) from customer)",
        "select exists (select * from customer)",
        "select exists (select 1 from customer order by c_acctbal)",
        "values ((select max(c_acctbal) from customer))",
        "select 1 from nation where n_nationkey in (select c_acctbal from customer)",
        "select a.c_custkey from customer a join customer b using (c_acctbal)",
        "select a.c_custkey from customer a join customer b on a.c_acctbal = b.c_acctbal",
    ] {
        let error = error(&mut bob, sql).await;
        assert_eq!(error.code, ErrorCode::InsufficientPrivilege, "{sql}: {error}");
        let _ = rows(&mut bob, "select 1").await.unwrap();
    }
    assert!(rows(&mut bob, "select c_custkey, c_name from customer limit 1").await.unwrap().len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn for_carol_nothing_exists_but_select_works() {
    let world = World::new();
    let mut carol = world.session("carol").await;
    assert_eq!(rows(&mut carol, "select 1").await.unwrap(), [["1"]]);
    for (existing, unknown) in [
        ("select * from tpch.tiny.customer", "select * from nope.tiny.customer"),
        ("select * from customer", "select * from nope"),
    ] {
        let (existing, unknown) = (error(&mut carol, existing).await, error(&mut carol, unknown).await);
        assert_eq!(existing.code, unknown.code);
        assert_eq!(
            existing.message.replace("tpch", "nope").replace("customer", "nope"),
            unknown.message.replace("customer", "nope")
        );
    }
    assert!(rows(&mut carol, "show catalogs").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_users_cannot_run_on_hidden_rows() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    // Customer 2 is of another segment: dividing by zero there must not happen.
    let sql = "select count(*) from customer where 10 / (c_custkey - 2) > 0";
    assert!(rows(&mut bob, sql).await.is_ok());
    let seen = "select count(*) from customer where 10 / (c_custkey - 1) > 0";
    assert_eq!(error(&mut bob, seen).await.code, ErrorCode::DivisionByZero);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_what_exists_for_the_user() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let sql = "select column_name from tpch.information_schema.columns \
               where table_schema = 'tiny' and table_name = 'customer' order by ordinal_position";
    let columns: Vec<String> = rows(&mut bob, sql).await.unwrap().into_iter().flatten().collect();
    assert!(columns.contains(&"c_phone".to_owned()) && !columns.contains(&"c_acctbal".to_owned()), "{columns:?}");
    let mut carol = world.session("carol").await;
    assert_eq!(error(&mut carol, sql).await.code, ErrorCode::UndefinedCatalog);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_other_statements_are_refused() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    for (sql, code) in [
        ("insert into customer values (1)", ErrorCode::ReadOnly),
        ("create table t (a int)", ErrorCode::ReadOnly),
        ("drop table customer", ErrorCode::ReadOnly),
        ("select * into t from customer", ErrorCode::ReadOnly),
        ("copy customer to '/tmp/naru-must-not-exist'", ErrorCode::InsufficientPrivilege),
        ("copy customer to program 'id'", ErrorCode::InsufficientPrivilege),
        ("copy customer from stdin", ErrorCode::ReadOnly),
        ("create external table t stored as csv location '/etc/passwd'", ErrorCode::SyntaxError),
        ("set datafusion.execution.batch_size = 1", ErrorCode::UndefinedObject),
        ("set role alice", ErrorCode::InsufficientPrivilege),
    ] {
        let error = error(&mut alice, sql).await;
        assert_eq!(error.code, code, "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_leaves_a_start_and_an_end() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    rows(&mut bob, "select c_phone from customer").await.unwrap();
    let records = world.audit();
    assert_eq!(records.len(), 2, "{records:?}");
    let (start, end) = (&records[0], &records[1]);
    assert_eq!((start["event"].as_str(), end["event"].as_str()), (Some("start"), Some("end")));
    assert_eq!(start["query_id"], end["query_id"]);
    assert_eq!(start["user"], "bob");
    assert_eq!(start["tables"][0]["name"], "tpch.tiny.customer");
    assert_eq!(start["tables"][0]["row_filter"], true);
    assert_eq!(end["outcome"], "finished");
    assert!(end["rows"].as_u64().is_some_and(|rows| rows > 0));
}
