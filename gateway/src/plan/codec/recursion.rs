//! Recursive queries as bytes, which DataFusion 55.2's own form lacks.

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::work_table::WorkTableExec;
use datafusion_proto::protobuf;
use std::sync::Arc;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EncodedRecursion {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    schema: Option<protobuf::Schema>,
    #[prost(bool, tag = "3")]
    distinct: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EncodedWorkTable {
    #[prost(string, tag = "1")]
    name: String,
    /// Of what is read of it.
    #[prost(message, optional, tag = "2")]
    schema: Option<protobuf::Schema>,
}

pub(super) fn encode(node: &dyn ExecutionPlan) -> Result<Option<EncodedRecursion>> {
    let Some(recursion) = node.downcast_ref::<RecursiveQueryExec>() else { return Ok(None) };
    let schema = Some(node.schema().as_ref().try_into()?);
    Ok(Some(EncodedRecursion { name: recursion.name().to_owned(), schema, distinct: recursion.is_distinct() }))
}

pub(super) fn encode_work_table(node: &dyn ExecutionPlan) -> Result<Option<EncodedWorkTable>> {
    let Some(work_table) = node.downcast_ref::<WorkTableExec>() else { return Ok(None) };
    let schema = Some(work_table.schema().as_ref().try_into()?);
    Ok(Some(EncodedWorkTable { name: work_table.name().to_owned(), schema }))
}

pub(super) fn decode(encoded: &EncodedRecursion, inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    let [start, step] = inputs else { return internal_err!("a recursive query has two inputs") };
    let schema = schema_of(encoded.schema.as_ref())?;
    let step = Arc::clone(step).transform_up(|node| over_whole_rows(node, &encoded.name, &schema)).data()?;
    let (name, start) = (encoded.name.clone(), Arc::clone(start));
    Ok(Arc::new(RecursiveQueryExec::try_new(name, schema, start, step, encoded.distinct)?))
}

/// Until its recursive query is known, a work table is one of just the columns that are read.
pub(super) fn decode_work_table(encoded: &EncodedWorkTable) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = schema_of(encoded.schema.as_ref())?;
    Ok(Arc::new(WorkTableExec::new(encoded.name.clone(), schema, None)?))
}

/// A work table knows the columns of its rows by name: they are those of a WITH, which has no two of one name.
fn over_whole_rows(
    node: Arc<dyn ExecutionPlan>,
    name: &str,
    rows: &SchemaRef,
) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let Some(work_table) = node.downcast_ref::<WorkTableExec>().filter(|work_table| work_table.name() == name) else {
        return Ok(Transformed::no(node));
    };
    let read = work_table.schema();
    let positions = read.fields().iter().map(|field| Ok(rows.index_of(field.name())?));
    let positions = positions.collect::<Result<Vec<_>>>()?;
    let table = WorkTableExec::new(name.to_owned(), Arc::clone(rows), Some(positions))?;
    Ok(Transformed::yes(Arc::new(table)))
}

fn schema_of(encoded: Option<&protobuf::Schema>) -> Result<SchemaRef> {
    let Some(encoded) = encoded else { return internal_err!("a node without its schema") };
    let schema: Schema = encoded.try_into()?;
    Ok(Arc::new(schema))
}
