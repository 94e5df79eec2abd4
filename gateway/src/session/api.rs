//! What a door may ask of a session, and what it gets back. Doors translate bytes to these calls and nothing else.

use crate::error::Result;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::sql::sqlparser::ast::Statement;
use futures::stream::BoxStream;
use naru_connector::Warnings;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The doors, as audit and `system.runtime.queries` name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// PostgreSQL wire protocol.
    Postgres,
    /// Arrow Flight SQL.
    Flight,
}

impl Door {
    /// The name in audit records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Flight => "flightsql",
        }
    }
}

/// Where a session comes from.
#[derive(Debug, Clone)]
pub struct Client {
    /// Through which door.
    pub door: Door,
    /// The peer's address.
    pub address: IpAddr,
    /// What the client calls itself.
    pub application: String,
}

/// One parsed statement: kept by prepared statements and portals, bound anew whenever what it was bound under changed.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The text it came from, for audit and `system.runtime.queries`; never parsed again.
    pub sql: Arc<str>,
    /// The statement; `None` for an empty one (white space, a comment).
    pub statement: Option<Arc<Statement>>,
}

/// What a client may know of a statement before it runs.
#[derive(Debug, Clone)]
pub struct Described {
    /// The types of `$1`, `$2`, ...
    pub parameters: Vec<DataType>,
    /// The result's columns; `None` when the statement returns no rows.
    pub schema: Option<SchemaRef>,
}

/// Batches of a running query. Dropping it cancels the query.
pub type QueryStream = BoxStream<'static, Result<RecordBatch>>;

/// What executing a statement gave.
pub enum Outcome {
    /// Rows; the command tag is `verb` and, when `counted`, the number of rows.
    Rows {
        /// Columns of every batch.
        schema: SchemaRef,
        /// The batches.
        stream: QueryStream,
        /// `SELECT`, `SHOW`, `EXPLAIN`, `FETCH`.
        verb: &'static str,
        /// Does the tag carry the number of rows?
        counted: bool,
    },
    /// No rows; the whole command tag (`SET`, `BEGIN`).
    Done {
        /// The tag.
        tag: &'static str,
    },
    /// An empty statement.
    Empty,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows { verb, .. } => write!(f, "Rows({verb})"),
            Self::Done { tag } => write!(f, "Done({tag})"),
            Self::Empty => f.write_str("Empty"),
        }
    }
}

/// Where the session stands with its transaction: PostgreSQL's status byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionStatus {
    /// No transaction block.
    #[default]
    Idle,
    /// In a block.
    Open,
    /// In a block that failed: everything but its end is refused.
    Failed,
}

/// Something to tell the client although the statement succeeded.
#[derive(Debug, Clone)]
pub struct Notice {
    /// SQLSTATE.
    pub sqlstate: &'static str,
    /// Text.
    pub message: String,
}

/// SQLSTATE of a plain warning.
const WARNING: &str = "01000";

/// What a session's running queries warn of; it can be asked while and after they run.
#[derive(Debug, Clone)]
pub struct Notices(pub(super) Warnings);

impl Notices {
    /// What was said since the last call. A statement has said all by the end of its rows.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.0.take().into_iter().map(|message| Notice { sqlstate: WARNING, message }).collect()
    }
}

/// A named object of the connection that a statement such as `DEALLOCATE`, `CLOSE` or `DISCARD ALL` gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Released {
    /// One prepared statement.
    Statement(String),
    /// Every prepared statement.
    AllStatements,
    /// One portal.
    Portal(String),
    /// Every portal.
    AllPortals,
}
