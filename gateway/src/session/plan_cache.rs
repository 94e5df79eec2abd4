//! Logical plans kept for the next execution of the same statement under the same circumstances: by the same identity from the
//! same address, under the same catalogs and policies, settings and search path, with parameters of the same types.
//!
//! Physical plans are not kept: files, splits and offsets are settled anew for each execution. Nor is a plan that holds rows of a
//! system table, facts about the session, or decisions that depend on the time ([`Bound::lasting`]).

use super::gateway::Gateway;
use crate::catalog::{Resolver, SearchPath, Snapshot};
use crate::error::{Error, Result};
use crate::plan::{self, Bound, Optimised};
use crate::telemetry::meters;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Statement;
use lru::LruCache;
use naru_auth::Identity;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// The most plans kept.
const MOST: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// Statements longer than this are not worth their memory (bytes of text).
const LONGEST: usize = 16 * 1024;

/// All that a plan depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlanKey {
    pub(super) statement: Arc<Statement>,
    pub(super) parameters: Vec<Option<DataType>>,
    pub(super) identity: Identity,
    pub(super) address: IpAddr,
    pub(super) snapshot: SnapshotVersion,
    pub(super) path: SearchPath,
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) catalog_settings: Arc<HashMap<String, BTreeMap<String, String>>>,
}

/// Which catalogs and policies: the snapshot itself, for two of equal content may have other connectors. A reload that went by
/// can't leave its address to the next one as long as somebody points there.
#[derive(Debug, Clone)]
pub(super) struct SnapshotVersion(Weak<Snapshot>);

impl SnapshotVersion {
    pub(super) fn of(snapshot: &Arc<Snapshot>) -> Self {
        Self(Arc::downgrade(snapshot))
    }
}

impl PartialEq for SnapshotVersion {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

impl Eq for SnapshotVersion {}

/// Enough to tell most keys apart; equality decides over all of them.
impl Hash for PlanKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.statement.hash(state);
        self.parameters.hash(state);
        self.identity.hash(state);
        self.path.hash(state);
    }
}

/// A plan of one key.
#[derive(Debug)]
pub(super) struct KeptPlan {
    pub(super) bound: Bound,
    /// The result's columns by the names that clients see.
    pub(super) schema: SchemaRef,
    /// Does optimising give the same at any time?
    alike: bool,
    optimised: OnceLock<Arc<Optimised>>,
    /// Optimised but for the values of parameters. Where that fails, with or without values, the whole is optimised anew and says why.
    outline: OnceLock<LogicalPlan>,
    /// The row of a statement that computes constants only.
    answer: OnceLock<(Arc<Optimised>, RecordBatch)>,
}

impl KeptPlan {
    fn new(bound: Bound) -> Result<Self> {
        let alike = bound.lasting && plan::optimises_alike(&bound)?;
        let (optimised, outline, answer) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { schema: bound.schema(), bound, alike, optimised, outline, answer })
    }

    /// The optimised plan, with values in place of `$1`, `$2`, ...
    pub(super) fn optimised(
        &self,
        state: &SessionState,
        resolver: &Resolver<'_>,
        values: Vec<ScalarValue>,
    ) -> Result<Arc<Optimised>> {
        if let Some(optimised) = self.optimised.get() {
            return Ok(Arc::clone(optimised));
        }
        let stamp = resolver.stamp();
        if self.alike && !values.is_empty() {
            if self.outline.get().is_none()
                && let Ok(outline) = plan::outline(state, &self.bound, &stamp)
            {
                let _ = self.outline.set(outline);
            }
            let finish = |outline| plan::finish(state, &self.bound, outline, values.clone()).ok();
            if let Some(optimised) = self.outline.get().and_then(finish) {
                return Ok(Arc::new(optimised));
            }
        }
        let keep = self.alike && values.is_empty();
        let optimised = Arc::new(plan::optimise(state, &self.bound, values, &stamp)?);
        if keep {
            let _ = self.optimised.set(Arc::clone(&optimised));
        }
        Ok(optimised)
    }

    /// Keeps the row that `optimised` gives, if it gives the same one at any time.
    pub(super) fn keep_answer(&self, optimised: &Arc<Optimised>, row: &RecordBatch) {
        if self.optimised.get().is_some_and(|kept| Arc::ptr_eq(kept, optimised)) {
            let _ = self.answer.set((Arc::clone(optimised), row.clone()));
        }
    }
}

/// The plans of a gateway.
pub(super) struct PlanCache {
    plans: Mutex<LruCache<PlanKey, Arc<KeptPlan>>>,
    reused: AtomicU64,
}

impl fmt::Debug for PlanCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlanCache")
    }
}

impl Default for PlanCache {
    fn default() -> Self {
        Self { plans: Mutex::new(LruCache::new(MOST)), reused: AtomicU64::new(0) }
    }
}

impl PlanCache {
    fn get(&self, key: &PlanKey) -> Option<Arc<KeptPlan>> {
        self.plans.lock().get(key).map(Arc::clone)
    }

    /// Keeps a plan of the current snapshot. `current` is asked under the lock, so that what a reload cleared away does not come
    /// back.
    fn put(&self, key: PlanKey, kept: &Arc<KeptPlan>, current: impl FnOnce() -> Arc<Snapshot>) {
        let mut plans = self.plans.lock();
        if key.snapshot == SnapshotVersion::of(&current()) {
            plans.put(key, Arc::clone(kept));
        }
    }

    /// Forgets all plans, and with them what they hold of catalogs that went.
    pub(super) fn clear(&self) {
        self.plans.lock().clear();
    }

    fn count_reuse(&self) {
        self.reused.fetch_add(1, Ordering::Relaxed);
        meters::plan_reused();
    }

    /// How often a plan was used again.
    pub(super) fn reused(&self) -> u64 {
        self.reused.load(Ordering::Relaxed)
    }
}

/// A plan that a statement needs.
pub(super) struct WantedPlan {
    gateway: Arc<Gateway>,
    key: PlanKey,
    kept: Option<Arc<KeptPlan>>,
    /// Bytes of the statement's text.
    text: usize,
}

impl WantedPlan {
    pub(super) fn new(gateway: Arc<Gateway>, key: PlanKey, text: usize) -> Self {
        let kept = gateway.plans().get(&key);
        Self { gateway, key, kept, text }
    }

    /// The result of a statement that computes constants only, when that is known: its schema, its plan, its row.
    pub(super) fn answer(&self) -> Option<(SchemaRef, Arc<Optimised>, RecordBatch)> {
        let kept = self.kept.as_ref()?;
        let (optimised, row) = kept.answer.get()?;
        self.gateway.plans().count_reuse();
        Some((Arc::clone(&kept.schema), Arc::clone(optimised), row.clone()))
    }

    /// The bound plan: a kept one if its sources still give the same tables.
    pub(super) async fn bound(self, state: &SessionState, resolver: &Resolver<'_>) -> Result<Arc<KeptPlan>> {
        let Self { gateway, key, kept, text } = self;
        if let Some(kept) = kept
            && resolver.still_gives(&kept.bound.sources).await
        {
            gateway.plans().count_reuse();
            return Ok(kept);
        }
        let statement = Arc::clone(&key.statement);
        let kind = plan::classify(&statement)?;
        let query = kind.query().ok_or_else(|| Error::internal("what is planned has no query"))?;
        let bound = Box::pin(plan::bind(state, resolver, query, &key.parameters)).await?;
        let kept = Arc::new(KeptPlan::new(bound)?);
        if kept.bound.lasting && text <= LONGEST {
            gateway.plans().put(key, &kept, || gateway.snapshot());
        }
        Ok(kept)
    }
}
