//! The program `naru-stack`: what it announces, and that nothing of it stays, however it ends.

use naru_sql_tests::naru;
use naru_sql_tests::process::Process;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A stack of its own, small, which announces itself in a folder of its own.
struct Running {
    process: Process,
    target: TempDir,
}

impl Running {
    /// As the child of a shell, whose process id is known.
    fn start() -> Self {
        let target = tempfile::tempdir().unwrap();
        let (program, binary) = (env!("CARGO_BIN_EXE_naru-stack"), naru::binary().to_str().unwrap());
        let run = format!(
            "CARGO_TARGET_DIR='{}' NARU_BINARY='{binary}' '{program}' --rows 50 & echo \"stack pid $!\"; wait $!",
            target.path().display()
        );
        let process = Process::start("sh".as_ref(), &["-c", &run], target.path());
        let _ = process.wait_for_line("ready line", |line| line.starts_with("naru stack is ready"));
        Self { process, target }
    }

    fn announcement(&self) -> PathBuf {
        self.target.path().join("stack.env")
    }

    fn announced(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.announcement()).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    /// Every address that something listens on.
    fn addresses(&self) -> Vec<SocketAddr> {
        let pairs = self.announced().into_iter();
        pairs
            .filter_map(|(key, value)| (!key.contains("USER") && !key.contains("PASS")).then(|| value.parse().unwrap()))
            .collect()
    }

    fn pid(&self) -> String {
        let line = self.process.wait_for_line("the stack's pid", |line| line.starts_with("stack pid "));
        line.rsplit(' ').next().unwrap().to_owned()
    }
}

fn listens(address: &SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

fn all_end(addresses: &[SocketAddr]) {
    let until = Instant::now() + Duration::from_secs(30);
    while let Some(address) = addresses.iter().find(|address| listens(address)) {
        assert!(Instant::now() < until, "something still listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(signal: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([signal, pid]).status().unwrap().success());
}

#[test]
fn it_says_where_everything_is_and_ends_everything_when_it_is_told_to() {
    let running = Running::start();
    let announced = running.announced();
    let keys: Vec<&str> = announced.keys().map(String::as_str).collect();
    let expected = [
        "NARU_FLIGHT",
        "NARU_HTTP",
        "NARU_MYSQL_0",
        "NARU_MYSQL_1",
        "NARU_MYSQL_2",
        "NARU_MYSQL_3",
        "NARU_MYSQL_PASSWORD",
        "NARU_MYSQL_USER",
        "NARU_PG",
    ];
    assert_eq!(keys, expected);
    let addresses = running.addresses();
    assert_eq!(addresses.len(), 7);
    assert!(addresses.iter().all(listens));
    kill("-INT", &running.pid());
    all_end(&addresses);
    assert!(!running.announcement().exists());
}

#[test]
fn nothing_stays_when_it_is_killed() {
    let running = Running::start();
    let addresses = running.addresses();
    kill("-KILL", &running.pid());
    all_end(&addresses);
}

#[test]
fn nothing_stays_when_whoever_started_it_is_killed() {
    let running = Running::start();
    let addresses = running.addresses();
    running.process.signal("KILL");
    all_end(&addresses);
    assert!(!running.announcement().exists());
}
