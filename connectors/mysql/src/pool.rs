//! Connections: pooled per server, capped per server and per catalog, never reused when anything went wrong on them.

use crate::accounts::Account;
use crate::config::{Address, Config, Tls, TlsMode};
use crate::error::from_driver;
use crate::turns::{Turn, Turns, Waiting};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts};
use naru_connector::{ConnectorError, ErrorKind, Result};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;

/// How every session starts: what a statement means must depend on nothing that a server's operator may set. Read-only
/// transactions exist since MySQL 5.6.5; older servers skip that part.
const SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', lc_time_names = 'en_US', net_write_timeout = 3600, \
     sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED /*!50605 , READ ONLY */",
];
/// The largest packet of the protocol: a LONGTEXT must get through.
const MAX_PACKET: usize = 1 << 30;
const IDLE: Duration = Duration::from_secs(60);
/// How long ending a statement may take before its connection is given up.
const STOP: Duration = Duration::from_secs(5);

/// All servers of a catalog.
pub(crate) struct Servers {
    servers: Vec<Server>,
    turns: Turns,
    any_replica: bool,
    connect_timeout: Duration,
    queue_timeout: Duration,
}

struct Server {
    addresses: Vec<Address>,
    replicas: Vec<Pool>,
    turns: Turns,
    next: AtomicUsize,
}

impl Server {
    fn new(config: &Config, replicas: &[Address], account: &Account, turns: Turns) -> Self {
        let pool = |address| Pool::new(options(config, address, account));
        let pools = replicas.iter().map(pool).collect();
        Self { addresses: replicas.to_vec(), replicas: pools, turns, next: AtomicUsize::new(0) }
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Servers({})", self.servers.len())
    }
}

impl Servers {
    /// Pools without a connection yet, under the catalog's own accounts.
    pub(crate) fn new(config: &Config) -> Self {
        let turns = || Turns::new(config.max_connections_per_server);
        let servers = config.servers.iter().zip(&config.accounts);
        Self {
            servers: servers.map(|(replicas, account)| Server::new(config, replicas, account, turns())).collect(),
            turns: Turns::new(config.max_connections),
            any_replica: config.any_replica,
            connect_timeout: config.connect_timeout,
            queue_timeout: config.queue_timeout,
        }
    }

    /// The same servers under another account: connections are its own, limits are the catalog's.
    pub(crate) fn under(&self, config: &Config, account: &Account) -> Self {
        let servers = config.servers.iter().zip(&self.servers);
        let server =
            |(replicas, own): (&Vec<Address>, &Server)| Server::new(config, replicas, account, own.turns.clone());
        Self {
            servers: servers.map(server).collect(),
            turns: self.turns.clone(),
            any_replica: self.any_replica,
            connect_timeout: self.connect_timeout,
            queue_timeout: self.queue_timeout,
        }
    }

    /// How many servers there are.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// The servers with a replica at this host, or at this `host:port`.
    pub(crate) fn named(&self, name: &str) -> Vec<usize> {
        let has = |server: &Server| server.addresses.iter().any(|address| address.is(name));
        self.servers.iter().enumerate().filter(|(_, server)| has(server)).map(|(position, _)| position).collect()
    }

    /// A connection to one server, once it is this caller's turn. `what` is named in errors.
    pub(crate) async fn lease(&self, server: usize, what: &str) -> Result<Lease> {
        let server = self.servers.get(server).ok_or_else(|| {
            ConnectorError::internal(format!("{what} lies on a server that the catalog does not have"))
        })?;
        let turns = async {
            // The server's turn first: who waits for a busy server holds nothing that others could use.
            let own = server.turns.take().await?;
            Some([own, self.turns.take().await?])
        };
        let turns = timeout(self.queue_timeout, turns).await.ok().flatten().ok_or_else(|| {
            let text = format!(
                "{what} has no connection free; the catalog's limits are max_connections and max_connections_per_server"
            );
            ConnectorError::new(ErrorKind::Resource, text)
        })?;
        let conn = self.connect(server, what).await?;
        Ok(Lease { conn: Some(conn), turns })
    }

    /// The first replica that answers, beginning with the first or with the next in turn.
    async fn connect(&self, server: &Server, what: &str) -> Result<Conn> {
        let count = server.replicas.len();
        let start = if self.any_replica { server.next.fetch_add(1, Ordering::Relaxed) % count } else { 0 };
        let mut failed = ConnectorError::internal(format!("{what} has no server"));
        for offset in 0..count {
            let attempt = timeout(self.connect_timeout, alive(&server.replicas[(start + offset) % count])).await;
            failed = match attempt {
                Ok(Ok(conn)) => return Ok(conn),
                Ok(Err(error)) => from_driver(&error, what),
                Err(_) => ConnectorError::new(ErrorKind::Unavailable, format!("{what} does not answer in time")),
            };
            if failed.kind != ErrorKind::Unavailable {
                return Err(failed);
            }
        }
        Err(failed)
    }
}

