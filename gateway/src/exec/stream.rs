//! The stream that crosses from the CPU runtime to a door, and what ends with it.

use super::abandon::until_abandoned;
use super::guard::{Held, Running, Said};
use crate::error::{Error, ErrorCode, Result};
use crate::session::api::QueryStream;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, Stream, StreamExt, poll};
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Batches between the engine and a door: enough to overlap, few enough to bound memory.
const BATCHES_IN_FLIGHT: usize = 2;
/// Messages between a door's encoder and its socket.
const ITEMS_IN_FLIGHT: usize = 1;

struct Crossing {
    said: mpsc::Receiver<Said>,
    running: Ending,
    over: bool,
    /// That of the batch that the door works on.
    outgoing: Option<Held>,
    _task: AbortOnDropHandle<()>,
}

/// What planning leaves to do.
pub enum Begun {
    /// Nothing: the rows are these.
    Rows(RecordBatch, Arc<Running>),
    /// To run a plan.
    Plan {
        /// The plan.
        plan: Arc<dyn ExecutionPlan>,
        /// What it runs with.
        context: Arc<TaskContext>,
        /// The query.
        running: Arc<Running>,
    },
}

/// What a door hears first of a query that is planned and run in one go: its rows, unless they are still to come.
type Told<T> = Result<(T, Arc<Running>, Option<RecordBatch>)>;

/// Plans on `cpu` and runs there at once what `work` gives: a small result crosses to the door in one step with what is known of
/// it. The stream is polled elsewhere. Dropping it, or this future, aborts the work, and so do the query's cancel token and its
/// deadline once it runs, even when nobody polls: a client that has stopped reading keeps nothing but its connection.
pub(super) async fn across<T: Send + 'static>(
    cpu: &Handle,
    work: impl Future<Output = Result<(T, Begun)>> + Send + 'static,
) -> Result<(T, QueryStream)> {
    let (tell, told) = oneshot::channel::<Told<T>>();
    let (sender, said) = mpsc::channel(BATCHES_IN_FLIGHT);
    let abandoned = CancellationToken::new();
    let planning = until_abandoned(abandoned.clone(), work);
    let task = AbortOnDropHandle::new(cpu.spawn(async move {
        let (value, plan, context, running) = match planning.await {
            Ok((value, Begun::Plan { plan, context, running })) => (value, plan, context, running),
            Ok((value, Begun::Rows(rows, running))) => return drop(tell.send(Ok((value, running, Some(rows))))),
            Err(error) => return drop(tell.send(Err(error))),
        };
        let known = Arc::clone(&running);
        let tell = move || drop(tell.send(Ok((value, known, None))));
        watch(running, plan, context, Speaker { sender, tell: Some(tell) }).await;
    }));
    let _abandon = abandoned.drop_guard();
    match told.await {
        Ok(Ok((value, running, None))) => {
            let crossing = Crossing { said, running: Ending(running), over: false, outgoing: None, _task: task };
            Ok((value, crossing.stream()))
        }
        Ok(Ok((value, running, Some(rows)))) => Ok((value, at_hand(rows, running))),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let ended = task.await.err().map(|error| error.to_string()).unwrap_or_default();
            Err(Error::internal(format!("planning ended early: {ended}")))
        }
    }
}

/// The engine's side of a crossing.
struct Speaker<F: FnOnce()> {
    sender: mpsc::Sender<Said>,
    /// Tells the door that the query runs: as soon as there is something to wait for, or something to take.
    tell: Option<F>,
}

impl<F: FnOnce()> Speaker<F> {
    fn tell(&mut self) {
        if let Some(tell) = self.tell.take() {
            tell();
        }
    }

    /// Is anybody still there to hear it?
    async fn say(&mut self, said: Said) -> bool {
        let said = match self.sender.try_send(said) {
            Ok(()) => return true,
            Err(TrySendError::Closed(_)) => return false,
            Err(TrySendError::Full(said)) => said,
        };
        self.tell();
        self.sender.send(said).await.is_ok()
    }
}

/// Rows that are there already. The query ends when they are taken, as any other does.
pub(super) fn at_hand(rows: RecordBatch, running: Arc<Running>) -> QueryStream {
    stream::unfold((Some(rows), Ending(running)), |(rows, ending)| async move {
        match rows {
            Some(rows) => {
                ending.0.count(rows.num_rows());
                Some((Ok(rows), (None, ending)))
            }
            None => {
                ending.0.finish();
                None
            }
        }
    })
    .boxed()
}

/// A query whose rows nobody wants any more has ended, whatever still runs of it.
struct Ending(Arc<Running>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

impl Crossing {
    fn stream(self) -> QueryStream {
        stream::unfold(self, |mut crossing| async move {
            if crossing.over {
                return None;
            }
            // Who asks for the next batch is done with the last one.
            crossing.outgoing = None;
            match crossing.next().await {
                Ok(Some(held)) => {
                    let batch = held.batch.clone();
                    crossing.running.0.count(batch.num_rows());
                    crossing.outgoing = Some(held);
                    Some((Ok(batch), crossing))
                }
                Ok(None) => {
                    crossing.running.0.finish();
                    None
                }
                Err(error) => {
                    crossing.over = true;
                    Some((Err(crossing.running.0.fail(error)), crossing))
                }
            }
        })
        .boxed()
    }

    async fn next(&mut self) -> Said {
        if let Some(failure) = self.running.0.failure() {
            return Err(failure);
        }
        tokio::select! {
            biased;
            error = self.running.0.stopped() => Err(error),
            said = self.said.recv() => said.unwrap_or_else(|| {
                // The engine says its last word always: a result that breaks off must not look like a whole one.
                Err(self.running.0.failure().unwrap_or_else(|| Error::internal("a query's task ended without a word")))
            }),
        }
    }
}

/// Drives a plan until it ends, fails, panics, or has to stop.
async fn watch<F: FnOnce()>(
    running: Arc<Running>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    mut speaker: Speaker<F>,
) {
    running.account(MemoryConsumer::new("rows on their way to the client").register(context.memory_pool()));
    let work = AssertUnwindSafe(drive(&running, plan, context, &mut speaker)).catch_unwind();
    let failure = tokio::select! {
        biased;
        stopped = running.stopped() => Some(stopped),
        done = work => done.err().map(|panic| Error::internal(panic_text(panic.as_ref()))),
    };
    if let Some(failure) = failure {
        // While the sender is still there: whoever finds the channel closed finds out why.
        running.fail(failure);
    }
    speaker.tell();
}

async fn drive<F: FnOnce()>(
    running: &Arc<Running>,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    speaker: &mut Speaker<F>,
) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        Err(error) => {
            speaker.say(Err(error.into())).await;
            return;
        }
    };
    loop {
        let batch = match poll!(batches.next()) {
            Poll::Ready(batch) => batch,
            Poll::Pending => {
                speaker.tell();
                batches.next().await
            }
        };
        let Some(batch) = batch else { break };
        let batch = batch.map(|batch| Some(Held::new(batch, running))).map_err(Error::from);
        let failed = batch.is_err();
        if !speaker.say(batch).await || failed {
            return;
        }
    }
    drop(batches);
    speaker.say(Ok(None)).await;
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

pub(super) async fn until(deadline: Option<Instant>) {
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
