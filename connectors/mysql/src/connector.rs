//! One catalog: which schemas and tables there are, remembered for a while.
//!
//! Canonical names are lower case. Two names of a server that differ only by case are an error of whatever holds them.

use crate::config::{Config, Logical, Shard, TypeOptions};
use crate::metadata::{self, PhysicalTable};
use crate::pass_through::{PassThroughScan, QueryTable};
use crate::pool::Servers;
use crate::scan::{MysqlScan, ScanSpec};
use crate::settings::Switches;
use crate::table::{MysqlTable, Shared};
use async_trait::async_trait;
use futures::future::{join_all, try_join_all};
use naru_connector::{
    Connector, ConnectorError, ErrorKind, QueryContext, QueryFunction, Result, Scan, SessionSetting, Table,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;

/// The server whose own tables are shown.
const MAIN: usize = 0;

/// Names by their canonical form; `None` where two fold to one.
type Names = BTreeMap<String, Option<String>>;

/// One catalog: as its own accounts see it, and as users' accounts do. Nothing that one account learned is told to another.
#[derive(Debug)]
pub(crate) struct MysqlConnector {
    config: Config,
    own: Arc<Catalog>,
    settings: Vec<SessionSetting>,
    /// By the name of a user's account.
    by_account: Mutex<HashMap<String, Arc<Catalog>>>,
}

/// What one account sees, over connections of its own.
#[derive(Debug)]
struct Catalog {
    name: String,
    logical: Vec<Logical>,
    types: TypeOptions,
    shared: Shared,
    databases: Remembered<(), Names>,
    tables: Remembered<String, Names>,
    described: Remembered<(String, String), MysqlTable>,
}

impl MysqlConnector {
    /// A catalog that has reached nothing yet.
    pub(crate) fn new(catalog: &str, config: Config) -> Result<Self> {
        let own = Arc::new(Catalog::new(catalog, &config, Servers::new(&config)));
        let settings = own.shared.switches.settings();
        Ok(Self { config, own, settings, by_account: Mutex::default() })
    }

    /// The catalog as the asking user's account sees it.
    fn catalog(&self, ctx: &QueryContext) -> Result<Arc<Catalog>> {
        let Some(credentials) = &self.config.credentials else { return Ok(Arc::clone(&self.own)) };
        let name = &self.own.name;
        let account = credentials.of(&ctx.principal.user).ok_or_else(|| {
            let text = format!("catalog {name} has no account for user {}", ctx.principal.user);
            ConnectorError::new(ErrorKind::SourceDenied, text)
        })?;
        let mut known = self.by_account.lock();
        let catalog = known.entry(account.user.clone()).or_insert_with(|| {
            Arc::new(Catalog::new(name, &self.config, self.own.shared.servers.under(&self.config, account)))
        });
        Ok(Arc::clone(catalog))
    }

    /// Runs `ask` where sockets are served.
    async fn run<T, Ask>(&self, ctx: &QueryContext, ask: impl FnOnce(Arc<Catalog>) -> Ask) -> Result<T>
    where
        T: Send + 'static,
        Ask: Future<Output = Result<T>> + Send + 'static,
    {
        on_io(ctx, ask(self.catalog(ctx)?)).await
    }
}

/// Runs work on the runtime for sockets, until it is done or its query cancelled; dropping it ends it.
pub(crate) async fn on_io<T: Send + 'static>(
    ctx: &QueryContext,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = AbortOnDropHandle::new(ctx.io.spawn(work));
    tokio::select! {
        done = task => done.unwrap_or_else(|error| Err(ConnectorError::internal("a request to MySQL broke off").with_detail(error))),
        () = ctx.cancel.cancelled() => Err(ConnectorError::new(ErrorKind::Cancelled, "the query was cancelled")),
    }
}

#[async_trait]
impl Connector for MysqlConnector {
    async fn schemas(&self, ctx: &QueryContext) -> Result<Vec<String>> {
        self.run(ctx, |catalog| async move {
            let databases = catalog.databases().await?;
            let logical = catalog.logical.iter().map(|table| &table.schema);
            let mut names: Vec<_> = databases.keys().chain(logical).cloned().collect();
            names.sort_unstable();
            names.dedup();
            Ok(names)
        })
        .await
    }

