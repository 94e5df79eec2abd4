//! The session's options over Flight SQL, and its end.

use crate::flight_client::{Client, FlightWorld, act, rows, status};
use prost::{Message, Oneof};
use std::collections::HashMap;
use std::time::Duration;
use tonic::Code;

/// The session messages as the client's side has them; arrow-flight has none.
#[derive(Clone, PartialEq, Message)]
struct Options {
    #[prost(map = "string, message", tag = "1")]
    options: HashMap<String, OptionText>,
}

#[derive(Clone, PartialEq, Message)]
struct OptionText {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(message, tag = "5")]
    List(Texts),
}

#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Errors {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, ErrorKind>,
}

#[derive(Clone, PartialEq, Message)]
struct ErrorKind {
    #[prost(int32, tag = "1")]
    kind: i32,
}

fn options(pairs: &[(&str, &str)]) -> Vec<u8> {
    typed(pairs.iter().map(|(name, text)| (*name, Some(Value::Text((*text).to_owned())))))
}

fn typed<'a>(pairs: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Vec<u8> {
    let option = |(name, value): (&str, Option<Value>)| (name.to_owned(), OptionText { value });
    Options { options: pairs.into_iter().map(option).collect() }.encode_to_vec()
}

async fn set(client: &mut Client, options: Vec<u8>) -> HashMap<String, i32> {
    let answer = act(client, "SetSessionOptions", options).await.unwrap();
    Errors::decode(&*answer).unwrap().errors.into_iter().map(|(name, error)| (name, error.kind)).collect()
}

/// Sets session options: those that were refused, and why.
pub(crate) async fn refused_options(client: &mut Client, pairs: &[(&str, &str)]) -> HashMap<String, i32> {
    set(client, options(pairs)).await
}

async fn get(client: &mut Client, name: &str) -> Option<Value> {
    let answer = act(client, "GetSessionOptions", vec![]).await.unwrap();
    Options::decode(&*answer).unwrap().options.remove(name).and_then(|option| option.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn session_options_move_the_session_and_say_what_they_refuse() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let asked = options(&[("schema", "mydata"), ("catalog", "lake"), ("timezone", "Asia/Seoul"), ("nope", "1")]);
    // 1 is an unknown name.
    assert_eq!(set(&mut bob, asked).await, HashMap::from([("nope".to_owned(), 1)]));
    assert_eq!(rows(&mut bob, "select count(*) from customers").await.unwrap(), [["1000"]]);
    assert_eq!(get(&mut bob, "catalog").await, Some(Value::Text("lake".to_owned())));
    assert_eq!(get(&mut bob, "TimeZone").await, Some(Value::Text("Asia/Seoul".to_owned())));

    // A catalog that carol may not know of is as wrong as one that is not there.
    let mut carol = world.login("carol").await;
    for catalog in ["lake", "not-there"] {
        assert_eq!(set(&mut carol, options(&[("catalog", catalog)])).await["catalog"], 2, "{catalog}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_takes_its_token_with_it() {
    let world = FlightWorld::new().await;
    let (mut bob, mut other) = (world.login("bob").await, world.login("bob").await);
    act(&mut bob, "CloseSession", vec![]).await.unwrap();
    assert_eq!(status(bob.execute("select 1".into(), None).await).code(), Code::Unauthenticated);
    assert_eq!(rows(&mut other, "select 1").await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_options_have_types() {
    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    let right = typed([
        ("statement_timeout", Some(Value::Integer(60_000))),
        ("default_transaction_read_only", Some(Value::Flag(true))),
        ("extra_float_digits", Some(Value::Number(3.0))),
        ("search_path", Some(Value::List(Texts { values: vec!["$user".to_owned(), "sf1".to_owned()] }))),
    ]);
    assert!(set(&mut bob, right).await.is_empty());
    assert_eq!(get(&mut bob, "statement_timeout").await, Some(Value::Integer(60_000)));
    assert_eq!(get(&mut bob, "default_transaction_read_only").await, Some(Value::Flag(true)));
    assert_eq!(get(&mut bob, "schema").await, Some(Value::Text("sf1".to_owned())));
    let back = typed([("statement_timeout", None), ("search_path", None)]);
    assert!(set(&mut bob, back).await.is_empty());
    assert_eq!(get(&mut bob, "statement_timeout").await, Some(Value::Integer(0)));
    assert_eq!(get(&mut bob, "schema").await, Some(Value::Text("tiny".to_owned())));
    let wrong = typed([
        ("statement_timeout", Some(Value::Flag(true))),
        ("TimeZone", Some(Value::Integer(1))),
        ("catalog", Some(Value::Flag(true))),
        ("extra_float_digits", Some(Value::Number(0.5))),
        ("default_transaction_read_only", Some(Value::Integer(1))),
        ("application_name", Some(Value::List(Texts { values: vec!["a".to_owned()] }))),
        ("datafusion.execution.batch_size", Some(Value::Integer(1))),
    ]);
    let errors = set(&mut bob, wrong).await;
    // 2 is a value that does not fit.
    assert!(errors.iter().all(|(name, kind)| *kind == if name.contains('.') { 1 } else { 2 }), "{errors:?}");
    assert_eq!(errors.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_stops_what_it_runs() {
    const LONG: &str = "select count(*) from tpch.sf1.lineitem a, tpch.sf1.lineitem b where a.l_comment < b.l_comment";
    let world = FlightWorld::new().await;
    let mut alice = world.login("alice").await;
    let info = alice.execute(LONG.into(), None).await.unwrap();
    let mut stream = alice.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    act(&mut alice, "CloseSession", vec![]).await.unwrap();
    let next = futures::TryStreamExt::try_next(&mut stream);
    let ended = tokio::time::timeout(Duration::from_secs(20), next).await.expect("the query still runs");
    assert_eq!(status(ended).code(), Code::Cancelled);
}
