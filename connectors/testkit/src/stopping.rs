//! Gone means gone: work at the source ends when nobody wants it any more.

use crate::context;
use futures::StreamExt;
use naru_connector::{ErrorKind, Scan};
use std::time::{Duration, Instant};

/// A second is promised; a loaded machine gets five.
const PROMISED: Duration = Duration::from_secs(5);
/// How long the source may take to begin.
const BEGIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Why a query ends early.
#[derive(Debug, Clone, Copy)]
pub enum Reason {
    /// Its user cancels it.
    Cancel,
    /// The client is gone: the stream is dropped.
    Drop,
    /// Its time is up.
    Deadline,
}

/// Starts reading a scan that runs for long, ends it, and watches the source: `running` says whether it still works on it.
pub async fn ends_at_the_source(scan: &dyn Scan, reason: Reason, running: impl Fn() -> bool) {
    let mut ctx = context();
    if matches!(reason, Reason::Deadline) {
        ctx.deadline = Some(Instant::now() + Duration::from_secs(5));
    }
    let split = scan.splits().first().expect("a split");
    let mut stream = scan.open(&ctx, split, &[]).await.expect("a stream");
    wait_until("the source begins", BEGIN, &running).await;
    match reason {
        Reason::Cancel => ctx.cancel.cancel(),
        Reason::Drop => return over(stream, running).await,
        Reason::Deadline => tokio::time::sleep_until(ctx.deadline.expect("set above").into()).await,
    }
    wait_until("the source stops", PROMISED, || !running()).await;
    while let Some(batch) = stream.next().await {
        if let Err(error) = batch {
            assert_eq!(error.kind, ErrorKind::Cancelled, "{error:?}");
            return;
        }
    }
    panic!("{reason:?}: the stream ended as if it were complete");
}

async fn over<T>(stream: T, running: impl Fn() -> bool) {
    drop(stream);
    wait_until("the source stops", PROMISED, || !running()).await;
}

/// Waits for something to become true, and panics when it takes too long.
pub async fn wait_until(what: &str, patience: Duration, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < patience, "{what}: not within {patience:?}");
        tokio::time::sleep(POLL).await;
    }
}
