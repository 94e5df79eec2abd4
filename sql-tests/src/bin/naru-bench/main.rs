//! `make bench`: figures of the release build, as ratios taken in one run on one machine. `naru-bench NAME...` takes some of
//! them; `NARU_BINARY` names another `naru` than the target folder's `release/naru`.
//!
//! Where a rival is named, both sides run in turn, and medians are compared. One file a group of figures; [`stage`] starts what
//! they run against, [`figure`] says what came out. A figure that can't be taken is reported as failed and does not end the run;
//! the exit code tells whether all goals were met.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a figure that can't be taken fails")]
#![allow(clippy::disallowed_methods, reason = "bare DataFusion is a rival here")]

mod data;
mod demo;
mod figure;
mod latency;
mod mysql;
mod rows;
mod sampling;
mod stage;
mod tpch;

use figure::{Figure, Goal, Report};
use futures::FutureExt;
use stage::Stage;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longer than any figure takes, its servers' start included.
const PATIENCE: Duration = Duration::from_secs(240);

const fn figure(name: &'static str, unit: &'static str, goal: Goal, take: figure::Take) -> Figure {
    Figure { name, unit, goal, take }
}

/// In the order in which they are taken: those that want a quiet machine first.
const FIGURES: &[Figure] = &[
    figure("demo_open_ms", "ms", Goal::AtMost(300.0), |stage| demo::open_ms(stage).boxed_local()),
    figure("demo_idle_mb", "MB", Goal::AtMost(80.0), |stage| demo::idle_mb(stage).boxed_local()),
    figure("select1_prepared", "µs", Goal::RatioAtMost(1.5), |stage| latency::select1_prepared(stage).boxed_local()),
    figure("select1_simple", "µs", Goal::RatioAtMost(2.5), |stage| latency::select1_simple(stage).boxed_local()),
    figure("lookup_nation", "µs", Goal::RatioAtMost(4.0), |stage| latency::lookup_nation(stage).boxed_local()),
    figure("connect", "1/s", Goal::RatioAtLeast(0.7), |stage| latency::connect(stage).boxed_local()),
    figure("tpch_sf1_pg", "s", Goal::RatioAtMost(1.05), |stage| tpch::bare(stage).boxed_local()),
    figure("tpch_sf1_governed", "s", Goal::RatioAtMost(1.10), |stage| tpch::governed(stage).boxed_local()),
    figure("rows_flight", "s", Goal::RatioAtMost(1.6), |stage| rows::flight(stage).boxed_local()),
    figure("rows_flight_parquet", "s", Goal::Open, |stage| rows::flight_parquet(stage).boxed_local()),
    figure("rows_pg_binary", "s", Goal::RatioAtMost(1.0), |stage| rows::pg_binary(stage).boxed_local()),
    figure("rows_copy_binary", "s", Goal::RatioAtMost(1.0), |stage| rows::copy_binary(stage).boxed_local()),
    figure("mysql_scan", "s", Goal::RatioAtMost(1.25), |stage| mysql::scan(stage).boxed_local()),
    figure("mysql_signature", "s", Goal::RatioAtMost(1.15), |stage| mysql::signature(stage).boxed_local()),
    figure("mysql_signature_bob", "s", Goal::RatioAtMost(1.15), |stage| mysql::signature_bob(stage).boxed_local()),
    figure("mysql_signature_pushdown", "s", Goal::RatioAtLeast(10.0), |stage| mysql::pushdown(stage).boxed_local()),
    figure("mysql_lookup", "ms", Goal::AtMostAbove(2.0), |stage| mysql::lookup(stage).boxed_local()),
    figure("mysql_join", "s", Goal::RatioAtMost(5.0), |stage| mysql::join(stage).boxed_local()),
];

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = names.iter().find(|name| FIGURES.iter().all(|figure| figure.name != name.as_str())) {
        let known: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        figure::complain(&format!("{unknown} is no figure; there are {}", known.join(", ")));
        return ExitCode::from(2);
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(&names))
}

async fn run(names: &[String]) -> ExitCode {
    let stage = Arc::new(Stage::new());
    let mut report = Report::new();
    for figure in FIGURES.iter().filter(|figure| names.is_empty() || names.iter().any(|name| name == figure.name)) {
        let taken = AssertUnwindSafe((figure.take)(Arc::clone(&stage))).catch_unwind();
        let taken = tokio::time::timeout(PATIENCE, taken).await;
        report.add(figure, taken.ok().and_then(Result::ok));
    }
    if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
