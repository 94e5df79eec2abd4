//! The audit trail: JSON lines, a `start` and an `end` record a query with one id. The start is written before the first row
//! leaves; when it can't be written, the query does not run.

use crate::error::{Error, ErrorCode, Result};
use crate::session::api::Client;
use chrono::{SecondsFormat, Utc};
use naru_auth::Identity;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Where audit records go.
pub struct AuditLog {
    file: Option<Mutex<File>>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditLog(file: {})", self.file.is_some())
    }
}

impl AuditLog {
    /// Appends to a file.
    pub fn to_file(path: &Path) -> Result<Self> {
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(|error| {
                Error::internal(format!("the audit file {} can't be opened: {error}", path.display()))
            })?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    /// Writes to the server's own log.
    #[must_use]
    pub fn to_log() -> Self {
        Self { file: None }
    }

    /// Writes one record, or says that it could not.
    pub fn write(&self, record: &Value) -> Result<()> {
        let Some(file) = &self.file else {
            tracing::info!(target: "naru::audit", "{record}");
            return Ok(());
        };
        // One write call a line, so that lines of several processes do not mix.
        let line = format!("{record}\n");
        file.lock().write_all(line.as_bytes()).map_err(|error| {
            Error::new(ErrorCode::Internal, "the audit record can't be written, so the query does not run")
                .with_detail(error)
        })
    }
}

/// One table of a query, as its record names it.
#[derive(Debug, Clone)]
pub struct AuditedTable {
    /// Canonical name.
    pub name: String,
    /// Policies that decided.
    pub policies: Vec<i64>,
    /// Masked columns.
    pub masked: Vec<String>,
    /// Was a row filter applied?
    pub row_filter: bool,
}

/// The record of one query, from start to end.
#[derive(Debug)]
pub struct QueryAudit {
    log: Arc<AuditLog>,
    query_id: String,
    started: Instant,
    who: Value,
    rows: u64,
    ended: bool,
}

impl QueryAudit {
    /// Writes the start record.
    pub fn start(
        log: Arc<AuditLog>,
        query_id: &str,
        identity: &Identity,
        client: &Client,
        sql: &str,
        tables: &[AuditedTable],
    ) -> Result<Self> {
        let who = json!({
            "user": identity.user(),
            "groups": identity.groups(),
            "door": client.door.as_str(),
            "client": client.address.to_string(),
            "sql": sql,
            "tables": tables.iter().map(|table| json!({
                "name": table.name,
                "policies": table.policies,
                "masks": table.masked,
                "row_filter": table.row_filter,
            })).collect::<Vec<_>>(),
        });
        let audit = Self { log, query_id: query_id.to_owned(), started: Instant::now(), who, rows: 0, ended: false };
        audit.log.write(&audit.record("start", &json!({})))?;
        Ok(audit)
    }

    /// Rows that left.
    pub fn count(&mut self, rows: usize) {
        self.rows += rows as u64;
    }

    /// The query gave all its rows.
    pub fn finished(&mut self) {
        self.end("finished", None);
    }

    /// The query failed.
    pub fn failed(&mut self, error: &Error) {
        self.end("failed", Some(error));
    }

    fn end(&mut self, outcome: &str, error: Option<&Error>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let more = json!({
            "outcome": outcome,
            "error": error.map(|error| format!("{:?}", error.code)),
            "rows": self.rows,
            "duration_ms": u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        if let Err(error) = self.log.write(&self.record("end", &more)) {
            tracing::error!(query_id = self.query_id, "the end of a query could not be audited: {:?}", error.detail);
        }
    }

    fn record(&self, event: &str, more: &Value) -> Value {
        let mut record = json!({
            "event": event,
            "query_id": self.query_id,
            "time": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
        });
        for part in [&self.who, more] {
            if let (Some(record), Some(part)) = (record.as_object_mut(), part.as_object()) {
                record.extend(part.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        record
    }
}

impl Drop for QueryAudit {
    // Dropped before its end: the client went away or cancelled.
    fn drop(&mut self) {
        self.end("cancelled", None);
    }
}
