//! On whose behalf a source is asked, until when, and what stays fixed for the whole query.

use crate::Warnings;
use chrono_tz::Tz;
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Identifies one query in logs, audit and at the source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QueryId(pub Arc<str>);

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who asks, as far as a source may know: for impersonation and per-user credentials, never for policy decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user's name as logged in.
    pub user: Arc<str>,
    /// The user's groups, sorted.
    pub groups: Arc<[String]>,
}

type OnceMap = HashMap<String, Arc<tokio::sync::OnceCell<Arc<dyn Any + Send + Sync>>>>;

/// What must be fixed once per query (Kafka end offsets, a snapshot id, a file list), so that a self-join reads one range.
#[derive(Clone, Default)]
pub struct OnceStore(Arc<Mutex<OnceMap>>);

impl OnceStore {
    /// The value kept under `key`, made by `init` at the first call of this query. A failure is not kept.
    pub async fn get_or_try_init<T, E, F, Fut>(&self, key: &str, init: F) -> Result<Arc<T>, E>
    where
        T: Any + Send + Sync,
        E: From<crate::ConnectorError>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key.to_owned()).or_default())
        };
        let value = cell
            .get_or_try_init(|| async { init().await.map(|value| Arc::new(value) as Arc<dyn Any + Send + Sync>) })
            .await?;
        Arc::clone(value)
            .downcast::<T>()
            .map_err(|_| crate::ConnectorError::internal(format!("two types kept under one key: {key}")).into())
    }
}

impl fmt::Debug for OnceStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceStore")
    }
}

/// Handed to every call to a connector: one per query.
#[derive(Debug, Clone)]
pub struct QueryContext {
    /// The query's id.
    pub query_id: QueryId,
    /// Who asks.
    pub principal: Principal,
    /// The session's time zone.
    pub time_zone: Tz,
    /// When the query must be over.
    pub deadline: Option<Instant>,
    /// Cancelled when the query is: by its user, its deadline, a lost connection or shutdown.
    pub cancel: CancellationToken,
    /// Where to put warnings for the user.
    pub warnings: Warnings,
    /// The session's settings per catalog (`catalog -> name -> value`), already validated.
    pub settings: Arc<HashMap<String, BTreeMap<String, String>>>,
    /// What is fixed once per query.
    pub once: OnceStore,
    /// The runtime for sockets and drivers. DataFusion runs on another one: drive IO here.
    pub io: Handle,
}

impl QueryContext {
    /// The value that the session gave to a setting of a catalog.
    #[must_use]
    pub fn setting(&self, catalog: &str, name: &str) -> Option<&str> {
        self.settings.get(catalog)?.get(name).map(String::as_str)
    }

    /// The same of a switch: is it on?
    #[must_use]
    pub fn switch(&self, catalog: &str, name: &str) -> Option<bool> {
        self.setting(catalog, name).map(|value| value == "on")
    }

    /// A context for tests and for work that no user asked for (a health check).
    #[must_use]
    pub fn system(io: Handle) -> Self {
        Self {
            query_id: QueryId("system".into()),
            principal: Principal { user: "system".into(), groups: Arc::from([]) },
            time_zone: Tz::UTC,
            deadline: None,
            cancel: CancellationToken::new(),
            warnings: Warnings::default(),
            settings: Arc::default(),
            once: OnceStore::default(),
            io,
        }
    }
}
