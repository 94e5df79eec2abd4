//! Limits of one query: memory, time.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use naru_gateway::exec::ExecLimits;

/// Keeps one side in memory, some megabytes, and can't spill.
const BIG: &str = "select count(*) >= 60175 from lineitem a join lineitem b on a.l_comment = b.l_comment";
/// Goes on for hours.
const LONG: &str = "select count(*) from sf1.lineitem a join sf1.lineitem b on a.l_comment < b.l_comment";

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_its_memory_fails_and_the_process_lives() {
    let world = World::with_limits(ExecLimits { query_memory: 1 << 20, ..ExecLimits::default() });
    let mut alice = world.session("alice").await;
    assert_eq!(error(&mut alice, BIG).await.code, ErrorCode::OutOfMemory);
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
    let roomy = World::new();
    let mut alice = roomy.session("alice").await;
    assert_eq!(rows(&mut alice, BIG).await.unwrap(), [["true"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_stops_at_its_timeout() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    rows(&mut alice, "set statement_timeout = 300").await.unwrap();
    let started = std::time::Instant::now();
    assert_eq!(error(&mut alice, LONG).await.code, ErrorCode::StatementTimeout);
    // The deadline is the behaviour; five times slack.
    assert!(started.elapsed().as_millis() < 5_000, "{:?}", started.elapsed());
    rows(&mut alice, "reset statement_timeout").await.unwrap();
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_join_leaves_its_threads_to_others() {
    let world = World::new();
    let threads = std::thread::available_parallelism().unwrap().get();
    for _ in 0..=threads {
        let mut alice = world.session("alice").await;
        rows(&mut alice, "set statement_timeout = 1000").await.unwrap();
        let cross = "select count(a.l_comment) from lineitem a, lineitem b, lineitem c";
        assert_eq!(error(&mut alice, cross).await.code, ErrorCode::StatementTimeout);
    }
    let mut bob = world.session("bob").await;
    let answer = rows(&mut bob, "select count(*) from nation, region");
    let answer = tokio::time::timeout(std::time::Duration::from_secs(20), answer).await;
    assert_eq!(answer.expect("a thread is free").unwrap(), [["125"]]);
}
