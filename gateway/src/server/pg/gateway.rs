//! The gateway's own sessions behind the PostgreSQL door.

use super::backend::{Backend, BackendSession, Released};
use crate::error::{Error, ErrorCode, Result};
use crate::plan;
use crate::session::api::{Client, Described, Notice, Outcome, Parsed, TransactionStatus};
use crate::session::{Gateway, Session};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use naru_auth::{Identity, Login};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longer texts, in bytes, are parsed where the IO runtime does not wait for it.
const PARSED_AT_ONCE: usize = 16 * 1024;

/// A gateway behind a listener.
#[derive(Debug)]
pub struct GatewayBackend(Arc<Gateway>);

impl GatewayBackend {
    /// Serves the sessions of this gateway.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Self(gateway)
    }
}

impl Backend for GatewayBackend {
    type Session = PgSession;

    fn login(&self) -> Arc<Login> {
        self.0.login()
    }

    fn login_refused(&self, user: &str, client: &Client, error: &Error) {
        self.0.audit().login_refused(user, client, error);
    }

    async fn open(
        &self,
        identity: Identity,
        client: Client,
        database: Option<String>,
        settings: Vec<(String, String)>,
    ) -> Result<PgSession> {
        let mut session = Session::open(Arc::clone(&self.0), identity, client, database.as_deref())?;
        for (name, value) in settings {
            session.assign(&name, &value)?;
        }
        Ok(PgSession { gateway: Arc::clone(&self.0), session, ended: CancellationToken::new() })
    }
}

/// A session and the token that ends its connection.
#[derive(Debug)]
pub struct PgSession {
    gateway: Arc<Gateway>,
    session: Session,
    ended: CancellationToken,
}

impl BackendSession for PgSession {
    fn parse(&self, sql: &str) -> impl Future<Output = Result<Vec<Parsed>>> + Send {
        let (gateway, sql) = (Arc::clone(&self.gateway), sql.to_owned());
        async move {
            if sql.len() <= PARSED_AT_ONCE {
                return plan::parse(&sql);
            }
            gateway.executor().plan(async move { plan::parse(&sql) }).await
        }
    }

    fn idle_limit(&self) -> Option<(Duration, Error)> {
        let settings = self.session.settings();
        let (limit, code, what) = match self.session.transaction() {
            TransactionStatus::Idle => {
                (settings.idle_session_timeout()?, ErrorCode::IdleSessionTimeout, "idle-session")
            }
            TransactionStatus::Open | TransactionStatus::Failed => {
                (settings.idle_in_transaction_timeout()?, ErrorCode::IdleInTransactionTimeout, "idle-in-transaction")
            }
        };
        Some((limit, Error::new(code, format!("terminating connection due to {what} timeout"))))
    }

    async fn describe(&mut self, parsed: &Parsed, parameter_types: &[Option<DataType>]) -> Result<Described> {
        self.session.describe(parsed, parameter_types).await
    }

    async fn execute(&mut self, parsed: &Parsed, parameters: Vec<ScalarValue>) -> Result<Outcome> {
        self.session.execute(parsed, parameters).await
    }

    fn transaction(&self) -> TransactionStatus {
        self.session.transaction()
    }

    fn fail_transaction(&mut self) {
        self.session.fail_transaction();
    }

    fn cancel_token(&self) -> CancellationToken {
        self.ended.clone()
    }

    fn begin_statement(&mut self) -> CancellationToken {
        self.session.begin_statement(&self.ended)
    }

    fn reported(&self) -> Vec<(&'static str, String)> {
        self.session.settings().reported()
    }

    fn take_changes(&mut self) -> (Vec<(&'static str, String)>, Vec<Notice>) {
        (self.session.settings_mut().take_changes(), self.session.take_notices())
    }

    fn connected(&mut self, process_id: i32) {
        self.session.set_process_id(process_id);
    }

    fn time_zone(&self) -> chrono_tz::Tz {
        self.session.settings().time_zone()
    }

    fn prepared(&mut self, name: &str, parsed: &Parsed, types: &[DataType]) {
        // The door has its own limit of prepared statements; SQL just can't name one beyond the session's.
        let _ = self.session.remember(name.to_owned(), parsed.clone(), types.to_vec());
    }

    fn unprepared(&mut self, name: &str) {
        self.session.forget(name);
    }

    fn take_released(&mut self) -> Vec<Released> {
        self.session.take_released()
    }
}
