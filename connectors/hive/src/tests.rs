//! Tables on disk, read through DataFusion as the gateway reads them.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod metadata;
mod reading;

use crate::FACTORY;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{SessionConfig, SessionContext};
use naru_connector::{
    Connector, ConnectorFactory, ParameterValue, Parameters, QueryContext, Table, TableAdapter, TableName,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A catalog in a temporary folder.
struct Lake {
    root: TempDir,
    connector: Arc<dyn Connector>,
}

impl Lake {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let parameters = Parameters::new(BTreeMap::from([
            ("metastore", ParameterValue::Text("directory".to_owned())),
            ("root", ParameterValue::Path(root.path().join("..").join(root.path().file_name().unwrap()))),
        ]));
        let connector = FACTORY.create("lake", &parameters).unwrap();
        Self { root, connector }
    }

    /// `orders`, by day and shop: 3 days of 2 rows each, the last without a shop.
    fn with_orders() -> Self {
        let lake = Self::new();
        lake.write(
            "shop/orders/dt=2024-01-01/shop=a%3Ab/0.parquet",
            [("id", int64([1, 2])), ("name", text(["x", "y"]))],
        );
        lake.write("shop/orders/dt=2024-01-02/shop=c/0.parquet", [("id", int64([3, 4])), ("name", text(["x", "z"]))]);
        let none = "shop/orders/dt=2024-01-03/shop=__HIVE_DEFAULT_PARTITION__/000000_0";
        lake.write(none, [("id", int64([5, 6])), ("name", text(["y", "z"]))]);
        lake.text("shop/orders/.naru.toml", "comment = \"orders by day\"\n[partitions]\ndt = \"date\"\n");
        lake
    }

    fn path(&self, relative: &str) -> std::path::PathBuf {
        let path = self.root.path().join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn text(&self, relative: &str, text: &str) {
        std::fs::write(self.path(relative), text).unwrap();
    }

    fn write<const N: usize>(&self, relative: &str, columns: [(&str, ArrayRef); N]) {
        write_parquet(&self.path(relative), RecordBatch::try_from_iter(columns).unwrap());
    }

    async fn table(&self, schema: &str, table: &str) -> Arc<dyn Table> {
        self.connector.table(&context(), schema, table).await.unwrap().unwrap()
    }

    async fn table_error(&self, schema: &str, table: &str) -> String {
        self.connector.table(&context(), schema, table).await.unwrap_err().message
    }

    /// A session that knows one table as `t`, with a query context of its own.
    async fn session(&self, schema: &str, table: &str) -> SessionContext {
        let config = SessionConfig::new().with_target_partitions(3).with_extension(Arc::new(context()));
        let session = SessionContext::new_with_config(config);
        let name = TableName { schema: schema.to_owned(), table: table.to_owned() };
        let adapter = TableAdapter::new("lake".into(), name, self.table(schema, table).await);
        session.register_table("t", Arc::new(adapter)).unwrap();
        session
    }

    async fn query(&self, table: &str, sql: &str) -> String {
        let (schema, table) = table.split_once('.').unwrap();
        let batches = self.session(schema, table).await.sql(sql).await.unwrap().collect().await.unwrap();
        pretty_format_batches(&batches).unwrap().to_string()
    }

    /// The cells of a result, without its head.
    async fn rows(&self, table: &str, sql: &str) -> Vec<String> {
        let lines = self.query(table, sql).await;
        let cells =
            |line: &str| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join(" ");
        lines.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect()
    }

    async fn query_error(&self, table: &str, sql: &str) -> String {
        let (schema, table) = table.split_once('.').unwrap();
        self.session(schema, table).await.sql(sql).await.unwrap().collect().await.unwrap_err().to_string()
    }
}

fn context() -> QueryContext {
    QueryContext::system(tokio::runtime::Handle::current())
}

fn write_parquet(path: &Path, batch: RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn int64<const N: usize>(values: [i64; N]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn text<const N: usize>(values: [&str; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}
