//! `mysql_query('catalog', 'servers', 'SELECT ...')`: a user's own statement, sent to servers as it is.
//!
//! It must only read, and three locks see to it. It is parsed, and anything but one plain query is refused ([`check`]); it goes
//! through the protocol of prepared statements, which takes one statement; and sessions are read-only at the server. What it
//! leaves behind in its session (user variables, locks) ends with the connection, which nobody uses again.

use crate::config::Shard;
use crate::error::from_driver;
use crate::kind::Kind;
use crate::output::Selection;
use crate::pool::Servers;
use crate::read::{self, Statement};
use crate::table::Shared;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SetExpr, Statement as Parsed, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::MySqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Whitespace};
use futures::StreamExt;
use mysql_async::prelude::Queryable;
use naru_connector::{
    BatchStream, Column, ConnectorError, ErrorKind, Predicate, QueryContext, Result, Scan, ScanRequest, Split, Support,
    Table,
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Functions that reach beyond tables.
const REFUSED_FUNCTIONS: &[&str] = &["load_file", "sys_exec", "sys_eval", "sys_get", "sys_set"];

fn refused(what: impl Into<String>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Unsupported, what)
}

/// Is it one query that only reads? Comments are refused because servers run what stands in some of them.
fn check(statement: &str) -> Result<()> {
    let dialect = MySqlDialect {};
    let unread = |_| refused("mysql_query can't read the statement: it takes one plain SELECT of MySQL's");
    // A control character begins a comment after `--` there, and not here.
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if statement.contains("/*") || statement.contains(control) {
        return Err(refused("mysql_query takes a statement without comments"));
    }
    let tokens = Tokenizer::new(&dialect, statement).tokenize().map_err(|error| unread(error.into()))?;
    let comments = |token: &Token| {
        matches!(token, Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)))
    };
    if tokens.iter().any(comments) {
        return Err(refused("mysql_query takes a statement without comments"));
    }
    let parsed = Parser::new(&dialect).with_tokens(tokens).parse_statements().map_err(unread)?;
    let [Parsed::Query(query)] = parsed.as_slice() else {
        return Err(refused("mysql_query takes one SELECT, and nothing else"));
    };
    match query.visit(&mut OnlyReads) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(refused(format!("mysql_query only reads: {what} is refused"))),
    }
}

/// Breaks with the name of what does more than reading.
struct OnlyReads;

impl Visitor for OnlyReads {
    type Break = &'static str;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if !query.locks.is_empty() {
            return ControlFlow::Break("locking rows");
        }
        match query.body.as_ref() {
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                ControlFlow::Break("writing")
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() { ControlFlow::Break("INTO") } else { ControlFlow::Continue(()) }
    }

    fn pre_visit_statement(&mut self, _statement: &Parsed) -> ControlFlow<Self::Break> {
        // The query itself is not visited as one.
        ControlFlow::Break("a statement inside the query")
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        let name = match expr {
            Expr::Function(function) => function.name.0.last().and_then(|part| part.as_ident()),
            _ => None,
        };
        let refused = name.is_some_and(|name| REFUSED_FUNCTIONS.contains(&name.value.to_lowercase().as_str()));
        if refused { ControlFlow::Break("a function that reaches beyond tables") } else { ControlFlow::Continue(()) }
    }
}

