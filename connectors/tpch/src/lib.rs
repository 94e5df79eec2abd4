//! TPC-H data, generated while it is read: a source that needs no server, for the demo, for tests and for benchmarks.
//!
//! A schema is a scale (`tiny`, `sf1`, `sf10`, ...). The rows are those of TPC-H's own generator, so published answers
//! hold. Nothing is pushed down but projection and limit; rows cost CPU, which is why a table is cut into as many splits
//! as there are cores.

mod dataset;
mod scan;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dataset::{Dataset, SCHEMAS, Scale};
use naru_connector::{
    Column, Connector, ConnectorError, ConnectorFactory, Parameter, ParameterKind, Parameters, Predicate, QueryContext,
    Result, Scan, ScanRequest, Support, Table, TableStatistics,
};
use scan::{ScanSpec, TpchScan};
use std::collections::BTreeMap;
use std::sync::Arc;

const MAX_SPLITS: i32 = 1024;

const PARAMETERS: [Parameter; 1] = [Parameter {
    name: "splits",
    kind: ParameterKind::Integer(1, MAX_SPLITS as i64),
    required: false,
    default: None,
    secret: false,
    help: "Parts a table is generated in, side by side; as many as there are cores when not given.",
}];

/// Makes TPC-H catalogs: `connector = "tpch"`.
#[derive(Debug, Clone, Copy)]
pub struct TpchFactory;

/// The factory, for the gateway's list.
pub static FACTORY: TpchFactory = TpchFactory;

impl ConnectorFactory for TpchFactory {
    fn name(&self) -> &'static str {
        "tpch"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn create(&self, _catalog: &str, parameters: &Parameters) -> Result<Arc<dyn Connector>> {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let splits = match parameters.integer("splits") {
            Some(splits) => u32::try_from(splits).unwrap_or(1),
            None => u32::try_from(cores()).unwrap_or(1),
        };
        Ok(Arc::new(TpchConnector::new(splits.clamp(1, MAX_SPLITS.unsigned_abs()))))
    }
}

/// One TPC-H catalog. Two catalogs differ only in how they cut their tables.
#[derive(Debug)]
struct TpchConnector {
    splits: u32,
    /// Tables of the listed schemas: they never change, and whoever kept one may see that it is the same.
    tables: BTreeMap<(&'static str, &'static str), Arc<TpchTable>>,
}

impl TpchConnector {
    fn new(splits: u32) -> Self {
        let table = |schema, dataset: Dataset| {
            let table = TpchTable::new(schema, Scale::from_schema(schema)?, dataset, splits);
            Some(((schema, dataset.name()), Arc::new(table)))
        };
        let tables = SCHEMAS.into_iter().flat_map(|schema| Dataset::ALL.map(|dataset| table(schema, dataset)));
        Self { splits, tables: tables.flatten().collect() }
    }
}

#[async_trait]
impl Connector for TpchConnector {
    async fn schemas(&self, _ctx: &QueryContext) -> Result<Vec<String>> {
        Ok(SCHEMAS.map(str::to_owned).to_vec())
    }

    async fn tables(&self, _ctx: &QueryContext, schema: &str) -> Result<Vec<String>> {
        let names = Dataset::ALL.iter().map(|dataset| dataset.name().to_owned());
        Ok(Scale::from_schema(schema).map_or_else(Vec::new, |_| names.collect()))
    }

    async fn table(&self, _ctx: &QueryContext, schema: &str, table: &str) -> Result<Option<Arc<dyn Table>>> {
        let (Some(scale), Some(dataset)) = (Scale::from_schema(schema), Dataset::from_name(table)) else {
            return Ok(None);
        };
        if let Some(listed) = self.tables.get(&(schema, table)) {
            return Ok(Some(Arc::clone(listed) as Arc<dyn Table>));
        }
        Ok(Some(Arc::new(TpchTable::new(schema, scale, dataset, self.splits))))
    }

    async fn check(&self, _ctx: &QueryContext) -> Result<()> {
        Ok(())
    }

    fn decode_scan(&self, encoded: &serde_json::Value) -> Result<Arc<dyn Scan>> {
        let spec: ScanSpec = serde_json::from_value(encoded.clone())
            .map_err(|error| ConnectorError::internal("not a scan of TPC-H data").with_detail(error))?;
        if !(1..=MAX_SPLITS).contains(&spec.part_count) {
            return Err(ConnectorError::internal(format!("a scan of TPC-H data in {} parts", spec.part_count)));
        }
        Ok(Arc::new(TpchScan::new(spec)?))
    }
}

/// One table at one scale.
#[derive(Debug)]
struct TpchTable {
    schema: String,
    scale: Scale,
    dataset: Dataset,
    part_count: u32,
    columns: Vec<Column>,
    unique_keys: Vec<Vec<usize>>,
}

impl TpchTable {
    fn new(schema: &str, scale: Scale, dataset: Dataset, splits: u32) -> Self {
        Self {
            schema: schema.to_owned(),
            scale,
            dataset,
            part_count: dataset.parts(scale, splits),
            columns: dataset.schema().fields().iter().map(|field| Column::from_field(Arc::clone(field))).collect(),
            unique_keys: vec![dataset.primary_key()],
        }
    }
}

#[async_trait]
impl Table for TpchTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn unique_keys(&self) -> &[Vec<usize>] {
        &self.unique_keys
    }

    fn statistics(&self) -> TableStatistics {
        TableStatistics { rows: Some(self.dataset.rows(self.scale)), bytes: None }
    }

    fn supports(&self, _predicate: &Predicate) -> Support {
        Support::Unsupported
    }

    async fn plan(&self, _ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>> {
        let spec = ScanSpec {
            schema: self.schema.clone(),
            table: self.dataset.name().to_owned(),
            projection: request.projection,
            limit: request.limit,
            part_count: i32::try_from(self.part_count).unwrap_or(1),
        };
        Ok(Arc::new(TpchScan::new(spec)?))
    }
}
