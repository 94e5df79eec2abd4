//! The barrier as bytes, written and read here because nothing else may make one.
//!
//! A sealed one travels with what it guards inside of it: no receiver sees a node of it before the barrier stands around it again.

use super::exec::{GovernedExec, ScanFacts, Stamp};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{TableReference, internal_err};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::protobuf;
use naru_connector::ScanNote;
use prost::Message;
use std::any::Any;
use std::sync::Arc;

#[derive(Clone, PartialEq, Message)]
struct Barrier {
    #[prost(string, repeated, tag = "1")]
    table: Vec<String>,
    #[prost(string, tag = "2")]
    user: String,
    #[prost(string, tag = "3")]
    policy_version: String,
    /// What is guarded, of a sealed one; an open one's is its visible input.
    #[prost(bytes, optional, tag = "4")]
    sealed: Option<Vec<u8>>,
    /// What comes out of a sealed one.
    #[prost(message, optional, tag = "5")]
    schema: Option<protobuf::Schema>,
    #[prost(message, optional, tag = "6")]
    facts: Option<Facts>,
}

#[derive(Clone, PartialEq, Message)]
struct Facts {
    #[prost(bool, tag = "1")]
    row_filter: bool,
    #[prost(uint64, tag = "2")]
    masked_columns: u64,
    #[prost(string, repeated, tag = "3")]
    filters: Vec<String>,
    #[prost(message, optional, tag = "4")]
    note: Option<Note>,
}

#[derive(Clone, PartialEq, Message)]
struct Note {
    #[prost(uint64, tag = "1")]
    splits: u64,
    #[prost(string, tag = "2")]
    remote: String,
    #[prost(string, repeated, tag = "3")]
    pushed: Vec<String>,
}

/// A barrier as bytes; `inside` encodes what a sealed one guards.
pub(crate) fn encode(
    barrier: &GovernedExec,
    inside: impl FnOnce(&Arc<dyn ExecutionPlan>) -> Result<Vec<u8>>,
) -> Result<Vec<u8>> {
    let sealed = barrier.is_sealed();
    let encoded = Barrier {
        table: barrier.table().to_vec(),
        user: barrier.stamp().user.to_string(),
        policy_version: barrier.stamp().policy_version.to_string(),
        sealed: sealed.then(|| inside(barrier.inner())).transpose()?,
        schema: sealed.then(|| barrier.schema().as_ref().try_into()).transpose()?,
        facts: Some(encoded_facts(barrier.facts())),
    };
    Ok(encoded.encode_to_vec())
}

/// The barrier that was encoded, if it was planned under `stamp`. `inputs` are the decoded children of an open one; `inside`
/// decodes what a sealed one guards, in the context it is given; `files` gives a leaf over a catalog's files what it is read by.
pub(crate) fn decode(
    bytes: &[u8],
    stamp: &Stamp,
    inputs: &[Arc<dyn ExecutionPlan>],
    context: &TaskContext,
    inside: impl FnOnce(&[u8], &TaskContext) -> Result<Arc<dyn ExecutionPlan>>,
    files: impl Fn(&str, Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Ok(encoded) = Barrier::decode(bytes) else { return internal_err!("not a governed scan") };
    if *encoded.user != *stamp.user || *encoded.policy_version != *stamp.policy_version {
        return internal_err!("a governed scan came that was planned for another user or under other policies");
    }
    let (catalog, name) = match encoded.table.as_slice() {
        [catalog, schema, table] => {
            (catalog.as_str(), TableReference::full(catalog.as_str(), schema.as_str(), table.as_str()))
        }
        [schema, table] => ("", TableReference::partial(schema.as_str(), table.as_str())),
        [table] => ("", TableReference::bare(table.as_str())),
        _ => return internal_err!("a governed scan came without its table"),
    };
    let facts = Arc::new(decoded_facts(encoded.facts.unwrap_or_default()));
    let barrier = match (encoded.sealed, encoded.schema, inputs) {
        (Some(sealed), Some(out), []) => {
            let guarded = with_files(inside(&sealed, &policy_context(context))?, catalog, &files)?;
            let out: Schema = (&out).try_into()?;
            // Filters that come late were handed down where it was planned; none is from here on.
            let unmasked = vec![false; out.fields().len()].into();
            GovernedExec::sealed(name, stamp.clone(), guarded, Arc::new(out), facts, unmasked)
        }
        (None, None, [input]) => {
            let guarded = with_files(Arc::clone(input), catalog, &files)?;
            GovernedExec::open(name, stamp.clone(), guarded, facts)
        }
        _ => return internal_err!("a governed scan came that is neither open nor sealed"),
    };
    Ok(Arc::new(barrier))
}

/// Policies mean the same under every session's settings: see `PolicySession`.
fn policy_context(context: &TaskContext) -> TaskContext {
    let mut config = context.session_config().clone();
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
    let scalars = context.scalar_functions().clone();
    let higher_order = context.higher_order_functions().clone();
    let (aggregates, windows) = (context.aggregate_functions().clone(), context.window_functions().clone());
    let (task, session, runtime) = (context.task_id(), context.session_id(), context.runtime_env());
    TaskContext::new(task, session, config, scalars, higher_order, aggregates, windows, runtime)
}

/// Restores this table's own leaves over files; tables that a policy reads stand under barriers of their own.
fn with_files(
    guarded: Arc<dyn ExecutionPlan>,
    catalog: &str,
    files: &impl Fn(&str, Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let restore = |node: Arc<dyn ExecutionPlan>| {
        if node.is::<GovernedExec>() {
            return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
        }
        let reads_files = node
            .downcast_ref::<DataSourceExec>()
            .is_some_and(|source| (source.data_source().as_ref() as &dyn Any).is::<FileScanConfig>());
        Ok(if reads_files { Transformed::yes(files(catalog, node)?) } else { Transformed::no(node) })
    };
    guarded.transform_down(restore).data()
}

fn encoded_facts(facts: &ScanFacts) -> Facts {
    let note = facts.note.as_ref().map(|note| Note {
        splits: note.splits as u64,
        remote: note.remote.clone(),
        pushed: note.pushed.clone(),
    });
    Facts {
        row_filter: facts.row_filter,
        masked_columns: facts.masked_columns as u64,
        filters: facts.filters.clone(),
        note,
    }
}

fn decoded_facts(facts: Facts) -> ScanFacts {
    let count = |n| usize::try_from(n).unwrap_or(usize::MAX);
    ScanFacts {
        row_filter: facts.row_filter,
        masked_columns: count(facts.masked_columns),
        filters: facts.filters,
        note: facts.note.map(|note| ScanNote { splits: count(note.splits), remote: note.remote, pushed: note.pushed }),
    }
}
