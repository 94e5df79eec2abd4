//! A bounded place for password hashing, which is slow on purpose: at most N hashes at once, off the async threads.

use std::{num::NonZeroUsize, sync::Arc};

use tokio::sync::Semaphore;

use crate::AuthError;

/// How many password hashes may be computed at once in this process.
///
/// Share one by `Arc` between all listeners and across reloads: the bound protects the queries that run beside a login storm.
/// Attempts above the bound wait their turn, so a listener needs a login deadline of its own.
#[derive(Debug)]
pub struct HashWorkers {
    permits: Arc<Semaphore>,
}

impl HashWorkers {
    /// At most `at_once` hashes run at the same time; half the cores is a good number. Each argon2id hash takes 19 MiB.
    pub fn new(at_once: NonZeroUsize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once.get())) }
    }

    /// Runs `hash` on a blocking thread. The permit lives in the closure: a blocking task can't be aborted, so a caller who
    /// went away must not make room for the next one while the work still runs.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_closed| AuthError::new("password checks are shut down"))?;
        let work = move || {
            let _permit = permit;
            hash()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|join| AuthError::new(format!("a password check did not finish: {join}")))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_hashes_run_at_once_than_allowed_even_when_callers_go_away() {
        let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
        let (started, has_started) = mpsc::channel::<()>();
        let (finish, may_finish) = mpsc::channel::<()>();
        let first = {
            let workers = Arc::clone(&workers);
            tokio::spawn(async move {
                workers
                    .run(move || {
                        started.send(()).unwrap();
                        may_finish.recv().unwrap();
                    })
                    .await
            })
        };
        tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();

        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert_eq!(workers.permits.available_permits(), 0, "the abandoned hash still runs");

        finish.send(()).unwrap();
        assert_eq!(workers.run(|| 7).await.unwrap(), 7);
    }
}
