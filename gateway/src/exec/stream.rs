//! The stream that crosses from the CPU runtime to a door, and what ends with it.

use crate::audit::QueryAudit;
use crate::error::{Error, ErrorCode, Result};
use crate::session::Registration;
use crate::session::api::QueryStream;
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::stream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Batches between the engine and a door: enough to overlap, few enough to bound memory.
const BATCHES_IN_FLIGHT: usize = 2;

/// Everything that lives exactly as long as a query. Dropping it cancels what still runs and closes the audit record.
#[derive(Debug)]
pub struct QueryGuard {
    cancel: CancellationToken,
    deadline: Option<Instant>,
    audit: QueryAudit,
    registration: Registration,
    meter: QueryMeter,
    _turn: OwnedSemaphorePermit,
}

impl QueryGuard {
    /// A guard for an admitted query.
    #[must_use]
    pub fn new(
        cancel: CancellationToken,
        deadline: Option<Instant>,
        audit: QueryAudit,
        registration: Registration,
        meter: QueryMeter,
        turn: OwnedSemaphorePermit,
    ) -> Self {
        Self { cancel, deadline, audit, registration, meter, _turn: turn }
    }
}

impl QueryGuard {
    /// The query ends here: it was planned and not run.
    pub fn finish(mut self) {
        self.audit.finished();
    }
}

impl Drop for QueryGuard {
    fn drop(&mut self) {
        // Connectors watch the token: this is what stops work at the source.
        self.cancel.cancel();
    }
}

/// A running query as both sides of the crossing see it.
#[derive(Debug)]
struct Running {
    query_id: Arc<str>,
    cancel: CancellationToken,
    deadline: Option<Instant>,
    /// Gone once the query has ended, however it did.
    guard: Mutex<Option<QueryGuard>>,
    /// Why it ended before its last row.
    failure: OnceLock<Error>,
}

impl Running {
    fn new(guard: QueryGuard) -> Self {
        Self {
            query_id: guard.registration.id(),
            cancel: guard.cancel.clone(),
            deadline: guard.deadline,
            guard: Mutex::new(Some(guard)),
            failure: OnceLock::new(),
        }
    }

    fn count(&self, rows: usize) {
        if let Some(guard) = self.guard.lock().as_mut() {
            guard.audit.count(rows);
            guard.registration.count(rows);
            guard.meter.count(rows);
        }
    }

    /// It failed, unless it has ended before: everything it holds is let go at once, whether or not somebody asks for rows.
    fn fail(&self, error: Error) -> Error {
        let mut held = self.guard.lock();
        let error = self.failure.get_or_init(|| error.in_query(&self.query_id)).clone();
        if let Some(mut guard) = held.take() {
            drop(held);
            guard.audit.failed(&error);
            guard.meter.failed(&error);
        }
        error
    }

    fn finish(&self) {
        let guard = self.guard.lock().take();
        if let Some(mut guard) = guard {
            guard.audit.finished();
            guard.meter.finished();
        }
    }

    /// Waits until it is cancelled or its time is over.
    async fn stopped(&self) -> Error {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => cancelled(),
            () = until(self.deadline) => timed_out(),
        }
    }
}

/// What the engine says: a batch, or that there are no more.
type Said = Result<Option<RecordBatch>>;

struct Crossing {
    said: mpsc::Receiver<Said>,
    running: Arc<Running>,
    over: bool,
    _task: AbortOnDropHandle<()>,
}

/// Executes `plan` on `cpu`; the returned stream is polled elsewhere. Dropping it aborts the work, and so do the query's cancel
/// token and its deadline, even when nobody polls: a client that has stopped reading keeps nothing but its connection.
pub(super) fn across(
    cpu: &Handle,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    guard: QueryGuard,
) -> QueryStream {
    let (sender, said) = mpsc::channel(BATCHES_IN_FLIGHT);
    let running = Arc::new(Running::new(guard));
    let task = AbortOnDropHandle::new(cpu.spawn(watch(Arc::clone(&running), plan, context, sender)));
    let crossing = Crossing { said, running, over: false, _task: task };
    stream::unfold(crossing, |mut crossing| async move {
        if crossing.over {
            return None;
        }
        match crossing.next().await {
            Ok(Some(batch)) => {
                crossing.running.count(batch.num_rows());
                Some((Ok(batch), crossing))
            }
            Ok(None) => {
                crossing.running.finish();
                None
            }
            Err(error) => {
                crossing.over = true;
                Some((Err(crossing.running.fail(error)), crossing))
            }
        }
    })
    .boxed()
}

/// Rows that are there already. The query ends when they are taken, as any other does.
pub(super) fn at_hand(rows: RecordBatch, guard: QueryGuard) -> QueryStream {
    stream::unfold((Some(rows), Running::new(guard)), |(rows, running)| async move {
        match rows {
            Some(rows) => {
                running.count(rows.num_rows());
                Some((Ok(rows), (None, running)))
            }
            None => {
                running.finish();
                None
            }
        }
    })
    .boxed()
}

impl Crossing {
    async fn next(&mut self) -> Said {
        if let Some(failure) = self.running.failure.get() {
            return Err(failure.clone());
        }
        tokio::select! {
            biased;
            error = self.running.stopped() => Err(error),
            said = self.said.recv() => said.unwrap_or_else(|| {
                // The engine says its last word always: a result that breaks off must not look like a whole one.
                let failure = self.running.failure.get().cloned();
                Err(failure.unwrap_or_else(|| Error::internal("a query's task ended without a word")))
            }),
        }
    }
}

/// Drives a plan until it ends, fails, panics, or has to stop.
async fn watch(
    running: Arc<Running>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    sender: mpsc::Sender<Said>,
) {
    let work = AssertUnwindSafe(drive(plan, context, &sender)).catch_unwind();
    let failure = tokio::select! {
        biased;
        stopped = running.stopped() => stopped,
        done = work => match done {
            Ok(()) => return,
            Err(panic) => Error::internal(panic_text(panic.as_ref())),
        },
    };
    // While the sender is still there: whoever finds the channel closed finds out why.
    running.fail(failure);
}

async fn drive(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>, sender: &mpsc::Sender<Said>) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        Err(error) => return drop(sender.send(Err(error.into())).await),
    };
    while let Some(batch) = batches.next().await {
        let batch = batch.map(Some).map_err(Error::from);
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
    drop(batches);
    let _ = sender.send(Ok(None)).await;
}

/// Work that ends with its query's cancel token or deadline, whichever comes first.
pub(crate) async fn within<T>(
    cancel: &CancellationToken,
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(cancelled()),
        () = until(deadline) => Err(timed_out()),
        done = work => done,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// What a panic said, for the log: its text may hold values that nobody may see.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a text"))
}

/// 57014, as the user asked for it.
#[must_use]
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorCode::QueryCancelled, "canceling statement due to user request")
}

/// 57014, because `statement_timeout` elapsed.
#[must_use]
pub(crate) fn timed_out() -> Error {
    Error::new(ErrorCode::StatementTimeout, "canceling statement due to statement timeout")
}