/// A connection that answers. Those that were idle while their server died are thrown away: a statement sent on one would fail.
async fn alive(replica: &Pool) -> mysql_async::Result<Conn> {
    loop {
        let mut conn = replica.get_conn().await?;
        // A new connection has just answered, and ends the loop; so does its error.
        if conn.ping().await.is_ok() {
            return Ok(conn);
        }
        close(conn).await;
    }
}

/// A connection in use. It goes back to its pool by [`Lease::finish`] alone; dropped in the middle of anything it is closed.
#[derive(Debug)]
pub(crate) struct Lease {
    conn: Option<Conn>,
    turns: [Turn; 2],
}

impl Lease {
    /// The connection.
    pub(crate) fn conn(&mut self) -> Result<&mut Conn> {
        self.conn.as_mut().ok_or_else(used_up)
    }

    /// The connection, and what says that its statement waits for its reader until the value that it gives is dropped.
    pub(crate) fn in_turn(&mut self) -> Result<(&mut Conn, impl Fn() -> [Waiting; 2] + '_)> {
        let turns = &self.turns;
        let conn = self.conn.as_mut().ok_or_else(used_up)?;
        Ok((conn, || turns.each_ref().map(Turn::waits)))
    }

    /// Gives the connection back: every statement on it was read to its end.
    pub(crate) fn finish(mut self) {
        drop(self.conn.take());
    }

    /// Ends whatever the connection is doing at the server, and the connection. It is still ours while its statement is
    /// killed, so its id can't have passed to somebody else.
    pub(crate) async fn stop(mut self) {
        let Some(conn) = self.conn.take() else { return };
        let kill = async {
            let mut side = Conn::new(conn.opts().clone()).await?;
            side.query_drop(format!("KILL QUERY {}", conn.id())).await?;
            side.disconnect().await
        };
        match timeout(STOP, kill).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a statement could not be killed"),
            Err(_) => tracing::warn!("a statement could not be killed in time"),
        }
        close(conn).await;
    }

    /// Ends the connection: after an error nothing is known about it.
    pub(crate) async fn discard(mut self) {
        if let Some(conn) = self.conn.take() {
            close(conn).await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Handle::try_current();
        if let (Some(conn), Ok(runtime)) = (self.conn.take(), runtime) {
            drop(runtime.spawn(close(conn)));
        }
    }
}

fn used_up() -> ConnectorError {
    ConnectorError::internal("a connection is used after it was given back")
}

/// Never back to the pool: the driver may hold the rest of a result, or hand it to the next user.
async fn close(conn: Conn) {
    match timeout(STOP, conn.disconnect()).await {
        Ok(Ok(())) => {}
        // Expected: the rest of a killed statement's result is its error.
        Ok(Err(error)) => tracing::debug!(%error, "a connection was closed"),
        Err(_) => tracing::debug!("a connection was given up"),
    }
}

fn options(config: &Config, address: &Address, account: &Account) -> Opts {
    let limits = PoolConstraints::new(0, 2 * config.max_connections_per_server).unwrap_or_default();
    let pool = PoolOpts::new()
        .with_constraints(limits)
        .with_inactive_connection_ttl(IDLE)
        // A session's state is never changed, so there is nothing to reset.
        .with_reset_connection(false);
    OptsBuilder::default()
        .ip_or_hostname(address.host.clone())
        .tcp_port(address.port)
        .user(Some(account.user.clone()))
        .pass(account.password.as_ref().map(|password| password.expose().to_owned()))
        .prefer_socket(false)
        .max_allowed_packet(Some(MAX_PACKET))
        .setup(SESSION.to_vec())
        .pool_opts(pool)
        .ssl_opts(encryption(&config.tls))
        .into()
}

fn encryption(tls: &Tls) -> Option<SslOpts> {
    let identity =
        tls.identity.clone().map(|(certificate, key)| mysql_async::ClientIdentity::new(certificate.into(), key.into()));
    let ssl = SslOpts::default().with_client_identity(identity);
    let ssl = match &tls.authority {
        Some(file) => ssl.with_root_certs(vec![file.clone().into()]).with_disable_built_in_roots(true),
        None => ssl,
    };
    match tls.mode {
        TlsMode::Disable => None,
        TlsMode::Require => Some(ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true)),
        // The driver has a mode between these two, which doesn't work with this rustls: it looks for a word in an error's text.
        TlsMode::VerifyFull => Some(ssl.with_danger_tls_hostname_override(tls.server_name.clone())),
    }
}
