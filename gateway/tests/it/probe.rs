//! A source made for tests, catalog `probe`: a table of two shards of which the second is always down, two settings, and a query
//! function that gives back what it was asked.

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use futures::{StreamExt, stream};
use naru_connector::{
    BatchStream, Column, Connector, ConnectorError, ErrorKind, ParameterKind, Predicate, QueryContext, QueryFunction,
    Result, Scan, ScanRequest, SessionSetting, Split, Support, Table,
};
use naru_gateway::catalog::{Catalog, Catalogs, DeniedColumns, Snapshot};
use std::sync::Arc;

use crate::world::policies;

/// alice: everything, and the query function. bob: `probe.s.t` where region is eu. carol: nothing.
pub(crate) const POLICIES: &str = r#"{"metaDataInfo": {}, "policies": [
  {"id": 1, "name": "alice", "serviceType": "trino", "policyType": 0,
   "resources": {"catalog": {"values": ["*"]}, "schema": {"values": ["*"]}, "table": {"values": ["*"]}, "column": {"values": ["*"]}},
   "policyItems": [{"users": ["alice"], "accesses": [{"type": "select", "isAllowed": true}]}]},
  {"id": 2, "name": "alice may ask", "serviceType": "trino", "policyType": 0,
   "resources": {"catalog": {"values": ["probe"]}, "schema": {"values": ["system"]}, "schemafunction": {"values": ["query"]}},
   "policyItems": [{"users": ["alice"], "accesses": [{"type": "execute", "isAllowed": true}]}]},
  {"id": 3, "name": "bob", "serviceType": "trino", "policyType": 0,
   "resources": {"catalog": {"values": ["probe"]}, "schema": {"values": ["s"]}, "table": {"values": ["t"]}, "column": {"values": ["*"]}},
   "policyItems": [{"users": ["bob"], "accesses": [{"type": "select", "isAllowed": true}]}]},
  {"id": 4, "name": "bob's rows", "serviceType": "trino", "policyType": 2,
   "resources": {"catalog": {"values": ["probe"]}, "schema": {"values": ["s"]}, "table": {"values": ["t"]}},
   "rowFilterPolicyItems": [{"users": ["bob"], "accesses": [{"type": "select", "isAllowed": true}],
     "rowFilterInfo": {"filterExpr": "region = 'eu'"}}]}
]}"#;

/// Catalogs `probe` and `other`, which is `probe` without a query function's grant, under these policies.
pub(crate) fn snapshot() -> Snapshot {
    let catalog = |name: &'static str| {
        let connector = Arc::new(Probe { catalog: name, settings: settings() });
        Catalog { name: name.into(), connector, default_schema: "s".to_owned() }
    };
    let catalogs = Arc::new(Catalogs::new(vec![catalog("probe"), catalog("other")], "probe").unwrap());
    Snapshot { catalogs, policies: Arc::new(policies(POLICIES)), denied_columns: DeniedColumns::Error }
}

fn settings() -> Vec<SessionSetting> {
    vec![
        SessionSetting {
            name: "partial_results",
            kind: ParameterKind::Boolean,
            default: "off".to_owned(),
            help: "Leaves shards out.",
        },
        SessionSetting {
            name: "size",
            kind: ParameterKind::Integer(1, 10),
            default: "3".to_owned(),
            help: "Rows of a shard.",
        },
    ]
}

#[derive(Debug)]
struct Probe {
    catalog: &'static str,
    settings: Vec<SessionSetting>,
}

#[async_trait]
impl Connector for Probe {
    async fn schemas(&self, _ctx: &QueryContext) -> Result<Vec<String>> {
        Ok(vec!["s".to_owned()])
    }

    async fn tables(&self, _ctx: &QueryContext, _schema: &str) -> Result<Vec<String>> {
        Ok(vec!["t".to_owned()])
    }

    async fn table(&self, _ctx: &QueryContext, schema: &str, table: &str) -> Result<Option<Arc<dyn Table>>> {
        if (schema, table) != ("s", "t") {
            return Ok(None);
        }
        let columns = vec![Column::new("n", DataType::Int64, false), Column::new("region", DataType::Utf8, false)];
        Ok(Some(Arc::new(ProbeTable { catalog: self.catalog, columns, answer: None })))
    }

    fn settings(&self) -> &[SessionSetting] {
        &self.settings
    }

    fn query_function(&self) -> Option<&dyn QueryFunction> {
        Some(self)
    }

    async fn check(&self, _ctx: &QueryContext) -> Result<()> {
        Ok(())
    }

    fn decode_scan(&self, _encoded: &serde_json::Value) -> Result<Arc<dyn Scan>> {
        Err(ConnectorError::internal("not here"))
    }
}

#[async_trait]
impl QueryFunction for Probe {
    fn name(&self) -> &'static str {
        "probe_query"
    }

    async fn table(&self, _ctx: &QueryContext, selector: &str, statement: &str) -> Result<Arc<dyn Table>> {
        let answer = format!("{}/{selector}: {statement}", self.catalog);
        let columns = vec![Column::new("answer", DataType::Utf8, true)];
        Ok(Arc::new(ProbeTable { catalog: self.catalog, columns, answer: Some(answer) }))
    }
}

#[derive(Debug)]
struct ProbeTable {
    catalog: &'static str,
    columns: Vec<Column>,
    /// Of the query function.
    answer: Option<String>,
}

#[async_trait]
impl Table for ProbeTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn supports(&self, _predicate: &Predicate) -> Support {
        Support::Unsupported
    }

    async fn plan(&self, ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>> {
        let size: i64 = ctx.setting(self.catalog, "size").unwrap_or("3").parse().unwrap();
        let rows = match &self.answer {
            Some(answer) => vec![Arc::new(StringArray::from(vec![answer.as_str()])) as ArrayRef],
            None => {
                let regions = (0..size).map(|n| if n % 2 == 0 { "eu" } else { "us" });
                vec![
                    Arc::new(Int64Array::from_iter_values(0..size)) as ArrayRef,
                    Arc::new(StringArray::from_iter_values(regions)),
                ]
            }
        };
        let fields: Vec<_> = self.columns.iter().map(|column| Arc::clone(&column.field)).collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), rows).unwrap();
        let rows = rows.project(&request.projection).unwrap();
        let shards = if self.answer.is_some() { 1 } else { 2 };
        let split = |number: u64| Split { label: format!("shard {number}"), data: number.into() };
        Ok(Arc::new(ProbeScan { catalog: self.catalog, rows, splits: (0..shards).map(split).collect() }))
    }
}

#[derive(Debug)]
struct ProbeScan {
    catalog: &'static str,
    rows: RecordBatch,
    splits: Vec<Split>,
}

#[async_trait]
impl Scan for ProbeScan {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        "the source's own words".to_owned()
    }

    async fn open(&self, ctx: &QueryContext, split: &Split, _late: &[Predicate]) -> Result<BatchStream> {
        if split.data == 0 {
            return Ok(stream::iter([Ok(self.rows.clone())]).boxed());
        }
        let down = "shard 1 of s.t can't be reached";
        if ctx.switch(self.catalog, "partial_results") == Some(true) {
            ctx.warnings.push_incomplete(format!("rows are missing: {down}"));
            return Ok(stream::empty().boxed());
        }
        Err(ConnectorError::new(ErrorKind::Unavailable, down))
    }

    fn encode(&self) -> Result<serde_json::Value> {
        Err(ConnectorError::internal("not here"))
    }
}
