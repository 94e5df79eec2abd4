//! The rows: TPC-H at scale 1 as Parquet, written once into `bench` of cargo's target folder, and what PostgreSQL gets of them.

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::{SinkExt, stream};
use naru_connector::{ConnectorFactory, Parameters, TableAdapter, TableName};
use naru_sql_tests::{target_folder, workspace};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_postgres::Client;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow, SupplierArrow,
};

/// Rows of `lineitem_1m`.
pub(crate) const ROWS: u32 = 1_000_000;

/// What policies let bob see of `lineitem`, written by hand.
pub(crate) const LINEITEM_BY_HAND: &str = "select l_orderkey, l_partkey, l_suppkey, l_linenumber, l_quantity, l_extendedprice, \
     cast(round(l_discount, 1) as decimal(15, 2)) as l_discount, l_tax, l_returnflag, l_linestatus, l_shipdate, \
     l_commitdate, l_receiptdate, l_shipinstruct, l_shipmode, l_comment \
     from lake.tpch.lineitem where l_shipmode <> 'AIR'";

/// Naru's own limit for a query.
const QUERY_MEMORY: usize = 1 << 30;

const TABLES: [&str; 8] = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"];

type Batches = Box<dyn Iterator<Item = RecordBatch>>;

/// The folder with `tpch/TABLE/part-0.parquet` and `tpch/lineitem_1m/part-0.parquet`.
pub(crate) fn tpch_sf1() -> PathBuf {
    let folder = target_folder().join("bench/tpch-sf1");
    for table in TABLES {
        write(&folder, table, || generate(table));
    }
    write(&folder, "lineitem_1m", || {
        let mut left = ROWS as usize;
        Box::new(generate("lineitem").map_while(move |batch| {
            let rows = batch.num_rows().min(left);
            left -= rows;
            (rows > 0).then(|| batch.slice(0, rows))
        }))
    });
    folder
}

fn generate(table: &str) -> Batches {
    macro_rules! batches {
        ($arrow:ident, $generator:ident) => {
            Box::new($arrow::new($generator::new(1.0, 1, 1)).with_batch_size(8192).map(|batch| batch.expect("rows")))
        };
    }
    match table {
        "customer" => batches!(CustomerArrow, CustomerGenerator),
        "lineitem" => batches!(LineItemArrow, LineItemGenerator),
        "nation" => batches!(NationArrow, NationGenerator),
        "orders" => batches!(OrderArrow, OrderGenerator),
        "part" => batches!(PartArrow, PartGenerator),
        "partsupp" => batches!(PartSuppArrow, PartSuppGenerator),
        "region" => batches!(RegionArrow, RegionGenerator),
        _ => batches!(SupplierArrow, SupplierGenerator),
    }
}

fn write(folder: &Path, table: &str, batches: impl FnOnce() -> Batches) {
    let folder = folder.join("tpch").join(table);
    let finished = folder.join("part-0.parquet");
    if finished.exists() {
        return;
    }
    fs::create_dir_all(&folder).expect("a folder for the files");
    let unfinished = folder.join(".unfinished");
    let mut batches = batches().peekable();
    let schema = batches.peek().expect("rows").schema();
    let file = File::create(&unfinished).expect("a new file");
    let mut writer = ArrowWriter::try_new(file, schema, None).expect("a writer");
    batches.for_each(|batch| writer.write(&batch).expect("rows are written"));
    writer.close().expect("the file is finished");
    fs::rename(unfinished, finished).expect("the file gets its name");
}

/// DataFusion's own session over the same files.
pub(crate) async fn bare() -> SessionContext {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    let memory = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(QUERY_MEMORY)));
    let context = SessionContext::new_with_config_rt(config, memory.build_arc().expect("an environment"));
    let folder = tpch_sf1().join("tpch");
    for table in TABLES {
        let path = folder.join(table).join("part-0.parquet");
        let path = path.to_str().expect("a path in UTF-8");
        context.register_parquet(table, path, ParquetReadOptions::default()).await.expect("a table");
    }
    context
}

/// The `lineitem` of catalog `tpch` at scale 1 in DataFusion's own session.
pub(crate) async fn generated() -> SessionContext {
    let ctx = naru_connector_testkit::context();
    let connector = naru_tpch::FACTORY.create("tpch", &Parameters::default()).expect("a catalog");
    let name = TableName { schema: "sf1".to_owned(), table: "lineitem".to_owned() };
    let table = connector.table(&ctx, &name.schema, &name.table).await.expect("an answer").expect("a table");
    let context = SessionContext::new_with_config(SessionConfig::new().with_extension(Arc::new(ctx)));
    let adapter = TableAdapter::new("tpch".into(), name, table);
    context.register_table("lineitem", Arc::new(adapter)).expect("a table");
    context
}