/// The servers that a selector names, by their positions in `hosts` or by address: `all`, `2`, `0-3`, `db1`, `db1:3307`, and lists
/// of those. `named` gives the servers at an address.
fn servers(selector: &str, count: usize, named: impl Fn(&str) -> Vec<usize>) -> Result<Vec<usize>> {
    if selector.trim().eq_ignore_ascii_case("all") {
        return Ok((0..count).collect());
    }
    let mut chosen = Vec::new();
    for part in selector.split(',').map(str::trim) {
        let by_name = named(part);
        if by_name.is_empty() {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = first.trim().parse().ok().zip(last.trim().parse::<usize>().ok());
            let range = range.filter(|(first, last): &(usize, usize)| first <= last && *last < count);
            let (first, last) = range.ok_or_else(|| {
                let last = count.saturating_sub(1);
                refused(format!("\"{part}\" selects no server: use \"all\", numbers from 0 to {last}, or hosts"))
            })?;
            chosen.extend(first..=last);
        }
        chosen.extend(by_name);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// Everything a pass-through scan is made of. Like a table's scan it holds a statement, so encoded ones are sealed by the gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PassThrough {
    catalog: String,
    statement: String,
    servers: Vec<usize>,
    columns: Vec<(String, Kind)>,
    zero_dates_are_null: bool,
}

/// What tells an encoded pass-through scan from a table's.
const ENCODED: &str = "pass_through";

impl PassThrough {
    fn described(&self) -> Vec<Column> {
        self.columns.iter().map(|(name, kind)| Column::new(name, kind.data_type(), true)).collect()
    }
}

/// What a statement gives, as a table. Nothing is pushed into it: the text stays what the user wrote.
#[derive(Debug)]
pub(crate) struct QueryTable {
    spec: Arc<PassThrough>,
    columns: Vec<Column>,
    shared: Arc<Servers>,
}

impl QueryTable {
    /// Checks a statement, and asks the first of its servers what columns it will give. It is not run.
    pub(crate) async fn new(shared: &Shared, catalog: &str, selector: &str, statement: String) -> Result<Self> {
        check(&statement)?;
        let chosen = servers(selector, shared.servers.len(), |name| shared.servers.named(name))?;
        let first = chosen.first().copied().unwrap_or_default();
        let columns = describe(&shared.servers, first, &statement).await?;
        let zero_dates_are_null = shared.zero_dates_are_null;
        let spec =
            PassThrough { catalog: catalog.to_owned(), statement, servers: chosen, columns, zero_dates_are_null };
        Ok(Self { columns: spec.described(), spec: Arc::new(spec), shared: Arc::clone(&shared.servers) })
    }
}

/// The columns of a prepared statement.
async fn describe(servers: &Servers, server: usize, statement: &str) -> Result<Vec<(String, Kind)>> {
    let what = format!("the statement on server {server}");
    let mut lease = servers.lease(server, &what).await?;
    let prepared = lease.conn()?.prep(statement).await.map_err(|error| not_prepared(&error, &what))?;
    if prepared.num_params() > 0 {
        return Err(refused("mysql_query takes a statement without parameters: a ? has no value there"));
    }
    let mut names = HashSet::new();
    let mut columns = Vec::new();
    for column in prepared.columns().iter() {
        let name = column.name_str().to_lowercase();
        if !names.insert(name.clone()) {
            let text = format!("two columns of the statement are called \"{name}\": give them names of their own");
            return Err(refused(text));
        }
        let kind =
            Kind::of_wire(column).ok_or_else(|| refused(format!("column \"{name}\" has a type that can't be read")))?;
        columns.push((name, kind));
    }
    lease.conn()?.close(prepared).await.map_err(|error| from_driver(&error, &what))?;
    lease.finish();
    Ok(columns)
}

/// What the server says of a statement is about what its user wrote, and that user may read all that the account may.
fn not_prepared(error: &mysql_async::Error, what: &str) -> ConnectorError {
    match error {
        mysql_async::Error::Server(server) => {
            let text = format!("{what} is refused: {} (error {})", server.message, server.code);
            refused(text).with_detail(error)
        }
        _ => from_driver(error, what),
    }
}

#[async_trait]
impl Table for QueryTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn supports(&self, _predicate: &Predicate) -> Support {
        Support::Unsupported
    }

    async fn plan(&self, _ctx: &QueryContext, request: ScanRequest) -> Result<Arc<dyn Scan>> {
        let scan = PassThroughScan::new(Arc::clone(&self.spec), request.projection, Arc::clone(&self.shared))?;
        Ok(Arc::new(scan))
    }
}

/// A statement at each of its servers, one split each.
#[derive(Debug)]
pub(crate) struct PassThroughScan {
    spec: Arc<PassThrough>,
    projection: Vec<usize>,
    /// Of what the servers give.
    whole: SchemaRef,
    /// Of what is asked for.
    schema: SchemaRef,
    splits: Vec<Split>,
    servers: Arc<Servers>,
}

impl PassThroughScan {
    fn new(spec: Arc<PassThrough>, projection: Vec<usize>, servers: Arc<Servers>) -> Result<Self> {
        let fields: Vec<_> = spec.described().into_iter().map(|column| column.field).collect();
        let whole = Arc::new(Schema::new(fields));
        let schema = whole.project(&projection).map_err(|_| ConnectorError::internal("a column that is not there"))?;
        let split = |server: &usize| Split { label: format!("server {server}"), data: (*server).into() };
        let splits = spec.servers.iter().map(split).collect();
        Ok(Self { spec, projection, whole, schema: Arc::new(schema), splits, servers })
    }

    /// The scan that was encoded, if it was one of these.
    pub(crate) fn decode(encoded: &serde_json::Value, servers: &Arc<Servers>) -> Result<Option<Self>> {
        let Some(encoded) = encoded.get(ENCODED) else { return Ok(None) };
        let (spec, projection) = serde_json::from_value(encoded.clone())
            .map_err(|error| ConnectorError::internal("not a pass-through scan").with_detail(error))?;
        Self::new(Arc::new(spec), projection, Arc::clone(servers)).map(Some)
    }
}

#[async_trait]
impl Scan for PassThroughScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn remote_text(&self) -> String {
        self.spec.statement.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn with_projection(&self, columns: &[usize]) -> Option<Arc<dyn Scan>> {
        let projection = columns.iter().map(|&column| self.projection.get(column).copied()).collect::<Option<_>>()?;
        let scan = Self::new(Arc::clone(&self.spec), projection, Arc::clone(&self.servers)).ok()?;
        Some(Arc::new(scan))
    }

