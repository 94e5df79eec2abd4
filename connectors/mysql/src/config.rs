//! A catalog file with its meaning settled: servers, credentials, limits, and where the shards of each logical table lie.

use crate::accounts::{self, Account, Credentials};
use crate::pattern;
use crate::routing::Routing;
use naru_connector::{ConnectorError, Parameters, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

const DEFAULT_PORT: u16 = 3306;

/// How a catalog's connections are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No encryption.
    Disable,
    /// Encrypted, to whoever answers.
    Require,
    /// Encrypted, to a server whose certificate comes from our authority and is for its name.
    VerifyFull,
}

/// Encryption and its files.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) mode: TlsMode,
    pub(crate) authority: Option<PathBuf>,
    /// The name that certificates are for; the host's when absent.
    pub(crate) server_name: Option<String>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Is it what `host` or `host:port` names?
    pub(crate) fn is(&self, name: &str) -> bool {
        let host = name.strip_suffix(&format!(":{}", self.port)).unwrap_or(name);
        host.eq_ignore_ascii_case(&self.host)
    }
}

/// What columns become whose values fit no type here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeOptions {
    /// Zero dates are NULL; else they are errors.
    pub(crate) zero_dates_are_null: bool,
    /// TIME is text; else a time of day.
    pub(crate) time_is_text: bool,
    /// Columns of unsupported types are text; else hidden.
    pub(crate) unsupported_is_text: bool,
}

/// When a physical table is read in several ranges of its primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Splitting {
    /// Rows of one range, by the server's estimate; 0 never splits.
    pub(crate) rows: u64,
    /// Ranges at most.
    pub(crate) most: usize,
}

/// One physical table. Plain data without credentials: it is what a split holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shard {
    /// Its number in the logical table, from 0: the value of `$shard`.
    pub(crate) number: u32,
    /// Its server's position in `hosts`.
    pub(crate) server: usize,
    /// Database.
    pub(crate) database: String,
    /// Table, as the server writes it.
    pub(crate) table: String,
}

/// A logical table: one name over many physical tables.
#[derive(Debug, Clone)]
pub(crate) struct Logical {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// In order of their numbers; never empty.
    pub(crate) shards: Vec<Shard>,
    /// The key column's name and how a key finds its shard; without, every shard may hold every row.
    pub(crate) routing: Option<(String, Routing)>,
}

/// A catalog file.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Replicas of each server, in shard order.
    pub(crate) servers: Vec<Vec<Address>>,
    /// Of each server.
    pub(crate) accounts: Vec<Account>,
    /// Users' own accounts, instead of those.
    pub(crate) credentials: Option<Credentials>,
    pub(crate) tls: Tls,
    /// Replicas are read in turn; else the first that answers.
    pub(crate) any_replica: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_connections_per_server: usize,
    pub(crate) max_connections: usize,
    /// How long a statement waits for a connection.
    pub(crate) queue_timeout: Duration,
    pub(crate) metadata_ttl: Duration,
    pub(crate) types: TypeOptions,
    /// Nothing but projection is pushed down.
    pub(crate) pushdown_off: bool,
    /// A column is NULL on shards that lack it; else an error.
    pub(crate) missing_is_null: bool,
    pub(crate) splitting: Splitting,
    pub(crate) tables: Vec<Logical>,
}

impl Config {
    /// Settles validated parameters.
    pub(crate) fn new(parameters: &Parameters) -> Result<Self> {
        let servers = servers(parameters.list("hosts"))?;
        let tables = match parameters.document("tables") {
            Some(document) => logical_tables(document, servers.len())?,
            None => Vec::new(),
        };
        let choice = |name, word| parameters.text(name) == Some(word);
        let count = |name, default| parameters.integer(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
        let own = Account {
            user: parameters.required_text("user")?.to_owned(),
            password: parameters.secret("password").cloned(),
        };
        let credentials = parameters.secret("credentials").map(|text| Credentials::parse(text.expose()));
        Ok(Self {
            accounts: accounts::by_server(&own, parameters.document("accounts"), servers.len())?,
            servers,
            credentials: credentials.transpose()?,
            tls: tls(parameters)?,
            any_replica: choice("read_preference", "any"),
            connect_timeout: parameters.duration("connect_timeout").unwrap_or(Duration::from_secs(10)),
            max_connections_per_server: count("max_connections_per_server", 8),
            max_connections: count("max_connections", 64),
            queue_timeout: parameters.duration("queue_timeout").unwrap_or(Duration::from_secs(60)),
            metadata_ttl: parameters.duration("metadata_ttl").unwrap_or(Duration::from_secs(30)),
            types: TypeOptions {
                zero_dates_are_null: choice("zero_dates", "null"),
                time_is_text: choice("time_type", "text"),
                unsupported_is_text: choice("unsupported_type", "varchar"),
            },
            pushdown_off: parameters.boolean("disable_pushdown"),
            missing_is_null: choice("missing_column", "null"),
            splitting: Splitting {
                rows: parameters.integer("rows_per_split").and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0),
                most: count("max_splits_per_shard", 4),
            },
            tables,
        })
    }
}

