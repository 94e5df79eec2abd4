//! One table of a catalog: a physical one, or many behind one name.

use crate::config::{Logical, Shard, Splitting};
use crate::connector::on_io;
use crate::drift::{Merged, merge};
use crate::error::from_driver;
use crate::kind::Kind;
use crate::metadata::PhysicalTable;
use crate::output::Output;
use crate::pool::Servers;
use crate::ranges;
use crate::routing::{Candidates, Key, KeyRouter, Routing, SHARD_COLUMN};
use crate::scan::{MysqlScan, Rewriting, ScanSpec};
use crate::settings::Switches;
use crate::sql::predicate::{compile, support};
use crate::sql::{Fragment, Origin, Origins, quoted};
use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use futures::future::join_all;
use mysql_async::prelude::Queryable;
use naru_connector::{
    Column, ColumnPath, CompareOp, ConnectorError, DerivedFrom, Predicate, QueryContext, Result, Scan, ScanRequest,
    Support, Table, TableStatistics,
};
use parking_lot::Mutex;
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
    /// Quoted names of columns that shards lack, by the shards' numbers.
    lacking: BTreeMap<u32, Vec<String>>,
    split_key: Option<Arc<SplitKey>>,
    servers: Arc<Servers>,
    switches: Switches,
}

/// The primary key that big shards are split by.
#[derive(Debug)]
struct SplitKey {
    quoted: String,
    /// How many ranges each shard is read in.
    counts: BTreeMap<u32, usize>,
    /// What they were found to be.
    found: Mutex<BTreeMap<u32, Vec<Fragment>>>,
}