    async fn tables(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<String>> {
        let schema = schema.to_owned();
        self.run(ctx, |catalog| async move { catalog.table_names(&schema).await }).await
    }

    async fn table(&self, ctx: &QueryContext, schema: &str, table: &str) -> Result<Option<Arc<dyn Table>>> {
        let key = (schema.to_owned(), table.to_owned());
        let catalog = self.catalog(ctx)?;
        let found = match catalog.described.get(&key) {
            Some(known) => Some(known),
            None => self.run(ctx, |catalog| async move { catalog.table(&key.0, &key.1).await }).await?,
        };
        let switches = catalog.shared.switches.in_session(ctx, &catalog.name);
        Ok(found.map(|table| table.with_switches(switches) as Arc<dyn Table>))
    }

    async fn columns(&self, ctx: &QueryContext, schema: &str) -> Result<Vec<(String, Arc<dyn Table>)>> {
        let schema = schema.to_owned();
        let tables = self.run(ctx, |catalog| async move { catalog.all_tables(&schema).await }).await?;
        Ok(tables.into_iter().map(|(name, table)| (name, table as Arc<dyn Table>)).collect())
    }

    async fn check(&self, ctx: &QueryContext) -> Result<()> {
        // By the catalog's own accounts: no user asks.
        let catalog = Arc::clone(&self.own);
        on_io(ctx, async move {
            let servers = &catalog.shared.servers;
            try_join_all((0..servers.len()).map(|server| metadata::databases(servers, server))).await?;
            for logical in &catalog.logical {
                for described in catalog.describe_shards(logical).await {
                    described?;
                }
                catalog.logical_table(logical).await?;
            }
            Ok(())
        })
        .await
    }

    fn query_function(&self) -> Option<&dyn QueryFunction> {
        Some(self)
    }

    fn settings(&self) -> &[SessionSetting] {
        &self.settings
    }

    fn decode_scan(&self, encoded: &serde_json::Value) -> Result<Arc<dyn Scan>> {
        if self.config.credentials.is_some() {
            // An encoded scan doesn't say whose it is.
            let text = "a catalog with users' own accounts is not read on other machines";
            return Err(ConnectorError::new(ErrorKind::Unsupported, text));
        }
        let servers = &self.own.shared.servers;
        if let Some(scan) = PassThroughScan::decode(encoded, servers)? {
            return Ok(Arc::new(scan));
        }
        let spec: ScanSpec = serde_json::from_value(encoded.clone())
            .map_err(|error| ConnectorError::internal("not a scan of a MySQL table").with_detail(error))?;
        Ok(Arc::new(MysqlScan::new(spec, Arc::clone(servers), None)?))
    }
}

#[async_trait]
impl QueryFunction for MysqlConnector {
    fn name(&self) -> &'static str {
        "mysql_query"
    }

    async fn table(&self, ctx: &QueryContext, selector: &str, statement: &str) -> Result<Arc<dyn Table>> {
        let (selector, statement) = (selector.to_owned(), statement.to_owned());
        let table = self.run(ctx, |catalog| async move {
            QueryTable::new(&catalog.shared, &catalog.name, &selector, statement).await
        });
        Ok(Arc::new(table.await?))
    }
}

impl Catalog {
    fn new(name: &str, config: &Config, servers: Servers) -> Self {
        let switches = Switches::of_catalog(config.pushdown_off);
        let zero_dates_are_null = config.types.zero_dates_are_null;
        Self {
            name: name.to_owned(),
            logical: config.tables.clone(),
            types: config.types,
            shared: Shared { servers: Arc::new(servers), zero_dates_are_null, switches },
            databases: Remembered::new(config.metadata_ttl),
            tables: Remembered::new(config.metadata_ttl),
            described: Remembered::new(config.metadata_ttl),
        }
    }

    async fn databases(&self) -> Result<Arc<Names>> {
        if let Some(known) = self.databases.get(&()) {
            return Ok(known);
        }
        let names = folded(metadata::databases(&self.shared.servers, MAIN).await?);
        Ok(self.databases.keep((), names))
    }

    /// The main server's database behind a schema.
    async fn database(&self, schema: &str) -> Result<Option<String>> {
        match self.databases().await?.get(schema) {
            Some(Some(database)) => Ok(Some(database.clone())),
            Some(None) => Err(ambiguous("databases", schema)),
            None => Ok(None),
        }
    }

    /// The main server's own tables of a database, but those that lie behind a logical one.
    async fn own_tables(&self, database: &str) -> Result<Arc<Names>> {
        let key = database.to_owned();
        if let Some(known) = self.tables.get(&key) {
            return Ok(known);
        }
        let mut names = metadata::table_names(&self.shared.servers, MAIN, database).await?;
        names.retain(|name| !self.is_behind_a_logical_table(database, name));
        Ok(self.tables.keep(key, folded(names)))
    }

    fn is_behind_a_logical_table(&self, database: &str, table: &str) -> bool {
        let mut shards = self.logical.iter().flat_map(|logical| &logical.shards);
        shards.any(|shard| shard.server == MAIN && shard.database == database && shard.table == table)
    }

