//! Plans as bytes, for another process that runs a part of them.
//!
//! DataFusion's protobuf form carries its own nodes; this module adds ours: scans ([`scan`]), recursion, which DataFusion's form
//! lacks ([`recursion`]), and the policy barrier, which `govern` writes and reads itself. Functions travel by name, masks by what
//! they are. What belongs to one session (the functions of `pg_catalog`) does not travel.
//!
//! A decoded plan is never less governed: the bytes are signed, a barrier that was planned for another user or under other policies
//! is refused, and the finished plan is verified like one that was planned here. Policies were settled before; here is nothing to
//! settle. Credentials are none in it: a scan names its catalog, and the receiver's own connector reads it.

mod recursion;
mod scan;
#[cfg(test)]
mod tests;

use super::offsets::CutExec;
use crate::catalog::Catalogs;
use crate::error::{Error, ErrorCode, Result};
use crate::functions;
use crate::govern::{self, GovernedExec, Stamp};
use datafusion::common::{internal_err, not_impl_err};
use datafusion::error::Result as EngineResult;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_proto_converter, physical_plan_to_bytes_with_proto_converter,
};
use datafusion_proto::physical_plan::{
    DeduplicatingProtoConverter, PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::PhysicalPlanNode;
use naru_auth::SigningKey;
use prost::Message;
use std::sync::Arc;

/// What a signature of ours is for.
const PURPOSE: &str = "plan";

/// Encodes and decodes the plans of one identity under one policy snapshot.
#[derive(Debug)]
pub struct PlanCodec {
    stamp: Stamp,
    catalogs: Arc<Catalogs>,
}

/// A node that DataFusion's form lacks.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    /// What `govern` wrote.
    #[prost(bytes, tag = "1")]
    Barrier(Vec<u8>),
    #[prost(message, tag = "2")]
    Scan(scan::EncodedScan),
    #[prost(message, tag = "3")]
    Recursion(recursion::EncodedRecursion),
    #[prost(message, tag = "4")]
    WorkTable(recursion::EncodedWorkTable),
    /// Its input is all there is to it.
    #[prost(bool, tag = "5")]
    Cut(bool),
}

impl PlanCodec {
    /// For plans of this user under these policies, over these catalogs.
    #[must_use]
    pub fn new(stamp: Stamp, catalogs: Arc<Catalogs>) -> Self {
        Self { stamp, catalogs }
    }

    /// A plan as signed bytes.
    ///
    /// # Errors
    /// 0A000 when it holds something that belongs to one session.
    pub fn encode(&self, plan: Arc<dyn ExecutionPlan>, key: &SigningKey) -> Result<Vec<u8>> {
        govern::verify_physical(&plan, &self.stamp)?;
        refuse_filtered_windows(&plan)?;
        let bytes = physical_plan_to_bytes_with_proto_converter(plan, self, &DeduplicatingProtoConverter {})?;
        Ok(key.seal(PURPOSE, &bytes))
    }

    /// The plan that [`Self::encode`] was given, verified.
    ///
    /// # Errors
    /// Bytes that were signed otherwise or not at all; a plan for another user or under other policies.
    pub fn decode(&self, bytes: &[u8], key: &SigningKey, context: &TaskContext) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(bytes) = key.open(PURPOSE, bytes) else {
            return Err(Error::internal("a plan came that this service did not sign"));
        };
        let converter = DeduplicatingProtoConverter {};
        let plan = physical_plan_from_bytes_with_proto_converter(bytes, context, self, &converter)?;
        govern::verify_physical(&plan, &self.stamp)?;
        Ok(plan)
    }
}

/// DataFusion's form has no place for `FILTER (WHERE ...)` of a window function: 55.2 drops it without a word.
fn refuse_filtered_windows(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    let windows = match (plan.downcast_ref::<WindowAggExec>(), plan.downcast_ref::<BoundedWindowAggExec>()) {
        (Some(window), _) => window.window_expr(),
        (_, Some(window)) => window.window_expr(),
        _ => &[],
    };
    // The filter itself is out of reach: only the node's own text tells of it.
    if windows.iter().any(|window| format!("{window:?}").contains("filter: Some(")) {
        let text = "a window function with FILTER can't be sent to another process";
        return Err(Error::new(ErrorCode::FeatureNotSupported, text));
    }
    plan.children().into_iter().try_for_each(refuse_filtered_windows)
}

impl PhysicalExtensionCodec for PlanCodec {
    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> EngineResult<()> {
        let kind = if let Some(barrier) = node.downcast_ref::<GovernedExec>() {
            let inside =
                |plan: &Arc<dyn ExecutionPlan>| Ok(converter.execution_plan_to_proto(plan, self)?.encode_to_vec());
            Kind::Barrier(govern::encode(barrier, inside)?)
        } else if let Some(scan) = scan::encode(node.as_ref())? {
            Kind::Scan(scan)
        } else if let Some(recursion) = recursion::encode(node.as_ref())? {
            Kind::Recursion(recursion)
        } else if let Some(work_table) = recursion::encode_work_table(node.as_ref())? {
            Kind::WorkTable(work_table)
        } else if node.is::<CutExec>() {
            Kind::Cut(true)
        } else {
            return not_impl_err!("a {} can't be sent to another process", node.name());
        };
        *buf = Node { kind: Some(kind) }.encode_to_vec();
        Ok(())
    }

    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        match Node::decode(buf).ok().and_then(|node| node.kind) {
            Some(Kind::Barrier(barrier)) => {
                let inside = |bytes: &[u8], context: &TaskContext| {
                    let Ok(node) = PhysicalPlanNode::decode(bytes) else { return internal_err!("not a plan") };
                    converter.proto_to_execution_plan(&node, &PhysicalPlanDecodeContext::new(context, self))
                };
                let files = |catalog: &str, leaf| scan::restored(&self.catalogs, catalog, leaf, context);
                govern::decode(&barrier, &self.stamp, inputs, context, inside, files)
            }
            Some(Kind::Scan(scan)) => scan::decode(&scan, &self.catalogs),
            Some(Kind::Recursion(recursion)) => recursion::decode(&recursion, inputs),
            Some(Kind::WorkTable(work_table)) => recursion::decode_work_table(&work_table),
            Some(Kind::Cut(_)) => match inputs {
                [input] => Ok(CutExec::above(Arc::clone(input))),
                _ => internal_err!("a cut has one input"),
            },
            None => internal_err!("a plan holds a node that this version does not know"),
        }
    }

    fn try_encode_udf(&self, function: &ScalarUDF, buf: &mut Vec<u8>) -> EngineResult<()> {
        if functions::pg::belongs_to_a_session(function) {
            return not_impl_err!(
                "function {} belongs to a session and can't be sent to another process",
                function.name()
            );
        }
        if let Some(mask) = govern::encode_mask(function) {
            *buf = mask;
        }
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> EngineResult<Arc<ScalarUDF>> {
        match govern::decode_mask(buf) {
            Some(mask) => Ok(Arc::new(mask)),
            None => internal_err!("a plan calls {name}, which this version does not know"),
        }
    }
}
