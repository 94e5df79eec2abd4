//! What a session may switch: each pushdown, seen by what a server receives; and leaving out a shard that is down.

use crate::world::{SERVERS, catalog, catalog_of, everywhere, orders, orders_tables};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use naru_connector::{
    AggregateCall, AggregateFunction, Aggregation, ColumnPath, CompareOp, ErrorKind, KeyExpr, Predicate, QueryContext,
    Result, Scan, ScanRequest, SortKey, Support, Table, TopN,
};
use naru_connector_testkit::context;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A context of a session that has SET these of catalog `shop`.
fn session(settings: &[(&str, &str)]) -> QueryContext {
    let values: BTreeMap<_, _> = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    QueryContext { settings: Arc::new(HashMap::from([("shop".to_owned(), values)])), ..context() }
}

async fn count(ctx: &QueryContext, scan: &dyn Scan) -> Result<usize> {
    let mut rows = 0;
    for split in scan.splits() {
        let batches: Vec<_> = scan.open(ctx, split, &[]).await?.try_collect().await?;
        rows += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    Ok(rows)
}

fn key_is(value: i32) -> Predicate {
    Predicate::Compare {
        column: ColumnPath::column("user_id"),
        op: CompareOp::Eq,
        value: ScalarValue::Int32(Some(value)),
    }
}

/// The scan of two columns, with everything taken over that the session lets servers do: a limit, an order, an aggregation.
async fn rewritten(table: &Arc<dyn Table>, ctx: &QueryContext) -> [Option<Arc<dyn Scan>>; 3] {
    let request = ScanRequest { projection: vec![0, 1], ..ScanRequest::default() };
    let scan = table.plan(ctx, request).await.unwrap();
    let by_id = SortKey { key: KeyExpr::Column(ColumnPath::column("id")), descending: false, nulls_first: false };
    let calls = vec![AggregateCall { function: AggregateFunction::Count, argument: None, cast: None }];
    let state = vec![Arc::new(Field::new("count", DataType::Int64, false))];
    let aggregation =
        Aggregation { keys: Vec::new(), calls, schema: Arc::new(datafusion::arrow::datatypes::Schema::new(state)) };
    [scan.with_limit(3), scan.with_topn(&TopN { keys: vec![by_id], limit: 3 }), scan.with_aggregation(&aggregation)]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pushdown_is_switched_by_itself() {
    drop(orders("switched").await);
    let connector = catalog(&orders_tables("switched"), Vec::new());
    let names = ["limit_pushdown", "topn_pushdown", "aggregation_pushdown"];
    let taken = async |settings: &[(&str, &str)]| {
        let ctx = session(settings);
        let table = connector.table(&ctx, "switched", "orders").await.unwrap().unwrap();
        rewritten(&table, &ctx).await.map(|scan| scan.is_some())
    };
    assert_eq!(taken(&[]).await, [true, true, true]);
    for (position, name) in names.iter().enumerate() {
        let mut expected = [true, true, true];
        expected[position] = false;
        assert_eq!(taken(&[(*name, "off")]).await, expected, "{name}");
    }
    // Conditions: neither a condition nor fewer shards.
    for (value, support, splits) in [("on", Support::Exact, 1), ("off", Support::Unsupported, 4)] {
        let ctx = session(&[("predicate_pushdown", value)]);
        let table = connector.table(&ctx, "switched", "orders").await.unwrap().unwrap();
        assert_eq!(table.supports(&key_is(7)), support, "{value}");
        let predicates = if support == Support::Exact { vec![key_is(7)] } else { Vec::new() };
        let scan = table.plan(&ctx, ScanRequest { projection: vec![0], predicates, limit: None }).await.unwrap();
        assert_eq!(scan.splits().len(), splits);
    }
    // Late conditions: the same scan, the same rows asked for, more of them sent.
    for (value, rows) in [("on", 8), ("off", 400)] {
        let ctx = session(&[("dynamic_filtering", value)]);
        let table = connector.table(&ctx, "switched", "orders").await.unwrap().unwrap();
        let scan = table.plan(&ctx, ScanRequest { projection: vec![0], ..ScanRequest::default() }).await.unwrap();
        let mut found = 0;
        for split in scan.splits() {
            let batches: Vec<_> = scan.open(&ctx, split, &[key_is(7)]).await.unwrap().try_collect().await.unwrap();
            found += batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
        }
        assert_eq!(found, rows, "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_down_is_left_out_when_the_session_says_so() {
    everywhere("CREATE DATABASE partly; CREATE TABLE partly.t (k INT NOT NULL); INSERT INTO partly.t VALUES ({shard})");
    let nobody = naru_services::process::free_port().unwrap();
    let hosts = vec![SERVERS[0].address().to_string(), format!("127.0.0.1:{nobody}"), SERVERS[2].address().to_string()];
    let connector = catalog_of(hosts, &json!([{"schema": "partly", "name": "t"}]), Vec::new());
    let run = async |ctx: &QueryContext| {
        let table = connector.table(ctx, "partly", "t").await?.unwrap();
        let scan = table.plan(ctx, ScanRequest { projection: vec![0], ..ScanRequest::default() }).await?;
        count(ctx, scan.as_ref()).await
    };
    let strict = session(&[]);
    let error = run(&strict).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
    assert!(error.message.starts_with("shard 1 of partly.t"), "{error}");
    assert!(strict.warnings.take().is_empty());

    let lenient = session(&[("partial_results", "on")]);
    assert_eq!(run(&lenient).await.unwrap(), 2);
    assert!(lenient.warnings.incomplete());
    let told = lenient.warnings.take();
    assert!(told.len() == 1 && told[0].starts_with("rows are missing: shard 1 of partly.t"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_breaks_off_after_its_first_rows_is_an_error_all_the_same() {
    everywhere(
        "CREATE DATABASE half; USE half; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 200) AS t FROM seq_1_to_50000;",
    );
    let toxiproxy = naru_services::Toxiproxy::start().unwrap();
    let proxied = toxiproxy.proxy("half", SERVERS[1].address()).unwrap();
    let hosts = vec![SERVERS[0].address().to_string(), proxied.to_string()];
    let connector = catalog_of(hosts, &json!([{"schema": "half", "name": "t"}]), Vec::new());
    let ctx = session(&[("partial_results", "on")]);
    let table = connector.table(&ctx, "half", "t").await.unwrap().unwrap();
    let scan = table.plan(&ctx, ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    assert_eq!(count(&ctx, scan.as_ref()).await.unwrap(), 100_000);
    toxiproxy.cut_after("half", 4_000_000).unwrap();
    let error = count(&ctx, scan.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
    assert!(!ctx.warnings.incomplete());
}
