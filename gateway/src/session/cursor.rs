//! DECLARE, FETCH, MOVE, CLOSE. A cursor is a running query whose rows wait to be asked for; it keeps the policies under which it
//! was declared. Only one with SCROLL goes back, for its rows are kept ([`super::scroll`]).
//!
//! Otherwise nothing is collected: a cursor WITH HOLD just goes on running when its transaction ends. So it counts as a running query until it
//! is closed, or its session ends.

use super::api::{Outcome, Parsed, QueryStream};
use super::query::Session;
use super::scroll::Scroll;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{self, Fetch, Kind, folded};
use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Ident;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};

/// The most cursors of one connection; each holds a running query.
const MOST: usize = 100;

/// One cursor.
struct Cursor {
    sql: Arc<str>,
    schema: SchemaRef,
    binary: bool,
    hold: bool,
    /// Did the transaction that declared it commit?
    committed: bool,
    declared_at: DateTime<Utc>,
    scroll: bool,
    rows: Arc<Mutex<Rows>>,
}

/// What DECLARE says of a cursor besides its query.
#[derive(Clone, Copy)]
pub(super) struct Declared {
    pub(super) binary: bool,
    pub(super) hold: bool,
    pub(super) scroll: bool,
}

enum Rows {
    Forward(Waiting),
    Scroll(Scroll),
}

impl Rows {
    fn forward(&mut self) -> Option<&mut Waiting> {
        match self {
            Self::Forward(waiting) => Some(waiting),
            Self::Scroll(_) => None,
        }
    }
}

/// A cursor as `pg_cursors` lists it.
#[derive(Debug, Clone)]
pub struct OpenCursor {
    /// Its name.
    pub name: String,
    /// The statement that declared it.
    pub sql: Arc<str>,
    /// WITH HOLD?
    pub hold: bool,
    /// BINARY?
    pub binary: bool,
    /// SCROLL?
    pub scroll: bool,
    /// When it was declared.
    pub declared_at: DateTime<Utc>,
}

/// The cursors of one session, by name.
#[derive(Default)]
pub(super) struct Cursors(BTreeMap<String, Cursor>);

impl fmt::Debug for Cursors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Cursors {
    /// A transaction ended well: what was to be held stays.
    pub(super) fn commit(&mut self) {
        self.0.retain(|_, cursor| cursor.hold);
        self.0.values_mut().for_each(|cursor| cursor.committed = true);
    }

    /// A transaction failed: what it declared goes.
    pub(super) fn roll_back(&mut self) {
        self.0.retain(|_, cursor| cursor.committed);
    }

    pub(super) fn close_all(&mut self) {
        self.0.clear();
    }

    pub(super) fn list(&self) -> Vec<OpenCursor> {
        let open = |(name, cursor): (&String, &Cursor)| OpenCursor {
            name: name.clone(),
            sql: Arc::clone(&cursor.sql),
            hold: cursor.hold,
            binary: cursor.binary,
            scroll: cursor.scroll,
            declared_at: cursor.declared_at,
        };
        self.0.iter().map(open).collect()
    }

    fn get(&self, name: &str) -> Result<&Cursor> {
        self.0.get(name).ok_or_else(|| unknown(name))
    }
}

/// The rows that a cursor did not give yet.
struct Waiting {
    /// `None` when a FETCH was not read to its end: nobody knows which rows its client has seen.
    stream: Option<QueryStream>,
    /// What is left of the batch under way.
    rest: Option<RecordBatch>,
    /// How many rows it gave: the number of the row it is on.
    position: u64,
    /// Is it behind its last row?
    at_end: bool,
}

