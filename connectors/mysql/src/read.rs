//! Reads one statement's rows in batches, and stops the statement at its server when nobody wants them any more.

use crate::config::Shard;
use crate::decode::ColumnBuilder;
use crate::error::from_driver;
use crate::output::{Reading, Selection};
use crate::pool::{Lease, Servers};
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row, Value};
use naru_connector::{BatchStream, ConnectorError, ErrorKind, QueryContext, Result};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Most rows in a batch.
const BATCH_ROWS: usize = 8192;
/// Bytes of text and binary values after which a batch is closed early.
const BATCH_BYTES: usize = 4 << 20;

/// One statement at one server.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) shard: Shard,
    /// What is read, for errors.
    pub(crate) what: String,
    pub(crate) text: String,
    pub(crate) values: Vec<Value>,
    pub(crate) schema: SchemaRef,
    /// How the columns of `schema` are made of the result's.
    pub(crate) selection: Arc<Selection>,
    pub(crate) zero_dates_are_null: bool,
    /// It is a user's own statement: nothing is known about its connection afterwards, nor about its columns before.
    pub(crate) foreign: bool,
    /// When it can't be reached, its rows are left out, and the user is told.
    pub(crate) may_be_left_out: bool,
}

impl Statement {
    /// The failure as the query takes it: none when this statement's rows may be left out.
    fn tolerated(&self, ctx: &QueryContext, error: ConnectorError) -> Option<ConnectorError> {
        if !self.may_be_left_out || error.kind != ErrorKind::Unavailable {
            return Some(error);
        }
        tracing::warn!(query = %ctx.query_id, detail = error.detail, "{}: left out", error.message);
        ctx.warnings.push_incomplete(format!("rows are missing: {}", error.message));
        None
    }
}

type Sender = mpsc::Sender<Result<RecordBatch>>;

/// Runs a statement. The work starts now, in a task of its own, so that dropping the stream at any moment lets that task
/// end the statement properly: nobody else holds its connection.
pub(crate) fn run(ctx: &QueryContext, servers: &Arc<Servers>, statement: Statement) -> BatchStream {
    let (sender, receiver) = mpsc::channel(1);
    let work = drive(ctx.clone(), Arc::clone(servers), statement, sender);
    drop(ctx.io.spawn(work));
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|batch| (batch, receiver)) }).boxed()
}

async fn drive(ctx: QueryContext, servers: Arc<Servers>, statement: Statement, sender: Sender) {
    let lease = tokio::select! {
        biased;
        reason = stopped(&ctx, &sender) => return report(sender, reason).await,
        lease = servers.lease(statement.shard.server, &statement.what) => lease,
    };
    let mut lease = match lease {
        Ok(lease) => lease,
        Err(error) => return report(sender, statement.tolerated(&ctx, error)).await,
    };
    let mut sent = false;
    let outcome = tokio::select! {
        biased;
        reason = stopped(&ctx, &sender) => Err(Ended::Stopped(reason)),
        read = read(&mut lease, &statement, &sender, &mut sent) => read,
    };
    match outcome {
        Ok(last) => {
            // Read to its end: others may have the connection while this batch waits to be taken.
            if statement.foreign {
                lease.discard().await
            } else {
                lease.finish()
            }
            if let Some(last) = last {
                drop(sender.send(last).await);
            }
        }
        // Side by side: a receiver that takes nothing must not keep the statement alive.
        Err(Ended::Stopped(reason)) => drop(tokio::join!(lease.stop(), report(sender, reason))),
        Err(Ended::Refused(error)) => drop(tokio::join!(lease.stop(), report(sender, Some(error)))),
        Err(Ended::Failed(error)) => {
            // Rows that have left can't be left out any more.
            let error = if sent { Some(error) } else { statement.tolerated(&ctx, error) };
            tokio::join!(lease.discard(), report(sender, error));
        }
    }
}

