//! What the door needs from the gateway behind it: a login, and a session per connection.

use crate::error::{Error, Result};
pub use crate::session::api::Released;
use crate::session::api::{Client, Described, Notice, Outcome, Parsed, TransactionStatus};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use naru_auth::{Identity, Login};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The gateway behind a PostgreSQL listener.
pub trait Backend: Send + Sync + 'static {
    /// The session of one connection.
    type Session: BackendSession;

    /// Who may log in at this moment; asked anew for every connection, so that a reload takes effect.
    fn login(&self) -> Arc<Login>;

    /// Somebody who said they are `user` was not let in, and was told `error`.
    fn login_refused(&self, user: &str, client: &Client, error: &Error);

    /// Opens the session of a user who has logged in. `settings` are those of the start-up packet and its `options`, in the order
    /// in which they apply.
    ///
    /// # Errors
    /// `UndefinedCatalog` for an unknown database, `UndefinedObject` for an unknown setting.
    fn open(
        &self,
        identity: Identity,
        client: Client,
        database: Option<String>,
        settings: Vec<(String, String)>,
    ) -> impl Future<Output = Result<Self::Session>> + Send;
}

/// One connection's session.
///
/// The door drops the future of [`describe`](Self::describe) or [`execute`](Self::execute) when the statement is cancelled or the
/// client is gone, so both must leave the session usable wherever they wait.
pub trait BackendSession: Send + 'static {
    /// The statements of one text; white space and comments alone give an empty list or a [`Parsed`] without a statement.
    ///
    /// # Errors
    /// `SyntaxError` with its position.
    fn parse(&self, sql: &str) -> impl Future<Output = Result<Vec<Parsed>>> + Send;

    /// What a client may know before the statement runs. `None` stands for a parameter whose type the context decides. A numeric
    /// parameter comes as [`NUMERIC_PARAMETER`](super::parameter::NUMERIC_PARAMETER): its real scale is known with its value only.
    fn describe(
        &mut self,
        parsed: &Parsed,
        parameter_types: &[Option<DataType>],
    ) -> impl Future<Output = Result<Described>> + Send;

    /// Runs a statement. The parameters have the described types, except that a decimal keeps its own precision and scale.
    fn execute(
        &mut self,
        parsed: &Parsed,
        parameters: Vec<ScalarValue>,
    ) -> impl Future<Output = Result<Outcome>> + Send;

    /// Where the session stands with its transaction.
    fn transaction(&self) -> TransactionStatus;

    /// A statement failed: an open block is now a failed one. Called outside a block too, where it means nothing.
    fn fail_transaction(&mut self);

    /// Ends with the session: whoever cancels it (`pg_terminate_backend`) makes the door close the connection with 57P01.
    fn cancel_token(&self) -> CancellationToken;

    /// A statement begins; the token is a fresh child of [`cancel_token`](Self::cancel_token). Cancelled by a CancelRequest.
    fn begin_statement(&mut self) -> CancellationToken;

    /// How long its client may leave the session idle as it stands now, and what the connection ends with then.
    fn idle_limit(&self) -> Option<(Duration, Error)> {
        None
    }

    /// All settings that a client is told at the start.
    fn reported(&self) -> Vec<(&'static str, String)>;

    /// What changed of them, and notices; asked after each statement, before CommandComplete.
    fn take_changes(&mut self) -> (Vec<(&'static str, String)>, Vec<Notice>);

    /// The zone in which `timestamptz` is shown and in which a timestamp without offset is read.
    fn time_zone(&self) -> chrono_tz::Tz;

    /// The process id that this connection goes by (`pg_backend_pid`, `pg_stat_activity`); called once, after the login.
    fn connected(&mut self, process_id: i32) {
        let _ = process_id;
    }

    /// A Query, or all commands up to a Sync, are done: an implicit transaction ends here, and with it cursors without hold.
    fn synced(&mut self, failed: bool) {
        let _ = failed;
    }

    /// The client prepared a named statement through the protocol: SQL's `DEALLOCATE` and `EXECUTE` may name it too.
    fn prepared(&mut self, name: &str, parsed: &Parsed, types: &[DataType]) {
        let _ = (name, parsed, types);
    }

    /// The client closed a named statement through the protocol.
    fn unprepared(&mut self, name: &str) {
        let _ = name;
    }

    /// What statements gave up since the last call; asked after each statement.
    fn take_released(&mut self) -> Vec<Released> {
        Vec::new()
    }
}
