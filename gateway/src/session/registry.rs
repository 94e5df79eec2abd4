//! The queries that wait, are planned or run at this moment: what `system.runtime.queries` shows.

use super::api::Client;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// All of them, by id. Ids begin with the time, so this is the order of arrival too.
#[derive(Debug, Default)]
pub struct Registry(Mutex<BTreeMap<Arc<str>, Arc<RunningQuery>>>);

/// Where a query stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    /// It waits for its turn.
    Queued,
    /// It is bound and planned.
    Planning,
    /// Its rows leave.
    Running,
}

impl QueryState {
    /// The name in `system.runtime.queries`, as in Trino.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Planning => "PLANNING",
            Self::Running => "RUNNING",
        }
    }
}

/// One query.
#[derive(Debug)]
pub struct RunningQuery {
    /// Its id, as in the audit record.
    pub id: Arc<str>,
    /// Whose.
    pub user: String,
    /// What the client calls itself.
    pub source: String,
    /// The statement, as the audit record shows it.
    pub sql: String,
    /// Since when it is here.
    pub created: DateTime<Utc>,
    state: AtomicU8,
    rows: AtomicU64,
}

impl RunningQuery {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> QueryState {
        match self.state.load(Ordering::Relaxed) {
            0 => QueryState::Queued,
            1 => QueryState::Planning,
            _ => QueryState::Running,
        }
    }

    /// Rows that left.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

impl Registry {
    /// Enters a query. It stays until the registration is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, id: Arc<str>, user: &str, client: &Client, sql: String) -> Registration {
        let query = Arc::new(RunningQuery {
            id: Arc::clone(&id),
            user: user.to_owned(),
            source: client.application.clone(),
            sql,
            created: Utc::now(),
            state: AtomicU8::new(QueryState::Queued as u8),
            rows: AtomicU64::new(0),
        });
        self.0.lock().insert(id, Arc::clone(&query));
        Registration { registry: Arc::clone(self), query }
    }

    /// The queries of one user, or all.
    #[must_use]
    pub fn queries(&self, of: Option<&str>) -> Vec<Arc<RunningQuery>> {
        let queries = self.0.lock();
        queries.values().filter(|query| of.is_none_or(|user| user == query.user)).cloned().collect()
    }
}

/// A query's entry, taken out when dropped.
pub struct Registration {
    registry: Arc<Registry>,
    query: Arc<RunningQuery>,
}

impl Registration {
    /// The query's id.
    #[must_use]
    pub fn id(&self) -> Arc<str> {
        Arc::clone(&self.query.id)
    }

    /// It got further.
    pub fn reached(&self, state: QueryState) {
        self.query.state.store(state as u8, Ordering::Relaxed);
    }

    /// Rows that left.
    pub fn count(&self, rows: usize) {
        self.query.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({})", self.query.id)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.0.lock().remove(&self.query.id);
    }
}
