//! A settled read of one table: which columns or states, under which conditions, from which shards. One statement a shard.

use crate::config::Shard;
use crate::kind::Compare;
use crate::output::{Output, Selection};
use crate::pool::Servers;
use crate::read::{self, Statement};
use crate::routing::KeyRouter;
use crate::settings::Switches;
use crate::sql::predicate::compile;
use crate::sql::{Bind, Fragment, Origin, Origins, aggregate, bytes_of, quoted};
use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use futures::StreamExt;
use mysql_async::Value;
use naru_connector::{
    Aggregation, BatchStream, ConnectorError, KeyExpr, Predicate, QueryContext, Result, Scan, SortKey, Split, TopN,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values of one statement at most, by the protocol.
const MAX_BINDS: usize = 65_535;
/// Those of a range of the primary key.
const RANGE_BINDS: usize = 2;

/// What one statement reads, and what a split holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    shard: Shard,
    /// The condition of a range of its primary key.
    range: Option<Fragment>,
}

/// Everything a scan is made of, and what crosses to another machine. It holds statements: whoever hands one over for
/// decoding must be trusted, which the gateway sees to by sealing encoded plans.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScanSpec {
    /// `schema.table`, for errors.
    pub(crate) table: String,
    pub(crate) outputs: Vec<Output>,
    /// All of them hold.
    pub(crate) conditions: Vec<Fragment>,
    /// What was taken over, for EXPLAIN.
    pub(crate) pushed: Vec<String>,
    /// The server chooses exactly the rows that are asked for, so it may also count, order and cut them.
    pub(crate) exact: bool,
    /// Of a partial aggregation: how many of the first outputs are its keys.
    pub(crate) keys: Option<usize>,
    pub(crate) order: Vec<Fragment>,
    pub(crate) limit: Option<usize>,
    /// Conditions of the ranges that big shards are read in, by the shards' numbers.
    pub(crate) ranges: BTreeMap<u32, Vec<Fragment>>,
    /// Quoted names of columns that shards lack, by the shards' numbers.
    pub(crate) lacking: BTreeMap<u32, Vec<String>>,
    /// The physical tables that can hold matching rows, and how many there are.
    pub(crate) shards: Vec<Shard>,
    pub(crate) shard_count: usize,
    pub(crate) zero_dates_are_null: bool,
    /// A shard that can't be reached is left out.
    pub(crate) partial_results: bool,
}

impl ScanSpec {
    /// What a shard's statement reads. Columns that the shard lacks are NULL there, for whatever is asked about them.
    fn rows_of(&self, shard: &Shard) -> String {
        let table = format!("{}.{}", quoted(&shard.database), quoted(&shard.table));
        match self.lacking.get(&shard.number) {
            Some(lacking) => {
                let nulls: Vec<_> = lacking.iter().map(|column| format!("NULL AS {column}")).collect();
                format!("(SELECT *, {} FROM {table}) AS {}", nulls.join(", "), quoted(&shard.table))
            }
            None => table,
        }
    }

    /// The pieces that the scan is read in.
    fn pieces(&self) -> Vec<Piece> {
        let pieces = |shard: &Shard| match self.ranges.get(&shard.number) {
            Some(ranges) => {
                ranges.iter().map(|range| Piece { shard: shard.clone(), range: Some(range.clone()) }).collect()
            }
            None => vec![Piece { shard: shard.clone(), range: None }],
        };
        self.shards.iter().flat_map(pieces).collect()
    }

    /// The statement for one shard, `more` conditions of which hold as well, and its values.
    fn statement(&self, selection: &Selection, shard: &Shard, more: &[Fragment]) -> Fragment {
        let columns = Fragment::joined(selection.fragments.iter().cloned(), ", ");
        let columns = if columns.text.is_empty() { Fragment::text("1") } else { columns };
        let mut statement = columns.wrapped("SELECT ", "");
        statement.text.push_str(&format!(" FROM {}", self.rows_of(shard)));
        let conditions: Vec<_> = self.conditions.iter().chain(more).cloned().collect();
        if !conditions.is_empty() {
            statement = statement.then(" WHERE ", Fragment::joined(conditions, " AND "));
        }
        let keys = self.keys.map_or(0, |keys| selection.width_of_first(keys));
        if keys > 0 {
            // By position: a name or an alias could mean another column of the table. In no order, which costs a sort.
            let positions: Vec<_> = (1..=keys).map(|position| position.to_string()).collect();
            statement.text.push_str(&format!(" GROUP BY {} ORDER BY NULL", positions.join(", ")));
        }
        if !self.order.is_empty() {
            statement = statement.then(" ORDER BY ", Fragment::joined(self.order.iter().cloned(), ", "));
        }
        if let Some(limit) = self.limit {
            statement.text.push_str(&format!(" LIMIT {limit}"));
        }
        statement
    }
}

/// What further rewriting of a scan needs.
#[derive(Debug, Clone)]
pub(crate) struct Rewriting {
    pub(crate) origins: Arc<Origins>,
    pub(crate) router: Option<Arc<KeyRouter>>,
    pub(crate) switches: Switches,
    /// Of a partial aggregation: the outputs that are columns of the table.
    pub(crate) column_keys: Vec<usize>,
}

