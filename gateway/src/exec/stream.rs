//! The stream that crosses from the CPU runtime to a door, and what ends with it.

use crate::audit::QueryAudit;
use crate::error::{Error, ErrorCode, Result};
use crate::session::Registration;
use crate::session::api::QueryStream;
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use futures::stream;
use std::sync::Arc;
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

struct Crossing {
    batches: mpsc::Receiver<Result<RecordBatch>>,
    guard: QueryGuard,
    over: bool,
    _task: AbortOnDropHandle<()>,
}

/// Executes `plan` on `cpu`; the returned stream is polled elsewhere. Dropping it aborts the work.
pub(super) fn across(
    cpu: &Handle,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    guard: QueryGuard,
) -> QueryStream {
    let (sender, batches) = mpsc::channel(BATCHES_IN_FLIGHT);
    let task = AbortOnDropHandle::new(cpu.spawn(drive(plan, context, sender)));
    let crossing = Crossing { batches, guard, over: false, _task: task };
    stream::unfold(crossing, |mut crossing| async move {
        if crossing.over {
            return None;
        }
        let next = next_batch(&mut crossing).await;
        match next {
            Some(Ok(batch)) => {
                crossing.guard.audit.count(batch.num_rows());
                crossing.guard.registration.count(batch.num_rows());
                crossing.guard.meter.count(batch.num_rows());
                Some((Ok(batch), crossing))
            }
            Some(Err(error)) => {
                crossing.over = true;
                crossing.guard.audit.failed(&error);
                crossing.guard.meter.failed(&error);
                Some((Err(error), crossing))
            }
            None => {
                crossing.guard.audit.finished();
                crossing.guard.meter.finished();
                None
            }
        }
    })
    .boxed()
}

async fn next_batch(crossing: &mut Crossing) -> Option<Result<RecordBatch>> {
    let deadline = crossing.guard.deadline.map(tokio::time::Instant::from_std);
    let elapsed = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = crossing.guard.cancel.cancelled() => Some(Err(cancelled())),
        () = elapsed => Some(Err(timed_out())),
        batch = crossing.batches.recv() => batch,
    }
}

async fn drive(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>, sender: mpsc::Sender<Result<RecordBatch>>) {
    let mut batches = match execute_stream(plan, context) {
        Ok(batches) => batches,
        Err(error) => return drop(sender.send(Err(error.into())).await),
    };
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(Error::from);
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
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
