//! A session: who, with which settings, in which schema, and how a query runs for it.

use super::api::{Client, Described, Notice, Outcome, Parsed, TransactionStatus};
use super::gateway::Gateway;
use super::settings::Settings;
use crate::audit::{AuditedTable, QueryAudit};
use crate::catalog::{Resolver, SearchPath, Snapshot};
use crate::error::{Error, ErrorCode, Result};
use crate::exec::QueryGuard;
use crate::govern::Rights;
use crate::plan::{self, Bound, Kind};
use crate::telemetry::meters::QueryMeter;
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Query;
use naru_auth::Identity;
use naru_connector::{OnceStore, Principal, QueryContext, QueryId, Warnings};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One connection's state.
#[derive(Debug)]
pub struct Session {
    pub(super) gateway: Arc<Gateway>,
    pub(super) identity: Identity,
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) path: SearchPath,
    pub(super) transaction: TransactionStatus,
    pub(super) notices: Vec<Notice>,
    statement: CancellationToken,
}

/// What a session keeps from one statement to the next. A door without connections carries it from call to call.
#[derive(Debug, Clone)]
pub struct SessionVariables {
    settings: Settings,
    path: SearchPath,
    transaction: TransactionStatus,
}

/// What one statement sees from its first name to its last row.
pub(super) struct Scope {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) rights: Rights,
    pub(super) ctx: QueryContext,
    pub(super) path: SearchPath,
}

impl Scope {
    pub(super) fn resolver(&self) -> Resolver<'_> {
        Resolver { snapshot: &self.snapshot, rights: &self.rights, ctx: &self.ctx, path: &self.path }
    }
}

impl Session {
    /// A session in `database`, which is a catalog; none is the default one. A catalog without any right for this identity
    /// does not exist: but everyone may connect, so the default one is never refused.
    pub fn open(gateway: Arc<Gateway>, identity: Identity, client: Client, database: Option<&str>) -> Result<Self> {
        let snapshot = gateway.snapshot();
        let rights = Rights::new(Arc::clone(&snapshot.policies), identity.clone(), client.address);
        let default = snapshot.catalogs.default_catalog();
        let name = database.unwrap_or(default);
        let known = snapshot.catalogs.get(name).filter(|c| name == default || rights.sees_catalog(&c.name));
        let Some(catalog) = known else {
            return Err(Error::new(ErrorCode::UndefinedCatalog, format!("database \"{name}\" does not exist")));
        };
        let path = SearchPath { catalog: catalog.name.to_string(), schema: catalog.default_schema.clone() };
        let settings = Settings::new(identity.user());
        Ok(Self {
            gateway,
            identity,
            client,
            settings,
            path,
            transaction: TransactionStatus::Idle,
            notices: Vec::new(),
            statement: CancellationToken::new(),
        })
    }

    /// Who.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it keeps from one statement to the next.
    #[must_use]
    pub fn variables(&self) -> SessionVariables {
        SessionVariables { settings: self.settings.clone(), path: self.path.clone(), transaction: self.transaction }
    }

    /// Goes on from where an earlier session of the same user was.
    pub fn restore(&mut self, variables: SessionVariables) {
        SessionVariables { settings: self.settings, path: self.path, transaction: self.transaction } = variables;
    }

    /// The session's settings.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// The session's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the session stands with its transaction.
    #[must_use]
    pub fn transaction(&self) -> TransactionStatus {
        self.transaction
    }

    /// A statement failed: an open block fails with it.
    pub fn fail_transaction(&mut self) {
        if self.transaction == TransactionStatus::Open {
            self.transaction = TransactionStatus::Failed;
        }
    }

    /// A new token for the next statement, a child of the connection's; cancelling it ends the statement with 57014.
    pub fn begin_statement(&mut self, connection: &CancellationToken) -> CancellationToken {
        self.statement = connection.child_token();
        self.statement.clone()
    }

