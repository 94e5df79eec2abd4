//! `make bench`: figures of the release build. A table on the terminal, and a JSON line a figure appended to
//! `bench/results.jsonl` in cargo's target folder: `{"name","commit","ours","rival","ratio","goal","met"}`; rival and ratio
//! are null for absolute figures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a figure that can't be taken ends the run")]
#![allow(clippy::print_stdout, reason = "the table")]

use naru_sql_tests::naru::Naru;
use naru_sql_tests::{target_folder, workspace};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

/// One absolute figure: less is better.
struct Figure {
    name: &'static str,
    ours: f64,
    goal: f64,
}

#[tokio::main]
async fn main() {
    // Another binary may be named, for a try without a release build.
    let binary = std::env::args().nth(1).map_or_else(|| target_folder().join("release/naru"), PathBuf::from);
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.push(open_ms(&binary).await);
    }
    opened.sort_by(f64::total_cmp);
    let figures = [
        Figure { name: "demo_open_ms", ours: opened[opened.len() / 2], goal: 300.0 },
        Figure { name: "demo_idle_mb", ours: idle_mb(&binary), goal: 80.0 },
    ];
    let folder = target_folder().join("bench");
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("results.jsonl"))
        .expect("results.jsonl");
    let commit = commit();
    for Figure { name, ours, goal } in figures {
        let met = ours <= goal;
        println!("{name:24} {ours:10.1}   goal {goal:8.1}   {}", if met { "met" } else { "NOT MET" });
        let line = json!({ "name": name, "commit": commit, "ours": ours, "rival": null, "ratio": null, "goal": goal, "met": met });
        writeln!(file, "{line}").unwrap();
    }
}

/// From the start of the process to the first row of a client.
async fn open_ms(binary: &Path) -> f64 {
    let started = Instant::now();
    let naru = Naru::demo_of(binary);
    let address = format!("host=127.0.0.1 port={} user=alice password=demo", naru.pg());
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(connection);
    client.simple_query("select 1").await.unwrap();
    started.elapsed().as_secs_f64() * 1000.0
}

/// Resident memory of a demo that nobody has asked anything.
fn idle_mb(binary: &Path) -> f64 {
    let naru = Naru::demo_of(binary);
    let status = std::fs::read_to_string(format!("/proc/{}/status", naru.process().pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes / 1024.0
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(workspace()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
