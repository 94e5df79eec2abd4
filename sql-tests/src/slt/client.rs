//! One connection over a protocol, for tests that ask for more than a file can say.

use super::{Protocol, Rows, Server, Session, SqlError};
use std::fmt;

/// A connection, logged in.
pub struct Client(Session);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// Logs in.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn open(server: Server<'_>, protocol: Protocol, user: &str) -> Result<Self, SqlError> {
        server.connect(protocol, user).await.map(Self)
    }

    /// The rows of a statement.
    ///
    /// # Errors
    /// As the protocol told it.
    pub async fn rows(&mut self, sql: &str) -> Result<Rows, SqlError> {
        self.0.rows(sql).await.map(|(_, rows)| rows)
    }

    /// What a client may learn of a statement before it runs: how many columns it has.
    ///
    /// # Errors
    /// As the protocol told it.
    pub async fn describe(&mut self, sql: &str) -> Result<usize, SqlError> {
        match &mut self.0 {
            Session::Postgres(session) => session.describe(sql).await,
            Session::Flight(session) => session.describe(sql).await,
        }
    }
}