    /// What to tell the client although the statement succeeded.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Takes the statement's snapshot, rights and context.
    pub(super) fn scope(&self) -> Scope {
        let snapshot = self.gateway.snapshot();
        let rights = Rights::new(Arc::clone(&snapshot.policies), self.identity.clone(), self.client.address);
        let ctx = QueryContext {
            query_id: QueryId(Uuid::now_v7().to_string().into()),
            principal: Principal {
                user: self.identity.user().into(),
                groups: self.identity.groups().iter().cloned().collect(),
            },
            time_zone: self.settings.time_zone(),
            deadline: self.settings.statement_timeout().map(|timeout| Instant::now() + timeout),
            cancel: self.statement.child_token(),
            warnings: Warnings::default(),
            settings: Arc::default(),
            once: OnceStore::default(),
            io: self.gateway.executor().io().clone(),
        };
        Scope { snapshot, rights, ctx, path: self.path.clone() }
    }

    /// What a client may know of a statement before it runs: bound with the same checks as when it runs.
    pub async fn describe(&mut self, parsed: &Parsed, parameter_types: &[Option<DataType>]) -> Result<Described> {
        let nothing = Described { parameters: Vec::new(), schema: None };
        let Some(statement) = &parsed.statement else { return Ok(nothing) };
        match plan::classify(statement)? {
            Kind::Query(query) => {
                let bound = self.bind(query, parameter_types.to_vec()).await?;
                let schema = Arc::new(bound.plan.schema().as_arrow().clone());
                Ok(Described { parameters: bound.parameter_types()?, schema: Some(schema) })
            }
            other => Ok(Described { schema: super::statement::schema_of(&other), ..nothing }),
        }
    }

    async fn bind(&self, query: &Query, parameter_types: Vec<Option<DataType>>) -> Result<Bound> {
        let scope = self.scope();
        let state = self.state(&scope.ctx);
        let query = query.clone();
        self.gateway
            .executor()
            .plan(async move { plan::bind(&state, &scope.resolver(), &query, &parameter_types).await })
            .await
    }

    /// Runs a statement. Values are those of `$1`, `$2`, ...
    pub async fn execute(&mut self, parsed: &Parsed, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        let Some(statement) = &parsed.statement else { return Ok(Outcome::Empty) };
        let kind = plan::classify(statement)?;
        if self.transaction == TransactionStatus::Failed && !matches!(kind, Kind::Commit | Kind::Rollback) {
            let text = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Error::new(ErrorCode::InFailedTransaction, text));
        }
        match kind {
            Kind::Query(query) => self.run(&parsed.sql, query, parameters).await,
            other => self.execute_other(other, &parsed.sql, parameters).await,
        }
    }

    /// Binds, plans, verifies, audits and starts a query.
    async fn run(&self, sql: &str, query: &Query, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        let executor = self.gateway.executor();
        let scope = self.scope();
        let (cancel, deadline, id) = (scope.ctx.cancel.clone(), scope.ctx.deadline, scope.ctx.query_id.clone());
        let turn = executor.admit().await?;
        let state = self.state(&scope.ctx);
        let query = query.clone();
        let types: Vec<_> = parameters.iter().map(|value| Some(value.data_type())).collect();
        let context = state.task_ctx();
        let (bound, physical) = executor
            .plan(async move {
                let bound = plan::bind(&state, &scope.resolver(), &query, &types).await?;
                let bound = if parameters.is_empty() { bound } else { bound.with_parameters(parameters)? };
                let physical = plan::physical_plan(&state, &bound).await?;
                Ok((bound, physical))
            })
            .await?;
        let tables: Vec<AuditedTable> = bound.tables.clone();
        let log = Arc::clone(self.gateway.audit());
        let audit = QueryAudit::start(log, &id.0, &self.identity, &self.client, sql, &tables)?;
        let meter = QueryMeter::start(self.client.door);
        let schema = Arc::new(bound.plan.schema().as_arrow().clone());
        let stream = executor.run(physical, context, QueryGuard::new(cancel, deadline, audit, meter, turn))?;
        Ok(Outcome::Rows { schema, stream, verb: "SELECT", counted: true })
    }

    fn state(&self, ctx: &QueryContext) -> SessionState {
        let base = self.gateway.base_state();
        let mut config = base.config().clone().with_extension(Arc::new(ctx.clone()));
        config.options_mut().execution.time_zone = Some(ctx.time_zone.name().to_owned());
        SessionStateBuilder::new_from_existing(base.clone()).with_config(config).build()
    }
}
