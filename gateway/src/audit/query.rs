//! The records of one query, from start to end.

use super::{Asked, AuditLog, Ended, outcome_of};
use crate::error::{Error, Result};
use crate::server::pg::sqlstate;
use std::sync::Arc;
use std::time::Instant;

/// A query that has begun. Dropped before its end, it was cancelled: the client went away.
#[derive(Debug)]
pub struct QueryAudit {
    log: Arc<AuditLog>,
    query_id: String,
    started: Instant,
    asked: Asked,
    rows: u64,
    ended: bool,
}

impl QueryAudit {
    /// Writes the start record.
    ///
    /// # Errors
    /// It can't be written, and that is fatal.
    pub fn start(log: Arc<AuditLog>, query_id: &str, asked: Asked) -> Result<Self> {
        log.write("start", Some(query_id), &asked, None)?;
        Ok(Self { log, query_id: query_id.to_owned(), started: Instant::now(), asked, rows: 0, ended: false })
    }

    /// Writes both records of a query that was refused before it ran.
    pub fn refused(log: Arc<AuditLog>, query_id: &str, asked: Asked, error: &Error) {
        // It does not run either way; `write` has told the server's log.
        if let Ok(mut audit) = Self::start(log, query_id, asked) {
            audit.failed(error);
        }
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
        self.end(outcome_of(error), Some(error));
    }

    fn end(&mut self, outcome: &'static str, error: Option<&Error>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let ended = Ended {
            outcome,
            sqlstate: error.map(|error| sqlstate(error.code)),
            rows: self.rows,
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        // Its rows have left: all that can be done is what `write` does, to tell the server's log.
        let _ = self.log.write("end", Some(&self.query_id), &self.asked, Some(ended));
    }
}

impl Drop for QueryAudit {
    fn drop(&mut self) {
        self.end("cancelled", None);
    }
}
