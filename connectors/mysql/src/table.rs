//! One table of a catalog: a physical one, or many behind one name.

use crate::config::{Logical, Shard};
use crate::connector::on_io;
use crate::error::from_driver;
use crate::metadata::{PhysicalColumn, PhysicalTable};
use crate::pool::Servers;
use crate::routing::{Candidates, Key, KeyRouter, Routing, SHARD_COLUMN};
use crate::scan::{MysqlScan, Output, Rewriting, ScanSpec};
use crate::settings::Switches;
use crate::sql::predicate::{compile, support};
use crate::sql::{Origin, Origins, quoted};
use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use mysql_async::prelude::Queryable;
use naru_connector::{
    Column, ColumnPath, CompareOp, ConnectorError, DerivedFrom, ErrorKind, Predicate, QueryContext, Result, Scan,
    ScanRequest, Support, Table, TableStatistics,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Keys that are asked of a look-up table at most; beyond, all shards are read.
const MAX_LOOKUPS: usize = 1000;

/// A table.
#[derive(Debug, Clone)]
pub(crate) struct MysqlTable {
    /// `schema.table`
    name: String,
    columns: Vec<Column>,
    origins: Arc<Origins>,
    unique_keys: Vec<Vec<usize>>,
    statistics: TableStatistics,
    comment: Option<String>,
    shards: Vec<Shard>,
    router: Option<Arc<KeyRouter>>,
    servers: Arc<Servers>,
    switches: Switches,
}

/// What all tables of a catalog share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) servers: Arc<Servers>,
    pub(crate) zero_dates_are_null: bool,
    /// Those of the catalog; a session's may differ.
    pub(crate) switches: Switches,
}

impl MysqlTable {
    /// A table that lies in one place.
    pub(crate) fn single(
        schema: &str,
        name: &str,
        shard: Shard,
        physical: PhysicalTable,
        shared: &Shared,
    ) -> Result<Self> {
        let logical = Logical { schema: schema.to_owned(), name: name.to_owned(), shards: vec![shard], routing: None };
        Self::new(&logical, vec![(0, physical)], shared)
    }

    /// A table over the physical ones that answered, with their shards' numbers.
    pub(crate) fn new(logical: &Logical, physical: Vec<(u32, PhysicalTable)>, shared: &Shared) -> Result<Self> {
        let name = format!("{}.{}", logical.schema, logical.name);
        let sharded = logical.shards.len() > 1;
        let merged = merge(&name, &physical)?;
        let mut columns = Vec::new();
        let mut origins = Vec::new();
        for (column, nullable) in &merged {
            let canonical = column.name.to_lowercase();
            let described = Column::new(&canonical, column.source.kind.data_type(), *nullable);
            columns.push(Column { comment: column.comment.clone(), ..described });
            let origin = Origin::Column { quoted: quoted(&column.name), source: column.source, nullable: *nullable };
            origins.push((canonical, origin));
        }
        let routing = logical.routing.as_ref();
        if let Some((key, _)) = routing.filter(|(key, _)| !columns.iter().any(|column| column.name() == key)) {
            return Err(ConnectorError::configuration(format!(
                "table {name} has no column \"{key}\" to be sharded by"
            )));
        }
        if sharded {
            // A shard's number tells something of its rows' keys.
            let reveals = routing.map_or(DerivedFrom::Itself, |(key, _)| DerivedFrom::Columns(vec![key.clone()]));
            columns.push(Column::new(SHARD_COLUMN, DataType::Int32, false).hidden(reveals));
            origins.push((SHARD_COLUMN.to_owned(), Origin::Shard));
        }
        let sum = |of: fn(&PhysicalTable) -> Option<u64>| {
            let known: Option<Vec<_>> = physical.iter().map(|(_, table)| of(table)).collect();
            known.filter(|known| known.len() == logical.shards.len()).map(|known| known.iter().sum())
        };
        let first = physical.first().map(|(_, table)| table);
        Ok(Self {
            unique_keys: unique_keys(first, &columns, sharded, routing.map(|(key, _)| key.as_str())),
            columns,
            origins: Arc::new(Origins { columns: origins, zero_dates_are_null: shared.zero_dates_are_null }),
            statistics: TableStatistics { rows: sum(|table| table.rows), bytes: sum(|table| table.bytes) },
            comment: first.and_then(|table| table.comment.clone()),
            router: routing.map(|(key, routing)| {
                let router = routing.prepare(logical.shards.len());
                Arc::new(KeyRouter { key: key.clone(), routing: routing.clone(), router })
            }),
            shards: logical.shards.clone(),
            servers: Arc::clone(&shared.servers),
            switches: shared.switches,
            name,
        })
    }