impl Waiting {
    /// The next rows, at most so many; `None` behind the last one.
    async fn next(&mut self, most: u64) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(rest) = self.rest.take().filter(|rest| rest.num_rows() > 0) {
                let count = usize::try_from(most).unwrap_or(usize::MAX).min(rest.num_rows());
                self.rest = Some(rest.slice(count, rest.num_rows() - count));
                self.position += count as u64;
                return Ok(Some(rest.slice(0, count)));
            }
            if self.at_end {
                return Ok(None);
            }
            let Some(stream) = &mut self.stream else { return Err(broken()) };
            match stream.next().await {
                Some(batch) => self.rest = Some(batch?),
                None => self.at_end = true,
            }
        }
    }

    /// Passes over rows; says how many there were.
    async fn skip(&mut self, rows: Option<u64>) -> Result<u64> {
        let start = self.position;
        let end = rows.map_or(u64::MAX, |rows| start.saturating_add(rows));
        while self.position < end && self.next(end - self.position).await?.is_some() {}
        Ok(self.position - start)
    }

    /// How many rows to pass over, and how many to give then.
    fn way(&self, fetch: Fetch) -> Result<(u64, Option<u64>)> {
        match fetch {
            Fetch::Forward(rows) => Ok((0, rows)),
            Fetch::Relative(steps @ 1..) => Ok((steps.unsigned_abs() - 1, Some(1))),
            Fetch::Absolute(0) if self.position == 0 && !self.at_end => Ok((0, Some(0))),
            Fetch::Absolute(row @ 1..) if row.unsigned_abs() > self.position && !self.at_end => {
                Ok((row.unsigned_abs() - self.position - 1, Some(1)))
            }
            Fetch::Current if self.position == 0 || self.at_end => Ok((0, Some(0))),
            Fetch::Relative(_) | Fetch::Absolute(_) | Fetch::Current | Fetch::Backward(_) => {
                let error = Error::new(ErrorCode::ObjectNotInPrerequisiteState, "cursor can only scan forward");
                Err(error.with_hint("declare it with SCROLL option to enable backward scan"))
            }
        }
    }
}

/// One FETCH under way. It holds the cursor; dropped before its end, it takes the cursor's query with it.
struct Fetching {
    cursor: OwnedMappedMutexGuard<Rows, Waiting>,
    /// How many rows are to come; `None` for all.
    left: Option<u64>,
    done: bool,
}

impl Fetching {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if self.done {
            return None;
        }
        match self.cursor.next(self.left.unwrap_or(u64::MAX)).await {
            Ok(Some(batch)) => {
                self.left = self.left.map(|left| left - batch.num_rows() as u64);
                self.done = self.left == Some(0);
                Some(Ok(batch))
            }
            Ok(None) => {
                self.done = true;
                None
            }
            Err(error) => Some(Err(error)),
        }
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if !self.done {
            (self.cursor.stream, self.cursor.rest) = (None, None);
        }
    }
}

impl Session {
    pub(super) async fn declare(
        &mut self,
        parsed: &Parsed,
        name: &Ident,
        declared: Declared,
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        self.needs_connection("DECLARE")?;
        let name = folded(name);
        let Declared { binary, hold, scroll } = declared;
        if !hold && !self.in_transaction() {
            let text = "DECLARE CURSOR can only be used in transaction blocks";
            return Err(Error::new(ErrorCode::NoActiveTransaction, text));
        }
        if self.cursors.0.contains_key(&name) {
            return Err(Error::new(ErrorCode::DuplicateCursor, format!("cursor \"{name}\" already exists")));
        }
        if self.cursors.0.len() >= MOST {
            let message = format!("this connection has {MOST} cursors, which is the most it may have");
            return Err(Error::new(ErrorCode::TooManyQueries, message).with_hint("close those that are not needed"));
        }
        let Outcome::Rows { schema, stream, .. } = self.run(parsed, parameters).await? else {
            return Err(Error::internal("a query gave no rows"));
        };
        let rows = if scroll {
            Rows::Scroll(Scroll::new(stream, &self.gateway.executor().query_environment().memory_pool))
        } else {
            Rows::Forward(Waiting { stream: Some(stream), rest: None, position: 0, at_end: false })
        };
        let cursor = Cursor {
            sql: Arc::clone(&parsed.sql),
            schema,
            binary,
            hold,
            scroll,
            committed: false,
            declared_at: Utc::now(),
            rows: Arc::new(Mutex::new(rows)),
        };
        self.cursors.0.insert(name, cursor);
        Ok(Outcome::Done { tag: "DECLARE CURSOR" })
    }

