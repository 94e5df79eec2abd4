//! What lives exactly as long as a query, and what of its memory is on the way to a client.

use super::stream::{cancelled, timed_out, until};
use crate::audit::QueryAudit;
use crate::error::{Error, Result};
use crate::session::Registration;
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::memory_pool::MemoryReservation;
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// Everything that lives exactly as long as a query. Dropping it cancels what still runs and closes the audit record.
#[derive(Debug)]
struct Guard {
    cancel: CancellationToken,
    audit: QueryAudit,
    registration: Registration,
    meter: QueryMeter,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Connectors watch the token: this is what stops work at the source.
        self.cancel.cancel();
    }
}

/// A running query as all see it who have to do with it. Who ends it, and however it ends: its audit record is written, its
/// turn free, and its entry gone from every list before anybody is told.
#[derive(Debug)]
pub struct Running {
    query_id: Arc<str>,
    cancel: CancellationToken,
    deadline: Option<Instant>,
    /// Gone once the query has ended.
    guard: Mutex<Option<Guard>>,
    /// Why it ended before its last row.
    failure: OnceLock<Error>,
    /// The share of its memory that batches on their way to the client have, until it ends.
    outgoing: Mutex<Option<MemoryReservation>>,
}

impl Running {
    /// An admitted query, as it begins.
    #[must_use]
    pub fn new(
        cancel: CancellationToken,
        deadline: Option<Instant>,
        audit: QueryAudit,
        registration: Registration,
        meter: QueryMeter,
        turn: OwnedSemaphorePermit,
    ) -> Arc<Self> {
        let query_id = registration.id();
        let guard = Guard { cancel: cancel.clone(), audit, registration, meter, _turn: turn };
        Arc::new(Self {
            query_id,
            cancel,
            deadline,
            guard: Mutex::new(Some(guard)),
            failure: OnceLock::new(),
            outgoing: Mutex::default(),
        })
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

    pub(super) fn count(&self, rows: usize) {
        if let Some(guard) = self.guard.lock().as_mut() {
            guard.audit.count(rows);
            guard.registration.count(rows);
            guard.meter.count(rows);
        }
    }

    /// It failed, unless it has ended before: everything it holds is let go at once, whether or not somebody asks for rows.
    pub(crate) fn fail(&self, error: Error) -> Error {
        // Until all is done: who comes second must not be the first to tell.
        let mut held = self.guard.lock();
        let error = self.failure.get_or_init(|| error.in_query(&self.query_id)).clone();
        // Even while a client that has stopped reading keeps the batches themselves.
        drop(self.outgoing.lock().take());
        if let Some(mut guard) = held.take() {
            guard.audit.failed(&error);
            guard.meter.failed(&error);
        }
        error
    }

    /// Nobody wants its rows any more: it was cancelled, unless it has ended.
    pub(crate) fn give_up(&self) {
        if self.guard.lock().is_some() {
            self.fail(cancelled());
        }
    }

    /// It gave all its rows, or was only planned.
    pub(crate) fn finish(&self) {
        let mut held = self.guard.lock();
        drop(self.outgoing.lock().take());
        if let Some(mut guard) = held.take() {
            guard.audit.finished();
            guard.meter.finished();
        }
    }

    /// Why it ended before its last row, if it did.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure.get().cloned()
    }

    /// From now on batches on their way count for this share of its memory.
    pub(super) fn account(&self, outgoing: MemoryReservation) {
        *self.outgoing.lock() = Some(outgoing);
    }

    /// Waits until it is cancelled or its time is over.
    pub(super) async fn stopped(&self) -> Error {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => cancelled(),
            () = until(self.deadline) => timed_out(),
        }
    }
}

/// What the engine says: a batch, or that there are no more.
pub(super) type Said = Result<Option<Held>>;

/// A batch on its way to the client, and what of the query's memory it counts for.
pub(super) struct Held {
    pub(super) batch: RecordBatch,
    bytes: usize,
    running: Arc<Running>,
}

impl Held {
    pub(super) fn new(batch: RecordBatch, running: &Arc<Running>) -> Self {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int32Array, StringViewArray};

    #[test]
    fn a_slice_counts_what_it_uses_and_no_more() {
        let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..1000));
        let words: ArrayRef =
            Arc::new(StringViewArray::from_iter_values((0..1000).map(|_| "longer than twelve bytes")));
        let batch = RecordBatch::try_from_iter([("n", numbers), ("w", words)]).unwrap();
        assert_eq!(batch_bytes(&batch.slice(10, 5)), 5 * (4 + 24 + 16));
    }
}
