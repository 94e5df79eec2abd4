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
