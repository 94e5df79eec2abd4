//! A logged-in client's commands, one after the other, until it leaves.

use super::backend::BackendSession;
use super::cancel::Registration;
use super::frontend::{Message, Phase};
use super::objects::Objects;
use super::options::PgOptions;
use super::respond::{self, Severity};
use super::slots::Slot;
use super::wire::{FLUSH_AT, ReadError, Wire};
use crate::error::{Error, ErrorCode};
use crate::exec::panic_text;
use crate::session::api::TransactionStatus;
use bytes::Bytes;
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a client that is told goodbye may take to read it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a command did not come to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client is told, and goes on.
    Statement(Error),
    /// The session was ended from outside: the client is told, and the connection ends.
    Terminated,
    /// The client is not there any more.
    Gone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Statement(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

/// How a connection ends.
enum End {
    /// Without a word: the client said goodbye, or is gone.
    Quiet,
    /// With a last word.
    Fatal(Error),
}

/// One client's connection after its login.
pub(super) struct Connection<S> {
    // Portals hold running queries: they go before the session does.
    pub(super) objects: Objects,
    pub(super) session: S,
    pub(super) wire: Wire,
    pub(super) registration: Registration,
    phase: Phase,
    /// After an error in an extended command everything up to Sync is skipped.
    skip_to_sync: bool,
    /// Inside a group of extended commands that no Sync has closed.
    in_group: bool,
    /// Did something fail since the last ReadyForQuery?
    failed: bool,
    /// Was there a transaction block when the last statement ended?
    in_block: bool,
}

impl<S: BackendSession> Connection<S> {
    pub(super) fn new(wire: Wire, session: S, registration: Registration, options: &PgOptions) -> Self {
        Self {
            objects: Objects::new(options.max_named_objects),
            session,
            wire,
            registration,
            phase: Phase::Session { max_message: options.max_message },
            skip_to_sync: false,
            in_group: false,
            failed: false,
            in_block: false,
        }
    }

    /// Serves the client until one of the two ends it. Whoever hears the last word finds the place free that it had.
    pub(super) async fn run(mut self, shutdown: &CancellationToken, slot: Slot) {
        let end = self.serve(shutdown).await;
        let Self { objects, session, mut wire, registration, .. } = self;
        registration.runs(None);
        drop((objects, session, registration, slot));
        if let End::Fatal(error) = end {
            respond::error(&mut wire, Severity::Fatal, &error);
            let _: Result<(), _> = timeout(CLOSE_TIMEOUT, wire.close()).await;
        }
    }

    async fn serve(&mut self, shutdown: &CancellationToken) -> End {
        let ended = self.session.cancel_token();
        loop {
            // Only Sync and Flush ask for an answer, and memory has its limit; an error is told at once, and Flush skipped after it.
            if !self.in_group || self.skip_to_sync || self.wire.out.len() >= FLUSH_AT {
                let flushed = tokio::select! {
                    biased;
                    () = ended.cancelled() => return End::Fatal(terminated()),
                    flushed = self.wire.flush() => flushed,
                };
                if flushed.is_err() {
                    return End::Quiet;
                }
            }
            let idle = if self.in_group { None } else { self.session.idle_limit() };
            let read = tokio::select! {
                biased;
                () = ended.cancelled() => return End::Fatal(terminated()),
                () = shutdown.cancelled(), if !self.in_group => return End::Fatal(terminated()),
                read = self.wire.read(self.phase) => read,
                error = elapsed(idle) => return End::Fatal(error),
            };
            let (kind, body) = match read {
                Ok(Some(message)) => message,
                Ok(None) | Err(ReadError::Gone(_)) => return End::Quiet,
                Err(ReadError::Protocol(error)) => return End::Fatal(error),
            };
            if let Some(end) = self.message(kind, body).await {
                return end;
            }
        }
    }

    async fn message(&mut self, kind: u8, body: Bytes) -> Option<End> {
        if kind == b'X' {
            return Some(End::Quiet);
        }
        if self.skip_to_sync && kind != b'S' {
            return None;
        }
        self.skip_to_sync = false;
        self.in_group = Message::is_extended(kind);
        let done = match Message::decode(kind, body) {
            Ok(message) => match AssertUnwindSafe(self.command(message)).catch_unwind().await {
                Ok(done) => done,
                // What it had put on the wire is whole messages (`Wire::append`), and its future is gone like a cancelled one's.
                Err(panic) => Err(Error::internal(panic_text(panic.as_ref())).into()),
            },
            Err(error) => Err(error.into()),
        };
        match done {
            Ok(()) => None,
            Err(Failure::Gone) => Some(End::Quiet),
            Err(Failure::Terminated) => Some(End::Fatal(terminated())),
            Err(Failure::Statement(error)) => {
                self.fail(&error);
                if self.in_group {
                    self.skip_to_sync = true;
                } else {
                    self.ready();
                }
                None
            }
        }
    }

    async fn command(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Query(sql) => {
                self.query(&sql).await?;
                self.ready();
            }
            Message::Parse { name, sql, types } => self.parse(name, &sql, types).await?,
            Message::Bind(bind) => self.bind(bind)?,
            Message::Describe(target) => self.describe(&target)?,
            Message::Execute { portal, max_rows } => self.execute(&portal, max_rows).await?,
            Message::Close(target) => self.close(target),
            Message::Flush => self.wire.flush().await?,
            Message::Sync => self.ready(),
            Message::FunctionCall => return Err(Error::unsupported("the function call protocol").into()),
            Message::Terminate | Message::Copy => {}
        }
        Ok(())
    }

    /// A command failed: its transaction has too, and portals of it do not go on.
    fn fail(&mut self, error: &Error) {
        self.registration.runs(None);
        self.failed = true;
        self.objects.drop_portals();
        self.session.fail_transaction();
        self.tell_changes();
        respond::error(&mut self.wire, Severity::Error, error);
    }

    /// The end of a Query or of a group of extended commands.
    fn ready(&mut self) {
        self.session.synced(std::mem::take(&mut self.failed));
        let status = self.session.transaction();
        if status == TransactionStatus::Idle {
            self.objects.drop_portals();
        }
        self.tell_changes();
        respond::ready(&mut self.wire, status);
    }

    /// A statement begins: from now on a CancelRequest stops it.
    pub(super) fn begin(&mut self) -> CancellationToken {
        let token = self.session.begin_statement();
        self.registration.runs(Some(token.clone()));
        token
    }

    /// A statement came to its end; called before the client learns of it.
    pub(super) fn settle(&mut self) {
        self.registration.runs(None);
        for released in self.session.take_released() {
            self.objects.release(&released);
        }
        let in_block = self.session.transaction() != TransactionStatus::Idle;
        if self.in_block && !in_block {
            self.objects.drop_portals();
        }
        self.in_block = in_block;
        self.tell_changes();
    }

    fn tell_changes(&mut self) {
        let (settings, notices) = self.session.take_changes();
        for (name, value) in settings {
            respond::parameter_status(&mut self.wire, name, &value);
        }
        for notice in notices {
            respond::notice(&mut self.wire, &notice);
        }
    }
}

