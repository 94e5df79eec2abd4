//! What a running `naru` uses: as the operating system counts it, and as its own metrics do.

use crate::naru::Naru;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Waits until a condition holds; after `limit` the test fails with what was waited for.
pub async fn eventually(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < until, "within {limit:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

impl Naru {
    /// Open file descriptors.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process().pid())).expect("naru runs").count()
    }

    /// Resident memory, in bytes.
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    #[must_use]
    pub fn peak_resident(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// A number of kilobytes in the kernel's words, in bytes.
    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process().pid())).expect("naru runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// CPU time used so far, in clock ticks of 10 ms.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process().pid())).expect("naru runs");
        used(&stat)
    }

    /// Waits until the process uses next to no CPU: a tenth of one over a quarter of a second.
    pub async fn idle_within(&self, limit: Duration) {
        let until = Instant::now() + limit;
        loop {
            let (before, threads) = (self.ticks(), self.threads());
            tokio::time::sleep(Duration::from_millis(250)).await;
            let used = self.ticks() - before;
            if used <= 2 {
                return;
            }
            let busy: Vec<_> = self.threads().into_iter().filter(|thread| !threads.contains(thread)).collect();
            assert!(
                Instant::now() < until,
                "the CPU is still busy after {limit:?}: {used} ticks in 250 ms by {busy:?}"
            );
        }
    }

    /// Each thread's name and the CPU time it has used.
    fn threads(&self) -> Vec<(String, String, u64)> {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process().pid())).expect("naru runs");
        let stats = tasks.filter_map(|task| {
            let task = task.ok()?;
            let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
            let name = stat.split(['(', ')']).nth(1)?.to_owned();
            Some((task.file_name().to_string_lossy().into_owned(), name, used(&stat)))
        });
        stats.collect()
    }

    /// The sum of a metric over its labels; 0 when nothing was counted.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let values = text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    async fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.http())).await.expect("the HTTP door is open");
        let request = format!("GET {path} HTTP/1.1\r\nhost: naru\r\nconnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("the door reads");
        let mut text = String::new();
        socket.read_to_string(&mut text).await.expect("the door answers");
        text
    }
}

/// User and system time: fields 14 and 15, counted behind the name, which may hold spaces.
fn used(stat: &str) -> u64 {
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum()
}

/// Files below a folder, at any depth.
#[must_use]
pub fn files_below(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let count = |entry: std::fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_below(&entry.path()),
        _ => 1,
    };
    entries.filter_map(Result::ok).map(count).sum()
}
