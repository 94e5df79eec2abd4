//! Scans as bytes: what the connector says of its own, and the catalog whose connector reads it at the other end.

use crate::catalog::{Catalog, Catalogs};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, StatisticsArgs};
use naru_connector::{Column, ConnectorError, ScanExec, TableName};
use std::sync::Arc;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EncodedScan {
    #[prost(string, tag = "1")]
    catalog: String,
    #[prost(string, tag = "2")]
    schema: String,
    #[prost(string, tag = "3")]
    table: String,
    /// What the connector's scan says of itself, as JSON.
    #[prost(string, tag = "4")]
    scan: String,
    /// Estimates.
    #[prost(uint64, optional, tag = "5")]
    rows: Option<u64>,
    #[prost(uint64, optional, tag = "6")]
    bytes: Option<u64>,
}

pub(super) fn encode(node: &dyn ExecutionPlan) -> Result<Option<EncodedScan>> {
    let Some(scan) = node.downcast_ref::<ScanExec>() else { return Ok(None) };
    let known = node.statistics_from_inputs(&[], &StatisticsArgs::default())?;
    let estimate = |n: Precision<usize>| n.get_value().and_then(|n| u64::try_from(*n).ok());
    let encoded = scan.scan().encode().map_err(ConnectorError::into_datafusion)?;
    Ok(Some(EncodedScan {
        catalog: scan.catalog().to_string(),
        schema: scan.table_name().schema.clone(),
        table: scan.table_name().table.clone(),
        scan: encoded.to_string(),
        rows: estimate(known.num_rows),
        bytes: estimate(known.total_byte_size),
    }))
}

pub(super) fn decode(encoded: &EncodedScan, catalogs: &Catalogs) -> Result<Arc<dyn ExecutionPlan>> {
    let catalog = catalog(catalogs, &encoded.catalog)?;
    let description =
        serde_json::from_str(&encoded.scan).map_err(|error| DataFusionError::External(Box::new(error)))?;
    let scan = catalog.connector.decode_scan(&description).map_err(ConnectorError::into_datafusion)?;
    let name = TableName { schema: encoded.schema.clone(), table: encoded.table.clone() };
    let columns = scan.schema().fields().iter().map(|field| Column::from_field(Arc::clone(field))).collect();
    let estimate =
        |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).map_or(Precision::Absent, Precision::Inexact);
    let mut statistics = Statistics::new_unknown(&scan.schema());
    (statistics.num_rows, statistics.total_byte_size) = (estimate(encoded.rows), estimate(encoded.bytes));
    Ok(Arc::new(ScanExec::new(Arc::clone(&catalog.name), name, columns, scan, &statistics)))
}

/// A decoded leaf over files with what its connector reads them by.
pub(super) fn restored(
    catalogs: &Catalogs,
    name: &str,
    leaf: Arc<dyn ExecutionPlan>,
    context: &TaskContext,
) -> Result<Arc<dyn ExecutionPlan>> {
    catalog(catalogs, name)?.connector.restore_files(leaf, &context.runtime_env())
}

fn catalog<'a>(catalogs: &'a Catalogs, name: &str) -> Result<&'a Catalog> {
    match catalogs.get(name) {
        Some(catalog) => Ok(catalog),
        None => internal_err!("a plan reads catalog {name}, which is not configured here"),
    }
}
