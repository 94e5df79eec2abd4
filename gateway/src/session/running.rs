//! A query between planning and its rows.

use super::api::QueryStream;
use super::query::Session;
use super::registry::{QueryState, Registration};
use crate::audit::PendingAudit;
use crate::error::{Error, Result};
use crate::exec::{Executor, QueryGuard};
use crate::govern::Rights;
use crate::plan::Optimised;
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// A query ready to run, entered where running queries are listed, and not yet audited.
pub(super) struct Planned {
    pub(super) ready: Ready,
    pub(super) registration: Registration,
    pub(super) audit: PendingAudit,
}

/// What planning gave.
pub(super) struct Ready {
    /// The result's columns by the names that clients see.
    pub(super) schema: SchemaRef,
    pub(super) optimised: Arc<Optimised>,
    pub(super) work: Work,
    pub(super) cancel: CancellationToken,
    pub(super) deadline: Option<Instant>,
    pub(super) turn: OwnedSemaphorePermit,
    pub(super) rights: Rights,
}

/// What is left to do.
pub(super) enum Work {
    /// Nothing: the rows are these.
    Answered(RecordBatch),
    /// To run a plan.
    Run { physical: Arc<dyn ExecutionPlan>, context: Arc<TaskContext> },
}

/// An audited query.
pub(super) struct Started<'a> {
    executor: &'a Executor,
    work: Work,
    guard: Option<QueryGuard>,
}

impl Started<'_> {
    /// Its rows.
    pub(super) fn stream(&mut self) -> Result<QueryStream> {
        let Some(guard) = self.guard.take() else { return Err(Error::internal("a query is run twice")) };
        match &self.work {
            Work::Answered(rows) => Ok(Executor::answer(rows.clone(), guard)),
            Work::Run { physical, context } => self.executor.run(Arc::clone(physical), Arc::clone(context), guard),
        }
    }

    /// It was only planned.
    pub(super) fn finish(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.finish();
        }
    }
}

impl Session {
    /// Writes the start of the audit record. The query runs when its stream is asked for.
    pub(super) fn start(&self, planned: Planned) -> Result<Started<'_>> {
        let Planned { ready, registration, audit } = planned;
        let Ready { optimised, work, cancel, deadline, turn, .. } = ready;
        let audit = audit.start(optimised.tables.clone())?;
        registration.reached(QueryState::Running);
        let guard = QueryGuard::new(cancel, deadline, audit, registration, QueryMeter::start(self.client.door), turn);
        Ok(Started { executor: self.gateway.executor(), work, guard: Some(guard) })
    }
}

/// The batches with the names that clients see.
pub(super) fn renamed(stream: QueryStream, schema: &SchemaRef) -> QueryStream {
    let schema = Arc::clone(schema);
    let rename = move |batch: Result<RecordBatch>| {
        let batch = batch?;
        let current = batch.schema();
        let pairs = || current.fields().iter().zip(schema.fields());
        if pairs().all(|(now, outward)| now.name() == outward.name()) {
            return Ok(batch);
        }
        let fields: Vec<_> = pairs().map(|(now, outward)| now.as_ref().clone().with_name(outward.name())).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        RecordBatch::try_new_with_options(schema, batch.columns().to_vec(), &options).map_err(Error::internal)
    };
    stream.map(rename).boxed()
}
