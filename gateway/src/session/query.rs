//! A session: who, with which settings, in which schema, and how a query runs for it.

use super::api::{Client, Notice, Notices, Outcome, Parsed, Released, TransactionStatus};
use super::cursor::{Cursors, Declared};
use super::gateway::Gateway;
use super::plan_cache::{PlanKey, SnapshotVersion, WantedPlan};
use super::prepared::PreparedStatement;
use super::scope::Scope;
use super::settings::Settings;
use crate::audit::Asked;
use crate::catalog::SearchPath;
use crate::error::{Error, ErrorCode, Result};
use crate::govern::Rights;
use crate::plan::{self, Kind};
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use naru_auth::Identity;
use naru_connector::Warnings;
use std::collections::BTreeMap;
use std::sync::Arc;
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
    pub(super) warnings: Warnings,
    pub(super) prepared: BTreeMap<String, PreparedStatement>,
    pub(super) released: Vec<Released>,
    pub(super) cursors: Cursors,
    /// Inside statements that are one implicit transaction.
    pub(super) in_group: bool,
    pub(super) process_id: i32,
    pub(super) connected_at: DateTime<Utc>,
    pub(super) statement: CancellationToken,
}

/// What a session keeps from one statement to the next. A door without connections carries it from call to call.
#[derive(Debug, Clone)]
pub struct SessionVariables {
    settings: Settings,
    path: SearchPath,
    transaction: TransactionStatus,
    prepared: BTreeMap<String, PreparedStatement>,
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
        let settings =
            Settings::new(identity.user()).with_default_timeouts(&gateway.executor().limits().session_timeouts);
        Ok(Self {
            gateway,
            identity,
            client,
            settings,
            path,
            transaction: TransactionStatus::Idle,
            notices: Vec::new(),
            warnings: Warnings::default(),
            prepared: BTreeMap::new(),
            released: Vec::new(),
            cursors: Cursors::default(),
            in_group: false,
            process_id: 0,
            connected_at: Utc::now(),
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
        SessionVariables {
            settings: self.settings.clone(),
            path: self.path.clone(),
            transaction: self.transaction,
            prepared: self.prepared.clone(),
        }
    }

    /// Goes on from where an earlier session of the same user was.
    pub fn restore(&mut self, variables: SessionVariables) {
        let SessionVariables { settings, path, transaction, prepared } = variables;
        (self.settings, self.path, self.transaction, self.prepared) = (settings, path, transaction, prepared);
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
            self.cursors.roll_back();
        }
    }

    /// A new token for the next statement, a child of the connection's; cancelling it ends the statement with 57014.
    pub fn begin_statement(&mut self, connection: &CancellationToken) -> CancellationToken {
        self.statement = connection.child_token();
        self.statement.clone()
    }

    /// What to tell the client although the statement succeeded.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(self.notices().take());
        notices
    }

    /// What its queries warn of, for a door that hands the session on with its rows.
    #[must_use]
    pub fn notices(&self) -> Notices {
        Notices(self.warnings.clone())
    }

    /// The number that the connection goes by: `pg_backend_pid`.
    pub fn set_process_id(&mut self, process_id: i32) {
        self.process_id = process_id;
    }

    /// What to look for among the kept plans, or else to bind.
    pub(super) fn wanted(
        &self,
        parsed: &Parsed,
        parameters: Vec<Option<DataType>>,
        scope: &Scope,
    ) -> Result<WantedPlan> {
        let statement = parsed.statement.as_ref().ok_or_else(|| Error::internal("an empty statement is planned"))?;
        let key = PlanKey {
            statement: Arc::clone(statement),
            parameters,
            identity: self.identity.clone(),
            address: self.client.address,
            snapshot: SnapshotVersion::of(&scope.snapshot),
            path: self.path.clone(),
            settings: self.settings.all(),
            catalog_settings: Arc::clone(&scope.ctx.settings),
        };
        Ok(WantedPlan::new(Arc::clone(&self.gateway), key, parsed.sql.len()))
    }

    /// Runs a statement. Values are those of `$1`, `$2`, ...
    pub async fn execute(&mut self, parsed: &Parsed, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        let Some(statement) = &parsed.statement else { return Ok(Outcome::Empty) };
        let kind = plan::classify(statement).inspect_err(|error| {
            self.pending(&Uuid::now_v7().to_string().into(), self.asked(parsed)).refused(error);
        })?;
        if self.transaction == TransactionStatus::Failed && !matches!(kind, Kind::Commit | Kind::Rollback) {
            let text = "current transaction is aborted, commands ignored until end of transaction block";
            return Err(Error::new(ErrorCode::InFailedTransaction, text));
        }
        match kind {
            Kind::Query(_) => self.run(parsed, parameters).await,
            Kind::Explain { analyze, verbose, .. } => self.explain(parsed, (analyze, verbose), parameters).await,
            Kind::Copy { format, .. } => self.copy(parsed, format).await,
            Kind::Declare { name, binary, hold, scroll, .. } => {
                self.declare(parsed, name, Declared { binary, hold, scroll }, parameters).await
            }
            Kind::Fetch { name, rows, moves } => self.fetch(name, rows, moves).await,
            Kind::Prepare { name, types, statement } => self.prepare(name, types, statement, &parsed.sql).await,
            Kind::Execute { name, values } => {
                let (inner, values) = self.executed(name, values).await?;
                Box::pin(self.execute(&inner, values)).await
            }
            other if other.reads_metadata() => {
                let answer = self.execute_other(other).await;
                self.audit_moment("metadata", self.asked(parsed), answer.as_ref().err())?;
                answer
            }
            other => self.execute_other(other).await,
        }
    }

    /// Who asks for what, for a record.
    pub(super) fn asked(&self, parsed: &Parsed) -> Asked {
        Asked::new(&self.identity, &self.client, self.gateway.audit().text(parsed))
    }

    /// Writes the record of something that is over at once. `what` of a metadata command that is no statement stands in for
    /// its text.
    pub fn audit_metadata(&self, what: &str, error: Option<&Error>) -> Result<()> {
        self.audit_moment("metadata", Asked::new(&self.identity, &self.client, what.to_owned()), error)
    }

    pub(super) fn audit_moment(&self, event: &'static str, asked: Asked, error: Option<&Error>) -> Result<()> {
        self.gateway.audit().moment(event, None, &asked, error)
    }
}
