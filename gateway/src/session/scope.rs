//! What one statement runs with: its snapshot, rights and context, and the engine's state made from them.

use super::gateway::Gateway;
use super::query::Session;
use super::registry::Registry;
use crate::catalog::{Resolver, SearchPath, SessionFacts, Snapshot, SystemSchema};
use crate::govern::Rights;
use crate::plan;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use naru_connector::{OnceStore, Principal, QueryContext, QueryId};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// What one statement sees from its first name to its last row.
pub(super) struct Scope {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) rights: Rights,
    pub(super) ctx: QueryContext,
    pub(super) path: SearchPath,
    running: Arc<Registry>,
    session: SessionFacts,
    system: Arc<[Arc<dyn SystemSchema>]>,
}

impl Scope {
    pub(super) fn resolver(&self) -> Resolver<'_> {
        Resolver {
            snapshot: &self.snapshot,
            rights: &self.rights,
            ctx: &self.ctx,
            path: &self.path,
            running: &self.running,
            session: &self.session,
            system: &self.system,
        }
    }
}

impl Session {
    /// Takes the statement's snapshot, rights and context.
    pub(super) fn scope(&self) -> Scope {
        let snapshot = self.gateway.snapshot();
        let rights = Rights::new(Arc::clone(&snapshot.policies), self.identity.clone(), self.client.address);
        let ctx = QueryContext {
            query_id: QueryId(Uuid::now_v7().to_string().into()),
            principal: Principal {
                user: self.identity.user().into(),
                groups: self.identity.groups().iter().cloned().collect(),
            },
            time_zone: self.settings.time_zone(),
            deadline: self.settings.statement_timeout().map(|timeout| Instant::now() + timeout),
            cancel: self.statement.child_token(),
            warnings: self.warnings.reporting_to(),
            settings: self.settings.of_catalogs(),
            once: OnceStore::default(),
            io: self.gateway.executor().io().clone(),
        };
        let session = SessionFacts {
            process_id: self.process_id,
            client_address: self.client.address,
            connected_at: self.connected_at,
            started_at: self.gateway.started_at(),
            settings: self.settings.all().into_iter().map(|(name, value)| (name.into(), value)).collect(),
            cursors: self.cursors.list(),
        };
        Scope {
            snapshot,
            rights,
            ctx,
            path: self.path.clone(),
            running: Arc::clone(self.gateway.running()),
            session,
            system: self.gateway.system_schemas(),
        }
    }

    pub(super) fn state(&self, ctx: &QueryContext) -> SessionState {
        let mut state = self.gateway.base_state().clone();
        let (zone, config) = (ctx.time_zone.name(), state.config_mut());
        config.set_extension(Arc::new(ctx.clone()));
        // The options are shared as long as nothing is written to them.
        if config.options().execution.time_zone.as_deref() != Some(zone) {
            config.options_mut().execution.time_zone = Some(zone.to_owned());
        }
        // now() is the moment at which the statement began.
        state.mark_start_execution();
        state
    }
}

/// Keys of a join's build side, for each partition, that are handed to a source as a list; more are handed over as a range.
const JOIN_KEYS: usize = 10_000;
/// Bytes of such a list, for each partition.
const JOIN_KEY_BYTES: usize = 1 << 20;

/// What a plan of this state runs with: a memory limit of its own. Plans hold the functions they call.
pub(super) fn task_context(gateway: &Gateway, state: &SessionState, plan: &Arc<dyn ExecutionPlan>) -> Arc<TaskContext> {
    let mut config = state.config().clone();
    if plan::takes_join_keys(plan) {
        // The source of the other side reads that many rows less. For files, long lists cost more than they save.
        let options = &mut config.options_mut().optimizer;
        options.hash_join_inlist_pushdown_max_distinct_values = JOIN_KEYS;
        options.hash_join_inlist_pushdown_max_size = JOIN_KEY_BYTES;
    }
    let environment = gateway.executor().query_environment();
    Arc::new(TaskContext::default().with_session_config(config).with_runtime(environment))
}