    /// The same table with a session's switches.
    pub(crate) fn with_switches(self: Arc<Self>, switches: Switches) -> Arc<Self> {
        if self.switches == switches { self } else { Arc::new(Self { switches, ..Self::clone(&self) }) }
    }

    async fn candidates(&self, ctx: &QueryContext, predicates: &[Predicate]) -> Result<Candidates> {
        let looked_up = self.look_up(ctx, predicates).await?;
        Ok(KeyRouter::conditions(self.router.as_deref(), self.shards.len(), &looked_up).candidates(predicates))
    }

    /// Asks the look-up table, if there is one, where the keys that are asked for lie. A key that it doesn't know lies
    /// nowhere.
    async fn look_up(&self, ctx: &QueryContext, predicates: &[Predicate]) -> Result<BTreeMap<Key, Vec<u32>>> {
        let Some(router) = &self.router else { return Ok(BTreeMap::new()) };
        let Routing::Lookup { server, database, table, key, shard } = &router.routing else {
            return Ok(BTreeMap::new());
        };
        let mut keys = BTreeSet::new();
        for predicate in predicates {
            wanted_keys(predicate, &router.key, &mut keys);
        }
        if keys.is_empty() || keys.len() > MAX_LOOKUPS {
            return Ok(BTreeMap::new());
        }
        let (table, key) = (format!("{}.{}", quoted(database), quoted(table)), quoted(key));
        let text = format!("SELECT {} FROM {table} WHERE {key} = ?", quoted(shard));
        let what = format!("the look-up table of {}", self.name);
        let (servers, server) = (Arc::clone(&self.servers), *server);
        on_io(ctx, async move { ask(&servers, server, &text, keys, &what).await }).await
    }
}

async fn ask(
    servers: &Servers,
    server: usize,
    text: &str,
    keys: BTreeSet<Key>,
    what: &str,
) -> Result<BTreeMap<Key, Vec<u32>>> {
    let mut lease = servers.lease(server, what).await?;
    let mut found = BTreeMap::new();
    for key in keys {
        let value: mysql_async::Value = match &key {
            Key::Number(number) => i64::try_from(*number).map_or_else(|_| number.to_string().into(), Into::into),
            Key::Text(text) => text.as_str().into(),
        };
        let shards = lease.conn()?.exec(text, (value,)).await.map_err(|error| from_driver(&error, what))?;
        found.insert(key, shards);
    }
    lease.finish();
    Ok(found)
}

/// The keys that equalities and lists ask for.
fn wanted_keys(predicate: &Predicate, key_column: &str, keys: &mut BTreeSet<Key>) {
    let is_key = |column: &ColumnPath| column.root() == key_column;
    match predicate {
        Predicate::Compare { column, op: CompareOp::Eq, value } if is_key(column) => keys.extend(Key::new(value)),
        Predicate::In { column, values } if is_key(column) => keys.extend(values.iter().filter_map(Key::new)),
        Predicate::And(all) | Predicate::Or(all) => {
            all.iter().for_each(|predicate| wanted_keys(predicate, key_column, keys));
        }
        _ => {}
    }
}