/// What all tables of a catalog share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) servers: Arc<Servers>,
    pub(crate) zero_dates_are_null: bool,
    pub(crate) missing_is_null: bool,
    pub(crate) splitting: Splitting,
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
        let merged = merge(&name, &physical, shared.missing_is_null)?;
        let mut lacking: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        let mut columns = Vec::new();
        let mut origins = Vec::new();
        for Merged { column, nullable, lacking: without, .. } in &merged {
            for shard in without {
                lacking.entry(*shard).or_default().push(quoted(&column.name));
            }
            let canonical = column.name.to_lowercase();
            let described = Column::new(&canonical, column.source.kind.data_type(), *nullable);
            columns.push(Column { comment: column.comment.clone(), ..described });
            let origin = Origin::Column { quoted: quoted(&column.name), source: column.source, nullable: *nullable };
            origins.push((canonical, origin));
        }
        let routing = logical.routing.as_ref();
        let everywhere =
            |name: &str| merged.iter().any(|m| m.lacking.is_empty() && m.column.name.eq_ignore_ascii_case(name));
        if let Some((key, _)) = routing.filter(|(key, _)| !everywhere(key)) {
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
            unique_keys: unique_keys(first, &columns, sharded, routing.map(|(key, _)| key.as_str()), &lacking),
            columns,
            origins: Arc::new(Origins { columns: origins, zero_dates_are_null: shared.zero_dates_are_null }),
            statistics: TableStatistics { rows: sum(|table| table.rows), bytes: sum(|table| table.bytes) },
            comment: first.and_then(|table| table.comment.clone()),
            split_key: split_key(&physical, &merged, shared.splitting).map(Arc::new),
            lacking,
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

    /// What `naru check` says of shards that lack columns.
    pub(crate) fn drift(&self) -> impl Iterator<Item = String> + '_ {
        let name = &self.name;
        self.lacking.iter().map(move |(shard, columns)| {
            format!("shard {shard} of {name} lacks {}: read as NULL there", columns.join(", "))
        })
    }

    /// The ranges that big shards are read in. Asking for few rows by a key is not worth several statements.
    async fn ranges(
        &self,
        ctx: &QueryContext,
        shards: &[Shard],
        request: &ScanRequest,
    ) -> BTreeMap<u32, Vec<Fragment>> {
        let Some(key) = self.split_key.as_ref().filter(|_| request.limit.is_none()) else { return BTreeMap::new() };
        let is_key = |name: &str| {
            quoted(name).eq_ignore_ascii_case(&key.quoted) || self.router.as_ref().is_some_and(|r| r.key == name)
        };
        if request.predicates.iter().any(|predicate| names_values(predicate, &is_key)) {
            return BTreeMap::new();
        }
        let unknown: Vec<_> = {
            let found = key.found.lock();
            let big = |shard: &&Shard| key.counts.get(&shard.number).is_some_and(|count| *count > 1);
            shards.iter().filter(big).filter(|shard| !found.contains_key(&shard.number)).cloned().collect()
        };
        let (servers, split, name) = (Arc::clone(&self.servers), Arc::clone(key), self.name.clone());
        let asked = on_io(ctx, async move {
            Ok(join_all(unknown.iter().map(|shard| async {
                let count = split.counts.get(&shard.number).copied().unwrap_or(1);
                let what = format!("shard {} of {name}", shard.number);
                (shard.number, ranges::of_shard(&servers, shard, &split.quoted, count, &what).await)
            }))
            .await)
        });
        let mut found = key.found.lock().clone();
        // A shard that can't say is read by one statement, which then fails as it should.
        for (shard, ranges) in asked.await.unwrap_or_default() {
            if let Ok(ranges) = ranges {
                key.found.lock().insert(shard, ranges.clone());
                found.insert(shard, ranges);
            }
        }
        found.retain(|shard, ranges| !ranges.is_empty() && shards.iter().any(|wanted| wanted.number == *shard));
        found
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

/// Does it look for single values of a key?
fn names_values(predicate: &Predicate, is_key: &dyn Fn(&str) -> bool) -> bool {
    match predicate {
        Predicate::Compare { column, op: CompareOp::Eq, .. } | Predicate::In { column, .. } => is_key(column.root()),
        Predicate::And(all) => all.iter().any(|predicate| names_values(predicate, is_key)),
        _ => false,
    }
}

/// The primary key, where all shards have the same one of one integer column and one of them is big.
fn split_key(physical: &[(u32, PhysicalTable)], merged: &[Merged], splitting: Splitting) -> Option<SplitKey> {
    let (_, first) = physical.first()?;
    let name = first.primary_key.as_ref()?;
    let same = |key: &String| key.eq_ignore_ascii_case(name);
    physical.iter().all(|(_, table)| table.primary_key.as_ref().is_some_and(same)).then_some(())?;
    let column = merged.iter().find(|merged| same(&merged.column.name))?;
    let kind = column.column.source.kind;
    matches!(kind, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Decimal128(20, 0)).then_some(())?;
    let counts: BTreeMap<_, _> =
        physical.iter().map(|(number, table)| (*number, ranges::count(table.rows, splitting))).collect();
    counts.values().any(|count| *count > 1).then(|| SplitKey {
        quoted: quoted(&column.column.name),
        counts,
        found: Mutex::default(),
    })
}

/// A key that is unique in each shard is unique over all only when it holds the column that rows are sharded by.
fn unique_keys(
    table: Option<&PhysicalTable>,
    columns: &[Column],
    sharded: bool,
    sharded_by: Option<&str>,
    lacking: &BTreeMap<u32, Vec<String>>,
) -> Vec<Vec<usize>> {
    let position = |name: &String| columns.iter().position(|column| column.name().eq_ignore_ascii_case(name));
    let keys = table.map(|table| table.unique_keys.as_slice()).unwrap_or_default();
    let holds = |key: &&Vec<String>| {
        !sharded || sharded_by.is_some_and(|by| key.iter().any(|column| column.eq_ignore_ascii_case(by)))
    };
    let everywhere =
        |key: &&Vec<String>| key.iter().all(|column| !lacking.values().flatten().any(|l| *l == quoted(column)));
    keys.iter().filter(holds).filter(everywhere).filter_map(|key| key.iter().map(position).collect()).collect()
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
        let shards: Vec<_> = self.shards.iter().filter(|shard| candidates.contains(&shard.number)).cloned().collect();
        let spec = ScanSpec {
            ranges: self.ranges(ctx, &shards, &request).await,
            lacking: self.lacking.clone(),
            table: self.name.clone(),
            outputs,
            conditions: compiled.into_iter().map(|compiled| compiled.condition).collect(),
            pushed: request.predicates.iter().map(|predicate| format!("filter {predicate}")).collect(),
            exact,
            keys: None,
            order: Vec::new(),
            limit: request.limit.filter(|_| exact && self.switches.limit),
            shards,
            shard_count: self.shards.len(),
            zero_dates_are_null: self.origins.zero_dates_are_null,
            partial_results: self.switches.partial_results,
        };
        let rewriting = Rewriting {
            origins: Arc::clone(&self.origins),
            router: self.router.clone(),
            switches: self.switches,
            column_keys: Vec::new(),
        };
        let scan = MysqlScan::new(spec, Arc::clone(&self.servers), Some(rewriting))?;
        Ok(Arc::new(scan))
    }
}
