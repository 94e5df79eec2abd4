//! Results over Flight SQL: their endpoints, their tickets' time, the policies they are read under, the size of their messages.

use crate::flight_client::{Client, FlightWorld, act, command_of, read, rows, status, with_token};
use crate::world::{World, policies, snapshot};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightEndpoint, FlightInfo, RenewFlightEndpointRequest, Ticket};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::server::flight::{FlightOptions, SQLSTATE_HEADER};
use prost::Message;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tonic::Code;
use tonic::transport::Endpoint;

const POLICIES: &str = include_str!("../../../conf/policies/demo.json");
/// Two partitions wherever it runs, and 75,175 rows.
const UNORDERED: &str = "select l_orderkey from lineitem union all select o_orderkey from orders";
/// The same, and goes on for minutes.
const LONG: &str = "select l_comment from sf1.lineitem union all select o_comment from sf1.orders";

fn tickets(info: &FlightInfo) -> Vec<Ticket> {
    info.endpoint.iter().map(|endpoint| endpoint.ticket.clone().unwrap()).collect()
}

/// The number of rows and the sum of the first column: every row once, if both are right.
fn sums(batches: &[RecordBatch]) -> (usize, i64) {
    let sum = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
    (batches.iter().map(RecordBatch::num_rows).sum(), batches.iter().map(sum).sum())
}

async fn fetch(mut client: Client, ticket: Ticket) -> Vec<RecordBatch> {
    client.do_get(ticket).await.unwrap().try_collect().await.unwrap()
}