/// The columns that all shards agree on. One that differs is an error: guessing would give wrong rows.
fn merge(name: &str, physical: &[(u32, PhysicalTable)]) -> Result<Vec<(PhysicalColumn, bool)>> {
    let Some(((first, model), others)) = physical.split_first() else {
        return Err(ConnectorError::new(ErrorKind::Unavailable, format!("no shard of {name} can be reached")));
    };
    let mut merged: Vec<_> = model.columns.iter().map(|column| (column.clone(), column.nullable)).collect();
    for (number, table) in others {
        let differs = |column: &str| {
            let text = format!("column \"{column}\" of {name} differs between its shards {first} and {number}");
            ConnectorError::new(ErrorKind::ObjectChanged, text)
        };
        for (column, nullable) in &mut merged {
            let same = table.columns.iter().find(|other| other.name.eq_ignore_ascii_case(&column.name));
            let same = same.filter(|other| other.source == column.source).ok_or_else(|| differs(&column.name))?;
            *nullable |= same.nullable;
        }
        let known =
            |other: &PhysicalColumn| merged.iter().any(|(column, _)| column.name.eq_ignore_ascii_case(&other.name));
        if let Some(extra) = table.columns.iter().find(|other| !known(other)) {
            return Err(differs(&extra.name));
        }
    }
    Ok(merged)
}

/// A key that is unique in each shard is unique over all only when it holds the column that rows are sharded by.
fn unique_keys(
    table: Option<&PhysicalTable>,
    columns: &[Column],
    sharded: bool,
    sharded_by: Option<&str>,
) -> Vec<Vec<usize>> {
    let position = |name: &String| columns.iter().position(|column| column.name().eq_ignore_ascii_case(name));
    let keys = table.map(|table| table.unique_keys.as_slice()).unwrap_or_default();
    let holds = |key: &&Vec<String>| {
        !sharded || sharded_by.is_some_and(|by| key.iter().any(|column| column.eq_ignore_ascii_case(by)))
    };
    keys.iter().filter(holds).filter_map(|key| key.iter().map(position).collect()).collect()
}

#[async_trait]
impl Table for MysqlTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    fn unique_keys(&self) -> &[Vec<usize>] {
        &self.unique_keys
    }

    fn statistics(&self) -> TableStatistics {
        self.statistics
    }

    fn supports(&self, predicate: &Predicate) -> Support {
        if self.switches.predicates { support(predicate, &self.origins) } else { Support::Unsupported }
    }

    async fn plan(&self, ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>> {
        let refused = || ConnectorError::internal("a scan is asked for a condition that its table does not support");
        let compiled = request.predicates.iter().map(|predicate| compile(predicate, &self.origins).ok_or_else(refused));
        let compiled = compiled.collect::<Result<Vec<_>>>()?;
        let outputs = request.projection.iter().map(|&position| {
            let (name, origin) = self.origins.columns.get(position).ok_or_else(refused)?;
            Ok(Output::column(name, origin))
        });
        let outputs = outputs.collect::<Result<_>>()?;
        let exact = compiled.iter().all(|compiled| compiled.exact);
        let candidates = self.candidates(ctx, &request.predicates).await?;
        let spec = ScanSpec {
            table: self.name.clone(),
            outputs,
            conditions: compiled.into_iter().map(|compiled| compiled.condition).collect(),
            pushed: request.predicates.iter().map(|predicate| format!("filter {predicate}")).collect(),
            exact,
            keys: None,
            order: Vec::new(),
            limit: request.limit.filter(|_| exact && self.switches.limit),
            shards: self.shards.iter().filter(|shard| candidates.contains(&shard.number)).cloned().collect(),
            shard_count: self.shards.len(),
            zero_dates_are_null: self.origins.zero_dates_are_null,
            partial_results: self.switches.partial_results,
        };
        let rewriting =
            Rewriting { origins: Arc::clone(&self.origins), router: self.router.clone(), switches: self.switches };
        let scan = MysqlScan::new(spec, Arc::clone(&self.servers), Some(rewriting))?;
        Ok(Arc::new(scan))
    }
}