fn tls(parameters: &Parameters) -> Result<Tls> {
    let mode = match parameters.text("tls") {
        Some("disable") => TlsMode::Disable,
        Some("require") => TlsMode::Require,
        _ => TlsMode::VerifyFull,
    };
    let path = |name| parameters.path(name).map(ToOwned::to_owned);
    let identity = match (path("tls_certificate"), path("tls_key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(ConnectorError::configuration("\"tls_certificate\" and \"tls_key\" belong together")),
    };
    let server_name = parameters.text("tls_server_name").map(str::to_owned);
    Ok(Tls { mode, authority: path("tls_ca"), server_name, identity })
}

fn servers(hosts: &[String]) -> Result<Vec<Vec<Address>>> {
    let mut servers = Vec::new();
    for entry in hosts {
        let expanded = pattern::expand(entry).ok_or_else(|| not_a_pattern("hosts", entry))?;
        for replicas in expanded {
            let wrong = || ConnectorError::configuration(format!("\"hosts\": \"{replicas}\" is not host:port"));
            servers.push(replicas.split('|').map(|text| address(text).ok_or_else(wrong)).collect::<Result<_>>()?);
        }
    }
    if servers.is_empty() {
        return Err(ConnectorError::configuration("\"hosts\" is empty"));
    }
    Ok(servers)
}

fn address(text: &str) -> Option<Address> {
    let (host, port) = match text.trim().rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text.trim(), DEFAULT_PORT),
    };
    (!host.is_empty()).then(|| Address { host: host.to_owned(), port })
}

/// A logical table as the catalog file writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableEntry {
    schema: String,
    name: String,
    /// Positions in `hosts`; all when not given.
    servers: Option<Vec<usize>>,
    /// Pattern; the schema's name when not given.
    databases: Option<String>,
    /// Pattern; the table's name when not given.
    tables: Option<String>,
    layout: Option<Layout>,
    key: Option<String>,
    routing: Option<Routing>,
}

/// How databases lie on servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Layout {
    /// Every server has all of the databases.
    Each,
    /// The databases are dealt out to the servers in equal runs.
    Spread,
}

fn logical_tables(document: &serde_json::Value, servers: usize) -> Result<Vec<Logical>> {
    let entries: Vec<TableEntry> = serde_json::from_value(document.clone())
        .map_err(|error| ConnectorError::configuration(format!("\"tables\": {error}")))?;
    let tables = entries.into_iter().map(|entry| logical(entry, servers)).collect::<Result<Vec<_>>>()?;
    for (i, table) in tables.iter().enumerate() {
        if tables[..i].iter().any(|other| (&other.schema, &other.name) == (&table.schema, &table.name)) {
            return Err(wrong(table, "is there twice"));
        }
    }
    Ok(tables)
}

