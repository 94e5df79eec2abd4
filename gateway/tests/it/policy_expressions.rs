//! Row filters and masks written in SQL: what they see, for whom, and what their failures tell.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use serde_json::{Value, json};

/// Everything allowed for both groups, and row filters and custom masks for analysts.
pub(crate) fn world(filters: &[(&str, &str)], masks: &[(&str, &str, &str)]) -> World {
    let resources =
        |table: &str| json!({"catalog": {"values": ["*"]}, "schema": {"values": ["*"]}, "table": {"values": [table]}});
    let select = json!([{"type": "select", "isAllowed": true}]);
    let all = |mut resources: Value| {
        resources["column"] = json!({"values": ["*"]});
        resources
    };
    let mut policies = vec![json!({"id": 1, "name": "all", "serviceType": "trino", "policyType": 0,
        "resources": all(resources("*")),
        "policyItems": [{"accesses": select, "groups": ["admins", "analysts"]}]})];
    for (table, expr) in filters {
        let id = policies.len() + 1;
        policies.push(json!({"id": id, "name": format!("filter {id}"), "serviceType": "trino", "policyType": 2,
            "resources": resources(table),
            "rowFilterPolicyItems": [{"accesses": select, "groups": ["analysts"], "rowFilterInfo": {"filterExpr": expr}}]}));
    }
    for (table, column, expr) in masks {
        let id = policies.len() + 1;
        let mut resources = resources(table);
        resources["column"] = json!({"values": [column]});
        policies.push(json!({"id": id, "name": format!("mask {id}"), "serviceType": "trino", "policyType": 1,
            "resources": resources,
            "dataMaskPolicyItems": [{"accesses": select, "groups": ["analysts"],
                "dataMaskInfo": {"dataMaskType": "CUSTOM", "valueExpr": expr}}]}));
    }
    World::with_policies(&json!({"metaDataInfo": {}, "policies": policies}).to_string())
}

async fn one(world: &World, user: &str, sql: &str) -> String {
    let mut session = world.session(user).await;
    rows(&mut session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.detail))[0][0].clone()
}

const ORDERS: &str = "select count(*) from orders";

#[tokio::test(flavor = "multi_thread")]
async fn a_subquery_in_a_row_filter_sees_the_rows_its_reader_may_see() {
    let world = world(
        &[("orders", "o_custkey in (select c_custkey from customer)"), ("customer", "c_mktsegment = 'BUILDING'")],
        &[],
    );
    let expected = "select count(*) from orders where o_custkey in \
                    (select c_custkey from customer where c_mktsegment = 'BUILDING')";
    let building = one(&world, "alice", expected).await;
    assert_ne!(one(&world, "alice", ORDERS).await, building);
    assert_eq!(one(&world, "bob", ORDERS).await, building);
    assert_eq!(one(&world, "bob", "select count(*) from orders where o_orderkey > 0").await, building);
}