/// A settled read.
#[derive(Debug)]
pub(crate) struct MysqlScan {
    spec: ScanSpec,
    selection: Arc<Selection>,
    schema: SchemaRef,
    splits: Vec<Split>,
    servers: Arc<Servers>,
    /// A scan that came from elsewhere is rewritten no more.
    rewriting: Option<Rewriting>,
}

impl MysqlScan {
    pub(crate) fn new(spec: ScanSpec, servers: Arc<Servers>, rewriting: Option<Rewriting>) -> Result<Self> {
        let field = |output: &Output| Field::new(&output.name, output.kind().data_type(), output.nullable);
        let fields = spec.outputs.iter().map(field);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let pieces = spec.pieces();
        let splits = pieces.iter().map(|piece| split(piece, spec.shard_count)).collect::<Result<_>>()?;
        let selection = Arc::new(Selection::of(&spec.outputs));
        Ok(Self { spec, selection, schema, splits, servers, rewriting })
    }

    fn rewritten(&self, spec: ScanSpec) -> Option<Arc<dyn Scan>> {
        let scan = Self::new(spec, Arc::clone(&self.servers), self.rewriting.clone()).ok()?;
        Some(Arc::new(scan))
    }

    /// What a rewriting needs, when the session lets it happen and the scan is one that it may change.
    fn rewriting(&self, allowed: fn(&Switches) -> bool) -> Option<&Origins> {
        let rewriting = self.rewriting.as_ref().filter(|rewriting| allowed(&rewriting.switches) && self.is_plain());
        rewriting.map(|rewriting| rewriting.origins.as_ref())
    }

    fn is_plain(&self) -> bool {
        self.spec.keys.is_none() && self.spec.order.is_empty() && self.spec.limit.is_none()
    }

    /// What late predicates are compiled against. A limit would count other rows with them than without.
    fn takes_late(&self) -> Option<&Rewriting> {
        let whole = self.spec.order.is_empty() && self.spec.limit.is_none();
        self.rewriting.as_ref().filter(|rewriting| rewriting.switches.dynamic_filters && whole)
    }

    /// Conditions that became known late, for one shard; `None` when no row there meets them. They may only reduce, so whatever
    /// is in the way leaves them out.
    fn late_conditions(&self, shard: &Shard, late: &[Predicate]) -> Option<Vec<Fragment>> {
        let Some(known) = self.takes_late() else { return Some(Vec::new()) };
        let nowhere = BTreeMap::new();
        let keys = KeyRouter::conditions(known.router.as_deref(), self.spec.shard_count, &nowhere);
        let late = late.iter().map(|predicate| keys.in_shard(predicate, shard.number)).collect::<Option<Vec<_>>>()?;
        let conditions: Vec<_> = late.iter().filter_map(|predicate| compile(predicate, &known.origins)).collect();
        let binds = |conditions: &mut dyn Iterator<Item = &Fragment>| conditions.map(|c| c.binds.len()).sum::<usize>();
        let mut room = (MAX_BINDS - RANGE_BINDS).saturating_sub(binds(&mut self.spec.conditions.iter()));
        let fitting = conditions.into_iter().map(|compiled| compiled.condition).filter(|condition| {
            let fits = condition.binds.len() <= room;
            room -= if fits { condition.binds.len() } else { 0 };
            fits
        });
        Some(fitting.collect())
    }
}

fn split(piece: &Piece, shard_count: usize) -> Result<Split> {
    let data = serde_json::to_value(piece)
        .map_err(|error| ConnectorError::internal("a shard can't be encoded").with_detail(error))?;
    let label = if shard_count > 1 { format!("shard {}", piece.shard.number) } else { "table".to_owned() };
    Ok(Split { label, data })
}

