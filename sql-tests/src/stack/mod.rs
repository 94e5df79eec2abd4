//! The stack: MariaDB servers with the catalog `mydata` over them, and a `naru serve` on top with the demo's users, catalogs and
//! policies. `make stack` runs it for trying by hand; tests and benches take it, or its [`Shards`] alone, at other sizes.
//!
//! The rows are made by the servers themselves from the files of `sql-tests/stack`, which docker-compose.yml uses too; each
//! value follows from its row's id, so every run has the same ones.

mod configuration;

use crate::naru::{self, Naru};
use naru_services::{Mariadb, MariadbOptions, mariadb};
use std::path::Path;
use std::thread;
use tempfile::TempDir;

const REQUESTS: &str = include_str!("../../stack/requests.sql");
const USERS: &str = include_str!("../../stack/users.sql");

/// How much data there is and how it lies on servers.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// MariaDB servers.
    pub servers: u32,
    /// Physical tables of each logical one on a server: with 1 they have its name, with more `api_request_0`, ...
    pub tables_per_server: u32,
    /// Rows of `api_request` on each shard.
    pub rows_per_shard: u64,
    /// Rows of `users` on all shards: `user_id` from 1 to this number, which the number of shards must divide.
    pub users: u64,
    /// Is there `api_request_all`, the same rows in one table of the first server?
    pub copy: bool,
}

impl Default for Layout {
    /// What `make stack` has: a million rows on four servers.
    fn default() -> Self {
        Self { servers: 4, tables_per_server: 1, rows_per_shard: 250_000, users: 20_000, copy: true }
    }
}

impl Layout {
    /// Physical tables behind each logical one. The row of user `u` lies in shard `u mod shards`; shards count by server
    /// first.
    #[must_use]
    pub fn shards(&self) -> u32 {
        self.servers * self.tables_per_server
    }

    /// The statements that make a server's tables. Each script leaves a table that the next one would be in the way of, so
    /// it is renamed, the last one excepted.
    fn statements(&self, server: u32) -> String {
        let shards = self.shards();
        let requests = |first: u32, step: u32, rows: u64| {
            format!(
                "SET @shards = {shards}, @users = {};\nSET @first = {first}, @step = {step}, @rows = {rows};\n{REQUESTS}",
                self.users
            )
        };
        let mut statements = String::new();
        if self.copy && server == 0 {
            statements += &requests(1, 1, self.rows_per_shard * u64::from(shards));
            statements += "RENAME TABLE api_request TO api_request_all;\n";
        }
        for table in 0..self.tables_per_server {
            let shard = server * self.tables_per_server + table;
            // Ids start at 1.
            let first = if shard == 0 { shards } else { shard };
            statements += &requests(first, shards, self.rows_per_shard);
            statements += USERS;
            if self.tables_per_server > 1 {
                statements += &format!("RENAME TABLE api_request TO api_request_{table}, users TO users_{table};\n");
            }
        }
        statements
    }
}

/// MariaDB servers with the data of `mydata`, alone.
#[derive(Debug)]
pub struct Shards {
    servers: Vec<Mariadb>,
    layout: Layout,
}

impl Shards {
    /// Starts and fills the servers, side by side. A million rows and their copy take some 15 seconds of two cores.
    #[must_use]
    pub fn start(layout: Layout) -> Self {
        assert!(layout.users.is_multiple_of(layout.shards().into()), "each shard has as many users as any other");
        let pool = ["--innodb-buffer-pool-size=256M", "--innodb-log-file-size=128M"].map(str::to_owned);
        let options = MariadbOptions { arguments: pool.to_vec(), ..MariadbOptions::default() };
        let servers = Mariadb::start_all(layout.servers as usize, &options).expect("MariaDB starts");
        thread::scope(|scope| {
            for (number, server) in (0..).zip(&servers) {
                scope.spawn(move || server.sql(&layout.statements(number)).expect("the server makes its rows"));
            }
        });
        Self { servers, layout }
    }

    /// The servers, in the order of their shards.
    #[must_use]
    pub fn servers(&self) -> &[Mariadb] {
        &self.servers
    }

    /// How the data lies on them.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The catalog file `mydata.toml` over these servers.
    #[must_use]
    pub fn catalog(&self) -> String {
        configuration::catalog(self)
    }
}

/// A gateway over [`Shards`]: the demo's users (password `demo`), `tpch` and `lake`, and `mydata`.
#[derive(Debug)]
pub struct Stack {
    // In the order in which they end.
    naru: Naru,
    shards: Shards,
    configuration: TempDir,
}

impl Stack {
    /// Starts everything and waits until it answers.
    #[must_use]
    pub fn start(layout: Layout) -> Self {
        Self::start_of(naru::binary(), layout)
    }

    /// The same with a `naru` that was built otherwise.
    #[must_use]
    pub fn start_of(binary: &Path, layout: Layout) -> Self {
        let shards = Shards::start(layout);
        let configuration = configuration::write(binary, &shards);
        let naru = Naru::serve_of(binary, configuration.path());
        Self { naru, shards, configuration }
    }

    /// The gateway.
    #[must_use]
    pub fn naru(&self) -> &Naru {
        &self.naru
    }

    /// The servers behind it.
    #[must_use]
    pub fn shards(&self) -> &Shards {
        &self.shards
    }

    /// The gateway's configuration folder, with its audit records in `audit.jsonl`.
    #[must_use]
    pub fn configuration(&self) -> &Path {
        self.configuration.path()
    }

    /// Where everything is, as `KEY=VALUE` lines.
    #[must_use]
    pub fn environment(&self) -> String {
        let doors = [("PG", self.naru.pg()), ("FLIGHT", self.naru.flight()), ("HTTP", self.naru.http())];
        let mut lines: Vec<String> =
            doors.iter().map(|(door, port)| format!("NARU_{door}=127.0.0.1:{port}\n")).collect();
        let addresses = self.shards.servers.iter().map(Mariadb::address).enumerate();
        lines.extend(addresses.map(|(number, address)| format!("NARU_MYSQL_{number}={address}\n")));
        lines.push(format!("NARU_MYSQL_USER={}\nNARU_MYSQL_PASSWORD={}\n", mariadb::USER, mariadb::PASSWORD));
        lines.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;
    use std::process::Command;

    #[test]
    fn docker_compose_fills_its_servers_with_the_same_rows() {
        let folder = workspace().join("sql-tests/stack");
        for server in 0..4 {
            let printed = Command::new("bash")
                .args(["-c", "docker_process_sql() { cat; }; . \"$STACK_FOLDER/fill.sh\""])
                .env("STACK_FOLDER", &folder)
                .env("SHARD", server.to_string())
                .output()
                .unwrap();
            assert!(printed.status.success());
            assert_eq!(String::from_utf8(printed.stdout).unwrap(), Layout::default().statements(server));
        }
    }
}
