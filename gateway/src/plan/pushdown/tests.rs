//! What a source is asked for, over a source that writes it down.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::rules;
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{StreamExt, stream};
use naru_connector::{
    Aggregation, BatchStream, Column, Predicate, QueryContext, Result, Scan, ScanRequest, Split, Support, Table,
    TableAdapter, TableName, TopN,
};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone, Default)]
struct Log {
    aggregations: Vec<Aggregation>,
    orders: Vec<TopN>,
}

type Asked = Arc<Mutex<Log>>;

#[derive(Debug)]
struct Source {
    columns: Vec<Column>,
    splits: usize,
    asked: Asked,
}

#[async_trait]
impl Table for Source {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// A comparison of `ms` is exact, one of `code` is not.
    fn supports(&self, predicate: &Predicate) -> Support {
        if predicate.to_string().contains("ms") { Support::Exact } else { Support::Inexact }
    }

    async fn plan(&self, _ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>> {
        let fields: Vec<_> = request.projection.iter().map(|&i| Arc::clone(&self.columns[i].field)).collect();
        Ok(Arc::new(SourceScan::new(Arc::new(Schema::new(fields)), self.splits, Arc::clone(&self.asked))))
    }
}

#[derive(Debug)]
struct SourceScan {
    schema: SchemaRef,
    splits: Vec<Split>,
    asked: Asked,
}

impl SourceScan {
    fn new(schema: SchemaRef, splits: usize, asked: Asked) -> Self {
        let split = |number| Split { label: format!("{number}"), data: serde_json::Value::Null };
        Self { schema, splits: (0..splits).map(split).collect(), asked }
    }
}

#[async_trait]
impl Scan for SourceScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        "rows or states".to_owned()
    }

    fn with_aggregation(&self, aggregation: &Aggregation) -> Option<Arc<dyn Scan>> {
        self.asked.lock().unwrap().aggregations.push(aggregation.clone());
        let schema = Arc::clone(&aggregation.schema);
        Some(Arc::new(Self::new(schema, self.splits.len(), Arc::clone(&self.asked))))
    }

    fn with_topn(&self, topn: &TopN) -> Option<Arc<dyn Scan>> {
        self.asked.lock().unwrap().orders.push(topn.clone());
        Some(Arc::new(Self::new(Arc::clone(&self.schema), self.splits.len(), Arc::clone(&self.asked))))
    }

    /// Each split counted ten rows.
    async fn open(&self, _ctx: &QueryContext, _split: &Split, _late: &[Predicate]) -> Result<BatchStream> {
        let states = self.schema.fields().iter().map(|_| Arc::new(Int64Array::from(vec![10])) as ArrayRef).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), states).expect("counts alone");
        Ok(stream::iter([Ok(batch)]).boxed())
    }

    fn encode(&self) -> Result<serde_json::Value> {
        Ok(serde_json::Value::Null)
    }
}

fn session(splits: usize) -> (SessionContext, Asked) {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns = vec![
        Column::from_field(Arc::new(Field::new("code", DataType::Utf8View, true))),
        Column::from_field(Arc::new(Field::new("ms", DataType::Int32, true))),
        Column::from_field(Arc::new(Field::new("at", timestamp, true))),
    ];
    let asked = Asked::default();
    let table = Arc::new(Source { columns, splits, asked: Arc::clone(&asked) });
    let name = TableName { schema: "s".to_owned(), table: "t".to_owned() };
    let query = Arc::new(QueryContext::system(tokio::runtime::Handle::current()));
    let config = SessionConfig::new().with_target_partitions(4).with_extension(query);
    let builder = SessionStateBuilder::new().with_config(config).with_default_features();
    let builder = rules().into_iter().fold(builder, SessionStateBuilder::with_physical_optimizer_rule);
    let session = SessionContext::new_with_state(builder.build());
    session.register_table("t", Arc::new(TableAdapter::new("c".into(), name, table))).unwrap();
    (session, asked)
}

/// The plan of a statement, and what the source was asked for.
async fn plan(sql: &str) -> (String, Log) {
    let (session, asked) = session(4);
    let plan = session.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let asked = asked.lock().unwrap().clone();
    (displayable(plan.as_ref()).indent(false).to_string(), asked)
}