/// Else a reader would choose the rows by the session's zone.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_filter_means_the_same_in_every_zone() {
    let at = "(timestamptz '1995-06-17 12:00:00Z' + (o_orderkey % 8) * interval '1 hour')";
    for filter in [
        format!("{at} >= '1995-06-18'"),
        format!("{at} < cast(concat('1995-06-18 0', o_orderkey % 5, ':00') as timestamptz)"),
        format!("{at} < cast(date '1995-06-18' + (o_orderkey % 2)::int as timestamptz)"),
        format!("cast({at} as date) = '1995-06-17'"),
        format!("to_char({at}, 'HH24') < '12'"),
        format!("date_trunc('day', {at}) > '1995-06-17'"),
        format!("extract(hour from {at}) < 12"),
    ] {
        let world = world(&[("orders", &filter)], &[]);
        let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
        let asked = format!("{ORDERS} where {filter}");
        let expected = rows(&mut alice, &asked).await.unwrap_or_else(|error| panic!("{filter}: {error}"));
        for session in [&mut alice, &mut bob] {
            rows(session, "set timezone = 'Asia/Seoul'").await.unwrap();
        }
        assert_eq!(rows(&mut bob, ORDERS).await.unwrap(), expected, "{filter}");
        assert_ne!(rows(&mut alice, &asked).await.unwrap(), expected, "{filter} goes by no zone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_filter_may_join_by_name() {
    // Only one of the two customers is of the segment; the merged column has both all the same.
    let keys = "select c_custkey from customer right join (values (1), (4)) k(c_custkey) using (c_custkey)";
    let world = world(&[("orders", &format!("o_custkey in ({keys})")), ("customer", "c_mktsegment = 'BUILDING'")], &[]);
    let both = one(&world, "alice", "select count(*) from orders where o_custkey in (1, 4)").await;
    assert_ne!(both, one(&world, "alice", "select count(*) from orders where o_custkey = 1").await);
    assert_eq!(one(&world, "bob", ORDERS).await, both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correlated_subquery_reads_the_unmasked_row() {
    let filter = "exists (select 1 from nation n where n.n_nationkey = c_nationkey and n.n_name = 'CHINA')";
    let world = world(&[("customer", filter)], &[("customer", "c_nationkey", "0")]);
    let expected = "select count(*) from customer join nation on c_nationkey = n_nationkey where n_name = 'CHINA'";
    let chinese = one(&world, "alice", expected).await;
    assert_eq!(one(&world, "bob", "select count(*) from customer").await, chinese);
    assert_eq!(one(&world, "bob", "select max(c_nationkey) from customer").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_in_a_policy_are_looked_up_from_its_table_wherever_the_session_is() {
    let world = world(&[("nation", "n_regionkey in (select r_regionkey from region where r_name = 'ASIA')")], &[]);
    let mut bob = world.session("bob").await;
    rows(&mut bob, "use lake.information_schema").await.ok();
    rows(&mut bob, "use tpch.information_schema").await.unwrap();
    assert_eq!(rows(&mut bob, "select count(*) from tpch.tiny.nation").await.unwrap(), [["5"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn current_user_is_who_asks() {
    let world = world(&[("nation", "current_user = 'bob' and n_nationkey < 3")], &[]);
    assert_eq!(one(&world, "bob", "select count(*) from nation").await, "3");
    assert_eq!(one(&world, "alice", "select count(*) from nation").await, "25");
    let other = self::world(&[("nation", "current_user = 'alice'")], &[]);
    assert_eq!(one(&other, "bob", "select count(*) from nation").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_setting_of_a_session_changes_what_a_policy_means() {
    let midnight = "extract(hour from cast('2024-01-01T00:00:00Z' as timestamp with time zone)) = 0";
    let world = world(&[("nation", midnight)], &[]);
    let mut bob = world.session("bob").await;
    assert_eq!(rows(&mut bob, "select count(*) from nation").await.unwrap(), [["25"]]);
    rows(&mut bob, "set timezone = 'Asia/Seoul'").await.unwrap();
    assert_eq!(rows(&mut bob, "select count(*) from nation").await.unwrap(), [["25"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_may_look_up_its_value() {
    let world = world(
        &[],
        &[
            ("nation", "n_name", "(select max(r_name) from region where r_regionkey = n_regionkey)"),
            ("nation", "n_regionkey", "cast(null as {type})"),
            ("nation", "n_comment", "upper({col})"),
        ],
    );
    let sql = "select n_name, n_regionkey, n_comment = upper(n_comment) from nation where n_nationkey = 18";
    let mut bob = world.session("bob").await;
    assert_eq!(rows(&mut bob, sql).await.unwrap(), [["ASIA", "NULL", "true"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_mask_shows_no_value() {
    let world = world(&[], &[("customer", "c_phone", "cast(cast({col} as integer) as varchar)")]);
    let mut bob = world.session("bob").await;
    let error = error(&mut bob, "select c_phone from customer where c_custkey = 1").await;
    assert_eq!(error.code, ErrorCode::RestrictedTable);
    let shown = format!("{error} {:?}", error.hint);
    // A query's id may hold any four digits.
    assert!(!shown.contains("741-2988") && !shown.contains("25-989"), "{shown}");
    assert!(shown.contains("tpch.tiny.customer"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_need_each_other_are_refused() {
    let world = world(
        &[
            ("nation", "n_regionkey in (select r_regionkey from region)"),
            ("region", "exists (select 1 from nation)"),
            ("supplier", "s_suppkey in (select s_suppkey from supplier)"),
        ],
        &[],
    );
    let mut bob = world.session("bob").await;
    for table in ["nation", "region", "supplier"] {
        let error = error(&mut bob, &format!("select * from {table}")).await;
        assert_eq!(error.code, ErrorCode::RestrictedTable, "{error}");
        assert!(!error.message.contains("select"), "{error}");
        assert!(error.detail.is_some_and(|detail| detail.contains("circle")), "{}", error.message);
    }
    assert_eq!(one(&world, "alice", "select count(*) from nation").await, "25");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_evaluated_shows_nothing() {
    for broken in [
        "n_nationkey in (select x from tpch.tiny.nowhere)",
        "n_nationkey",
        "no_such_column = 1",
        "n_nationkey = 1; select 1",
        "1 = 1) or (1 = 1",
        "no_such_function(n_nationkey)",
    ] {
        let world = world(&[("nation", broken)], &[]);
        let mut bob = world.session("bob").await;
        let error = error(&mut bob, "select * from nation").await;
        assert_eq!(error.code, ErrorCode::RestrictedTable, "{broken}: {error}");
        assert!(!error.message.contains("nowhere") && !error.message.contains("no_such"), "{error}");
    }
}
