//! What a table promised to read, and the pieces it is read in.

use crate::{Aggregation, Predicate, QueryContext, Result, TopN};
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::sync::Arc;

/// Batches from a source.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// What the engine wants of a table.
#[derive(Debug, Clone, Default)]
pub struct ScanRequest {
    /// Positions in `Table::columns`, in output order. Empty: only the number of rows matters.
    pub projection: Vec<usize>,
    /// Conjuncts the table said it supports (Exact or Inexact).
    pub predicates: Vec<Predicate>,
    /// No more than this many rows are needed, from any split. Only given when all predicates are Exact.
    pub limit: Option<usize>,
}

/// A piece of a scan that is read as one stream: shard x range, Kafka partition, file range. Plain data, no
/// credentials: enough to be read on another machine by the same catalog's connector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// What EXPLAIN shows to those who may see it.
    pub label: String,
    /// The connector's own description.
    pub data: serde_json::Value,
}

/// A settled plan for reading one table. Everything but `open` is synchronous and pure: DataFusion's physical rules
/// call it while they rearrange a plan.
#[async_trait]
pub trait Scan: Send + Sync + Debug {
    /// Schema of the batches, equal for all splits.
    fn schema(&self) -> SchemaRef;

    /// The pieces: one DataFusion partition each.
    fn splits(&self) -> &[Split];

    /// What the source is asked, on one line, bind values in place of `?` left out.
    fn remote_text(&self) -> String;

    /// What was taken over, for EXPLAIN: `filter c_custkey = 1`, `limit 10`.
    fn pushed(&self) -> Vec<String> {
        Vec::new()
    }

    /// Are the batches computed by this process, with nothing to wait for? Then they are where they are needed, and not on the
    /// runtime for sources.
    fn computes(&self) -> bool {
        false
    }

    /// The same scan with fewer columns (positions in `schema`).
    fn with_projection(&self, _columns: &[usize]) -> Option<Arc<dyn Scan>> {
        None
    }

    /// The same scan, each split giving at most `limit` rows.
    fn with_limit(&self, _limit: usize) -> Option<Arc<dyn Scan>> {
        None
    }

    /// The same scan, each split giving at least its own first rows in that order.
    fn with_topn(&self, _topn: &TopN) -> Option<Arc<dyn Scan>> {
        None
    }

    /// A scan of partial aggregation states, each split its own groups.
    fn with_aggregation(&self, _aggregation: &Aggregation) -> Option<Arc<dyn Scan>> {
        None
    }

    /// Positions (in `schema`) of the columns on which `open` makes use of late predicates. It is given no others, and
    /// reading waits for no others to become known.
    fn late_columns(&self) -> Vec<usize> {
        Vec::new()
    }

    /// Reads one split, exactly as promised. `late` predicates became known after planning and may only reduce: they hold
    /// for every row that is still of use, and are checked again by whoever sent them. They name columns as the table does,
    /// also where those are keys of an aggregation that call themselves otherwise.
    async fn open(&self, ctx: &QueryContext, split: &Split, late: &[Predicate]) -> Result<BatchStream>;

    /// Everything [`crate::Connector::decode_scan`] needs to rebuild this scan; no credentials.
    fn encode(&self) -> Result<serde_json::Value>;
}
