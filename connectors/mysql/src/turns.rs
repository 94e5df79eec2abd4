//! Turns: how many statements may be open at a time, and what happens when all of them wait for their readers.
//!
//! A query that merges more streams than there are turns reads none of them before the last has begun, and would wait for
//! itself. So does whoever waits behind a cursor that nobody fetches from. When every statement waits for its reader and none
//! has got on for a while, spare turns are lent: as many again as there are turns, never more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const STALLED: Duration = Duration::from_secs(1);

/// Turns at one place: a server, or a catalog. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    work: Arc<Work>,
    /// How long nothing must have moved before a spare turn is lent.
    stalled: Duration,
}

/// What those who have a turn are doing.
#[derive(Debug, Default)]
struct Work {
    /// Turns whose statement does not wait for its reader.
    moving: AtomicUsize,
    /// Counts up whenever one of them moves again or ends.
    steps: AtomicU64,
}

impl Turns {
    /// So many turns, and as many to spare.
    pub(crate) fn new(count: usize) -> Self {
        let turns = || Arc::new(Semaphore::new(count));
        Self { free: turns(), spare: turns(), work: Arc::default(), stalled: STALLED }
    }

    /// A turn, as soon as there is one. `None` once there are none any more.
    pub(crate) async fn take(&self) -> Option<Turn> {
        let permit = tokio::select! {
            biased;
            permit = Arc::clone(&self.free).acquire_owned() => permit,
            permit = self.spare_when_stalled() => permit,
        };
        self.work.moving.fetch_add(1, Ordering::SeqCst);
        Some(Turn { _permit: permit.ok()?, work: Arc::clone(&self.work) })
    }

    async fn spare_when_stalled(&self) -> Result<OwnedSemaphorePermit, tokio::sync::AcquireError> {
        loop {
            let steps = self.work.steps.load(Ordering::SeqCst);
            tokio::time::sleep(self.stalled).await;
            let moved = self.work.steps.load(Ordering::SeqCst) != steps;
            if !moved && self.work.moving.load(Ordering::SeqCst) == 0 {
                return Arc::clone(&self.spare).acquire_owned().await;
            }
        }
    }
}

/// A statement's turn; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
    work: Arc<Work>,
}

impl Turn {
    /// The statement waits for its reader until the returned value is dropped.
    pub(crate) fn waits(&self) -> Waiting {
        self.work.moving.fetch_sub(1, Ordering::SeqCst);
        Waiting(Arc::clone(&self.work))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.work.moving.fetch_sub(1, Ordering::SeqCst);
        self.work.steps.fetch_add(1, Ordering::SeqCst);
    }
}

/// A statement that waits for its reader.
#[derive(Debug)]
pub(crate) struct Waiting(Arc<Work>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.moving.fetch_add(1, Ordering::SeqCst);
        self.0.steps.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use tokio::time::timeout;

    const NEVER: Duration = Duration::from_millis(200);
    const IN_TIME: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_spare_turn_is_lent_only_while_all_wait_for_their_readers() {
        let turns = Turns { stalled: Duration::from_millis(20), ..Turns::new(2) };
        let take = async |patience| timeout(patience, turns.take()).await.ok().flatten();
        let (first, second) = (take(IN_TIME).await.unwrap(), take(IN_TIME).await.unwrap());
        let waiting = first.waits();
        assert!(take(NEVER).await.is_none(), "the second is at work");
        let also_waiting = second.waits();
        let lent = take(IN_TIME).await.unwrap();
        assert!(take(NEVER).await.is_none(), "the one that was lent is at work");
        let lent_waits = lent.waits();
        let last = take(IN_TIME).await.unwrap();
        let last_waits = last.waits();
        assert!(take(NEVER).await.is_none(), "never more than twice as many");
        drop((waiting, also_waiting, lent_waits, last_waits));
        drop(first);
        assert!(take(IN_TIME).await.is_some());
    }
}
