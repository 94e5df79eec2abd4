//! Statements over Flight SQL: schemas, errors, settings, parameters, cancelling.

use crate::flight_client::{Client, FlightWorld, command_of, read, rows, status, with_token};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema};
use futures::TryStreamExt;
use naru_gateway::server::flight::SQLSTATE_HEADER;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;

/// Runs for minutes when nobody stops it.
const LONG: &str = "select count(*) from tpch.sf1.lineitem a, tpch.sf1.lineitem b where a.l_comment < b.l_comment";

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_their_code_and_sqlstate() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    for (sql, code, sqlstate) in [
        ("selec 1", Code::InvalidArgument, "42601"),
        ("select * from nope", Code::NotFound, "42P01"),
        ("select c_acctbal from customer", Code::PermissionDenied, "42501"),
        ("insert into customer values (1)", Code::FailedPrecondition, "25006"),
        ("select 1; select 2", Code::Unimplemented, "0A000"),
        ("copy customer to '/tmp/x'", Code::Unimplemented, "0A000"),
    ] {
        let error = status(bob.execute(sql.into(), None).await);
        assert_eq!(error.code(), code, "{sql}: {error:?}");
        assert_eq!(error.metadata().get(SQLSTATE_HEADER).unwrap(), sqlstate, "{sql}");
        assert!(error.message().starts_with(sqlstate), "{error:?}");
    }
    let error = status(rows(&mut bob, "select 1 / (c_custkey - c_custkey) from customer").await);
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.metadata().get(SQLSTATE_HEADER).unwrap(), "22012");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promised_is_what_comes_and_says_nothing_of_the_engine() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    for sql in [
        "select c_custkey, c_name, c_phone from customer limit 3",
        "select c_name, arrow_cast(c_name, 'Dictionary(Int32, Utf8)') d from customer limit 3",
        "select * from nation where false",
        "show catalogs",
        "select 1 where false",
    ] {
        let info = bob.execute(sql.into(), None).await.unwrap();
        let promised = info.clone().try_decode_schema().unwrap();
        let request = with_token(&bob, command_of(sql));
        let asked: Schema = (&bob.inner_mut().get_schema(request).await.unwrap().into_inner()).try_into().unwrap();
        assert_eq!(promised, asked, "{sql}");
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = bob.do_get(ticket).await.unwrap();
        while stream.try_next().await.unwrap().is_some() {}
        let came = stream.schema().expect("a schema even without rows");
        assert_eq!(&promised, came.as_ref(), "{sql}");
        let text = format!("{came:?}");
        assert!(!text.contains("View") && !text.contains("Dictionary") && !text.contains("naru"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_live_in_their_session_and_only_there() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    assert_eq!(bob.execute_update("set timezone = 'Asia/Seoul'".into(), None).await.unwrap(), 0);
    // As ADBC's execute sends every statement.
    assert!(rows(&mut bob, "use tpch.sf1").await.unwrap().is_empty());
    assert_eq!(rows(&mut bob, "show timezone").await.unwrap(), [["Asia/Seoul"]]);
    assert_eq!(rows(&mut bob, "select count(*) from nation").await.unwrap(), [["25"]]);
    assert_eq!(status(bob.execute_update("use nope.nope".into(), None).await).code(), Code::NotFound);
    assert_eq!(rows(&mut bob, "show timezone").await.unwrap(), [["Asia/Seoul"]]);
    let mut other = world.login("bob").await;
    assert_eq!(rows(&mut other, "show timezone").await.unwrap(), [["UTC"]]);
    assert_eq!(status(bob.execute_update("set role alice".into(), None).await).code(), Code::PermissionDenied);
    assert_eq!(status(bob.execute_update("select 1".into(), None).await).code(), Code::Unimplemented);
    assert_eq!(status(bob.execute_update("delete from nation".into(), None).await).code(), Code::FailedPrecondition);
}

fn parameters(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

async fn bound(client: &mut Client, sql: &str, values: RecordBatch) -> Vec<Vec<String>> {
    let mut statement = client.prepare(sql.into(), None).await.unwrap();
    statement.set_parameters(values).unwrap();
    let info = statement.execute().await.unwrap();
    read(client, info).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_take_one_and_many_rows_of_parameters() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1, 8]));
    let sql = "select c_custkey, c_phone from customer where c_custkey = ?";
    let both = bound(&mut bob, sql, parameters(vec![("1", Arc::clone(&keys))])).await;
    assert_eq!(both[0], ["1", "XXXXXXXXXXX2988"]);
    assert_eq!((both.len(), both[1][0].as_str()), (2, "8"));
    let one = bound(&mut bob, "select n_name from nation where n_name = $1", {
        parameters(vec![("1", Arc::new(StringArray::from(vec!["JAPAN"])) as ArrayRef)])
    });
    assert_eq!(one.await, [["JAPAN"]]);
    let none: ArrayRef = keys.slice(0, 0);
    assert!(bound(&mut bob, sql, parameters(vec![("1", none)])).await.is_empty());
    // A statement that says nothing of the type takes the client's.
    assert_eq!(bound(&mut bob, "select ? as x", parameters(vec![("1", keys.slice(0, 1))])).await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_describes_itself_and_checks_what_is_bound() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let sql = "select c_name from customer where c_custkey = ? and c_name like ?";
    let mut statement = bob.prepare(sql.into(), None).await.unwrap();
    let types: Vec<_> =
        statement.parameter_schema().unwrap().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Utf8]);
    assert_eq!(statement.dataset_schema().unwrap().field(0).data_type(), &DataType::Utf8);
    assert_eq!(status(statement.execute().await).code(), Code::InvalidArgument);
    statement.set_parameters(parameters(vec![("1", Arc::new(Int64Array::from(vec![1])) as ArrayRef)])).unwrap();
    let error = status(statement.execute().await);
    assert_eq!((error.code(), error.message().contains("2 parameters")), (Code::InvalidArgument, true), "{error:?}");
    statement.close().await.unwrap();
    assert!(
        bob.prepare("set timezone = 'UTC'".into(), None).await.unwrap().dataset_schema().unwrap().fields.is_empty()
    );
    assert_eq!(status(bob.prepare("select c_acctbal from customer".into(), None).await).code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_running_calls_end_and_takes_no_new_ones() {
    let mut world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let info = bob.execute("select c_custkey from customer".into(), None).await.unwrap();
    let mut stream = bob.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    world.shutdown.cancel();
    let mut rows = 0;
    while let Some(batch) = stream.try_next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert!(rows > 0);
    drop(stream);
    drop(bob);
    world.server.take().unwrap().await.unwrap();
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}

async fn cancel(client: &mut Client, info: &FlightInfo) -> Result<CancelStatus, tonic::Status> {
    let body = CancelFlightInfoRequest { info: Some(info.clone()) }.encode_to_vec();
    let request = with_token(client, Action::new("CancelFlightInfo", body));
    let raw: &mut FlightServiceClient<Channel> = client.inner_mut();
    let result = raw.do_action(request).await?.into_inner().message().await?.unwrap();
    Ok(CancelFlightInfoResult::decode(&*result.body).unwrap().status())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_query_is_cancelled_by_its_own_user_only() {
    let world = FlightWorld::new().await;
    let (mut alice, mut other, mut bob) =
        (world.login("alice").await, world.login("alice").await, world.login("bob").await);
    let info = alice.execute(LONG.into(), None).await.unwrap();
    let mut stream = alice.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert_eq!(cancel(&mut bob, &info).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(cancel(&mut other, &info).await.unwrap(), CancelStatus::Cancelled);
    let ended = tokio::time::timeout(Duration::from_secs(20), stream.try_next()).await.unwrap();
    let ended = status(ended);
    assert_eq!(
        (ended.code(), ended.metadata().get(SQLSTATE_HEADER).unwrap().as_bytes()),
        (Code::Cancelled, &b"57014"[..])
    );
    drop(stream);
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
    let of = |event: &str| {
        let records = world.world.audit();
        let of_event: Vec<_> = records.into_iter().filter(|record| record["event"] == event).collect();
        of_event.iter().map(|record| format!("{} {} {}", record["user"], record["outcome"], record["sql"])).collect()
    };
    let cancels: Vec<String> = of("cancel");
    assert_eq!(cancels, [r#""bob" "denied" """#.to_owned(), format!(r#""alice" "finished" "{LONG}""#)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_cancelled_before_it_was_redeemed_runs_no_more() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute("select 1".into(), None).await.unwrap();
    let other = alice.execute("select 1".into(), None).await.unwrap();
    assert_eq!(cancel(&mut alice, &info).await.unwrap(), CancelStatus::Cancelled);
    assert_eq!(cancel(&mut alice, &info).await.unwrap(), CancelStatus::Cancelled);
    let refused = status(read(&mut alice, info).await);
    assert_eq!(refused.code(), Code::Cancelled);
    assert!(refused.message().contains("execute the statement again"), "{refused:?}");
    assert_eq!(read(&mut alice, other).await.unwrap(), [["1"]]);
    let metadata = alice.get_catalogs().await.unwrap();
    assert_eq!(cancel(&mut alice, &metadata).await.unwrap(), CancelStatus::NotCancellable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_stops_its_query() {
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute(LONG.into(), None).await.unwrap();
    let stream = alice.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    drop(stream);
    let ended = async {
        loop {
            if world.world.audit().iter().any(|record| record["event"] == "end" && record["outcome"] == "cancelled") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the query still runs");
}
