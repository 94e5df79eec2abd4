//! A query from its turn to its rows.

use super::api::{Door, Outcome, Parsed, QueryStream};
use super::gateway::Gateway;
use super::plan_cache::WantedPlan;
use super::query::Session;
use super::registry::{QueryState, Registration};
use super::scope::{Scope, task_context};
use crate::audit::{Asked, PendingAudit};
use crate::error::{Error, Result};
use crate::exec::{Begun, Executor, Running, cancelled, within};
use crate::plan::{self, Optimised, PlanCodec};
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Statement;
use futures::StreamExt;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// A query that is listed.
struct Waiting {
    audit: PendingAudit,
    registration: Registration,
    turn: Option<OwnedSemaphorePermit>,
}

/// How far a query has got whose rows nobody has yet.
enum Stage {
    Waiting(Box<Waiting>),
    Begun(Arc<Running>),
    Over,
}

/// A query as whoever asked for it sees it, until its rows are there. Dropped, it is over, wherever its planning has got to.
struct Entered(Arc<Mutex<Stage>>);

impl Entered {
    fn has_turn(&self, permit: OwnedSemaphorePermit) {
        if let Stage::Waiting(waiting) = &mut *self.0.lock() {
            waiting.turn = Some(permit);
            waiting.registration.reached(QueryState::Planning);
        }
    }

    /// Its rows are there: it ends with them.
    fn leave(&self) {
        *self.0.lock() = Stage::Over;
    }

    fn refuse(&self, error: &Error) {
        match std::mem::replace(&mut *self.0.lock(), Stage::Over) {
            Stage::Waiting(waiting) => waiting.audit.refused(error),
            Stage::Begun(running) => drop(running.fail(error.clone())),
            Stage::Over => {}
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // One that waits leaves the records of a cancelled one by itself.
        if let Stage::Begun(running) = std::mem::replace(&mut *self.0.lock(), Stage::Over) {
            running.give_up();
        }
    }
}

/// A query that has its turn, and everything it is planned with.
struct Planning {
    wanted: WantedPlan,
    state: SessionState,
    scope: Scope,
    parameters: Vec<ScalarValue>,
    gateway: Arc<Gateway>,
    /// EXPLAIN wants the plan.
    asks_for_rows: bool,
}

/// What planning gave.
struct Planned {
    /// The result's columns by the names that clients see.
    schema: SchemaRef,
    optimised: Arc<Optimised>,
    work: Work,
}

/// What is left to do once a query is planned.
enum Work {
    /// Nothing: the rows are these.
    Answered(RecordBatch),
    /// To run a plan.
    Run { physical: Arc<dyn ExecutionPlan>, context: Arc<TaskContext> },
}

impl Planning {
    /// Binds, optimises, plans and verifies: on the CPU runtime.
    async fn planned(self) -> Result<Planned> {
        let Self { wanted, state, scope, parameters, gateway, asks_for_rows } = self;
        let resolver = scope.resolver();
        let kept = wanted.bound(&state, &resolver).await?;
        let optimised = kept.optimised(&state, &resolver, parameters)?;
        let stamp = resolver.stamp();
        let mut physical = plan::physical_plan(&state, &optimised, &stamp).await?;
        if let Some(key) = gateway.plans_sent() {
            let codec = PlanCodec::new(stamp, Arc::clone(&scope.snapshot.catalogs));
            // What is read from bytes names its functions.
            physical = codec.decode(&codec.encode(physical, key)?, key, &state.task_ctx())?;
        }
        let work = match plan::constant_row(&physical).filter(|_| asks_for_rows) {
            Some(rows) => {
                kept.keep_answer(&optimised, &rows);
                Work::Answered(rows)
            }
            None => Work::Run { context: task_context(&gateway, &state, &physical), physical },
        };
        Ok(Planned { schema: Arc::clone(&kept.schema), optimised, work })
    }
}

/// What turns a planned query into a running one.
struct Starting {
    stage: Arc<Mutex<Stage>>,
    cancel: CancellationToken,
    deadline: Option<Instant>,
    door: Door,
}

impl Starting {
    /// Writes the start of the audit record.
    fn start(self, optimised: &Optimised) -> Result<Arc<Running>> {
        let Self { stage, cancel, deadline, door } = self;
        let mut stage = stage.lock();
        // Over: nobody waits for it any more.
        let Stage::Waiting(waiting) = std::mem::replace(&mut *stage, Stage::Over) else {
            return Err(cancelled());
        };
        let Waiting { audit, registration, turn } = *waiting;
        let turn = turn.ok_or_else(|| Error::internal("a query is started before its turn"))?;
        let audit = audit.start(optimised.tables.clone())?;
        registration.reached(QueryState::Running);
        let running = Running::new(cancel, deadline, audit, registration, QueryMeter::start(door), turn);
        *stage = Stage::Begun(Arc::clone(&running));
        Ok(running)
    }
}

/// A query of which EXPLAIN tells. It runs when its rows are asked for.
pub(super) struct Explained<'a> {
    executor: &'a Executor,
    pub(super) physical: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    running: Arc<Running>,
}

