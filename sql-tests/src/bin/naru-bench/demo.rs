//! The demo of the release build: how soon it is there, and what it takes while nobody asks for anything.

use crate::figure::Measured;
use crate::sampling::{median, time};
use crate::stage::{Stage, pg};
use naru_sql_tests::naru::Naru;
use std::sync::Arc;

/// From the start of the process to the first row of a client.
pub(crate) async fn open_ms(stage: Arc<Stage>) -> Measured {
    let mut times = Vec::new();
    for _ in 0..5 {
        let opened = time(async {
            let naru = Naru::demo_of(stage.binary());
            let client = pg(naru.pg(), "alice", "tpch").await;
            client.simple_query("select 1").await.expect("a row");
            (client, naru)
        });
        times.push(opened.await);
    }
    Measured { ours: median(times) * 1000.0, rival: None }
}

/// Resident memory of a demo that nobody has asked anything.
pub(crate) async fn idle_mb(stage: Arc<Stage>) -> Measured {
    let naru = Naru::demo_of(stage.binary());
    let status = std::fs::read_to_string(format!("/proc/{}/status", naru.process().pid())).expect("its status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    let kibibytes: f64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    Measured { ours: kibibytes / 1024.0, rival: None }
}
