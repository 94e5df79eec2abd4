//! A settled read of one TPC-H table: which columns, how many rows, in how many parts.

use crate::dataset::{Batches, Dataset, Scale, prepare_text, text_is_prepared};
use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use futures::{StreamExt, stream};
use naru_connector::{BatchStream, ConnectorError, ErrorKind, Predicate, QueryContext, Result, Scan, Split};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows in a batch.
const BATCH_ROWS: usize = 8192;

/// Everything a scan is made of, and what crosses to another machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanSpec {
    pub(crate) schema: String,
    pub(crate) table: String,
    /// Positions in the table's columns, in output order.
    pub(crate) projection: Vec<usize>,
    /// At most this many rows from each part.
    pub(crate) limit: Option<usize>,
    pub(crate) part_count: i32,
}

/// What a [`Split`] holds.
#[derive(Debug, Serialize, Deserialize)]
struct PartSpec {
    /// From 1.
    part: i32,
}

/// A settled read.
#[derive(Debug)]
pub(crate) struct TpchScan {
    spec: ScanSpec,
    dataset: Dataset,
    scale: Scale,
    schema: SchemaRef,
    splits: Vec<Split>,
}

impl TpchScan {
    /// Settles a read; fails when the names or positions in `spec` mean nothing.
    pub(crate) fn new(spec: ScanSpec) -> Result<Self> {
        let unknown = || ConnectorError::internal(format!("no such table: {}.{}", spec.schema, spec.table));
        let scale = Scale::from_schema(&spec.schema).ok_or_else(unknown)?;
        let dataset = Dataset::from_name(&spec.table).ok_or_else(unknown)?;
        let schema = dataset.schema().project(&spec.projection).map_err(generation_failed)?;
        let splits = (1..=spec.part_count)
            .map(|part| Split {
                label: format!("part {part} of {}", spec.part_count),
                data: serde_json::json!({ "part": part }),
            })
            .collect();
        Ok(Self { spec, dataset, scale, schema: Arc::new(schema), splits })
    }
}

#[async_trait]
impl Scan for TpchScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        format!("generate {} at scale {}", self.spec.table, self.scale.factor())
    }

    fn pushed(&self) -> Vec<String> {
        self.spec.limit.map(|limit| format!("limit {limit}")).into_iter().collect()
    }

    fn computes(&self) -> bool {
        true
    }

    fn with_projection(&self, columns: &[usize]) -> Option<Arc<dyn Scan>> {
        let projection =
            columns.iter().map(|&column| self.spec.projection.get(column).copied()).collect::<Option<_>>()?;
        let scan = Self::new(ScanSpec { projection, ..self.spec.clone() }).ok()?;
        Some(Arc::new(scan))
    }

    fn with_limit(&self, limit: usize) -> Option<Arc<dyn Scan>> {
        let limit = self.spec.limit.map_or(limit, |known| known.min(limit));
        let scan = Self::new(ScanSpec { limit: Some(limit), ..self.spec.clone() }).ok()?;
        Some(Arc::new(scan))
    }

    async fn open(&self, _ctx: &QueryContext, split: &Split, _late: &[Predicate]) -> Result<BatchStream> {
        let PartSpec { part } = serde_json::from_value(split.data.clone())
            .map_err(|error| ConnectorError::internal("not a split of TPC-H data").with_detail(error))?;
        if !(1..=self.spec.part_count).contains(&part) {
            return Err(ConnectorError::internal(format!("no part {part} of {}", self.spec.part_count)));
        }
        if !text_is_prepared() {
            tokio::task::spawn_blocking(prepare_text).await.map_err(generation_failed)?;
        }

        let left = self.spec.limit.unwrap_or(usize::MAX);
        let batch_rows = left.clamp(1, BATCH_ROWS);
        let batches = self.dataset.generate(self.scale, part, self.spec.part_count, batch_rows);
        let schema = Arc::clone(&self.schema);
        let projection: Arc<[usize]> = self.spec.projection.as_slice().into();
        let next = move |(mut batches, left): (Batches, usize)| {
            let (schema, projection) = (Arc::clone(&schema), Arc::clone(&projection));
            async move {
                if left == 0 {
                    return Ok(None);
                }
                // A batch takes milliseconds of a core; others on this runtime, and a cancel, get their turn in between.
                tokio::task::yield_now().await;
                let Some(batch) = batches.next() else { return Ok(None) };
                let batch = batch.map_err(generation_failed)?;
                let rows = batch.num_rows().min(left);
                let batch = project(&batch, rows, &projection, schema).map_err(generation_failed)?;
                Ok(Some((batch, (batches, left - rows))))
            }
        };
        Ok(stream::try_unfold((batches, left), next).boxed())
    }

    fn encode(&self) -> Result<serde_json::Value> {
        serde_json::to_value(&self.spec)
            .map_err(|error| ConnectorError::internal("a TPC-H scan can't be encoded").with_detail(error))
    }
}

/// The first `rows` rows of some columns; without columns the number of rows is what remains.
fn project(
    batch: &RecordBatch,
    rows: usize,
    projection: &[usize],
    schema: SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let columns = projection.iter().map(|&i| batch.column(i).slice(0, rows)).collect();
    RecordBatch::try_new_with_options(schema, columns, &RecordBatchOptions::new().with_row_count(Some(rows)))
}

fn generation_failed(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::new(ErrorKind::Internal, "TPC-H data could not be generated").with_detail(error)
}