    pub(super) async fn fetch(&mut self, name: &Ident, fetch: Fetch, moves: bool) -> Result<Outcome> {
        let name = folded(name);
        let cursor = self.cursors.get(&name)?;
        let in_use = || Error::new(ErrorCode::ObjectNotInPrerequisiteState, format!("cursor \"{name}\" is in use"));
        let (schema, binary) = (Arc::clone(&cursor.schema), cursor.binary);
        let mut rows = Arc::clone(&cursor.rows).try_lock_owned().map_err(|_| in_use())?;
        if let Rows::Scroll(scroll) = &mut *rows {
            let batches = scroll.fetch(fetch).await?;
            if moves {
                return Ok(Outcome::Moved { rows: batches.iter().map(|batch| batch.num_rows() as u64).sum() });
            }
            let stream = futures::stream::iter(batches.into_iter().map(Ok)).boxed();
            return Ok(Outcome::Rows { schema, stream, verb: "FETCH", counted: true, binary });
        }
        let rows =
            OwnedMutexGuard::try_map(rows, Rows::forward).map_err(|_| Error::internal("a cursor changed its kind"))?;
        if moves && fetch == Fetch::Current {
            return Ok(Outcome::Moved { rows: u64::from(rows.position > 0 && !rows.at_end) });
        }
        let (skipped, given) = rows.way(fetch)?;
        let mut fetching = Fetching { cursor: rows, left: given, done: false };
        fetching.cursor.skip(Some(skipped)).await?;
        if moves {
            let rows = fetching.cursor.skip(given).await?;
            fetching.done = true;
            return Ok(Outcome::Moved { rows });
        }
        fetching.done = given == Some(0);
        let next = |mut fetching: Fetching| async move { fetching.next().await.map(|batch| (batch, fetching)) };
        let stream = futures::stream::unfold(fetching, next).boxed();
        Ok(Outcome::Rows { schema, stream, verb: "FETCH", counted: true, binary })
    }

    pub(super) fn close(&mut self, name: Option<&Ident>) -> Result<Outcome> {
        let Some(name) = name.map(folded) else {
            self.cursors.close_all();
            self.released.push(super::api::Released::AllPortals);
            return Ok(Outcome::Done { tag: "CLOSE CURSOR ALL" });
        };
        self.cursors.0.remove(&name).ok_or_else(|| unknown(&name))?;
        Ok(Outcome::Done { tag: "CLOSE CURSOR" })
    }

    /// The columns of a cursor.
    #[must_use]
    pub fn cursor_schema(&self, name: &str) -> Option<SchemaRef> {
        self.cursors.0.get(name).map(|cursor| Arc::clone(&cursor.schema))
    }

    /// The columns that a FETCH would give now; its cursor may be another one than when it was prepared. `None` for any other
    /// statement.
    #[must_use]
    pub fn fetched(&self, parsed: &Parsed) -> Option<Option<SchemaRef>> {
        let kind = plan::classify(parsed.statement.as_deref()?).ok()?;
        let Kind::Fetch { name, moves, .. } = kind else { return None };
        Some(if moves { None } else { self.cursor_schema(&folded(name)) })
    }

    /// Gives up a cursor, if there is one.
    pub fn close_cursor(&mut self, name: &str) {
        self.cursors.0.remove(name);
    }

    /// The statements up to the next [`end_group`](Self::end_group) are one implicit transaction.
    pub fn begin_group(&mut self) {
        self.in_group = true;
    }

    /// A Query, or a group of extended commands, is over; with it an implicit transaction.
    pub fn end_group(&mut self, failed: bool) {
        self.in_group = false;
        if self.transaction == super::api::TransactionStatus::Idle {
            if failed { self.cursors.roll_back() } else { self.cursors.commit() }
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_group || self.transaction != super::api::TransactionStatus::Idle
    }
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorCode::UndefinedCursor, format!("cursor \"{name}\" does not exist"))
}

pub(super) fn broken() -> Error {
    let message = "the cursor cannot be run: a FETCH from it was not read to its end";
    Error::new(ErrorCode::ObjectNotInPrerequisiteState, message)
}
