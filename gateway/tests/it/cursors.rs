//! SCROLL cursors: what they keep, and for whom.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use naru_gateway::exec::ExecLimits;

#[tokio::test(flavor = "multi_thread")]
async fn a_scroll_cursor_keeps_no_more_than_a_query_may_hold() {
    let world = World::with_limits(ExecLimits { query_memory: 4 << 20, ..ExecLimits::default() });
    let mut alice = world.session("alice").await;
    let all = "select * from lineitem";
    rows(&mut alice, &format!("begin; declare s scroll cursor for {all}; declare f cursor for {all}")).await.unwrap();
    assert_eq!(rows(&mut alice, "fetch 2 from s").await.unwrap().len(), 2);
    assert_eq!(rows(&mut alice, "fetch prior from s").await.unwrap().len(), 1);
    // Without SCROLL nothing is kept.
    assert_eq!(rows(&mut alice, "fetch all from f").await.unwrap().len(), 60_175);
    let refused = error(&mut alice, "fetch last from s").await;
    assert_eq!(refused.code, ErrorCode::OutOfMemory);
    assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("NO SCROLL")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scroll_cursor_goes_back_over_the_rows_that_may_be_seen() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let declare = "declare s scroll cursor with hold for select c_custkey, c_phone from customer order by c_custkey";
    rows(&mut bob, declare).await.unwrap();
    assert_eq!(rows(&mut bob, "fetch absolute 2 from s").await.unwrap(), [["8", "XXXXXXXXXXX9335"]]);
    assert_eq!(rows(&mut bob, "fetch prior from s").await.unwrap(), [["1", "XXXXXXXXXXX2988"]]);
    assert_eq!(rows(&mut bob, "fetch absolute -337 from s").await.unwrap().len(), 1);
    assert!(rows(&mut bob, "fetch absolute -338 from s").await.unwrap().is_empty());
    assert_eq!(rows(&mut bob, "select is_scrollable from pg_cursors").await.unwrap(), [["true"]]);
}
