//! What all calls of a listener share, and how a call gets its session.

use super::auth::Caller;
use super::options::FlightOptions;
use super::running::Running;
use super::sealed::{Kind, Seal};
use super::sessions::Sessions;
use super::shared::SharedResults;
use crate::error::{Error, Result};
use crate::plan::{self, Placeholders};
use crate::session::api::{Outcome, Parsed};
use crate::session::{Gateway, Session};
use datafusion::scalar::ScalarValue;
use naru_auth::BearerTokens;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What all calls of a listener share.
pub(super) struct Door {
    pub(super) gateway: Arc<Gateway>,
    pub(super) tokens: BearerTokens,
    pub(super) tickets: Seal,
    pub(super) handles: Seal,
    pub(super) sessions: Sessions,
    pub(super) running: Running,
    pub(super) shared: SharedResults,
    pub(super) max_parameters: usize,
    pub(super) max_sent_message: usize,
    /// Cancelled when the drain time is over: whatever still runs ends.
    pub(super) ended: CancellationToken,
}

impl Door {
    pub(super) fn new(gateway: Arc<Gateway>, options: &FlightOptions) -> Self {
        let key = &options.key;
        Self {
            gateway,
            tokens: BearerTokens::new(key.clone(), options.token_lifetime),
            tickets: Seal::new(key.clone(), Kind::Ticket, options.ticket_lifetime),
            handles: Seal::new(key.clone(), Kind::Prepared, options.token_lifetime),
            sessions: Sessions::new(options.max_sessions),
            running: Running::default(),
            shared: SharedResults::default(),
            max_parameters: options.max_parameters,
            max_sent_message: options.max_sent_message,
            ended: CancellationToken::new(),
        }
    }

    /// A session of the caller's, with what earlier calls set. Each call has its own, so calls of one client run side by side.
    pub(super) async fn session(&self, caller: &Caller) -> Result<Session> {
        let mut session = self.open(caller)?;
        if let Some(variables) = self.sessions.variables(caller).await {
            session.restore(variables);
        }
        Ok(session)
    }

    /// Does something that changes the caller's session, one at a time, and keeps what it changed.
    pub(super) async fn change<T>(
        &self,
        caller: &Caller,
        change: impl AsyncFnOnce(&mut Session) -> Result<T>,
    ) -> Result<T> {
        let kept = self.sessions.keep(caller)?;
        let mut variables = kept.variables.lock().await;
        let mut session = self.open(caller)?;
        if let Some(variables) = variables.as_ref() {
            session.restore(variables.clone());
        }
        let changed = change(&mut session).await;
        *variables = Some(session.variables());
        changed
    }

    /// Runs a statement that gives no rows, once for each row of values.
    pub(super) async fn run_update(&self, caller: &Caller, parsed: &Parsed, rows: Vec<Vec<ScalarValue>>) -> Result<()> {
        self.change(caller, async |session| {
            for values in rows {
                session.begin_statement(&self.ended);
                if let Outcome::Rows { .. } = session.execute(parsed, values).await? {
                    return Err(Error::internal("a statement described as one without rows gave some"));
                }
            }
            Ok(())
        })
        .await
    }

    fn open(&self, caller: &Caller) -> Result<Session> {
        let mut session =
            Session::open(Arc::clone(&self.gateway), caller.identity.clone(), caller.client.clone(), None)?;
        session.begin_statement(&self.ended);
        Ok(session)
    }
}

/// The one statement of a text. `?` stands for `$1`, `$2`, ... as JDBC and ADBC programs write it.
pub(super) fn parse(sql: &str) -> Result<Parsed> {
    let mut statements = plan::parse_with(sql, Placeholders::QuestionMarks)?.into_iter();
    match (statements.next(), statements.next()) {
        (Some(parsed), None) => Ok(parsed),
        _ => Err(Error::unsupported("more than one statement in one call")),
    }
}