#[tokio::test]
async fn the_signature_query_is_one_partial_aggregation_at_the_source() {
    let sql = "SELECT date_trunc('month', at) AS month, code, count(*), avg(ms), stddev(ms), sum(ms) FROM t \
               WHERE ms < 500 GROUP BY month, code HAVING count(*) > 3 ORDER BY month";
    let (plan, asked) = plan(sql).await;
    assert!(!plan.contains("mode=Partial") && plan.contains("mode=Final"), "{plan}");
    let [asked] = asked.aggregations.as_slice() else { panic!("not asked once\n{plan}") };
    let keys: Vec<_> = asked.keys.iter().map(|key| format!("{key:?}")).collect();
    assert!(keys[0].contains("DateTrunc(\"month\")") && keys[0].contains("\"at\""), "{keys:?}");
    assert!(keys[1].contains("\"code\""), "{keys:?}");
    let calls: Vec<_> =
        asked.calls.iter().map(|call| format!("{:?} {:?} {:?}", call.function, call.argument, call.cast)).collect();
    assert_eq!(
        calls,
        [
            "Count None None",
            "Avg Some(ColumnPath([\"ms\"])) Some(Float64)",
            "Variance Some(ColumnPath([\"ms\"])) Some(Float64)",
            "Sum Some(ColumnPath([\"ms\"])) Some(Int64)",
        ]
    );
}

#[tokio::test]
async fn states_of_all_splits_are_merged() {
    for splits in [1, 3] {
        let (session, _) = session(splits);
        let rows = session.sql("SELECT count(*) AS n, count(code) AS m FROM t").await.unwrap().collect().await.unwrap();
        let text = pretty_format_batches(&rows).unwrap().to_string();
        assert!(text.contains(&format!("| {0} | {0} |", splits * 10)), "{text}");
    }
}

#[tokio::test]
async fn counting_distinct_values_sends_the_grouping() {
    let (plan, asked) = plan("SELECT count(DISTINCT code) FROM t").await;
    assert_eq!(asked.aggregations.len(), 1, "{plan}");
    assert!(asked.aggregations[0].calls.is_empty() && asked.aggregations[0].keys.len() == 1);
}

#[tokio::test]
async fn what_a_source_could_answer_otherwise_is_not_asked() {
    for sql in [
        "SELECT sum(ms) FILTER (WHERE ms > 3) FROM t",
        "SELECT sum(DISTINCT ms), count(DISTINCT code) FROM t",
        "SELECT sum(ms + 1) FROM t",
        "SELECT count(*) FROM t WHERE code = 'a'",
        "SELECT count(*) FROM t WHERE abs(ms) = 1",
        "SELECT count(*) FROM (SELECT * FROM t LIMIT 3)",
        "SELECT upper(code), count(*) FROM t GROUP BY 1",
        "SELECT code, ms, count(*) FROM t GROUP BY GROUPING SETS ((code), (ms))",
        "SELECT array_agg(code ORDER BY ms) FROM t",
        "SELECT first_value(code ORDER BY at) FROM t",
        "SELECT corr(ms, ms) FROM t",
    ] {
        let (plan, asked) = plan(sql).await;
        assert!(asked.aggregations.is_empty(), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn the_first_rows_of_an_order_are_asked_of_each_split() {
    let (plan, asked) = plan("SELECT ms AS x, code FROM t ORDER BY x DESC NULLS LAST, code LIMIT 5 OFFSET 2").await;
    let [topn] = asked.orders.as_slice() else { panic!("not asked once\n{plan}") };
    assert_eq!(topn.limit, 7);
    let keys: Vec<_> =
        topn.keys.iter().map(|key| (format!("{:?}", key.key), key.descending, key.nulls_first)).collect();
    assert_eq!((keys[0].1, keys[0].2, keys[1].1, keys[1].2), (true, false, false, false));
    assert!(keys[0].0.contains("\"ms\"") && keys[1].0.contains("\"code\""), "{keys:?}");
    assert!(plan.contains("TopK"), "{plan}");
}

#[tokio::test]
async fn an_order_by_an_expression_or_over_a_filter_is_not_asked() {
    for sql in [
        "SELECT ms FROM t ORDER BY ms + 1 LIMIT 5",
        "SELECT ms FROM t WHERE code = 'a' ORDER BY ms LIMIT 5",
        "SELECT ms FROM t ORDER BY ms",
    ] {
        let (plan, asked) = plan(sql).await;
        assert!(asked.orders.is_empty(), "{sql}\n{plan}");
    }
}