/// Why a statement was not read to its end.
enum Ended {
    /// Nobody wants the rest.
    Stopped(Option<ConnectorError>),
    /// We can't take a row; the statement is still running.
    Refused(ConnectorError),
    /// The server or the connection failed.
    Failed(ConnectorError),
}

/// Ends the stream, with its error if there is one: the reader waits for nothing that goes on at the server.
async fn report(sender: Sender, error: Option<ConnectorError>) {
    if let Some(error) = error {
        drop(sender.send(Err(error)).await);
    }
}

/// Returns when the query is over: cancelled, out of time, or its stream dropped, which needs no error.
async fn stopped(ctx: &QueryContext, sender: &Sender) -> Option<ConnectorError> {
    let elapsed = async {
        match ctx.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    let over = |text: &str| Some(ConnectorError::new(ErrorKind::Cancelled, text));
    tokio::select! {
        () = sender.closed() => None,
        () = ctx.cancel.cancelled() => over("the query was cancelled"),
        () = elapsed => over("the query ran out of time"),
    }
}

/// Sends all batches but the last one, which it gives back. `sent` becomes true with the first.
async fn read(
    lease: &mut Lease,
    statement: &Statement,
    sender: &Sender,
    sent: &mut bool,
) -> std::result::Result<Option<Result<RecordBatch>>, Ended> {
    let what = statement.what.as_str();
    let failed = |error: mysql_async::Error| Ended::Failed(from_driver(&error, what));
    let (conn, waits) = lease.in_turn().map_err(Ended::Failed)?;
    let parameters = Params::Positional(statement.values.clone());
    let mut rows = conn.exec_iter(statement.text.as_str(), parameters).await.map_err(failed)?;
    let mut batch = BatchBuilder::new(statement);
    while let Some(row) = rows.next().await.map_err(failed)? {
        batch.append(&row, what).map_err(Ended::Refused)?;
        if batch.is_full() {
            *sent = true;
            let _waiting = waits();
            if sender.send(batch.finish()).await.is_err() {
                return Err(Ended::Stopped(None));
            }
        }
    }
    Ok((batch.rows > 0).then(|| batch.finish()))
}

/// A batch being filled.
struct BatchBuilder<'a> {
    statement: &'a Statement,
    /// One for each reading of the selection.
    readings: Vec<ColumnBuilder>,
    /// Columns that the result needs to have.
    width: usize,
    rows: usize,
}

impl<'a> BatchBuilder<'a> {
    fn new(statement: &'a Statement) -> Self {
        let readings = &statement.selection.readings;
        let width = statement.selection.width_of_first(usize::MAX);
        let builders = readings
            .iter()
            .map(|Reading { kind, name, .. }| ColumnBuilder::new(*kind, name, statement.zero_dates_are_null));
        Self { statement, readings: builders.collect(), width, rows: 0 }
    }

    fn append(&mut self, row: &Row, what: &str) -> Result<()> {
        let changed = || ConnectorError::new(ErrorKind::ObjectChanged, format!("{what} has changed while it was read"));
        // A statement without columns asks for a constant, to count rows.
        if row.len() < self.width || (self.statement.foreign && row.len() > self.width) {
            return Err(changed());
        }
        for (builder, reading) in self.readings.iter_mut().zip(&self.statement.selection.readings) {
            builder.append(row.as_ref(reading.column).ok_or_else(changed)?)?;
        }
        self.rows += 1;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.readings.iter().map(ColumnBuilder::bytes).sum::<usize>() >= BATCH_BYTES
    }

    fn finish(&mut self) -> Result<RecordBatch> {
        let rows = std::mem::take(&mut self.rows);
        let read: Vec<_> = self.readings.iter_mut().map(ColumnBuilder::finish).collect();
        let columns = self.statement.selection.make(&read, rows, self.statement.shard.number)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.statement.schema), columns, &options).map_err(|error| {
            let text = format!("{} has a NULL where the catalog knows none", self.statement.what);
            ConnectorError::new(ErrorKind::ObjectChanged, text).with_detail(error)
        })
    }
}
