//! The stream that crosses from the CPU runtime to a door, and what ends with it.

use crate::audit::QueryAudit;
use crate::error::{Error, ErrorCode, Result};
use crate::session::Registration;
use crate::session::api::QueryStream;
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, Stream, StreamExt};
use parking_lot::Mutex;
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Batches between the engine and a door: enough to overlap, few enough to bound memory.
const BATCHES_IN_FLIGHT: usize = 2;
/// Messages between a door's encoder and its socket.
const ITEMS_IN_FLIGHT: usize = 1;

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
    /// The share of its memory that batches on their way to the client have, until it ends.
    outgoing: Mutex<Option<MemoryReservation>>,
}

impl Running {
    fn new(guard: QueryGuard) -> Self {
        Self {
            query_id: guard.registration.id(),
            cancel: guard.cancel.clone(),
            deadline: guard.deadline,
            guard: Mutex::new(Some(guard)),
            failure: OnceLock::new(),
            outgoing: Mutex::default(),
        }
    }

    /// Twice a batch's size: a door makes its messages from one batch at a time. It exists already, so it counts whatever the limit
    /// is; what the operators still ask for must do with the rest.
    fn hold(&self, bytes: usize) {
        if let Some(outgoing) = self.outgoing.lock().as_ref() {
            outgoing.grow(bytes);
        }
    }

    fn let_go(&self, bytes: usize) {
        if let Some(outgoing) = self.outgoing.lock().as_ref() {
            outgoing.shrink(bytes);
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
        // Even while a client that has stopped reading keeps the batches themselves.
        drop(self.outgoing.lock().take());
        if let Some(mut guard) = held.take() {
            drop(held);
            guard.audit.failed(&error);
            guard.meter.failed(&error);
        }
        error
    }

    fn finish(&self) {
        drop(self.outgoing.lock().take());
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
type Said = Result<Option<Held>>;

/// A batch on its way to the client, and what of the query's memory it counts for.
struct Held {
    batch: RecordBatch,
    bytes: usize,
    running: Arc<Running>,
}

impl Held {
    fn new(batch: RecordBatch, running: &Arc<Running>) -> Self {
        let bytes = batch_bytes(&batch).saturating_mul(2);
        running.hold(bytes);
        Self { batch, bytes, running: Arc::clone(running) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.running.let_go(self.bytes);
    }
}

/// Bytes of a batch's own values: of buffers that it shares with others only what it uses.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_buffer_bytes_used() + column.len() * VIEW_BYTES,
        DataType::BinaryView => column.as_binary_view().total_buffer_bytes_used() + column.len() * VIEW_BYTES,
        _ => column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_buffer_memory_size()),
    };
    batch.columns().iter().map(bytes).sum()
}

const VIEW_BYTES: usize = size_of::<u128>();

struct Crossing {
    said: mpsc::Receiver<Said>,
    running: Arc<Running>,
    over: bool,
    /// That of the batch that the door works on.
    outgoing: Option<Held>,
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
    let crossing = Crossing { said, running, over: false, outgoing: None, _task: task };
    stream::unfold(crossing, |mut crossing| async move {
        if crossing.over {
            return None;
        }
        // Who asks for the next batch is done with the last one.
        crossing.outgoing = None;
        match crossing.next().await {
            Ok(Some(held)) => {
                let batch = held.batch.clone();
                crossing.running.count(batch.num_rows());
                crossing.outgoing = Some(held);
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
    let outgoing = MemoryConsumer::new("rows on their way to the client").register(context.memory_pool());
    *running.outgoing.lock() = Some(outgoing);
    let work = AssertUnwindSafe(drive(&running, plan, context, &sender)).catch_unwind();
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

async fn drive(
    running: &Arc<Running>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    sender: &mpsc::Sender<Said>,
) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        Err(error) => return drop(sender.send(Err(error.into())).await),
    };
    while let Some(batch) = batches.next().await {
        let batch = batch.map(|batch| Some(Held::new(batch, running))).map_err(Error::from);
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
    drop(batches);
    let _ = sender.send(Ok(None)).await;
}

/// Polls `items` on `cpu`, a little ahead of whoever reads them; dropping the result aborts the work.
pub(super) fn computed<T: Send + 'static>(
    cpu: &Handle,
    items: impl Stream<Item = Result<T>> + Send + 'static,
) -> BoxStream<'static, Result<T>> {
    let (sender, received) = mpsc::channel(ITEMS_IN_FLIGHT);
    let task = AbortOnDropHandle::new(cpu.spawn(async move {
        let work = AssertUnwindSafe(forward(items, &sender)).catch_unwind();
        if let Err(panic) = work.await {
            let _ = sender.send(Some(Err(Error::internal(panic_text(panic.as_ref()))))).await;
        }
    }));
    stream::unfold(Some((received, task)), |state| async move {
        let (mut received, task): (mpsc::Receiver<Option<Result<T>>>, _) = state?;
        match received.recv().await {
            Some(Some(Ok(item))) => Some((Ok(item), Some((received, task)))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            // The last word is always said: what breaks off must not look like a whole.
            Some(None) => None,
            None => Some((Err(Error::internal("a task of a door ended without a word")), None)),
        }
    })
    .boxed()
}

async fn forward<T>(items: impl Stream<Item = Result<T>>, sender: &mpsc::Sender<Option<Result<T>>>) {
    let mut items = pin!(items);
    while let Some(item) = items.next().await {
        let failed = item.is_err();
        if sender.send(Some(item)).await.is_err() || failed {
            return;
        }
    }
    let _ = sender.send(None).await;
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use datafusion::arrow::array::{Int32Array, StringViewArray};

    #[test]
    fn a_slice_counts_what_it_uses_and_no_more() {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
        let words: ArrayRef =
            Arc::new(StringViewArray::from_iter_values((0..1000).map(|_| "longer than twelve bytes")));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("w", words)]).unwrap();
        assert_eq!(batch_bytes(&batch.slice(10, 5)), 5 * (4 + 24 + 16));
    }

    #[tokio::test]
    async fn what_a_door_computes_ends_with_its_end_or_with_an_error() {
        let cpu = Handle::current();
        let whole = computed(&cpu, stream::iter([1, 2]).map(Ok)).collect::<Vec<_>>().await;
        assert_eq!(whole.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);
        let broken = stream::iter([1, 2]).map(|n| if n == 2 { panic!("on purpose") } else { Ok(n) });
        let broken = computed(&cpu, broken).collect::<Vec<_>>().await;
        assert_eq!(broken.len(), 2);
        assert_eq!(broken[1].as_ref().unwrap_err().code, ErrorCode::Internal);
    }
}
