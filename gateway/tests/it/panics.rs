//! A panic ends the query it happens in: the client learns the query's id, everybody else nothing.

use crate::world::{World, error, policies, rows};
use async_trait::async_trait;
use datafusion::arrow::array::{Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{StreamExt, stream};
use naru_connector::{
    BatchStream, Column, Connector, ConnectorError, Predicate, QueryContext, Result, Scan, ScanRequest, Split, Support,
    Table,
};
use naru_gateway::catalog::{Catalog, Catalogs, DeniedColumns, Snapshot};
use naru_gateway::error::ErrorCode;
use std::sync::Arc;

const SECRET: &str = "a value that nobody may see";

/// Tables that panic where they are named after.
#[derive(Debug)]
struct Broken;

#[derive(Debug)]
struct BrokenTable {
    name: String,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct BrokenScan {
    schema: SchemaRef,
    splits: Vec<Split>,
}

#[async_trait]
impl Connector for Broken {
    async fn schemas(&self, _: &QueryContext) -> Result<Vec<String>> {
        Ok(vec!["tiny".to_owned()])
    }

    async fn tables(&self, _: &QueryContext, _: &str) -> Result<Vec<String>> {
        Ok(["planning", "reading"].map(str::to_owned).to_vec())
    }

    async fn table(&self, _: &QueryContext, _: &str, table: &str) -> Result<Option<Arc<dyn Table>>> {
        Ok(Some(Arc::new(BrokenTable {
            name: table.to_owned(),
            columns: vec![Column::new("x", DataType::Int64, true)],
        })))
    }

    async fn check(&self, _: &QueryContext) -> Result<()> {
        Ok(())
    }

    fn decode_scan(&self, _: &serde_json::Value) -> Result<Arc<dyn Scan>> {
        Err(ConnectorError::internal("not needed here"))
    }
}

#[async_trait]
impl Table for BrokenTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn supports(&self, _: &Predicate) -> Support {
        Support::Unsupported
    }

    async fn plan(&self, _: &QueryContext, _: ScanRequest) -> Result<Arc<dyn Scan>> {
        assert!(self.name != "planning", "{SECRET}");
        let schema = Arc::new(Schema::new(vec![Field::new("x", DataType::Int64, true)]));
        Ok(Arc::new(BrokenScan {
            schema,
            splits: vec![Split { label: "all".to_owned(), data: serde_json::Value::Null }],
        }))
    }
}

#[async_trait]
impl Scan for BrokenScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        "read".to_owned()
    }

    async fn open(&self, _: &QueryContext, _: &Split, _: &[Predicate]) -> Result<BatchStream> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]);
        let rows = stream::once(async move { Ok(batch.unwrap()) });
        Ok(rows.chain(stream::once(async { panic!("{SECRET}") })).boxed())
    }

    fn encode(&self) -> Result<serde_json::Value> {
        Ok(serde_json::Value::Null)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_query_only_and_tells_nothing_but_its_id() {
    let world = World::new();
    let broken = Catalog { name: "tpch".into(), connector: Arc::new(Broken), default_schema: "tiny".to_owned() };
    world.gateway.replace_snapshot(Snapshot {
        catalogs: Arc::new(Catalogs::new(vec![broken], "tpch").unwrap()),
        policies: Arc::new(policies(include_str!("../../../conf/policies/demo.json"))),
        denied_columns: DeniedColumns::Error,
    });
    let mut alice = world.session("alice").await;
    let mut other = world.session("alice").await;
    // Where it happens: planning; reading, straight to the client, below a sort, and in a task of its own.
    for sql in [
        "select x from planning",
        "select x from reading",
        "select x from reading order by x",
        "select x, count(*) from reading group by x union all select x, 0 from reading",
    ] {
        let error = error(&mut alice, sql).await;
        assert_eq!(error.code, ErrorCode::Internal, "{sql}: {error:?}");
        assert!(error.message.starts_with("internal error in query "), "{sql}: {error}");
        assert!(!error.message.contains(SECRET) && error.hint.is_none(), "{error:?}");
        let id = error.message.split_whitespace().nth(4).unwrap().trim_end_matches(';');
        let ended = world.audit().into_iter().find(|record| record["event"] == "end" && record["query_id"] == id);
        assert_eq!(ended.expect("an audit record")["sqlstate"], "XX000", "{sql}");
        for session in [&mut alice, &mut other] {
            assert_eq!(rows(session, "select 1").await.unwrap(), [["1"]]);
        }
    }
}
