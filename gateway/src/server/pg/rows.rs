//! A running query's rows on their way to the client: never more of them in memory than one batch.

use super::connection::{Failure, Stop};
use super::encode::{CopyRows, EncodedBatch, RowEncoder};
use super::types::Format;
use super::wire::{FLUSH_AT, Wire};
use crate::error::Result as Encoded;
use crate::session::api::QueryStream;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use futures::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::time::timeout;

/// How long rows wait for what comes next: the end of a small result leaves in one packet with its rows.
const SOON: Duration = Duration::from_millis(2);

/// A query that runs, and how far it was sent. Dropping it stops the query.
pub(super) struct Rows {
    stream: QueryStream,
    encoder: RowEncoder,
    /// The batch under way and its next row.
    batch: Option<(EncodedBatch, usize)>,
    form: Form,
    stop: Stop,
}

/// How a row goes out.
enum Form {
    /// As DataRow.
    DataRow,
    /// As CopyData.
    Copy(CopyRows),
}

/// What a call of [`Rows::send`] came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many rows, and there are no more.
    All(u64),
    /// As many rows as asked for; whether there are more is not known yet.
    Suspended,
}

impl Rows {
    pub(super) fn new(stream: QueryStream, schema: SchemaRef, formats: Vec<Format>, zone: Tz, stop: Stop) -> Self {
        Self { stream, encoder: RowEncoder::new(schema, formats, zone), batch: None, form: Form::DataRow, stop }
    }

    /// The rows of a COPY that has begun.
    pub(super) fn copy(stream: QueryStream, schema: SchemaRef, form: CopyRows, zone: Tz, stop: Stop) -> Self {
        let formats = vec![form.format(); schema.fields().len()];
        Self { form: Form::Copy(form), ..Self::new(stream, schema, formats, zone, stop) }
    }

    /// What a COPY has behind its last row.
    pub(super) fn end_copy(&mut self, wire: &mut Wire) -> Encoded<()> {
        match &mut self.form {
            Form::DataRow => Ok(()),
            Form::Copy(form) => form.end(&mut wire.out),
        }
    }

    /// What stops it.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Sends at most so many rows.
    pub(super) async fn send(&mut self, wire: &mut Wire, most: Option<u64>) -> Result<Sent, Failure> {
        let mut sent = 0;
        loop {
            if most.is_some_and(|most| sent >= most) {
                return Ok(Sent::Suspended);
            }
            let Some((batch, next)) = &mut self.batch else {
                match self.next_batch(wire, sent > 0).await? {
                    Some(batch) => self.batch = Some((batch, 0)),
                    None => return Ok(Sent::All(sent)),
                }
                continue;
            };
            if *next >= batch.rows() {
                self.batch = None;
                continue;
            }
            let row = *next;
            match &mut self.form {
                Form::DataRow => wire.append(|out| batch.write(row, out))?,
                Form::Copy(form) => wire.append(|out| form.row(batch, row, out))?,
            }
            *next += 1;
            sent += 1;
            if wire.out.len() >= FLUSH_AT {
                self.stop.flush(wire).await?;
            }
        }
    }

    async fn next_batch(&mut self, wire: &mut Wire, rows_wait: bool) -> Result<Option<EncodedBatch>, Failure> {
        if self.stop.statement.is_cancelled() {
            return Err(self.stop.failure());
        }
        let next = match self.stream.next().now_or_never() {
            Some(next) => next,
            None if !rows_wait => self.stop.attend(wire, self.stream.next()).await?,
            None => match timeout(SOON, self.stop.attend(wire, self.stream.next())).await {
                Ok(next) => next?,
                Err(_) => {
                    // It may take long: the client gets what there is.
                    self.stop.flush(wire).await?;
                    self.stop.attend(wire, self.stream.next()).await?
                }
            },
        };
        match next {
            Some(batch) => Ok(Some(self.encoder.batch(&batch?)?)),
            None => Ok(None),
        }
    }
}
