//! The records of one query, from start to end.

use super::{Asked, AuditLog, AuditedTable, Ended, outcome_of};
use crate::error::{Error, Result};
use crate::server::pg::sqlstate;
use naru_connector::Warnings;
use std::sync::Arc;
use std::time::Instant;

/// A query that has not begun: it waits for its turn, or is being planned. Dropped, it was cancelled.
#[derive(Debug)]
pub struct PendingAudit {
    log: Arc<AuditLog>,
    query_id: Arc<str>,
    asked: Option<Asked>,
    warnings: Warnings,
}

impl PendingAudit {
    /// Nothing is written yet: what it reads is not known.
    #[must_use]
    pub fn new(log: Arc<AuditLog>, query_id: Arc<str>, asked: Asked) -> Self {
        Self { log, query_id, asked: Some(asked), warnings: Warnings::default() }
    }

    /// The same, whose end record will hold what the user was warned of.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Warnings) -> Self {
        self.warnings = warnings;
        self
    }

    /// Writes the start record.
    ///
    /// # Errors
    /// It can't be written, and that is fatal.
    pub fn start(mut self, tables: Vec<AuditedTable>) -> Result<QueryAudit> {
        let asked = self.asked.take().ok_or_else(|| Error::internal("a query is audited twice"))?;
        let (log, query_id) = (Arc::clone(&self.log), Arc::clone(&self.query_id));
        QueryAudit::start(log, query_id, Asked { tables, ..asked }, self.warnings.clone())
    }

    /// Writes both records of a query that was refused before it ran.
    pub fn refused(mut self, error: &Error) {
        self.end(error);
    }

    fn end(&mut self, error: &Error) {
        let Some(asked) = self.asked.take() else { return };
        // It does not run either way; `write` has told the server's log.
        let (log, query_id) = (Arc::clone(&self.log), Arc::clone(&self.query_id));
        if let Ok(mut audit) = QueryAudit::start(log, query_id, asked, self.warnings.clone()) {
            audit.failed(error);
        }
    }
}

impl Drop for PendingAudit {
    fn drop(&mut self) {
        self.end(&crate::exec::cancelled());
    }
}

/// A query that has begun. Dropped before its end, it was cancelled: the client went away.
#[derive(Debug)]
pub struct QueryAudit {
    log: Arc<AuditLog>,
    query_id: Arc<str>,
    started: Instant,
    asked: Asked,
    rows: u64,
    warnings: Warnings,
    ended: bool,
}

impl QueryAudit {
    fn start(log: Arc<AuditLog>, query_id: Arc<str>, asked: Asked, warnings: Warnings) -> Result<Self> {
        log.write("start", Some(&query_id), &asked, None)?;
        Ok(Self { log, query_id, started: Instant::now(), asked, rows: 0, warnings, ended: false })
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
        self.end(outcome_of(error), Some(sqlstate(error.code)));
    }

    fn end(&mut self, outcome: &'static str, sqlstate: Option<&'static str>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let ended = Ended {
            outcome,
            sqlstate,
            rows: self.rows,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            incomplete: self.warnings.incomplete(),
            warnings: self.warnings.lines(),
        };
        // Its rows have left: all that can be done is what `write` does, to tell the server's log.
        let _ = self.log.write("end", Some(&self.query_id), &self.asked, Some(ended));
    }
}

impl Drop for QueryAudit {
    fn drop(&mut self) {
        self.failed(&crate::exec::cancelled());
    }
}
