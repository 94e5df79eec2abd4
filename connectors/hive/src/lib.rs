//! Hive tables: folders of partitions, Parquet files.
//!
//! A catalog is a folder `root/schema/table/key=value/*.parquet`, as Hive, Spark and Trino lay it out. What exists is
//! asked of the file system each time; only footers are kept, by path, size and time. Reading is DataFusion's own: this
//! crate finds the files, leaves out those whose partition a filter refuses, and checks that the rest fit the table.
//!
//! `listing` walks folders, `partition` and `table_file` know what their names mean, `footer` what files hold, `table`
//! puts a table together, `read` plans reading it and `nan` mends what the reader gets wrong.

mod footer;
mod listing;
mod nan;
mod partition;
mod read;
mod table;
mod table_file;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::ExecutionPlan;
use footer::Footers;
use futures::{StreamExt, TryStreamExt, stream};
use listing::{blocking, folders, has_data, io_error};
use naru_connector::{
    Connector, ConnectorError, ConnectorFactory, ErrorKind, Parameter, ParameterKind, Parameters, QueryContext, Result,
    Scan, Table, TableName,
};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use table::HiveTable;

/// Tables of a schema looked up at the same time.
const TABLES_IN_FLIGHT: usize = 16;

const PARAMETERS: [Parameter; 2] = [
    Parameter {
        name: "metastore",
        kind: ParameterKind::Choice(&["directory"]),
        required: true,
        default: None,
        secret: false,
        help: "Where schemas and tables are listed: \"directory\" reads them from the folders under root.",
    },
    Parameter {
        name: "root",
        kind: ParameterKind::Path,
        required: true,
        default: None,
        secret: false,
        help: "The folder that holds schema/table/key=value/*.parquet.",
    },
];

/// Makes Hive catalogs: `connector = "hive"`.
#[derive(Debug, Clone, Copy)]
pub struct HiveFactory;

/// The factory, for the gateway's list.
pub static FACTORY: HiveFactory = HiveFactory;

impl ConnectorFactory for HiveFactory {
    fn name(&self) -> &'static str {
        "hive"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &PARAMETERS
    }

    fn create(&self, catalog: &str, parameters: &Parameters) -> Result<Arc<dyn Connector>> {
        parameters.required_text("metastore")?;
        let root = std::path::absolute(parameters.required_path("root")?)
            .map_err(|error| ConnectorError::configuration("root is not a path").with_detail(error))?;
        Ok(Arc::new(HiveConnector { catalog: catalog.into(), root, footers: Arc::default(), opened: Mutex::default() }))
    }
}

/// One catalog: a folder.
#[derive(Debug)]
struct HiveConnector {
    catalog: Arc<str>,
    root: PathBuf,
    footers: Arc<Footers>,
    /// Tables as they were when last looked at, by schema and name.
    opened: Mutex<HashMap<(String, String), Arc<HiveTable>>>,
}

impl HiveConnector {
    fn named(&self) -> String {
        format!("root of catalog {}", self.catalog)
    }

    /// Folders of schemas by canonical name.
    async fn schema_folders(&self, ctx: &QueryContext) -> Result<BTreeMap<String, PathBuf>> {
        let (root, named) = (self.root.clone(), self.named());
        blocking(&ctx.io, move || {
            // Object stores have no `..`, which a root beside the configuration folder may hold.
            let root = std::fs::canonicalize(root).map_err(|error| io_error(&named, &error))?;
            folders(&root, &named)
        })
        .await
    }

    /// Folders in a schema by canonical name, with or without data; none when there is no such schema.
    async fn table_folders(&self, ctx: &QueryContext, schema: &str) -> Result<BTreeMap<String, PathBuf>> {
        let Some(dir) = self.schema_folders(ctx).await?.remove(schema) else { return Ok(BTreeMap::new()) };
        let named = format!("schema {schema}");
        blocking(&ctx.io, move || folders(&dir, &named)).await
    }

    /// Folders in a schema that hold data files.
    async fn listed_folders(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<(String, PathBuf)>> {
        let found = self.table_folders(ctx, schema).await?;
        let schema = schema.to_owned();
        blocking(&ctx.io, move || {
            let mut listed = Vec::new();
            for (table, dir) in found {
                if has_data(&dir, &format!("{schema}.{table}"))? {
                    listed.push((table, dir));
                }
            }
            Ok(listed)
        })
        .await
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<(String, String), Arc<HiveTable>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The table in a folder: the same object as before when its files and its description are.
    async fn open(&self, ctx: &QueryContext, schema: &str, table: &str, dir: PathBuf) -> Result<Arc<dyn Table>> {
        let name = TableName { schema: schema.to_owned(), table: table.to_owned() };
        let key = (schema.to_owned(), table.to_owned());
        let before = self.opened().get(&key).map(Arc::clone);
        let (catalog, footers) = (Arc::clone(&self.catalog), Arc::clone(&self.footers));
        let table = HiveTable::open(ctx, catalog, footers, name, &dir, before).await?;
        self.opened().insert(key, Arc::clone(&table));
        Ok(table)
    }
}

#[async_trait]
impl Connector for HiveConnector {
    async fn schemas(&self, ctx: &QueryContext) -> Result<Vec<String>> {
        Ok(self.schema_folders(ctx).await?.into_keys().collect())
    }

    async fn tables(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<String>> {
        Ok(self.listed_folders(ctx, schema).await?.into_iter().map(|(table, _)| table).collect())
    }

    async fn table(&self, ctx: &QueryContext, schema: &str, table: &str) -> Result<Option<Arc<dyn Table>>> {
        match self.table_folders(ctx, schema).await?.remove(table) {
            Some(dir) => self.open(ctx, schema, table, dir).await.map(Some),
            None => {
                self.opened().remove(&(schema.to_owned(), table.to_owned()));
                Ok(None)
            }
        }
    }

    /// A table that can't be described is left out with a warning: one broken folder must not hide the others.
    async fn columns(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<(String, Arc<dyn Table>)>> {
        let listed = self.listed_folders(ctx, schema).await?;
        let opened = stream::iter(listed).map(|(table, dir)| async move {
            match self.open(ctx, schema, &table, dir).await {
                Ok(opened) => Ok(Some((table, opened))),
                Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
                Err(error) => {
                    ctx.warnings.push(error.message);
                    Ok(None)
                }
            }
        });
        opened.buffered(TABLES_IN_FLIGHT).try_filter_map(|opened| async { Ok(opened) }).try_collect().await
    }

    async fn check(&self, ctx: &QueryContext) -> Result<()> {
        let schemas = self.schema_folders(ctx).await?;
        for schema in schemas.keys() {
            self.table_folders(ctx, schema).await?;
        }
        Ok(())
    }

    fn decode_scan(&self, _encoded: &serde_json::Value) -> Result<Arc<dyn Scan>> {
        Err(ConnectorError::internal("a Hive table is read through a plan, which has no scan to decode"))
    }

    fn restore_files(
        &self,
        leaf: Arc<dyn ExecutionPlan>,
        runtime: &RuntimeEnv,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        read::restored(leaf, runtime)
    }
}
