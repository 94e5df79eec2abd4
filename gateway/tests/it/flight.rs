//! The Flight SQL door over a real socket: who gets in, and what tokens, tickets and handles are worth to others.

use crate::flight_client::{Client, FlightWorld, command_of, read, rows, status, with_token};
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Command, CommandPreparedStatementQuery,
    ProstMessageExt, TicketStatementQuery,
};
use arrow_flight::{Action, FlightDescriptor};
use naru_auth::SigningKey;
use naru_gateway::server::flight::{FlightOptions, FlightTls};
use prost::Message;
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
    let refused: Vec<_> = world.world.audit().iter().map(|record| record["user"].to_string()).collect();
    assert_eq!(refused, [r#""bob""#, r#""nobody""#, r#""bob""#]);
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
    let shared = FlightOptions { key: SigningKey::random(), max_endpoints: 1, ..FlightOptions::default() };
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

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_a_login_works_and_plain_text_does_not() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let tls = std::sync::Arc::new(arc_swap::ArcSwap::from_pointee(FlightTls::new(config)));
    let world = FlightWorld::with(FlightOptions { tls: Some(tls), ..FlightOptions::default() }).await;
    let mut bob = world.tls_client(&certified.cert.pem()).await;
    bob.handshake("bob", "demo").await.unwrap();
    assert_eq!(rows(&mut bob, PHONE).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    let plain = tonic::transport::Endpoint::new(format!("http://{}", world.address)).unwrap();
    let refused = match plain.connect().await {
        Err(_) => true,
        Ok(channel) => Client::new(channel).handshake("bob", "demo").await.is_err(),
    };
    assert!(refused);
}