/// `tiny.nation` with an index on its key.
pub(crate) async fn load_nation(client: &Client) {
    let table = "CREATE SCHEMA tiny;
        CREATE TABLE tiny.nation (n_nationkey bigint PRIMARY KEY, n_name text, n_regionkey bigint, n_comment text)";
    client.batch_execute(table).await.expect("a table");
    let rows = NationGenerator::new(1.0, 1, 1);
    copy_in(client, "tiny.nation", rows.iter().map(|row| row.to_string()).collect()).await;
    client.batch_execute("VACUUM ANALYZE tiny.nation").await.expect("statistics");
}

/// `lineitem_1m` for everybody.
pub(crate) async fn load_lineitem(client: &Client) {
    let table = "CREATE UNLOGGED TABLE lineitem_1m (
            l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int, l_quantity numeric(15, 2),
            l_extendedprice numeric(15, 2), l_discount numeric(15, 2), l_tax numeric(15, 2), l_returnflag text,
            l_linestatus text, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct text,
            l_shipmode text, l_comment text);
        GRANT SELECT ON lineitem_1m TO PUBLIC";
    client.batch_execute(table).await.expect("a table");
    let generator = LineItemGenerator::new(1.0, 1, 1);
    let rows = generator.iter().take(ROWS as usize).map(|row| row.to_string());
    copy_in(client, "lineitem_1m", rows.collect()).await;
    client.batch_execute("VACUUM ANALYZE lineitem_1m").await.expect("statistics");
}

/// Rows in the generator's own form, which ends each with a bar.
async fn copy_in(client: &Client, table: &str, rows: Vec<String>) {
    let sink = client.copy_in(&format!("COPY {table} FROM STDIN (DELIMITER '|')")).await.expect("a copy");
    let mut sink = pin!(sink);
    let chunk = |rows: &[String]| {
        let text: String = rows.iter().flat_map(|row| [row.strip_suffix('|').unwrap_or(row), "\n"]).collect();
        Ok::<_, tokio_postgres::Error>(Bytes::from(text))
    };
    sink.send_all(&mut stream::iter(rows.chunks(1000).map(chunk).collect::<Vec<_>>())).await.expect("rows");
    sink.finish().await.expect("the end of a copy");
}

/// A configuration over the files: alice sees everything, bob `lineitem` through a mask and a row filter.
pub(crate) fn configuration(root: &Path) -> TempDir {
    let folder = tempfile::Builder::new().prefix("naru-bench-").tempdir().expect("a temporary folder");
    let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a new file");
    for part in ["catalogs", "policies"] {
        fs::create_dir(folder.path().join(part)).expect("a new folder");
    }
    file(
        "naru.toml",
        "default_catalog = \"lake\"\nusers = { file = \"users\", groups = \"groups\" }\naudit = { file = \"audit.jsonl\" }\n\
         postgresql = { address = \"127.0.0.1:0\" }\nflight = { address = \"127.0.0.1:0\" }\n",
    );
    for same in ["users", "groups"] {
        fs::copy(workspace().join("conf").join(same), folder.path().join(same)).expect("the example's users");
    }
    let root = root.to_str().expect("a path in UTF-8");
    let lake =
        format!("connector = \"hive\"\nmetastore = \"directory\"\nroot = \"{root}\"\ndefault_schema = \"tpch\"\n");
    file("catalogs/lake.toml", &lake);
    file("policies/bench.json", &policies().to_string());
    folder
}

fn policies() -> Value {
    let resources = |column: &str| {
        json!({"catalog": {"values": ["lake"]}, "schema": {"values": ["*"]}, "table": {"values": ["*"]},
            "column": {"values": [column]}})
    };
    let lineitem = |column: Option<&str>| {
        let mut resources = json!({"catalog": {"values": ["lake"]}, "schema": {"values": ["tpch"]},
            "table": {"values": ["lineitem"]}});
        if let (Some(column), Some(resources)) = (column, resources.as_object_mut()) {
            resources.insert("column".to_owned(), json!({"values": [column]}));
        }
        resources
    };
    let policy = |id: u32, name: &str, kind: u32, resources: Value, items: (&str, Value)| {
        let mut policy = json!({"id": id, "name": name, "service": "naru", "serviceType": "trino", "policyType": kind,
            "isEnabled": true, "isAuditEnabled": true, "resources": resources});
        policy[items.0] = json!([items.1]);
        policy
    };
    let select = json!([{"type": "select", "isAllowed": true}]);
    json!({"metaDataInfo": {"Exported by": "naru-bench"}, "policies": [
        policy(1, "both read everything", 0, resources("*"),
            ("policyItems", json!({"accesses": select, "users": ["alice", "bob"]}))),
        policy(2, "bob: rounded discounts", 1, lineitem(Some("l_discount")),
            ("dataMaskPolicyItems", json!({"accesses": select, "users": ["bob"],
                "dataMaskInfo": {"dataMaskType": "CUSTOM", "valueExpr": "round({col}, 1)"}}))),
        policy(3, "bob: nothing that flew", 2, lineitem(None),
            ("rowFilterPolicyItems", json!({"accesses": select, "users": ["bob"],
                "rowFilterInfo": {"filterExpr": "l_shipmode <> 'AIR'"}}))),
    ]})
}
