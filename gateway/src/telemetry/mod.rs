//! The server's own log, and what it counts.

pub mod meters;

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Logs to standard error: `NARU_LOG=debug` and the like choose how much.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("NARU_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
