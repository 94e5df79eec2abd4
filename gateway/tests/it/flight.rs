//! The Flight SQL door over a real socket: who gets in, what they see, and what their tickets are worth to others.

use crate::flight_client::{Client, FlightWorld, read, rows, status};
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Command, CommandGetTables,
    CommandPreparedStatementQuery, ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightDescriptor};
use datafusion::arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema};
use naru_auth::SigningKey;
use naru_gateway::server::flight::{FlightOptions, SQLSTATE_HEADER};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tonic::Code;

const PHONE: &str = "select c_phone from customer where c_custkey = 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_gives_a_token_and_the_token_gives_masked_rows() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    assert!(bob.token().is_some());
    assert_eq!(rows(&mut bob, PHONE).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    let mut alice = world.login("alice").await;
    assert_eq!(rows(&mut alice, PHONE).await.unwrap(), [["25-989-741-2988"]]);
    let start = &world.world.audit()[0];
    assert_eq!((start["user"].as_str(), start["door"].as_str()), (Some("bob"), Some("flightsql")));
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_serves_without_a_handshake_and_is_answered_with_a_token() {
    let world = FlightWorld::new().await;
    let mut bob = world.client().await;
    bob.set_header("authorization", "Basic Ym9iOmRlbW8");
    assert_eq!(rows(&mut bob, "select 1").await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_and_unknown_user_look_the_same() {
    let world = FlightWorld::new().await;
    let mut texts = Vec::new();
    for (user, password) in [("bob", "wrong"), ("nobody", "demo"), ("bob", "")] {
        let error = world.client().await.handshake(user, password).await.unwrap_err().to_string();
        assert!(error.contains("28P01"), "{error}");
        texts.push(error);
    }
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_served_without_proof() {
    let world = FlightWorld::new().await;
    let mut nobody = world.client().await;
    assert_eq!(status(nobody.execute("select 1".into(), None).await).code(), Code::Unauthenticated);
    assert_eq!(status(nobody.get_catalogs().await).code(), Code::Unauthenticated);
    assert_eq!(status(nobody.get_sql_info(vec![]).await).code(), Code::Unauthenticated);
    assert_eq!(status(nobody.prepare("select 1".into(), None).await).code(), Code::Unauthenticated);
    assert_eq!(status(nobody.execute_update("set timezone = 'UTC'".into(), None).await).code(), Code::Unauthenticated);
    let raw = nobody.inner_mut();
    assert_eq!(raw.list_actions(arrow_flight::Empty {}).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(raw.do_get(arrow_flight::Ticket::new("x")).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(raw.get_schema(command_of("select 1")).await.unwrap_err().code(), Code::Unauthenticated);
}

fn command_of(sql: &str) -> FlightDescriptor {
    let query = arrow_flight::sql::CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(query.as_any().encode_to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_expired_and_foreign_tokens_are_refused() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let token = bob.token().unwrap().clone();
    let other_key = FlightWorld::new().await.login("bob").await.token().unwrap().clone();
    let options = FlightOptions { token_lifetime: Duration::ZERO, ..FlightOptions::default() };
    let expired = FlightWorld::with(options).await;
    for forged in ["", "x", &token[1..], &format!("{token}A"), &other_key] {
        bob.set_token(forged.to_owned());
        let refused = status(bob.execute("select 1".into(), None).await);
        assert_eq!(refused.code(), Code::Unauthenticated, "{forged}");
    }
    let mut late = expired.login("bob").await;
    assert_eq!(status(late.execute("select 1".into(), None).await).code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_with_one_key_take_each_others_tokens_and_tickets() {
    let shared = FlightOptions { key: SigningKey::random(), ..FlightOptions::default() };
    let (one, other) = (FlightWorld::with(shared.clone()).await, FlightWorld::with(shared).await);
    let mut here = one.login("bob").await;
    let mut there = other.client().await;
    there.set_token(here.token().unwrap().clone());
    let info = here.execute(PHONE.into(), None).await.unwrap();
    assert_eq!(read(&mut there, info).await.unwrap(), [["XXXXXXXXXXX2988"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_worth_nothing_to_another_user_or_when_changed() {
    let world = FlightWorld::new().await;
    let (mut alice, mut bob) = (world.login("alice").await, world.login("bob").await);
    let info = alice.execute(PHONE.into(), None).await.unwrap();
    let stolen = status(read(&mut bob, info.clone()).await);
    assert_eq!(stolen.code(), Code::PermissionDenied);
    assert!(!stolen.message().contains("989"), "{stolen:?}");

    let mut changed = info.clone();
    let ticket = changed.endpoint[0].ticket.as_mut().unwrap();
    let any = arrow_flight::sql::Any::decode(&*ticket.ticket).unwrap();
    let Command::TicketStatementQuery(mut inner) = Command::try_from(any).unwrap() else { panic!("another ticket") };
    let mut bytes = inner.statement_handle.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    inner.statement_handle = bytes.into();
    ticket.ticket = inner.as_any().encode_to_vec().into();
    assert_eq!(status(read(&mut alice, changed).await).code(), Code::PermissionDenied);
    // Nor is a bare statement a ticket.
    let bare = TicketStatementQuery { statement_handle: "select 1".into() };
    let bare = arrow_flight::Ticket::new(bare.as_any().encode_to_vec());
    assert_eq!(status(alice.do_get(bare).await).code(), Code::PermissionDenied);

    assert_eq!(read(&mut alice, info).await.unwrap(), [["25-989-741-2988"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_ticket_is_refused() {
    let options = FlightOptions { ticket_lifetime: Duration::ZERO, ..FlightOptions::default() };
    let world = FlightWorld::with(options).await;
    let mut bob = world.login("bob").await;
    let info = bob.execute("select 1".into(), None).await.unwrap();
    assert_eq!(status(read(&mut bob, info).await).code(), Code::PermissionDenied);
}

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
        while futures::TryStreamExt::try_next(&mut stream).await.unwrap().is_some() {}
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
async fn a_prepared_statement_is_its_users_own() {
    let world = FlightWorld::new().await;
    let (mut alice, mut bob) = (world.login("alice").await, world.login("bob").await);
    let handle = prepared_handle(&mut alice, PHONE).await;
    let query = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    let descriptor = || FlightDescriptor::new_cmd(query.as_any().encode_to_vec());
    let of_bob = with_token(&bob, descriptor());
    assert_eq!(bob.inner_mut().get_flight_info(of_bob).await.unwrap_err().code(), Code::NotFound);
    let of_alice = with_token(&alice, descriptor());
    assert!(alice.inner_mut().get_flight_info(of_alice).await.is_ok());
}

/// What the client keeps for itself.
async fn prepared_handle(client: &mut Client, sql: &str) -> bytes::Bytes {
    let request = ActionCreatePreparedStatementRequest { query: sql.to_owned(), transaction_id: None };
    let action = Action::new("CreatePreparedStatement", request.as_any().encode_to_vec());
    let result = client.do_action(action).await.unwrap().message().await.unwrap().unwrap();
    let any = arrow_flight::sql::Any::decode(&*result.body).unwrap();
    any.unpack::<ActionCreatePreparedStatementResult>().unwrap().unwrap().prepared_statement_handle
}

/// A call of the raw client, which knows no token.
fn with_token<T>(client: &Client, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {}", client.token().unwrap()).parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_holds_what_exists_for_the_caller() {
    let world = FlightWorld::new().await;
    let tables = || CommandGetTables {
        catalog: Some("tpch".to_owned()),
        db_schema_filter_pattern: Some("tiny".to_owned()),
        table_name_filter_pattern: Some("cust%".to_owned()),
        table_types: vec![],
        include_schema: true,
    };
    for (user, acctbal) in [("alice", true), ("bob", false)] {
        let mut client = world.login(user).await;
        let info = client.get_catalogs().await.unwrap();
        assert!(read(&mut client, info).await.unwrap().contains(&vec!["tpch".to_owned()]));
        let info = client.get_tables(tables()).await.unwrap();
        let promised = info.clone().try_decode_schema().unwrap();
        let ticket = info.endpoint[0].ticket.clone().unwrap();
        let mut stream = client.do_get(ticket).await.unwrap();
        let batch = futures::TryStreamExt::try_next(&mut stream).await.unwrap().unwrap();
        assert_eq!((batch.num_rows(), batch.schema().as_ref()), (1, &promised));
        let framed = batch.column(4).as_any().downcast_ref::<datafusion::arrow::array::BinaryArray>().unwrap();
        let schema = Schema::try_from(arrow_flight::IpcMessage(framed.value(0).to_vec().into())).unwrap();
        assert_eq!(schema.field_with_name("c_acctbal").is_ok(), acctbal, "{user}");
        assert_eq!(schema.field_with_name("c_phone").unwrap().is_nullable(), user == "bob");
        assert!(!format!("{schema:?}").contains("naru."), "{schema:?}");
    }
    let mut carol = world.login("carol").await;
    for info in [
        carol.get_catalogs().await.unwrap(),
        carol.get_db_schemas(Default::default()).await.unwrap(),
        carol.get_tables(CommandGetTables { include_schema: true, ..Default::default() }).await.unwrap(),
    ] {
        assert!(read(&mut carol, info).await.unwrap().is_empty());
    }
    assert_eq!(rows(&mut carol, "select 1").await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_lets_running_calls_end_and_takes_no_new_ones() {
    let mut world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let info = bob.execute("select c_custkey from customer".into(), None).await.unwrap();
    let mut stream = bob.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    world.shutdown.cancel();
    let mut rows = 0;
    while let Some(batch) = futures::TryStreamExt::try_next(&mut stream).await.unwrap() {
        rows += batch.num_rows();
    }
    assert!(rows > 0);
    drop(stream);
    drop(bob);
    world.server.take().unwrap().await.unwrap();
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err());
}
