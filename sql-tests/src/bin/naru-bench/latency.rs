//! Short statements, median times against PostgreSQL 15 through the same driver: what a statement costs before its first row.

use crate::figure::Measured;
use crate::sampling::{in_blocks, median, time};
use crate::stage::{Stage, pg};
use std::sync::Arc;
use tokio_postgres::types::ToSql;

const MICROSECONDS: f64 = 1e6;
const BLOCKS: (usize, usize) = (20, 100);

/// `SELECT 1`, prepared once.
pub(crate) async fn select1_prepared(stage: Arc<Stage>) -> Measured {
    prepared(&stage, "select 1", &[]).await
}

/// One row by its key: over there by an index, over here out of 25 rows that are generated.
pub(crate) async fn lookup_nation(stage: Arc<Stage>) -> Measured {
    prepared(&stage, "select n_name from tpch.tiny.nation where n_nationkey = $1", &[&7_i64]).await
}

async fn prepared(stage: &Stage, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Measured {
    let ours = pg(stage.demo().pg(), "alice", "tpch").await;
    let rival = pg(stage.postgresql().await.port(), "alice", "tpch").await;
    let (statement, other) =
        (ours.prepare(sql).await.expect("a statement"), rival.prepare(sql).await.expect("another"));
    in_blocks(
        BLOCKS,
        MICROSECONDS,
        async || assert_eq!(ours.query(&statement, values).await.expect("rows").len(), 1),
        async || assert_eq!(rival.query(&other, values).await.expect("rows").len(), 1),
    )
    .await
}

/// `SELECT 1` as a simple Query.
pub(crate) async fn select1_simple(stage: Arc<Stage>) -> Measured {
    let ours = pg(stage.demo().pg(), "alice", "tpch").await;
    let rival = pg(stage.postgresql().await.port(), "alice", "tpch").await;
    in_blocks(
        BLOCKS,
        MICROSECONDS,
        async || drop(ours.simple_query("select 1").await.expect("a row")),
        async || drop(rival.simple_query("select 1").await.expect("a row")),
    )
    .await
}

/// Connect with SCRAM-SHA-256 of 4,096 iterations, `SELECT 1`, close: connections a second, one after the other.
pub(crate) async fn connect(stage: Arc<Stage>) -> Measured {
    let once = async |port: u16| {
        let client = pg(port, "alice", "tpch").await;
        client.simple_query("select 1").await.expect("a row");
    };
    let (ours, rival) = (stage.demo().pg(), stage.postgresql().await.port());
    let (mut our_times, mut rival_times) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        our_times.push(time(once(ours)).await);
        rival_times.push(time(once(rival)).await);
    }
    Measured { ours: 1.0 / median(our_times), rival: Some(1.0 / median(rival_times)) }
}
