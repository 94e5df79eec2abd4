//! Every request leaves its record, whatever became of it.

use crate::world::{World, error, rows};
use futures::TryStreamExt;
use naru_gateway::session::api::Outcome;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

fn field<'a>(record: &'a Value, name: &str) -> &'a str {
    record[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_names_columns_masks_and_policies() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    rows(&mut bob, "select c_phone from customer where c_custkey < 10 and c_name like 'C%'").await.unwrap();
    let records = world.audit();
    let table = &records[0]["tables"][0];
    assert_eq!(table["columns"], serde_json::json!(["c_custkey", "c_name", "c_phone"]));
    assert_eq!(table["masks"], serde_json::json!(["c_phone"]));
    assert!(table["policies"].as_array().is_some_and(|ids| ids.contains(&5.into()) && ids.contains(&8.into())));
    assert_eq!(records[1]["tables"], records[0]["tables"]);
    assert!(records[1]["sqlstate"].is_null());
    assert_eq!(records[0]["door"], "postgresql");
    assert_eq!(records[0]["groups"], serde_json::json!(["analysts"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_recorded_with_its_sqlstate() {
    let world = World::new();
    let (mut bob, mut carol) = (world.session("bob").await, world.session("carol").await);
    for (outcome, sqlstate, sql) in [
        ("denied", "42501", "select c_acctbal from customer"),
        ("failed", "42P01", "select * from nope"),
        ("denied", "25006", "delete from customer"),
        ("failed", "42703", "explain select nope from customer"),
    ] {
        error(&mut bob, sql).await;
        let records = world.audit();
        let (start, end) = (&records[records.len() - 2], &records[records.len() - 1]);
        assert_eq!((field(start, "event"), field(end, "event")), ("start", "end"), "{sql}");
        assert_eq!(start["query_id"], end["query_id"], "{sql}");
        assert_eq!((field(end, "outcome"), field(end, "sqlstate")), (outcome, sqlstate), "{sql}");
        assert_eq!(field(end, "sql"), sql);
    }
    error(&mut carol, "select * from customer").await;
    let records = world.audit();
    assert_eq!(field(records.last().unwrap(), "user"), "carol");
}

#[tokio::test(flavor = "multi_thread")]
async fn describing_and_listing_are_recorded() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let parsed = naru_gateway::plan::parse("select c_phone from customer").unwrap().remove(0);
    bob.describe(&parsed, &[]).await.unwrap();
    let denied = naru_gateway::plan::parse("select c_acctbal from customer").unwrap().remove(0);
    bob.describe(&denied, &[]).await.unwrap_err();
    rows(&mut bob, "show tables").await.unwrap();
    let records = world.audit();
    let seen: Vec<_> = records.iter().map(|record| (field(record, "event"), field(record, "outcome"))).collect();
    assert_eq!(seen, [("describe", "finished"), ("describe", "denied"), ("metadata", "finished")]);
    assert_eq!(records[0]["tables"][0]["name"], "tpch.tiny.customer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_says_so() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    let cancel = alice.begin_statement(&CancellationToken::new());
    let parsed = naru_gateway::plan::parse("select * from tpch.sf1.lineitem").unwrap().remove(0);
    let Outcome::Rows { mut stream, .. } = alice.execute(&parsed, Vec::new()).await.unwrap() else { panic!("no rows") };
    stream.try_next().await.unwrap().unwrap();
    cancel.cancel();
    while stream.try_next().await.is_ok_and(|batch| batch.is_some()) {}
    drop(stream);
    let records = world.audit();
    let end = records.last().unwrap();
    assert_eq!((field(end, "event"), field(end, "outcome"), field(end, "sqlstate")), ("end", "cancelled", "57014"));
    assert!(end["rows"].as_u64().is_some_and(|rows| rows > 0));
}
