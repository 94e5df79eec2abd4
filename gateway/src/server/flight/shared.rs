//! Results of several endpoints. They are one run of the statement, and each batch goes to whichever endpoint asks next: a client
//! that reads them side by side has several streams, one that reads them in turn gets everything from the first and nothing from
//! the rest, and either way every row comes once.
//!
//! So each endpoint is given out once, and only by the gateway that made it: run again, it would give rows that another endpoint
//! has given. What an endpoint that nobody reads keeps here is its number.

use super::running::Run;
use crate::error::{Error, ErrorCode, Result};
use crate::exec::cancelled;
use crate::session::api::{Notices, QueryStream};
use dashmap::DashMap;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// A ticket's statement, running.
pub(super) struct Begun {
    pub(super) schema: SchemaRef,
    pub(super) rows: QueryStream,
    /// What stops it.
    pub(super) statement: CancellationToken,
    /// What CancelFlightInfo finds it by.
    pub(super) run: Run,
    /// What it warns of, complete with its last row.
    pub(super) notices: Notices,
}

/// The results of several endpoints that one door has promised, by the id in their tickets.
#[derive(Default)]
pub(super) struct SharedResults {
    promised: DashMap<Vec<u8>, Arc<SharedResult>>,
}

/// Results of several endpoints that one user may have open at one time; what comes on top has one endpoint.
const MOST_PER_USER: usize = 1000;

/// One of them.
pub(super) struct SharedResult {
    user: String,
    expires: SystemTime,
    /// The endpoints that were given out, one bit each.
    redeemed: Mutex<u64>,
    begun: OnceCell<Result<SchemaRef>>,
    statement: OnceLock<CancellationToken>,
    notices: OnceLock<Notices>,
    rows: tokio::sync::Mutex<Rows>,
}

enum Rows {
    Waiting,
    Running {
        rows: QueryStream,
        _run: Run,
    },
    /// With why it ended before its last row.
    Over(Option<Error>),
}

impl SharedResults {
    /// Promises a result of several endpoints; false when the user has too many already.
    pub(super) fn promise(&self, id: &[u8], user: &str, expires: SystemTime) -> bool {
        let now = SystemTime::now();
        self.promised.retain(|_, result| result.expires > now);
        if self.promised.iter().filter(|result| result.user == user).count() >= MOST_PER_USER {
            return false;
        }
        self.promised.insert(id.to_vec(), Arc::new(SharedResult::new(user, expires)));
        true
    }

    /// The result of a ticket that was opened.
    pub(super) fn find(&self, id: &[u8]) -> Result<Arc<SharedResult>> {
        self.promised
            .get(id)
            .map(|result| Arc::clone(&result))
            .ok_or_else(|| gone("the ticket's result is not kept here: it has expired, or another gateway promised it"))
    }
}

fn gone(text: &str) -> Error {
    Error::new(ErrorCode::UndefinedCursor, text).with_hint("execute the statement again")
}

impl SharedResult {
    fn new(user: &str, expires: SystemTime) -> Self {
        Self {
            user: user.to_owned(),
            expires,
            redeemed: Mutex::new(0),
            begun: OnceCell::new(),
            statement: OnceLock::new(),
            notices: OnceLock::new(),
            rows: tokio::sync::Mutex::new(Rows::Waiting),
        }
    }

    /// The rows of one endpoint. The first that is read begins the run.
    pub(super) async fn read(
        self: Arc<Self>,
        endpoint: u32,
        begin: impl Future<Output = Result<Begun>> + Send,
    ) -> Result<(SchemaRef, QueryStream, Notices)> {
        self.redeem(endpoint)?;
        let reader = Reader { result: self, over: false };
        let schema = reader.result.begun.get_or_init(|| reader.result.begin(begin)).await.clone()?;
        // Whichever endpoint ends first is told.
        let notices = reader.result.notices.get().cloned();
        let notices = notices.ok_or_else(|| Error::internal("an endpoint is read before its result began"))?;
        let rows = stream::unfold(reader, |mut reader| async move {
            if reader.over {
                return None;
            }
            let next = reader.result.next().await;
            reader.over = !matches!(next, Some(Ok(_)));
            next.map(|next| (next, reader))
        });
        Ok((schema, rows.boxed(), notices))
    }

    fn redeem(&self, endpoint: u32) -> Result<()> {
        let bit = 1_u64.checked_shl(endpoint).unwrap_or_default();
        let mut redeemed = self.redeemed.lock();
        if bit == 0 || *redeemed & bit != 0 {
            return Err(gone("this endpoint of the result was read already"));
        }
        *redeemed |= bit;
        Ok(())
    }

    async fn begin(&self, begin: impl Future<Output = Result<Begun>>) -> Result<SchemaRef> {
        let begun = begin.await;
        let mut rows = self.rows.lock().await;
        match begun {
            Ok(Begun { schema, rows: running, statement, run, notices }) => {
                let _ = self.statement.set(statement);
                let _ = self.notices.set(notices);
                *rows = Rows::Running { rows: running, _run: run };
                Ok(schema)
            }
            Err(error) => {
                *rows = Rows::Over(Some(error.clone()));
                Err(error)
            }
        }
    }

    async fn next(&self) -> Option<Result<RecordBatch>> {
        let mut rows = self.rows.lock().await;
        let next = match &mut *rows {
            Rows::Waiting => Some(Err(Error::internal("an endpoint is read before its result began"))),
            Rows::Over(why) => return why.clone().map(Err),
            Rows::Running { rows, .. } => rows.next().await,
        };
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => *rows = Rows::Over(Some(error.clone())),
            None => *rows = Rows::Over(None),
        }
        next
    }

    /// An endpoint's client went away with rows that no other endpoint will have: the others must not end as if they had all.
    fn abandon(&self) {
        if let Some(statement) = self.statement.get() {
            statement.cancel();
        }
        // Whoever holds the lock asks for rows, and finds out.
        if let Ok(mut rows) = self.rows.try_lock()
            && matches!(*rows, Rows::Running { .. })
        {
            *rows = Rows::Over(Some(cancelled()));
        }
    }
}

/// One endpoint being read.
struct Reader {
    result: Arc<SharedResult>,
    /// It has had the last word.
    over: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.over {
            self.result.abandon();
        }
    }
}
