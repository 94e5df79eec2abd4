//! Limits of one query: memory, time.

use crate::world::{World, error, rows, text_rows};
use futures::TryStreamExt;
use naru_gateway::error::ErrorCode;
use naru_gateway::exec::ExecLimits;
use naru_gateway::session::api::Outcome;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Keeps one side in memory, some megabytes, and can't spill.
const BIG: &str = "select count(*) >= 60175 from lineitem a join lineitem b on a.l_comment = b.l_comment";
/// Goes on for hours.
const LONG: &str = "select count(*) from sf1.lineitem a join sf1.lineitem b on a.l_comment < b.l_comment";

#[tokio::test(flavor = "multi_thread")]
async fn a_query_over_its_memory_fails_and_the_process_lives() {
    let world = World::with_limits(ExecLimits { query_memory: 1 << 20, ..ExecLimits::default() });
    let mut alice = world.session("alice").await;
    let failed = error(&mut alice, BIG).await;
    assert_eq!(failed.code, ErrorCode::OutOfMemory);
    assert!(failed.hint.is_some_and(|hint| hint.contains("query_memory")));
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
    let roomy = World::new();
    let mut alice = roomy.session("alice").await;
    assert_eq!(rows(&mut alice, BIG).await.unwrap(), [["true"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_queries_together_have_a_limit_too() {
    let world = World::with_limits(ExecLimits { memory: 1 << 20, query_memory: 1 << 30, ..ExecLimits::default() });
    let mut alice = world.session("alice").await;
    assert_eq!(error(&mut alice, BIG).await.code, ErrorCode::OutOfMemory);
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
}

/// Sorts some 50 MB in one partition, for each would keep memory for its merge.
const SORT: &str = "select * from (select repeat(l_comment, 4) as x, n from lineitem, (values (1), (2), (3), (4), (5), (6)) v(n) \
                    limit 1000000) t order by x, n";

/// Room for a part of it.
fn small(spill: u64) -> (tempfile::TempDir, ExecLimits) {
    let folder = tempfile::tempdir().unwrap();
    let limits = ExecLimits {
        query_memory: 32 << 20,
        spill,
        spill_folder: Some(folder.path().to_owned()),
        ..ExecLimits::default()
    };
    (folder, limits)
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_over_its_memory_spills_and_leaves_nothing_behind() {
    let (folder, limits) = small(1 << 30);
    let world = World::with_limits(limits);
    let mut alice = world.session("alice").await;
    alice.begin_statement(&CancellationToken::new());
    let parsed = naru_gateway::plan::parse(SORT).unwrap().remove(0);
    let Outcome::Rows { mut stream, .. } = alice.execute(&parsed, Vec::new()).await.unwrap() else { panic!("no rows") };
    let (mut count, mut before, mut spilled) = (0, String::new(), 0);
    while let Some(batch) = stream.try_next().await.unwrap() {
        spilled = spilled.max(files(folder.path()));
        for row in text_rows(&batch) {
            assert!(before <= row[0], "{before} comes before {}", row[0]);
            before.clone_from(&row[0]);
            count += 1;
        }
    }
    assert_eq!(count, 6 * 60_175);
    assert!(spilled > 0, "nothing was spilled");
    drop(stream);
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spill_over_its_cap_fails_and_leaves_nothing_behind() {
    let (folder, limits) = small(1 << 20);
    let world = World::with_limits(limits);
    let mut alice = world.session("alice").await;
    let failed = error(&mut alice, SORT).await;
    assert_eq!(failed.code, ErrorCode::DiskFull);
    assert!(failed.hint.is_some_and(|hint| hint.contains("spill")));
    // What was dropped a moment ago may still be on its way out.
    let emptied = async {
        while files(folder.path()) > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), emptied).await.expect("spilled files are still there");
    assert_eq!(rows(&mut alice, "select 1").await.unwrap(), [["1"]]);
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
