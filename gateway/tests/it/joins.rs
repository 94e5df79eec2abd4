//! Joins by name and operations on sets of rows over governed tables: what they compare is what the user may read.

use crate::world::{World, error, rows};
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::error::ErrorCode;
use naru_gateway::session::Session;

const DEMO: &str = include_str!("../../../conf/policies/demo.json");

async fn one(session: &mut Session, sql: &str) -> String {
    rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))[0].join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_using_a_denied_column_is_refused_as_naming_it_is() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let named = error(&mut bob, "select c_acctbal from customer").await;
    for kind in ["join", "left join", "right join", "full join"] {
        let sql = format!("select count(*) from customer a {kind} customer b using (c_acctbal)");
        let refused = error(&mut bob, &sql).await;
        assert_eq!((refused.code, &refused.message), (named.code, &named.message), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_natural_join_over_a_denied_column_is_refused_without_its_name() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for kind in ["natural join", "natural left join", "natural right join", "natural full join"] {
        let refused = error(&mut bob, &format!("select count(*) from customer a {kind} customer b")).await;
        assert_eq!(refused.code, ErrorCode::InsufficientPrivilege, "{kind}");
        assert!(!refused.message.contains("acctbal"), "{refused}");
        // Denied on one side only.
        let other = "(select c_custkey, 1 as c_acctbal from customer) b";
        let refused = error(&mut bob, &format!("select count(*) from customer a {kind} {other}")).await;
        assert_eq!(refused.code, ErrorCode::InsufficientPrivilege, "{kind}");
        // And on neither.
        let other = "(select c_custkey from customer) b";
        assert_eq!(
            one(&mut bob, &format!("select count(*), count(c_custkey) from customer a {kind} {other}")).await,
            "337 337"
        );
    }
    let star = "select * from customer a full join (select c_custkey from customer) b using (c_custkey)";
    assert_eq!(error(&mut bob, star).await.code, ErrorCode::InsufficientPrivilege);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_denied_columns_are_hidden_a_natural_join_knows_the_others_only() {
    let world = World::with(DEMO, DeniedColumns::Hide);
    let mut bob = world.session("bob").await;
    for kind in ["natural join", "natural right join", "natural full join"] {
        // Were the hidden column one of the keys, no row would find another.
        let other = "(select c_custkey, -1 as c_acctbal from customer) b";
        let sql = format!("select count(*), count(a.c_name), count(b.c_custkey) from customer a {kind} {other}");
        assert_eq!(one(&mut bob, &sql).await, "337 337 337");
        let star = rows(&mut bob, &format!("select * from customer a {kind} {other} limit 1")).await.unwrap();
        assert_eq!(star[0].len(), 8);
    }
    for kind in ["join", "right join", "full join"] {
        let using = |column: &str| format!("select count(*) from customer a {kind} customer b using ({column})");
        let (hidden, unknown) = (error(&mut bob, &using("c_acctbal")).await, error(&mut bob, &using("c_nope")).await);
        assert_eq!((hidden.code, unknown.code), (ErrorCode::UndefinedColumn, ErrorCode::UndefinedColumn));
        assert_eq!(hidden.message, unknown.message.replace("nope", "acctbal"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_column_is_that_of_the_rows_that_may_be_seen() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    // Three keys, of which bob sees the first and the last.
    let keys = "(values (1), (2), (8)) k(c_custkey)";
    for (sql, of_alice, of_bob) in [
        (format!("select count(c_custkey), count(customer.c_custkey) from customer right join {keys} using (c_custkey)"), "3 3", "3 2"),
        (format!("select count(c_custkey), sum(c_custkey) from {keys} full join customer using (c_custkey) where c_custkey < 9"), "8 36", "3 11"),
        ("select count(*) from (select c_phone from customer intersect all select c_phone from customer) x".to_owned(), "1500", "337"),
        (format!("select count(*) from (select c_custkey from customer where c_custkey < 9 except all select * from {keys}) x"), "5", "0"),
        ("select * from (values ((select count(c_custkey) from customer)), (0)) v order by 1 desc".to_owned(), "1500", "337"),
        ("select exists (select * from (select c_custkey, c_mktsegment from customer) c where c_mktsegment <> 'BUILDING')".to_owned(), "true", "false"),
        ("select exists (select distinct c_custkey + 1 from customer where c_mktsegment <> 'BUILDING' limit 2)".to_owned(), "true", "false"),
    ] {
        assert_eq!(one(&mut alice, &sql).await, of_alice, "{sql}");
        assert_eq!(one(&mut bob, &sql).await, of_bob, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bags_of_rows_name_their_columns_and_take_the_type_of_both_sides() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    for operation in ["except all", "intersect all"] {
        for sql in [
            format!("select c_acctbal from customer {operation} select 1"),
            format!("select 1 {operation} select c_acctbal from customer"),
            format!("select * from customer {operation} select * from customer"),
        ] {
            assert_eq!(error(&mut bob, &sql).await.code, ErrorCode::InsufficientPrivilege, "{sql}");
        }
    }
    // Both are one number as double precision, so one of the left side's is taken off.
    let sql = "select count(*) from (select 9007199254740993 union all select 9007199254740992) x(n)";
    assert_eq!(one(&mut alice, sql).await, "2");
    let left = "(select 9007199254740993::bigint as n union all select 9007199254740992)";
    let sql = format!("select count(*) from (select n from {left} l except all select 9007199254740992::float8) x");
    assert_eq!(one(&mut alice, &sql).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_without_null_is_a_list_for_the_source() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for (condition, pushed) in [
        ("c_custkey = any(array[1, 8])", "pushed: c_custkey = 1 OR c_custkey = 8"),
        ("c_custkey = any('{1,8}')", "pushed: c_custkey = 1 OR c_custkey = 8"),
        ("c_custkey <> all(array[1, 8])", "pushed: c_custkey != 1, c_custkey != 8"),
    ] {
        let sql = format!("explain select c_name from customer where {condition}");
        let lines: Vec<String> = rows(&mut bob, &sql).await.unwrap().into_iter().flatten().collect();
        assert!(lines.iter().any(|line| line.contains(pushed)), "{condition}: {lines:?}");
    }
    let prepared = "prepare p(bigint[]) as select count(*) from customer where c_custkey = any($1)";
    rows(&mut bob, prepared).await.unwrap();
    assert_eq!(one(&mut bob, "execute p(array[1, 8, null])").await, "2");
    assert_eq!(one(&mut bob, "select count(*) from customer where not c_custkey = any(array[1, null])").await, "0");
    assert_eq!(one(&mut bob, "select count(*) from customer where c_custkey <> all(array[1, null])").await, "0");
}
