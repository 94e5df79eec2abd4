//! The 22 TPC-H queries over Parquet files at scale 1.
//!
//! The rival is DataFusion's own session in this process, over the same files: its defaults for Parquet, statistics and
//! partitions, Naru's memory limit, and decimal literals as Naru reads them.

use crate::data;
use crate::figure::{Measured, detail};
use crate::sampling::in_turn;
use crate::stage::{Stage, pg};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use naru_sql_tests::workspace;
use std::sync::Arc;
use tokio_postgres::Client;

const ROUNDS: usize = 3;

/// All queries through the PostgreSQL door : bare DataFusion.
pub(crate) async fn bare(stage: Arc<Stage>) -> Measured {
    let client = pg(stage.lake().pg(), "alice", "lake").await;
    let bare = data::bare().await;
    let mut all = Vec::new();
    for (number, sql) in (1..).zip(queries()) {
        let rival_asks = async || {
            drain(&bare, &sql).await;
        };
        let measured = in_turn(ROUNDS, 1.0, async || ask(&client, &sql).await, rival_asks).await;
        detail(&format!("query {number}"), measured);
        all.push(measured);
    }
    Measured::sum(&all)
}

/// All queries of bob, who sees `lineitem` through a mask and a row filter : alice, who writes both into her queries. Both go
/// through the PostgreSQL door.
pub(crate) async fn governed(stage: Arc<Stage>) -> Measured {
    let bob = pg(stage.lake().pg(), "bob", "lake").await;
    let alice = pg(stage.lake().pg(), "alice", "lake").await;
    let mut all = Vec::new();
    for (number, sql) in (1..).zip(queries()) {
        let by_hand = with_policies_by_hand(&sql);
        let measured = in_turn(ROUNDS, 1.0, async || ask(&bob, &sql).await, async || ask(&alice, &by_hand).await).await;
        detail(&format!("query {number}"), measured);
        all.push(measured);
    }
    Measured::sum(&all)
}

/// `WITH lineitem AS (...)` in front of a query, or of the query's own WITH.
fn with_policies_by_hand(sql: &str) -> String {
    let restricted = data::LINEITEM_BY_HAND;
    match sql.trim_start().to_lowercase().strip_prefix("with ") {
        Some(_) => format!("with lineitem as ({restricted}), {}", sql.trim_start().get(5..).unwrap_or_default()),
        None => format!("with lineitem as ({restricted}) {sql}"),
    }
}

async fn ask(client: &Client, sql: &str) {
    client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs a query to its end: its rows.
pub(crate) async fn drain(context: &SessionContext, sql: &str) -> usize {
    let frame = context.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mut batches = frame.execute_stream().await.expect("a stream");
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch.expect("a batch").num_rows();
    }
    rows
}

/// The texts of `slt/tpch`.
fn queries() -> Vec<String> {
    let read = |number: u32| {
        let path = workspace().join(format!("sql-tests/slt/tpch/q{number:02}.slt"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines = text.lines().skip_while(|line| !line.starts_with("query")).skip(1);
        lines.take_while(|line| *line != "----").collect::<Vec<_>>().join("\n")
    };
    (1..=22).map(read).collect()
}
