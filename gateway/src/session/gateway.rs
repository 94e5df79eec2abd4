//! What all sessions share: the current snapshot of catalogs and policies, the executor, logins, the audit log.

use super::plan_cache::PlanCache;
use super::registry::Registry;
use crate::audit::AuditLog;
use crate::catalog::{Snapshot, SystemSchema};
use crate::exec::{Checkpoint, Executor};
use crate::functions;
use crate::plan::{self, BeyondPipes, NullAwareIn, OffsetsApart, TrustedNames, YieldingJoins};
use crate::server::pg::catalog::PgCatalog;
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use naru_auth::{Login, SigningKey};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The parts a gateway is made of.
pub struct GatewayParts {
    /// Catalogs and policies.
    pub snapshot: Snapshot,
    /// Who may log in.
    pub login: Login,
    /// Where queries run.
    pub executor: Executor,
    /// Where audit records go.
    pub audit: AuditLog,
}

/// The service behind all doors.
pub struct Gateway {
    snapshot: ArcSwap<Snapshot>,
    login: ArcSwap<Login>,
    executor: Executor,
    audit: Arc<AuditLog>,
    running: Arc<Registry>,
    plans: PlanCache,
    base_state: SessionState,
    system: Arc<[Arc<dyn SystemSchema>]>,
    started_at: DateTime<Utc>,
    plans_sent: OnceLock<SigningKey>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway")
    }
}

impl Gateway {
    /// A gateway of these parts.
    #[must_use]
    pub fn new(parts: GatewayParts) -> Arc<Self> {
        let base_state = base_state(&parts.executor);
        Arc::new(Self {
            snapshot: ArcSwap::from_pointee(parts.snapshot),
            login: ArcSwap::from_pointee(parts.login),
            executor: parts.executor,
            audit: Arc::new(parts.audit),
            running: Arc::default(),
            plans: PlanCache::default(),
            base_state,
            system: Arc::new([Arc::new(PgCatalog) as Arc<dyn SystemSchema>]),
            started_at: Utc::now(),
            plans_sent: OnceLock::new(),
        })
    }

    /// Catalogs and policies as they stand now: a query takes them once.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Swaps catalogs and policies whole. Running queries keep theirs.
    pub fn replace_snapshot(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.plans.clear();
    }

    /// Swaps who may log in. Sessions that are open stay.
    pub fn replace_login(&self, login: Login) {
        self.login.store(Arc::new(login));
    }

    /// The login chain.
    #[must_use]
    pub fn login(&self) -> Arc<Login> {
        self.login.load_full()
    }

    /// Where queries run.
    #[must_use]
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> &Arc<AuditLog> {
        &self.audit
    }

    /// The queries that run now.
    #[must_use]
    pub fn running(&self) -> &Arc<Registry> {
        &self.running
    }

    /// From now on each plan is encoded, and what is decoded of it runs, as on another machine. For tests, until plans are sent.
    pub fn run_decoded_plans(&self) {
        let _ = self.plans_sent.set(SigningKey::random());
    }

    /// What plans are signed with that are encoded before they run.
    pub(super) fn plans_sent(&self) -> Option<&SigningKey> {
        self.plans_sent.get()
    }

    /// How often a statement ran with a plan that an earlier one left.
    #[must_use]
    pub fn plans_reused(&self) -> u64 {
        self.plans.reused()
    }

    pub(super) fn plans(&self) -> &PlanCache {
        &self.plans
    }

    pub(super) fn system_schemas(&self) -> Arc<[Arc<dyn SystemSchema>]> {
        Arc::clone(&self.system)
    }

    pub(super) fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    pub(super) fn base_state(&self) -> &SessionState {
        &self.base_state
    }
}

/// The state that every session's states are made from: DataFusion's functions and rules, and no catalogs.
fn base_state(executor: &Executor) -> SessionState {
    let mut config = SessionConfig::new()
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema("", "");
    let options = config.options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.collect_statistics = false;
    // No table's number of rows is exact here: without this, the rows of the smallest one would be dealt out to all cores.
    options.execution.use_row_number_estimates_to_optimize_partitioning = true;
    // It leaves out rows that an aggregate of an expression beside it needs (apache/datafusion#24817).
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    options.execution.time_zone = Some("UTC".to_owned());
    let logical: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(Checkpoint);
    let physical: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(Checkpoint);
    let mut builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(executor.environment()))
        .with_default_features()
        .with_optimizer_rules(Checkpoint::between(&Optimizer::new().rules, &logical))
        .with_physical_optimizer_rules(Checkpoint::between(&physical_rules(), &physical));
    let ours = functions::scalar_functions();
    let named = |name: &str| ours.iter().any(|function| function.name() == name);
    let scalars = builder.scalar_functions().get_or_insert_default();
    // A state made from another registers functions in no order: one that has a name of ours as its alias must go. (That is
    // `to_char`, alias `date_format`, which takes other patterns than PostgreSQL's.)
    scalars.retain(|theirs| !named(theirs.name()) && !theirs.aliases().iter().any(|alias| named(alias)));
    scalars.extend(ours);
    for function in scalars.iter_mut() {
        *function = functions::bounded(function).unwrap_or_else(|| Arc::clone(function));
    }
    builder.aggregate_functions().get_or_insert_default().extend(functions::aggregate_functions());
    let builder = functions::analyzer_rules().into_iter().fold(builder, SessionStateBuilder::with_analyzer_rule);
    builder.with_analyzer_rule(Arc::new(NullAwareIn)).build()
}

/// DataFusion's physical rules and ours: filters are pushed down with trusted names only, and sorts placed with offsets apart. None
/// is asked about one table's rows alone.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        match rule.name() {
            "FilterPushdown" | "FilterPushdown(Post)" => rules.push(Arc::new(TrustedNames(rule))),
            "EnsureRequirements" => rules.extend([Arc::new(OffsetsApart) as Arc<_>, rule]),
            _ => rules.push(rule),
        }
    }
    // After all of DataFusion's own.
    rules.extend(plan::pushdown_rules());
    rules.push(Arc::new(YieldingJoins));
    rules.into_iter().map(|rule| Arc::new(BeyondPipes(rule)) as Arc<_>).collect()
}