impl Explained<'_> {
    /// Its rows.
    pub(super) async fn stream(self) -> Result<QueryStream> {
        let Self { executor, physical: plan, context, running } = self;
        let ((), stream) = executor.run(async move { Ok(((), Begun::Plan { plan, context, running })) }).await?;
        Ok(stream)
    }

    /// It was only planned.
    pub(super) fn finish(self) {
        self.running.finish();
    }
}

impl Session {
    /// Waits for a turn, binds, plans, verifies, audits and starts a query. One that is refused leaves its audit records here.
    pub(super) async fn run(&self, parsed: &Parsed, values: Vec<ScalarValue>) -> Result<Outcome> {
        let scope = self.scope();
        let (entered, id) = self.enter(parsed, &scope);
        let (cancel, deadline) = (scope.ctx.cancel.clone(), scope.ctx.deadline);
        let begun = within(&cancel, deadline, Box::pin(self.begin(scope, &entered, parsed, values))).await;
        let (schema, stream) = begun.map_err(|error| {
            entered.refuse(&error);
            error.in_query(&id)
        })?;
        entered.leave();
        let stream = renamed(stream, &schema);
        Ok(Outcome::Rows { schema, stream, verb: "SELECT", counted: true, binary: false })
    }

    async fn begin(
        &self,
        scope: Scope,
        entered: &Entered,
        parsed: &Parsed,
        parameters: Vec<ScalarValue>,
    ) -> Result<(SchemaRef, QueryStream)> {
        let starting = self.starting(&scope, entered).await?;
        let wanted = self.wanted(parsed, types_of(&parameters), &scope)?;
        if let Some((schema, optimised, rows)) = wanted.answer() {
            return Ok((schema, Executor::answer(rows, starting.start(&optimised)?)));
        }
        let planning = self.planning(scope, wanted, parsed, parameters);
        // Boxed before it is handed on: unoptimised builds copy it from frame to frame.
        let work = Box::pin(async move {
            let Planned { schema, optimised, work } = planning.planned().await?;
            let running = starting.start(&optimised)?;
            let begun = match work {
                Work::Answered(rows) => Begun::Rows(rows, running),
                Work::Run { physical: plan, context } => Begun::Plan { plan, context, running },
            };
            Ok((schema, begun))
        });
        self.gateway.executor().run(work).await
    }

    /// The same without running it, and whether the asking user may read system information.
    pub(super) async fn explained(&self, parsed: &Parsed, values: Vec<ScalarValue>) -> Result<(Explained<'_>, bool)> {
        let scope = self.scope();
        let (entered, id) = self.enter(parsed, &scope);
        let (cancel, deadline) = (scope.ctx.cancel.clone(), scope.ctx.deadline);
        let system_information = scope.rights.reads_system_information();
        let executor = self.gateway.executor();
        let planned = within(&cancel, deadline, async {
            let starting = self.starting(&scope, &entered).await?;
            let wanted = self.wanted(parsed, types_of(&values), &scope)?;
            let planned = executor.plan(Box::pin(self.planning(scope, wanted, parsed, values).planned())).await?;
            let Work::Run { physical, context } = planned.work else {
                return Err(Error::internal("a plan to explain was left out"));
            };
            Ok(Explained { executor, physical, context, running: starting.start(&planned.optimised)? })
        });
        let explained = planned.await.map_err(|error| {
            entered.refuse(&error);
            error.in_query(&id)
        })?;
        entered.leave();
        Ok((explained, system_information))
    }

    /// Enters a query where running ones are listed.
    fn enter(&self, parsed: &Parsed, scope: &Scope) -> (Entered, Arc<str>) {
        let asked = self.asked(parsed);
        let id = Arc::clone(&scope.ctx.query_id.0);
        let sql = asked.sql.clone();
        let registration = self.gateway.running().enter(Arc::clone(&id), self.identity.user(), &self.client, sql);
        let audit = self.pending(&id, asked).with_warnings(scope.ctx.warnings.clone());
        let waiting = Stage::Waiting(Box::new(Waiting { audit, registration, turn: None }));
        (Entered(Arc::new(Mutex::new(waiting))), id)
    }

    pub(super) fn pending(&self, id: &Arc<str>, asked: Asked) -> PendingAudit {
        PendingAudit::new(Arc::clone(self.gateway.audit()), Arc::clone(id), asked)
    }

    /// Waits for a turn.
    async fn starting(&self, scope: &Scope, entered: &Entered) -> Result<Starting> {
        entered.has_turn(self.gateway.executor().admit().await?);
        let (cancel, deadline) = (scope.ctx.cancel.clone(), scope.ctx.deadline);
        Ok(Starting { stage: Arc::clone(&entered.0), cancel, deadline, door: self.client.door })
    }

    fn planning(&self, scope: Scope, wanted: WantedPlan, parsed: &Parsed, parameters: Vec<ScalarValue>) -> Planning {
        let state = self.state(&scope.ctx);
        let asks_for_rows = matches!(parsed.statement.as_deref(), Some(Statement::Query(_)));
        let gateway = Arc::clone(&self.gateway);
        Planning { wanted, state, scope, parameters, gateway, asks_for_rows }
    }
}

pub(super) fn types_of(parameters: &[ScalarValue]) -> Vec<Option<DataType>> {
    parameters.iter().map(|value| Some(value.data_type())).collect()
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