#[async_trait]
impl Scan for MysqlScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        match self.spec.pieces().first() {
            Some(Piece { shard, range }) => self.spec.statement(&self.selection, shard, range.as_slice()).text,
            None => "nothing: no shard can hold a matching row".to_owned(),
        }
    }

    fn pushed(&self) -> Vec<String> {
        let mut pushed = self.spec.pushed.clone();
        if self.spec.shards.len() < self.spec.shard_count {
            pushed.push(format!("shards {} of {}", self.spec.shards.len(), self.spec.shard_count));
        }
        if !self.spec.ranges.is_empty() {
            pushed.push("ranges of the primary key".to_owned());
        }
        pushed.extend(self.spec.keys.map(|keys| format!("partial aggregation, {keys} keys")));
        pushed.extend((!self.spec.order.is_empty()).then(|| "order".to_owned()));
        pushed.extend(self.spec.limit.map(|limit| format!("limit {limit}")));
        pushed
    }

    fn with_projection(&self, columns: &[usize]) -> Option<Arc<dyn Scan>> {
        if self.spec.keys.is_some() {
            return None;
        }
        let outputs = columns.iter().map(|&column| self.spec.outputs.get(column).cloned()).collect::<Option<_>>()?;
        self.rewritten(ScanSpec { outputs, ..self.spec.clone() })
    }

    fn with_limit(&self, limit: usize) -> Option<Arc<dyn Scan>> {
        let allowed = self.rewriting.as_ref().is_none_or(|rewriting| rewriting.switches.limit);
        if !allowed || !self.spec.exact || self.spec.keys.is_some() {
            return None;
        }
        let limit = self.spec.limit.map_or(limit, |known| known.min(limit));
        self.rewritten(ScanSpec { limit: Some(limit), ..self.spec.clone() })
    }

    fn with_topn(&self, topn: &TopN) -> Option<Arc<dyn Scan>> {
        let origins = self.rewriting(|switches| switches.topn).filter(|_| self.spec.exact)?;
        let keys = topn.keys.iter().map(|key| sort_key(key, origins)).collect::<Option<Vec<_>>>()?;
        self.rewritten(ScanSpec { order: keys.concat(), limit: Some(topn.limit), ..self.spec.clone() })
    }

    fn with_aggregation(&self, aggregation: &Aggregation) -> Option<Arc<dyn Scan>> {
        let origins = self.rewriting(|switches| switches.aggregation).filter(|_| self.spec.exact)?;
        let outputs = aggregate::outputs(aggregation, origins)?;
        let keys = aggregation.keys.iter().enumerate();
        let column_keys =
            keys.filter(|(_, key)| matches!(key, KeyExpr::Column(_))).map(|(position, _)| position).collect();
        let rewriting = self.rewriting.clone().map(|rewriting| Rewriting { column_keys, ..rewriting });
        let spec = ScanSpec { outputs, keys: Some(aggregation.keys.len()), ..self.spec.clone() };
        Some(Arc::new(Self::new(spec, Arc::clone(&self.servers), rewriting).ok()?))
    }

    // Rows that a key's value leaves out are whole groups.
    fn late_columns(&self) -> Vec<usize> {
        match (self.takes_late(), self.spec.keys) {
            (Some(_), None) => (0..self.spec.outputs.len()).collect(),
            (Some(rewriting), Some(_)) => rewriting.column_keys.clone(),
            (None, _) => Vec::new(),
        }
    }

    async fn open(&self, ctx: &QueryContext, split: &Split, late: &[Predicate]) -> Result<BatchStream> {
        let Piece { shard, range } = serde_json::from_value(split.data.clone())
            .map_err(|error| ConnectorError::internal("not a split of a MySQL table").with_detail(error))?;
        let Some(mut more) = self.late_conditions(&shard, late) else { return Ok(futures::stream::empty().boxed()) };
        more.extend(range);
        let Fragment { text, binds } = self.spec.statement(&self.selection, &shard, &more);
        if binds.len() > MAX_BINDS {
            let text = format!("a condition on {} has more than {MAX_BINDS} values", self.spec.table);
            return Err(ConnectorError::new(naru_connector::ErrorKind::Resource, text));
        }
        let values: Vec<Value> = binds.iter().map(|bind: &Bind| bind.value(shard.number)).collect();
        let what = match self.spec.shard_count {
            0 | 1 => self.spec.table.clone(),
            _ => format!("shard {} of {}", shard.number, self.spec.table),
        };
        let statement = Statement {
            shard,
            what,
            text,
            values,
            schema: Arc::clone(&self.schema),
            selection: Arc::clone(&self.selection),
            zero_dates_are_null: self.spec.zero_dates_are_null,
            foreign: false,
            may_be_left_out: self.spec.partial_results && self.spec.shard_count > 1,
        };
        Ok(read::run(ctx, &self.servers, statement))
    }

    fn encode(&self) -> Result<serde_json::Value> {
        serde_json::to_value(&self.spec)
            .map_err(|error| ConnectorError::internal("a MySQL scan can't be encoded").with_detail(error))
    }
}

/// A key of ORDER BY, with NULLs where they are wanted: MySQL has them first when ascending, last when descending.
fn sort_key(key: &SortKey, origins: &Origins) -> Option<Vec<Fragment>> {
    let KeyExpr::Column(path) = &key.key else { return None };
    let [name] = path.0.as_slice() else { return None };
    let Origin::Column { quoted, source, nullable } = origins.get(name)? else { return None };
    let expression = match source.compare {
        _ if origins.hides_zero_dates(source) => return None,
        Compare::Native | Compare::Year => quoted.clone(),
        Compare::Text => bytes_of(quoted),
        // The two zeros tie there and not here, so the last row could be the wrong one.
        Compare::Float | Compare::Never => return None,
    };
    let direction = if key.descending { " DESC" } else { "" };
    let mut fragments = Vec::new();
    if *nullable && key.nulls_first == key.descending {
        let nulls = if key.nulls_first { " DESC" } else { "" };
        fragments.push(Fragment::text(format!("ISNULL({quoted}){nulls}")));
    }
    fragments.push(Fragment::text(format!("{expression}{direction}")));
    Some(fragments)
}