/// Waits until the client has been idle for too long; for ever when there is no limit.
async fn elapsed(limit: Option<(Duration, Error)>) -> Error {
    match limit {
        Some((limit, error)) => {
            tokio::time::sleep(limit).await;
            error
        }
        None => std::future::pending().await,
    }
}

fn terminated() -> Error {
    Error::new(ErrorCode::AdminShutdown, "terminating connection due to administrator command")
}

/// What stops a statement from outside.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// The statement's own token.
    pub(super) statement: CancellationToken,
    /// The session's.
    pub(super) session: CancellationToken,
}

impl Stop {
    /// Why a cancelled statement ended.
    pub(super) fn failure(&self) -> Failure {
        if self.session.is_cancelled() {
            return Failure::Terminated;
        }
        Error::new(ErrorCode::QueryCancelled, "canceling statement due to user request").into()
    }

    /// Waits for a statement's next step, unless it is cancelled or nobody waits for it any more.
    pub(super) async fn attend<T>(&self, wire: &mut Wire, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.statement.cancelled() => Err(self.failure()),
            done = work => Ok(done),
            () = wire.gone() => {
                self.statement.cancel();
                Err(Failure::Gone)
            }
        }
    }

    /// Sends what there is, as fast as the client takes it.
    pub(super) async fn flush(&self, wire: &mut Wire) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.statement.cancelled() => Err(self.failure()),
            flushed = wire.flush() => flushed.map_err(|_| {
                self.statement.cancel();
                Failure::Gone
            }),
        }
    }
}