/// What all endpoints together should give.
async fn expected(client: &mut Client) -> (usize, i64) {
    let sql = format!("select count(*), sum(x) from ({UNORDERED}) as t(x)");
    let row = rows(client, &sql).await.unwrap().remove(0);
    (row[0].parse().unwrap(), row[1].parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_several_partitions_has_several_endpoints_and_every_row_once() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let expected = expected(&mut alice).await;
    assert_eq!(expected.0, 75_175);

    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    assert!(info.endpoint.len() > 1 && !info.ordered, "{info:?}");
    // One after the other, as a simple client does.
    let mut all = Vec::new();
    for ticket in tickets(&info) {
        all.extend(fetch(alice.clone(), ticket).await);
    }
    assert_eq!(sums(&all), expected);

    // Side by side, as ADBC does.
    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    let readers = tickets(&info).into_iter().map(|ticket| tokio::spawn(fetch(alice.clone(), ticket)));
    let all: Vec<_> = futures::future::join_all(readers).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(sums(&all), expected);

    // The first alone: a client that knows of no others misses nothing, and nothing goes on running.
    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    let ticket = tickets(&info).remove(0);
    assert_eq!(sums(&fetch(alice.clone(), ticket).await), expected);
    assert!(world.world.gateway.running().queries(None).is_empty());
    let starts = world.world.audit().iter().filter(|record| record["event"] == "start").count();
    // One run each, however many endpoints were read, and the one that counted.
    assert_eq!(starts, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_has_an_order_has_one_endpoint_and_keeps_it() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute(format!("{UNORDERED} order by 1 desc"), None).await.unwrap();
    assert!(info.endpoint.len() == 1 && info.ordered);
    let batches = fetch(alice.clone(), tickets(&info).remove(0)).await;
    let keys: Vec<i64> =
        batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    assert_eq!(keys.len(), 75_175);
    assert!(keys.is_sorted_by(|a, b| a >= b));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_among_several_is_read_once_and_a_single_one_again() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    // One that may be read again says until when.
    assert!(info.endpoint.iter().all(|endpoint| endpoint.expiration_time.is_none()));
    let ticket = tickets(&info).remove(0);
    fetch(alice.clone(), ticket.clone()).await;
    let again = status(alice.do_get(ticket).await.map(|_| ()));
    assert_eq!(
        (again.code(), again.metadata().get(SQLSTATE_HEADER).unwrap().as_bytes()),
        (Code::NotFound, &b"34000"[..])
    );

    let single = alice.execute("select 1".into(), None).await.unwrap();
    assert!(single.endpoint[0].expiration_time.is_some());
    assert_eq!(read(&mut alice, single.clone()).await.unwrap(), [["1"]]);
    assert_eq!(read(&mut alice, single).await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_worth_nothing_to_others_elsewhere_or_too_late() {
    let shared = FlightOptions { key: naru_auth::SigningKey::random(), ..FlightOptions::default() };
    let (world, other) = (FlightWorld::with(shared.clone()).await, FlightWorld::with(shared).await);
    let (mut alice, mut bob) = (world.login("alice").await, world.login("bob").await);
    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    assert_eq!(status(bob.do_get(tickets(&info).remove(0)).await.map(|_| ())).code(), Code::PermissionDenied);
    // Another gateway would run it again, and give rows that this one has given.
    let mut there = other.login("alice").await;
    assert_eq!(status(there.do_get(tickets(&info).remove(1)).await.map(|_| ())).code(), Code::NotFound);

    let options = FlightOptions { ticket_lifetime: Duration::ZERO, ..FlightOptions::default() };
    let hasty = FlightWorld::with(options).await;
    let mut alice = hasty.login("alice").await;
    let info = alice.execute(UNORDERED.into(), None).await.unwrap();
    for ticket in tickets(&info) {
        assert_eq!(status(alice.do_get(ticket).await.map(|_| ())).code(), Code::PermissionDenied);
    }
    let refused: Vec<_> = hasty.world.audit().into_iter().filter(|record| record["event"] == "ticket").collect();
    assert_eq!(refused.len(), info.endpoint.len());
    assert!(refused.iter().all(|record| record["outcome"] == "denied" && record["user"] == "alice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_endpoint_is_given_up_the_others_do_not_end_as_if_they_had_all() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute(LONG.into(), None).await.unwrap();
    let mut both = tickets(&info).into_iter();
    let mut first = alice.do_get(both.next().unwrap()).await.unwrap();
    let mut second = alice.do_get(both.next().unwrap()).await.unwrap();
    first.try_next().await.unwrap().unwrap();
    drop(first);
    let error = loop {
        match second.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the result ended as if it were whole"),
            Err(error) => break status::<()>(Err(error)),
        }
    };
    assert_eq!(error.code(), Code::Cancelled);
    assert!(world.world.gateway.running().queries(None).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_fails_them_all() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let sql = "select 1 / (l_orderkey - l_orderkey) from lineitem union all select o_orderkey from orders";
    let info = alice.execute(sql.into(), None).await.unwrap();
    assert!(info.endpoint.len() > 1);
    for ticket in tickets(&info) {
        let failed = match alice.do_get(ticket).await {
            Ok(stream) => stream.try_collect::<Vec<_>>().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert_eq!(status(failed).metadata().get(SQLSTATE_HEADER).unwrap(), "22012");
    }
}

/// The demo's policies without masks.
fn unmasked() -> String {
    let mut document: serde_json::Value = serde_json::from_str(POLICIES).unwrap();
    for policy in document["policies"].as_array_mut().unwrap() {
        if policy["policyType"] == 1 {
            policy["isEnabled"] = false.into();
        }
    }
    document.to_string()
}

fn change(world: &FlightWorld, text: &str) {
    let world = &world.world;
    world.gateway.replace_snapshot(snapshot(world.folder(), policies(text), DeniedColumns::Error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_read_under_the_policies_of_when_it_is_read() {
    let world = FlightWorld::of(World::with_policies(&unmasked()), FlightOptions::default()).await;
    let mut bob = world.login("bob").await;
    // Of the same type and nullability, masked or not.
    let sql = "select nullif(c_phone, '') from customer where c_custkey = 1";
    let (before, after, lost) = (
        bob.execute(sql.into(), None).await.unwrap(),
        bob.execute(sql.into(), None).await.unwrap(),
        bob.execute(sql.into(), None).await.unwrap(),
    );
    let several = bob.execute("select c_phone from customer union all select o_clerk from orders".into(), None);
    let several = several.await.unwrap();
    assert!(several.endpoint.len() > 1);
    assert_eq!(read(&mut bob, before).await.unwrap(), [["25-989-741-2988"]]);
    change(&world, POLICIES);
    assert_eq!(read(&mut bob, after).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    // A masked column may be NULL, which is not what was promised.
    for ticket in tickets(&several) {
        let refused = status(bob.do_get(ticket).await.map(|_| ()));
        assert_eq!(refused.metadata().get(SQLSTATE_HEADER).unwrap(), "42804", "{refused:?}");
    }
    change(&world, &POLICIES.replace("\"analysts\"", "\"nobody\""));
    assert_eq!(status(read(&mut bob, lost).await).code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_answered_with_the_whole_result() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    for (sql, several) in [(UNORDERED, true), ("select c_name from customer order by 1 limit 3", false)] {
        let request = with_token(&alice, command_of(sql));
        let poll = alice.inner_mut().poll_flight_info(request).await.unwrap().into_inner();
        // Without a descriptor there is nothing to poll again.
        assert_eq!((poll.flight_descriptor, poll.progress), (None, Some(1.0)));
        let info = poll.info.unwrap();
        assert_eq!(info.endpoint.len() > 1, several);
        assert!(!read(&mut alice, info).await.unwrap().is_empty());
    }
    let request = with_token(&alice, command_of("select * from nope"));
    assert_eq!(alice.inner_mut().poll_flight_info(request).await.unwrap_err().code(), Code::NotFound);
    let nobody = world.client().await.inner_mut().poll_flight_info(command_of("select 1")).await;
    assert_eq!(nobody.unwrap_err().code(), Code::Unauthenticated);
}

async fn renewed(client: &mut Client, endpoint: &FlightEndpoint) -> Result<FlightEndpoint, tonic::Status> {
    let body = RenewFlightEndpointRequest { endpoint: Some(endpoint.clone()) }.encode_to_vec();
    act(client, "RenewFlightEndpoint", body).await.map(|body| FlightEndpoint::decode(&*body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_says_when_it_expires_and_is_renewed_by_its_own_user_only() {
    let lifetime = Duration::from_secs(600);
    let options = FlightOptions { ticket_lifetime: lifetime, ..FlightOptions::default() };
    let world = FlightWorld::with(options).await;
    let (mut alice, mut bob) = (world.login("alice").await, world.login("bob").await);
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut info = alice.execute("select 1".into(), None).await.unwrap();
    let stated = |endpoint: &FlightEndpoint| endpoint.expiration_time.as_ref().unwrap().seconds.unsigned_abs();
    let first = stated(&info.endpoint[0]);
    assert!(first >= (before + lifetime).as_secs() && first <= before.as_secs() + 660, "{first}");
    assert_eq!(renewed(&mut bob, &info.endpoint[0]).await.unwrap_err().code(), Code::PermissionDenied);
    let endpoint = renewed(&mut alice, &info.endpoint[0]).await.unwrap();
    assert!(stated(&endpoint) >= first);
    info.endpoint = vec![endpoint];
    assert_eq!(read(&mut alice, info).await.unwrap(), [["1"]]);
    let several = alice.execute(UNORDERED.into(), None).await.unwrap();
    assert_eq!(renewed(&mut alice, &several.endpoint[0]).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_fit_a_client_that_sets_no_limit_but_for_a_single_long_row() {
    let world = FlightWorld::new().await;
    // This client takes 4 MiB, as gRPC has it.
    let mut alice = world.login("alice").await;
    let sql = "select case when l_linenumber = 7 then repeat('x', 40000) else repeat('y', 1000) end from lineitem limit 20000";
    let info = alice.execute(sql.into(), None).await.unwrap();
    let mut rows = 0;
    for ticket in tickets(&info) {
        for batch in fetch(alice.clone(), ticket).await {
            let mut words = batch.column(0).as_string::<i32>().iter().flatten();
            assert!(words.all(|word| word.len() == if word.starts_with('x') { 40_000 } else { 1000 }));
            rows += batch.num_rows();
        }
    }
    assert_eq!(rows, 20_000);

    let channel = Endpoint::new(format!("http://{}", world.address)).unwrap().connect().await.unwrap();
    let roomy = FlightServiceClient::new(channel).max_decoding_message_size(32 << 20);
    let mut roomy = FlightSqlServiceClient::new_from_inner(roomy);
    roomy.handshake("alice", "demo").await.unwrap();
    let long = |bytes: usize| format!("select repeat('x', {bytes})");
    let info = roomy.execute(long(8_000_000), None).await.unwrap();
    let batches = fetch(roomy.clone(), tickets(&info).remove(0)).await;
    assert_eq!(batches[0].column(0).as_string::<i32>().value(0).len(), 8_000_000);
    let info = roomy.execute(long(20_000_000), None).await.unwrap();
    let stream = roomy.do_get(tickets(&info).remove(0)).await.unwrap();
    let refused = status(stream.try_collect::<Vec<_>>().await);
    assert_eq!(refused.metadata().get(SQLSTATE_HEADER).unwrap(), "54000", "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_tokens_that_are_too_large_are_refused_and_nothing_else_suffers() {
    let world = FlightWorld::with(FlightOptions { max_message: 1 << 20, ..FlightOptions::default() }).await;
    let mut alice = world.login("alice").await;
    let refused = status(alice.execute(format!("select '{}'", "x".repeat(1 << 20)), None).await);
    assert_eq!(refused.code(), Code::OutOfRange);
    let big = Ticket::new(vec![0; 1 << 20]);
    assert_eq!(status(alice.do_get(big).await.map(|_| ())).code(), Code::OutOfRange);
    let mut mallory = world.client().await;
    mallory.set_token("x".repeat(1 << 20));
    assert!(mallory.execute("select 1".into(), None).await.is_err());
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
}