    async fn open(&self, ctx: &QueryContext, split: &Split, _late: &[Predicate]) -> Result<BatchStream> {
        let server = split.data.as_u64().and_then(|server| usize::try_from(server).ok());
        let server = server.ok_or_else(|| ConnectorError::internal("not a split of a pass-through scan"))?;
        let statement = Statement {
            shard: Shard { number: 0, server, database: String::new(), table: String::new() },
            what: format!("the statement on server {server}"),
            text: self.spec.statement.clone(),
            values: Vec::new(),
            schema: Arc::clone(&self.whole),
            selection: Arc::new(Selection::of_result(&self.spec.columns)),
            zero_dates_are_null: self.spec.zero_dates_are_null,
            foreign: true,
            may_be_left_out: self.splits.len() > 1
                && ctx.switch(&self.spec.catalog, crate::settings::PARTIAL_RESULTS).unwrap_or(false),
        };
        let projection = self.projection.clone();
        let project = move |batch: Result<datafusion::arrow::array::RecordBatch>| {
            let projected = batch?.project(&projection);
            projected.map_err(|error| ConnectorError::internal("a batch can't be projected").with_detail(error))
        };
        Ok(read::run(ctx, &self.servers, statement).map(project).boxed())
    }

    fn encode(&self) -> Result<serde_json::Value> {
        let parts = serde_json::to_value((self.spec.as_ref(), &self.projection));
        let parts = parts.map_err(|error| ConnectorError::internal("a scan can't be encoded").with_detail(error))?;
        Ok(serde_json::json!({ ENCODED: parts }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn plain_queries_pass() {
        for statement in [
            "SELECT 1",
            "select a, `b` from d.t where c like 'x%' and d = \"a -- no comment\" order by 1 limit 3",
            "WITH x AS (SELECT 1 AS n) SELECT * FROM x UNION ALL SELECT 2",
            "SELECT COUNT(*), GROUP_CONCAT(code) FROM d.t GROUP BY DATE_FORMAT(at, '%Y-%m')",
            "SELECT n\n\tFROM d.t\n",
        ] {
            assert!(check(statement).is_ok(), "{statement}: {:?}", check(statement));
        }
    }

    #[test]
    fn whatever_could_do_more_than_reading_is_refused() {
        for statement in [
            "",
            "INSERT INTO d.t VALUES (1)",
            "DELETE FROM d.t",
            "SET @a = 1",
            "SELECT 1; DROP TABLE d.t",
            "SELECT 1; SELECT 2",
            "CALL d.p()",
            "DO SLEEP(1)",
            "SELECT * FROM d.t FOR UPDATE",
            "SELECT * FROM d.t FOR SHARE",
            "SELECT * FROM d.t LOCK IN SHARE MODE",
            "SELECT * FROM (SELECT * FROM d.t FOR UPDATE) x",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "SELECT * FROM d.t INTO OUTFILE '/tmp/x'",
            "SELECT * INTO OUTFILE '/tmp/x' FROM d.t",
            "SELECT * FROM d.t INTO DUMPFILE '/tmp/x'",
            "SELECT 1 INTO @a",
            "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
            "SELECT 1 /*M! INTO OUTFILE '/tmp/x' */",
            "SELECT 1 -- x",
            "SELECT 1 # x",
            "SELECT 1 --\u{1}x",
            "SELECT LOAD_FILE('/etc/passwd')",
            "SELECT * FROM d.t WHERE a = load_file ('/etc/passwd')",
            "EXPLAIN SELECT 1",
            "SHOW GRANTS",
            "TABLE d.t INTO OUTFILE '/tmp/x'",
            "SELECT 'a\\' /* ' INTO OUTFILE '/tmp/x'",
        ] {
            assert!(check(statement).is_err(), "{statement} passes");
        }
    }

    #[test]
    fn servers_are_selected_by_number_and_by_address() {
        let named = |name: &str| match name {
            "db-1" => vec![1],
            "spare" => vec![0, 3],
            _ => Vec::new(),
        };
        let chosen = |selector: &str| servers(selector, 4, named);
        assert_eq!(chosen("all").unwrap(), [0, 1, 2, 3]);
        assert_eq!(chosen(" 2 ").unwrap(), [2]);
        assert_eq!(chosen("3, 0-1, 1").unwrap(), [0, 1, 3]);
        assert_eq!(chosen("db-1, 2").unwrap(), [1, 2]);
        assert_eq!(chosen("spare").unwrap(), [0, 3]);
        for wrong in ["", "4", "0-4", "2-1", "-1", "x", "0,,1", "all,1", "db-1,x"] {
            assert_eq!(chosen(wrong).unwrap_err().kind, ErrorKind::Unsupported, "{wrong}");
        }
    }
}
