//! Partial aggregation: the source's states, merged by DataFusion's own final stage, against an aggregation of all rows here.

use crate::context;
use crate::rows::{assert_close, read, select};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::MemTable;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use naru_connector::{AggregateCall, Aggregation, KeyExpr, Predicate, ScanRequest, Table};
use std::sync::Arc;

/// What is asked of the source: it has to be the same question as the SQL's.
#[derive(Debug, Clone)]
pub struct Question {
    /// Over table `t`, ordered, so that results compare row by row: `SELECT k, count(*) FROM t GROUP BY k ORDER BY k`.
    pub sql: String,
    /// Its keys.
    pub keys: Vec<KeyExpr>,
    /// Its aggregates, in order.
    pub calls: Vec<AggregateCall>,
    /// What the source is to filter by first; the SQL says the same in WHERE.
    pub predicates: Vec<Predicate>,
}

/// Asks both ways and compares. Gives the number of state rows that the source sent, or `None` when it declined.
pub async fn agree(table: &dyn Table, question: &Question) -> Option<usize> {
    let all = select(table, &[]).await.expect("the whole table");
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    // Two partitions, so that the aggregation has its two stages.
    let half = all.num_rows() / 2;
    let parts = vec![vec![all.slice(0, half)], vec![all.slice(half, all.num_rows() - half)]];
    let memory = MemTable::try_new(all.schema(), parts).expect("batches of one schema");
    session.register_table("t", Arc::new(memory)).expect("a fresh session");
    let local = session.sql(&question.sql).await.expect("valid SQL");
    let plan = local.create_physical_plan().await.expect("a plan");

    let schema = partial(&plan).expect("an aggregation in two stages").schema();
    let aggregation = Aggregation { keys: question.keys.clone(), calls: question.calls.clone(), schema };
    let projection = (0..table.columns().len()).collect();
    let request = ScanRequest { projection, predicates: question.predicates.clone(), limit: None };
    let scan = table.plan(&context(), request).await.expect("a scan").with_aggregation(&aggregation)?;
    assert_eq!(scan.schema().fields(), aggregation.schema.fields(), "states of another shape");
    let states = read(scan.as_ref()).await.expect("states");

    let pushed = replaced(&plan, states.clone());
    let (pushed, local) = (result(&pushed, &session).await, result(&plan, &session).await);
    assert_close(&pushed, &local, &question.sql);
    Some(states.num_rows())
}

fn partial(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let here = plan.downcast_ref::<AggregateExec>().is_some_and(|node| *node.mode() == AggregateMode::Partial);
    if here { Some(Arc::clone(plan)) } else { plan.children().into_iter().find_map(partial) }
}

fn replaced(plan: &Arc<dyn ExecutionPlan>, states: RecordBatch) -> Arc<dyn ExecutionPlan> {
    let with_states = |node: Arc<dyn ExecutionPlan>| {
        let is_partial =
            node.downcast_ref::<AggregateExec>().is_some_and(|node| *node.mode() == AggregateMode::Partial);
        if !is_partial {
            return Ok(Transformed::no(node));
        }
        let memory = MemorySourceConfig::try_new_exec(&[vec![states.clone()], vec![]], node.schema(), None)?;
        Ok(Transformed::yes(memory as Arc<dyn ExecutionPlan>))
    };
    let changed = Arc::clone(plan).transform_down(with_states).expect("a node in place of another");
    assert!(changed.transformed, "no partial aggregation in the plan");
    changed.data
}

async fn result(plan: &Arc<dyn ExecutionPlan>, session: &SessionContext) -> RecordBatch {
    let batches = collect(Arc::clone(plan), session.task_ctx()).await.expect("an aggregation");
    concat_batches(&plan.schema(), &batches).expect("batches of one schema")
}
