//! A gateway over sharded MySQL: the signature query, policies over shards, joins with other catalogs, and what is left when
//! the stack ends.

mod compose;
mod ending;
mod policies;
mod settings;
mod signature;

use naru_services::Mariadb;
use naru_sql_tests::slt::{self, Protocol, Rows, Server, SqlError};
use naru_sql_tests::stack::{Layout, Stack};
use std::sync::LazyLock;

const PROTOCOLS: [Protocol; 3] = [Protocol::Simple, Protocol::Extended, Protocol::Flight];

/// Two tables on each of two servers behind every logical table. All tests of the process share it, and change nothing.
static STACK: LazyLock<Stack> = LazyLock::new(|| {
    let layout = Layout { servers: 2, tables_per_server: 2, rows_per_shard: 3_000, users: 2_000, copy: true };
    let stack = Stack::start(layout);
    // What the servers' collation takes for 'INTERNAL'.
    let rows = "(1000001, '2026-01-01 12:00:00', 'bank-01', 'limit', 1, 7, 'internal', 1), \
                (1000005, '2026-01-01 12:00:00', 'bank-01', 'limit', 1, 7, 'INTERNAL ', 1)";
    let insert = |table: &str| format!("INSERT INTO mydata.{table} VALUES {rows};");
    first_server_of(&stack).sql(&(insert("api_request_all") + &insert("api_request_1"))).unwrap();
    stack
});

fn first_server_of(stack: &Stack) -> &Mariadb {
    &stack.shards().servers()[0]
}

/// What the first server itself answers, where the unsharded copy lies, in the form of our own rows.
fn mariadb(sql: &str) -> Rows {
    let text = first_server_of(&STACK).sql(&format!("USE mydata; {sql}")).unwrap();
    text.lines().map(|line| line.split('\t').map(|value| slt::cell(Some(value))).collect()).collect()
}

/// A session of its own; the names in `sql` have three parts.
async fn query(protocol: Protocol, user: &str, sql: &str) -> Result<Rows, SqlError> {
    slt::query(Server::Naru(STACK.naru()), protocol, user, sql).await
}

async fn rows(protocol: Protocol, user: &str, sql: &str) -> Rows {
    query(protocol, user, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// EXPLAIN's lines.
async fn plan(user: &str, sql: &str) -> String {
    let rows = rows(Protocol::Simple, user, &format!("EXPLAIN {sql}")).await;
    rows.concat().join("\n")
}
