//! `system.runtime.queries`.

use crate::world::{World, error, rows};
use futures::TryStreamExt;
use naru_gateway::error::ErrorCode;
use naru_gateway::session::Session;
use naru_gateway::session::api::{Outcome, QueryStream};
use tokio_util::sync::CancellationToken;

const QUERIES: &str = "select \"user\", state, query from system.runtime.queries order by query";

async fn start(session: &mut Session, sql: &str) -> QueryStream {
    session.begin_statement(&CancellationToken::new());
    let parsed = naru_gateway::plan::parse(sql).unwrap().remove(0);
    let Outcome::Rows { mut stream, .. } = session.execute(&parsed, Vec::new()).await.unwrap() else {
        panic!("no rows")
    };
    stream.try_next().await.unwrap().unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_own_queries_and_administrators_all() {
    let world = World::new();
    let (mut alice, mut bob, mut carol) =
        (world.session("alice").await, world.session("bob").await, world.session("carol").await);
    let mut other = world.session("bob").await;
    let long = "select l_comment from lineitem";
    let stream = start(&mut other, long).await;

    let own = |user: &str| vec![user.to_owned(), "PLANNING".to_owned(), QUERIES.to_owned()];
    let running = vec!["bob".to_owned(), "RUNNING".to_owned(), long.to_owned()];
    assert_eq!(rows(&mut alice, QUERIES).await.unwrap(), [own("alice"), running.clone()]);
    assert_eq!(rows(&mut bob, QUERIES).await.unwrap(), [own("bob"), running]);
    assert_eq!(rows(&mut carol, QUERIES).await.unwrap(), [own("carol")]);
    let sent = rows(&mut alice, "select rows > 0 from system.runtime.queries where \"user\" = 'bob'").await.unwrap();
    assert_eq!(sent, [["true"]]);

    drop(stream);
    assert_eq!(rows(&mut bob, QUERIES).await.unwrap(), [own("bob")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_failed_is_gone() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    error(&mut bob, "select nope from customer").await;
    assert_eq!(rows(&mut bob, "select count(*) from system.runtime.queries").await.unwrap(), [["1"]]);
    assert_eq!(error(&mut bob, "select * from system.runtime.nope").await.code, ErrorCode::UndefinedTable);
    assert_eq!(error(&mut bob, "select * from system.nope.queries").await.code, ErrorCode::UndefinedSchema);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_described_like_any_table() {
    let world = World::new();
    let mut carol = world.session("carol").await;
    let described = rows(&mut carol, "describe system.runtime.queries").await.unwrap();
    let columns: Vec<_> = described.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    let created = ("created", "timestamp(6) with time zone");
    let texts = ["query_id", "state", "user", "source", "query"].map(|name| (name, "varchar"));
    assert_eq!(columns, [texts.as_slice(), &[created, ("rows", "bigint")]].concat());
    assert_eq!(error(&mut carol, "describe system.runtime.nope").await.code, ErrorCode::UndefinedTable);
}
