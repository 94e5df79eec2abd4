//! The rows of a SCROLL cursor: kept once they were read, within the memory of one query, so that it can go back.
//!
//! Row 0 is before the first; the one after the last has a number too (PostgreSQL manual, FETCH).

use super::api::QueryStream;
use crate::error::{Error, ErrorCode, Result};
use crate::exec::batch_bytes;
use crate::plan::Fetch;
use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::StreamExt;
use std::sync::Arc;

pub(super) struct Scroll {
    /// The rows that were not read yet; `None` behind the last one, and after an error.
    stream: Option<QueryStream>,
    /// Each with the number of rows before it.
    kept: Vec<(u64, RecordBatch)>,
    /// How many rows are kept.
    rows: u64,
    /// Are these all?
    complete: bool,
    /// The number of the row it is on.
    position: u64,
    memory: MemoryReservation,
}

impl Scroll {
    pub(super) fn new(stream: QueryStream, pool: &Arc<dyn MemoryPool>) -> Self {
        let memory = MemoryConsumer::new("cursor").register(pool);
        Self { stream: Some(stream), kept: Vec::new(), rows: 0, complete: false, position: 0, memory }
    }

    /// Goes where it is told, and gives the rows on the way that are asked for.
    pub(super) async fn fetch(&mut self, fetch: Fetch) -> Result<Vec<RecordBatch>> {
        match fetch {
            Fetch::Forward(count) => {
                let (first, last) = (self.position + 1, count.map_or(u64::MAX, |n| self.position.saturating_add(n)));
                self.reach(last).await?;
                self.position = if last <= self.rows { last } else { self.rows + 1 };
                Ok(self.between(first, last.min(self.rows)))
            }
            Fetch::Backward(count) => {
                let (last, lowest) =
                    (self.position.saturating_sub(1), count.map_or(0, |n| self.position.saturating_sub(n)));
                self.position = lowest;
                backwards(&self.between(lowest.max(1), last))
            }
            Fetch::Relative(steps) => self.go_to(self.position.saturating_add_signed(steps)).await,
            Fetch::Absolute(row) => match u64::try_from(row) {
                Ok(row) => self.go_to(row).await,
                Err(_) => {
                    self.reach(u64::MAX).await?;
                    self.go_to((self.rows + 1).saturating_add_signed(row)).await
                }
            },
            Fetch::Current => Ok(self.between(self.position.max(1), self.position.min(self.rows))),
        }
    }

    /// One row, if there is one of this number.
    async fn go_to(&mut self, row: u64) -> Result<Vec<RecordBatch>> {
        self.reach(row).await?;
        self.position = row.min(self.rows + 1);
        Ok(self.between(row.max(1), row.min(self.rows)))
    }

    /// Reads on until there is a row of this number.
    async fn reach(&mut self, row: u64) -> Result<()> {
        while self.rows < row && !self.complete {
            let Some(stream) = &mut self.stream else { return Err(super::cursor::broken()) };
            match stream.next().await {
                Some(Ok(batch)) => self.keep(batch)?,
                Some(Err(error)) => {
                    self.stream = None;
                    return Err(error);
                }
                None => (self.stream, self.complete) = (None, true),
            }
        }
        Ok(())
    }

    fn keep(&mut self, batch: RecordBatch) -> Result<()> {
        if let Err(error) = self.memory.try_grow(batch_bytes(&batch)) {
            self.stream = None;
            return Err(too_many(error));
        }
        let before = self.rows;
        self.rows += batch.num_rows() as u64;
        self.kept.push((before, batch));
        Ok(())
    }

    /// The rows from one number to another, both included; none when the last is before the first.
    fn between(&self, first: u64, last: u64) -> Vec<RecordBatch> {
        let part = |(before, batch): &(u64, RecordBatch)| {
            let start = first.max(before + 1);
            let end = last.min(before + batch.num_rows() as u64);
            let count = (end + 1).checked_sub(start).filter(|count| *count > 0)?;
            Some(batch.slice(usize::try_from(start - before - 1).ok()?, usize::try_from(count).ok()?))
        };
        self.kept.iter().filter_map(part).collect()
    }
}

fn backwards(batches: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let reversed = |batch: &RecordBatch| {
        let order = UInt64Array::from_iter_values((0..batch.num_rows() as u64).rev());
        take_record_batch(batch, &order).map_err(|error| DataFusionError::from(error).into())
    };
    batches.iter().rev().map(reversed).collect()
}

fn too_many(error: DataFusionError) -> Error {
    Error::new(ErrorCode::OutOfMemory, "the rows of this SCROLL cursor need more memory than a query may use")
        .with_hint("declare it with NO SCROLL and fetch forward, or ask for a higher query_memory")
        .with_detail(error)
}
