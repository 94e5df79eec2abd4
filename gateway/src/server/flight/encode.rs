//! Batches as messages, the schema first even when there are no rows.
//!
//! arrow-flight's own encoder cuts by what a batch's buffers take in memory, which for a slice is far too much, and never looks at
//! what it made. This one looks: a message of several rows is never larger than what a client takes that nobody configured.

use super::door::Door;
use super::statement::Rows;
use super::status::to_status;
use super::wire::wire_batch;
use crate::error::{Error, ErrorCode, Result};
use crate::exec::batch_bytes;
use crate::session::api::QueryStream;
use arrow_flight::FlightData;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use futures::{StreamExt, TryStreamExt, stream};

/// What a message is cut to hold, in bytes.
const MESSAGE_BYTES: usize = 2 * 1024 * 1024;
/// What a message of more than one row holds at most: 4 MiB is gRPC's limit where a client sets none, less what frames it.
const MOST_BYTES: usize = 4 * 1024 * 1024 - FRAMING;
/// Room for the parts of a message besides the batch.
const FRAMING: usize = 1024;

/// Rows as messages. They are made on the CPU runtime, at most one or two ahead of what the client takes.
pub(super) fn encode(door: &Door, schema: SchemaRef, rows: QueryStream) -> Result<Rows> {
    let mut encoder = Encoder::new(schema, door.max_sent_message);
    let first = encoder.schema();
    let rest = rows.map(move |batch| {
        let messages = encoder.messages(&batch?)?;
        Ok::<_, Error>(stream::iter(messages.into_iter().map(Ok)))
    });
    let messages = stream::iter([Ok(first)]).chain(rest.try_flatten());
    let computed = door.gateway.executor().compute(messages)?;
    Ok(computed.map_err(|error| to_status(&error)).boxed())
}

struct Encoder {
    schema: SchemaRef,
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
    /// Bytes of a message that holds one row.
    limit: usize,
}

impl Encoder {
    fn new(schema: SchemaRef, limit: usize) -> Self {
        Self {
            schema,
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
            context: IpcWriteContext::default(),
            limit: limit.saturating_sub(FRAMING),
        }
    }

    fn schema(&mut self) -> FlightData {
        let tracker = &mut self.dictionaries;
        self.generator.schema_to_bytes_with_dictionary_tracker(&self.schema, tracker, &self.options).into()
    }

    fn messages(&mut self, batch: &RecordBatch) -> Result<Vec<FlightData>> {
        let batch = wire_batch(batch, &self.schema)?;
        let rows = batch.num_rows();
        let pieces = batch_bytes(&batch).div_ceil(MESSAGE_BYTES).max(1);
        let rows_per_piece = rows.div_ceil(pieces).max(1);
        let mut messages = Vec::with_capacity(pieces);
        for start in (0..rows).step_by(rows_per_piece) {
            self.piece(&batch.slice(start, rows_per_piece.min(rows - start)), &mut messages)?;
        }
        Ok(messages)
    }

    /// One message; or more, when some rows are much larger than the others.
    fn piece(&mut self, piece: &RecordBatch, messages: &mut Vec<FlightData>) -> Result<()> {
        let encoded = self.generator.encode(piece, &mut self.dictionaries, &self.options, &mut self.context);
        let (dictionaries, encoded) = encoded.map_err(Error::internal)?;
        messages.extend(dictionaries.into_iter().map(FlightData::from));
        let (rows, bytes) = (piece.num_rows(), encoded.ipc_message.len() + encoded.arrow_data.len());
        if rows > 1 && bytes > MOST_BYTES.min(self.limit) {
            drop(encoded);
            let half = rows / 2;
            self.piece(&piece.slice(0, half), messages)?;
            return self.piece(&piece.slice(half, rows - half), messages);
        }
        if bytes > self.limit {
            let text = format!("a row of {bytes} bytes is larger than a message may be ({} bytes)", self.limit);
            return Err(Error::new(ErrorCode::ProgramLimit, text)
                .with_hint("select less of it, or ask for a higher flight.max_sent_message"));
        }
        messages.push(encoded.into());
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
    use std::sync::Arc;

    fn sizes(columns: Vec<(&str, ArrayRef)>, limit: usize) -> Result<Vec<usize>> {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let messages = Encoder::new(batch.schema(), limit).messages(&batch)?;
        Ok(messages.iter().map(|message| message.data_header.len() + message.data_body.len()).collect())
    }

    fn numbers(rows: i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(0..rows))
    }

    #[test]
    fn messages_are_cut_to_size_and_slices_are_not_taken_for_the_whole() {
        let cut = sizes(vec![("n", numbers(1_000_000))], 16 << 20).unwrap();
        assert_eq!(cut.len(), 4);
        assert!(cut.iter().all(|bytes| *bytes <= MESSAGE_BYTES + FRAMING), "{cut:?}");
        assert_eq!(sizes(vec![("n", numbers(1_000_000).slice(500, 1000))], 16 << 20).unwrap().len(), 1);
    }

    #[test]
    fn uneven_rows_are_cut_until_each_message_is_small_enough() {
        // The last rows are a hundred times as long as the first.
        let words = (0..3000).map(|i| "x".repeat(if i < 2900 { 100 } else { 90_000 }));
        let cut = sizes(vec![("w", Arc::new(StringArray::from_iter_values(words)))], 16 << 20).unwrap();
        assert!(cut.iter().all(|bytes| *bytes <= MOST_BYTES), "{cut:?}");
    }

    #[test]
    fn one_row_may_be_larger_than_that_up_to_the_limit() {
        let words = |bytes: usize| -> ArrayRef { Arc::new(StringArray::from(vec!["a".to_owned(), "x".repeat(bytes)])) };
        assert_eq!(sizes(vec![("w", words(6 << 20))], 16 << 20).unwrap().len(), 2);
        let error = sizes(vec![("w", words(17 << 20))], 16 << 20).unwrap_err();
        assert_eq!(error.code, ErrorCode::ProgramLimit);
    }
}
