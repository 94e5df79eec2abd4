//! What the figures run against, started when the first of them needs it and ended with the process: `naru` in its release
//! build, PostgreSQL 15 with the same rows, MariaDB shards.

use crate::data;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::postgresql::Postgresql;
use naru_sql_tests::stack::{Layout, Stack};
use naru_sql_tests::target_folder;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// The servers.
pub(crate) struct Stage {
    binary: PathBuf,
    demo: OnceLock<Naru>,
    lake: OnceLock<(Naru, tempfile::TempDir)>,
    postgresql: OnceCell<Postgresql>,
    postgresql_rows: OnceCell<()>,
    shards: OnceLock<Stack>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let binary =
            std::env::var_os("NARU_BINARY").map_or_else(|| target_folder().join("release/naru"), PathBuf::from);
        Self {
            binary,
            demo: OnceLock::new(),
            lake: OnceLock::new(),
            postgresql: OnceCell::new(),
            postgresql_rows: OnceCell::new(),
            shards: OnceLock::new(),
        }
    }

    /// The `naru` under test.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// `naru demo`.
    pub(crate) fn demo(&self) -> &Naru {
        self.demo.get_or_init(|| Naru::demo_of(&self.binary))
    }

    /// `naru serve` over the files of [`data`], with catalog `lake`; bob sees `lineitem` masked and filtered.
    pub(crate) fn lake(&self) -> &Naru {
        let start = || {
            let configuration = data::configuration(&data::tpch_sf1());
            (Naru::serve_of(&self.binary, configuration.path()), configuration)
        };
        &self.lake.get_or_init(start).0
    }

    /// PostgreSQL 15: database `tpch` with `tiny.nation`, and a user alice who logs in by SCRAM-SHA-256.
    pub(crate) async fn postgresql(&self) -> &Postgresql {
        let start = async || {
            let server = Postgresql::start();
            server.require_password("alice");
            let client = pg(server.port(), "postgres", "postgres").await;
            // Each on its own: several statements in one message are one transaction.
            for sql in ["CREATE DATABASE tpch", "CREATE USER alice PASSWORD 'demo'"] {
                client.batch_execute(sql).await.expect("a database and its user");
            }
            let client = pg(server.port(), "postgres", "tpch").await;
            data::load_nation(&client).await;
            client
                .batch_execute("GRANT ALL ON DATABASE tpch TO alice; GRANT USAGE ON SCHEMA tiny TO alice")
                .await
                .expect("rights");
            client.batch_execute("GRANT SELECT ON ALL TABLES IN SCHEMA tiny TO alice").await.expect("rights");
            server
        };
        self.postgresql.get_or_init(start).await
    }

    /// The same with a million rows in `lineitem`, on which alice has all rights.
    pub(crate) async fn postgresql_with_rows(&self) -> &Postgresql {
        let server = self.postgresql().await;
        let load = async || {
            let client = pg(server.port(), "postgres", "tpch").await;
            data::load_lineitem(&client).await;
        };
        self.postgresql_rows.get_or_init(load).await;
        server
    }

    /// Four shards of a million rows each, and a `naru` over them with the stack's users and policies.
    pub(crate) fn shards(&self) -> &Stack {
        let layout = Layout { rows_per_shard: 1_000_000, users: 100_000, copy: false, ..Layout::default() };
        self.shards.get_or_init(|| Stack::start_of(&self.binary, layout))
    }
}

/// A client of a door or of PostgreSQL; every user has the password `demo`.
pub(crate) async fn pg(port: u16, user: &str, database: &str) -> Client {
    let address = format!("host=127.0.0.1 port={port} user={user} password=demo dbname={database}");
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("a connection");
    // Ends with its client.
    tokio::spawn(connection);
    client
}