    async fn table_names(&self, schema: &str) -> Result<Vec<String>> {
        let mut names: Vec<_> =
            self.logical.iter().filter(|table| table.schema == schema).map(|table| table.name.clone()).collect();
        if let Some(database) = self.database(schema).await? {
            names.extend(self.own_tables(&database).await?.keys().cloned());
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn logical(&self, schema: &str, table: &str) -> Option<&Logical> {
        self.logical.iter().find(|logical| logical.schema == schema && logical.name == table)
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Arc<MysqlTable>>> {
        let key = (schema.to_owned(), table.to_owned());
        if let Some(logical) = self.logical(schema, table) {
            let (described, complete) = self.logical_table(logical).await?;
            // A shard that was down has yet to be compared with the others.
            return Ok(Some(if complete { self.described.keep(key, described) } else { Arc::new(described) }));
        }
        let Some(database) = self.database(schema).await? else { return Ok(None) };
        let name = match self.own_tables(&database).await?.get(table) {
            Some(Some(name)) => name.clone(),
            Some(None) => return Err(ambiguous("tables", &format!("{schema}.{table}"))),
            None => return Ok(None),
        };
        let found = metadata::tables(&self.shared.servers, MAIN, &database, Some(&name), &self.types).await?;
        let Some(physical) = found.into_iter().find(|physical| physical.name == name) else { return Ok(None) };
        let described = self.own_table(schema, &database, physical)?;
        Ok(Some(self.described.keep(key, described)))
    }

    fn own_table(&self, schema: &str, database: &str, physical: PhysicalTable) -> Result<MysqlTable> {
        let name = physical.name.to_lowercase();
        let shard = Shard { number: 0, server: MAIN, database: database.to_owned(), table: physical.name.clone() };
        MysqlTable::single(schema, &name, shard, physical, &self.shared)
    }

    /// All tables of a schema: the main server's own in one round trip, and each logical one.
    async fn all_tables(&self, schema: &str) -> Result<Vec<(String, Arc<MysqlTable>)>> {
        let mut tables = BTreeMap::new();
        if let Some(database) = self.database(schema).await? {
            let own = self.own_tables(&database).await?;
            for physical in metadata::tables(&self.shared.servers, MAIN, &database, None, &self.types).await? {
                let name = physical.name.to_lowercase();
                if own.get(&name).is_some_and(|known| known.as_ref() == Some(&physical.name)) {
                    let table = self.own_table(schema, &database, physical)?;
                    tables.insert(name.clone(), self.described.keep((schema.to_owned(), name), table));
                }
            }
        }
        for logical in self.logical.iter().filter(|logical| logical.schema == schema) {
            if let Some(table) = self.table(schema, &logical.name).await? {
                tables.insert(logical.name.clone(), table);
            }
        }
        Ok(tables.into_iter().collect())
    }

    /// A logical table as the shards that can be reached describe it; `true` when those are all.
    async fn logical_table(&self, logical: &Logical) -> Result<(MysqlTable, bool)> {
        let mut reached = Vec::new();
        let mut unreachable = None;
        for (shard, described) in logical.shards.iter().zip(self.describe_shards(logical).await) {
            match described {
                Ok(physical) => reached.push((shard.number, physical)),
                // A query that needs only other shards can still be answered.
                Err(error) if error.kind == ErrorKind::Unavailable => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        let complete = unreachable.is_none();
        match unreachable {
            Some(error) if reached.is_empty() => Err(error),
            _ => Ok((MysqlTable::new(logical, reached, &self.shared)?, complete)),
        }
    }

    /// What each shard's server says of its table, in order.
    async fn describe_shards(&self, logical: &Logical) -> Vec<Result<PhysicalTable>> {
        join_all(logical.shards.iter().map(|shard| async move {
            let Shard { number, server, database, table } = shard;
            let found = metadata::tables(&self.shared.servers, *server, database, Some(table), &self.types).await?;
            found.into_iter().find(|physical| physical.name == *table).ok_or_else(|| {
                let text = format!("shard {number} of {}.{} has no such table", logical.schema, logical.name);
                ConnectorError::new(ErrorKind::ObjectChanged, text)
                    .with_detail(format!("catalog {}: no {database}.{table} on server {server}", self.name))
            })
        }))
        .await
    }
}

fn folded(names: Vec<String>) -> Names {
    let mut folded = Names::new();
    for name in names {
        folded.entry(name.to_lowercase()).and_modify(|known| *known = None).or_insert(Some(name));
    }
    folded
}

fn ambiguous(kind: &str, name: &str) -> ConnectorError {
    ConnectorError::new(ErrorKind::Unsupported, format!("two {kind} differ from \"{name}\" only by case"))
}

/// What was learned, for a while. Failures and absences are not remembered.
#[derive(Debug)]
struct Remembered<K, V> {
    ttl: Duration,
    known: Mutex<HashMap<K, (Instant, Arc<V>)>>,
}

impl<K: std::hash::Hash + Eq, V> Remembered<K, V> {
    fn new(ttl: Duration) -> Self {
        Self { ttl, known: Mutex::default() }
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        let known = self.known.lock();
        known.get(key).filter(|(learned, _)| learned.elapsed() < self.ttl).map(|(_, value)| Arc::clone(value))
    }

    fn keep(&self, key: K, value: V) -> Arc<V> {
        let value = Arc::new(value);
        let mut known = self.known.lock();
        // Tables that were dropped at the source would stay for ever.
        known.retain(|_, (learned, _)| learned.elapsed() < self.ttl);
        known.insert(key, (Instant::now(), Arc::clone(&value)));
        value
    }
}
