//! The audit trail: JSON lines. A query leaves two records with one id, `start` and `end`; the start is written before the first
//! row leaves, and when it can't be written, the query does not run. What was refused leaves both at once. Describing a
//! statement, asking for metadata and a refused login leave one record each.
//!
//! Records name objects and policies; they hold no row of any source.

mod literals;
mod query;

use crate::error::{Error, ErrorCode, Result};
use crate::server::pg::sqlstate;
use crate::session::api::{Client, Parsed};
use chrono::{SecondsFormat, Utc};
use naru_auth::Identity;
use parking_lot::Mutex;
use serde::Serialize;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub use literals::Literals;
pub use query::{PendingAudit, QueryAudit};

/// What happens when a record can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// What it is about does not happen.
    #[default]
    Fatal,
    /// It happens, and the server's log says that the record is missing.
    Log,
}

/// How records are written.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// What becomes of the literals of a statement.
    pub literals: Literals,
    /// What happens when a record can't be written.
    pub on_failure: OnFailure,
}

/// Where audit records go.
pub struct AuditLog {
    file: Option<Mutex<File>>,
    options: AuditOptions,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditLog(file: {}, {:?})", self.file.is_some(), self.options)
    }
}

/// One table of a query, as its record names it.
#[derive(Debug, Clone, Serialize)]
pub struct AuditedTable {
    /// Canonical name.
    pub name: String,
    /// Columns that the query reads, to give them out or to filter by them; known once it is planned.
    pub columns: Vec<String>,
    /// Policies that decided.
    pub policies: Vec<i64>,
    /// Masked columns.
    #[serde(rename = "masks")]
    pub masked: Vec<String>,
    /// Was a row filter applied?
    pub row_filter: bool,
}

/// Who asked for what.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// The user.
    pub user: String,
    /// Their groups.
    pub groups: Vec<String>,
    /// Through which door.
    pub door: &'static str,
    /// From where.
    pub client: String,
    /// The statement, with its literals as the settings want them.
    pub sql: String,
    /// The governed tables that it reads.
    pub tables: Vec<AuditedTable>,
}

/// How it ended.
#[derive(Debug, Clone, Serialize)]
struct Ended {
    outcome: &'static str,
    sqlstate: Option<&'static str>,
    rows: u64,
    duration_ms: u64,
    /// Rows are missing, and the user was told so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
    /// What the user was told besides the rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// One line.
#[derive(Serialize)]
struct Record<'a> {
    event: &'static str,
    query_id: Option<&'a str>,
    time: String,
    #[serde(flatten)]
    asked: &'a Asked,
    #[serde(flatten)]
    ended: Option<Ended>,
}

impl Asked {
    /// By a session.
    #[must_use]
    pub fn new(identity: &Identity, client: &Client, sql: String) -> Self {
        Self {
            user: identity.user().to_owned(),
            groups: identity.groups().iter().cloned().collect(),
            door: client.door.as_str(),
            client: client.address.to_string(),
            sql,
            tables: Vec::new(),
        }
    }
}

/// `denied`, `cancelled` or `failed`.
fn outcome_of(error: &Error) -> &'static str {
    match error.code {
        ErrorCode::InsufficientPrivilege | ErrorCode::ReadOnly | ErrorCode::InvalidPassword => "denied",
        ErrorCode::QueryCancelled => "cancelled",
        _ => "failed",
    }
}

impl AuditLog {
    /// Appends to a file.
    pub fn to_file(path: &Path) -> Result<Self> {
        // Statements may hold personal data: a new file is for the owner's eyes.
        let file =
            OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(|error| {
                Error::internal(format!("the audit file {} can't be opened: {error}", path.display()))
            })?;
        Ok(Self { file: Some(Mutex::new(file)), options: AuditOptions::default() })
    }

    /// Writes to the server's own log.
    #[must_use]
    pub fn to_log() -> Self {
        Self { file: None, options: AuditOptions::default() }
    }

    /// The same log, written in this way.
    #[must_use]
    pub fn with_options(self, options: AuditOptions) -> Self {
        Self { options, ..self }
    }

    /// A statement's text as records show it.
    #[must_use]
    pub fn text(&self, parsed: &Parsed) -> String {
        self.options.literals.text(&parsed.sql, parsed.statement.as_deref())
    }

    /// Something that happened at one moment: `describe`, `metadata`.
    ///
    /// # Errors
    /// The record can't be written, and that is fatal.
    pub fn moment(
        &self,
        event: &'static str,
        query_id: Option<&str>,
        asked: &Asked,
        error: Option<&Error>,
    ) -> Result<()> {
        let ended = Ended {
            outcome: error.map_or("finished", outcome_of),
            sqlstate: error.map(|error| sqlstate(error.code)),
            rows: 0,
            duration_ms: 0,
            incomplete: false,
            warnings: Vec::new(),
        };
        self.write(event, query_id, asked, Some(ended))
    }

    /// Somebody was not let in. `user` is who they said they are.
    pub fn login_refused(&self, user: &str, client: &Client, error: &Error) {
        let asked = Asked {
            user: user.to_owned(),
            groups: Vec::new(),
            door: client.door.as_str(),
            client: client.address.to_string(),
            sql: String::new(),
            tables: Vec::new(),
        };
        // They stay out whether or not it can be written; `write` has told the server's log.
        let _ = self.moment("login", None, &asked, Some(error));
    }

    fn write(&self, event: &'static str, query_id: Option<&str>, asked: &Asked, ended: Option<Ended>) -> Result<()> {
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let record = Record { event, query_id, time, asked, ended };
        let Err(error) = self.append(&record) else { return Ok(()) };
        tracing::error!(event, query_id, %error, "an audit record can't be written");
        match self.options.on_failure {
            OnFailure::Log => Ok(()),
            OnFailure::Fatal => {
                let text = "the audit record can't be written, so the query does not run";
                Err(Error::new(ErrorCode::Internal, text).with_detail(error))
            }
        }
    }

    fn append(&self, record: &Record<'_>) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        let Some(file) = &self.file else {
            tracing::info!(target: "naru::audit", "{}", String::from_utf8_lossy(&line));
            return Ok(());
        };
        // One write call a line, so that lines of several processes do not mix.
        line.push(b'\n');
        file.lock().write_all(&line)
    }
}
