//! What a user is told although the query goes on: rows that are missing because a part of a source is down.

use crate::flight_client::{Client, FlightWorld};
use crate::flight_sessions::refused_options;
use crate::probe;
use crate::world::{World, error, rows};
use futures::TryStreamExt;
use naru_gateway::error::ErrorCode;
use naru_gateway::server::flight::WARNING_HEADER;
use serde_json::json;

const PARTIAL: &str = "set probe.partial_results = on";
const MISSING: &str = "rows are missing: shard 1 of s.t can't be reached";

fn world() -> World {
    let world = World::new();
    world.gateway.replace_snapshot(probe::snapshot());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_a_part_that_is_down_is_an_error_that_names_it() {
    let world = world();
    let refused = error(&mut world.session("alice").await, "select * from t").await;
    assert_eq!(refused.code, ErrorCode::SourceUnavailable);
    assert_eq!(refused.message, "shard 1 of s.t can't be reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_leave_it_is_left_out_and_said_once_and_audited() {
    let world = world();
    let mut alice = world.session("alice").await;
    rows(&mut alice, PARTIAL).await.unwrap();
    assert_eq!(rows(&mut alice, "select * from t a join t b using (n)").await.unwrap().len(), 3);
    let told: Vec<_> = alice.take_notices().into_iter().map(|notice| (notice.sqlstate, notice.message)).collect();
    assert_eq!(told, [("01000", MISSING.to_owned())]);
    let audit = world.audit();
    let end = audit.last().unwrap();
    assert_eq!((&end["event"], &end["incomplete"], &end["warnings"]), (&json!("end"), &json!(true), &json!([MISSING])));

    rows(&mut alice, "select 1").await.unwrap();
    assert!(alice.take_notices().is_empty());
    assert!(world.audit().last().unwrap().get("incomplete").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_restricted_table_no_more_is_said_than_that_rows_are_missing() {
    let world = world();
    let mut bob = world.session("bob").await;
    rows(&mut bob, PARTIAL).await.unwrap();
    for sql in ["select * from t", "explain analyze select count(*) from t"] {
        rows(&mut bob, sql).await.unwrap();
        let told: Vec<_> = bob.take_notices().into_iter().map(|notice| notice.message).collect();
        assert_eq!(told, ["rows of probe.s.t are missing: a part of it can't be reached"], "{sql}");
    }
}

/// The number of a statement's rows, and the warnings behind them.
async fn run(client: &mut Client, sql: &str) -> (usize, Vec<String>) {
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let mut count = 0;
    while let Some(batch) = stream.try_next().await.unwrap() {
        count += batch.num_rows();
    }
    let trailers = stream.trailers().unwrap_or_default();
    let warnings = trailers.get_all(WARNING_HEADER).iter().map(|value| value.to_str().unwrap().to_owned());
    (count, warnings.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn flight_says_it_at_the_end_of_the_rows() {
    let world = FlightWorld::new().await;
    world.world.gateway.replace_snapshot(probe::snapshot());
    let mut alice = world.login("alice").await;
    assert!(refused_options(&mut alice, &[("probe.partial_results", "on")]).await.is_empty());
    assert_eq!(run(&mut alice, "select * from t").await, (3, vec![format!("01000: {MISSING}")]));
    assert_eq!(run(&mut alice, "select 1").await, (1, Vec::new()));
}