fn logical(entry: TableEntry, servers: usize) -> Result<Logical> {
    let (schema, name) = (entry.schema.to_lowercase(), entry.name.to_lowercase());
    let mut table = Logical { schema, name, shards: Vec::new(), routing: None };
    let expand = |key, text: &str| pattern::expand(text).ok_or_else(|| not_a_pattern(key, text));
    let databases = expand("databases", entry.databases.as_deref().unwrap_or(&entry.schema))?;
    let tables = expand("tables", entry.tables.as_deref().unwrap_or(&entry.name))?;
    let servers: Vec<usize> = match entry.servers {
        Some(chosen) if chosen.is_empty() || chosen.iter().any(|&server| server >= servers) => {
            return Err(wrong(&table, &format!("\"servers\" are positions from 0 to {}", servers - 1)));
        }
        Some(chosen) => chosen,
        None => (0..servers).collect(),
    };
    let layout = match entry.layout {
        Some(layout) => layout,
        None if databases.len() == 1 || servers.len() == 1 => Layout::Each,
        None => return Err(wrong(&table, "needs \"layout\": \"each\" or \"spread\"")),
    };
    let places: Vec<(usize, &String)> = match layout {
        Layout::Each => servers.iter().flat_map(|&server| databases.iter().map(move |name| (server, name))).collect(),
        Layout::Spread if databases.len() % servers.len() == 0 => {
            let run = databases.len() / servers.len();
            databases.iter().enumerate().map(|(i, name)| (servers[i / run], name)).collect()
        }
        Layout::Spread => return Err(wrong(&table, "has databases that don't divide evenly among its servers")),
    };
    let places = places.into_iter().flat_map(|place| tables.iter().map(move |table| (place, table)));
    for (number, ((server, database), physical)) in (0..).zip(places) {
        table.shards.push(Shard { number, server, database: database.clone(), table: physical.clone() });
    }
    table.routing = match (entry.key, entry.routing) {
        (Some(key), Some(routing)) => {
            routing.check(table.shards.len()).map_err(|problem| wrong(&table, &problem))?;
            Some((key.to_lowercase(), routing))
        }
        (None, None) => None,
        _ => return Err(wrong(&table, "needs \"key\" and \"routing\" together")),
    };
    Ok(table)
}

fn wrong(table: &Logical, problem: &str) -> ConnectorError {
    ConnectorError::configuration(format!("table {}.{} {problem}", table.schema, table.name))
}

fn not_a_pattern(key: &str, text: &str) -> ConnectorError {
    ConnectorError::configuration(format!("\"{key}\": \"{text}\" is not a name or a pattern such as shop_{{00..15}}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    fn places(table: &Logical) -> Vec<(u32, usize, &str, &str)> {
        table.shards.iter().map(|s| (s.number, s.server, s.database.as_str(), s.table.as_str())).collect()
    }

    #[test]
    fn databases_are_dealt_out_in_runs_and_tables_count_fastest() {
        let document = json!([{"schema": "shop", "name": "orders", "databases": "shop_{00..03}", "tables": "orders_{0..1}",
            "layout": "spread", "key": "user_id", "routing": {"function": "modulo"}}]);
        let tables = logical_tables(&document, 2).unwrap();
        assert_eq!(
            places(&tables[0]),
            [
                (0, 0, "shop_00", "orders_0"),
                (1, 0, "shop_00", "orders_1"),
                (2, 0, "shop_01", "orders_0"),
                (3, 0, "shop_01", "orders_1"),
                (4, 1, "shop_02", "orders_0"),
                (5, 1, "shop_02", "orders_1"),
                (6, 1, "shop_03", "orders_0"),
                (7, 1, "shop_03", "orders_1"),
            ]
        );
    }

    #[test]
    fn without_patterns_every_server_has_one_shard_of_the_same_name() {
        let tables = logical_tables(&json!([{"schema": "mydata", "name": "users"}]), 3).unwrap();
        assert_eq!(
            places(&tables[0]),
            [(0, 0, "mydata", "users"), (1, 1, "mydata", "users"), (2, 2, "mydata", "users")]
        );
    }

    #[test]
    fn a_wrong_table_is_refused_with_its_reason() {
        let cases = [
            (json!([{"schema": "s", "name": "t", "kee": "x"}]), "unknown field `kee`"),
            (json!([{"schema": "s", "name": "t", "servers": [2]}]), "positions from 0 to 1"),
            (json!([{"schema": "s", "name": "t", "databases": "d{0..2}"}]), "layout"),
            (json!([{"schema": "s", "name": "t", "databases": "d{0..2}", "layout": "spread"}]), "evenly"),
            (json!([{"schema": "s", "name": "t", "key": "id"}]), "together"),
            (json!([{"schema": "s", "name": "t"}, {"schema": "S", "name": "T"}]), "twice"),
        ];
        for (document, expected) in cases {
            let error = logical_tables(&document, 2).unwrap_err().message;
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn hosts_have_replicas_and_default_ports() {
        let found = servers(&["db{0..1}:3307|spare".to_owned()]).unwrap();
        let address = |host: &str, port| Address { host: host.to_owned(), port };
        assert_eq!(
            found,
            [[address("db0", 3307), address("spare", 3306)], [address("db1", 3307), address("spare", 3306)]]
        );
    }
}
