//! Why a server could not be had.

use std::path::PathBuf;

/// Result of starting, asking or stopping a server.
pub type Result<T, E = ServiceError> = std::result::Result<T, E>;

/// What went wrong with a server.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A file, a folder, a socket or a process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A package client or a tool of the server failed.
    #[error("{command} failed: {output}")]
    Command {
        /// The command.
        command: String,
        /// What it said.
        output: String,
    },
    /// The server ended, or was not ready in time.
    #[error("{server} {problem}; the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        server: String,
        /// Ended, or too slow.
        problem: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// A program is missing after its package was installed.
    #[error("{0} is not installed")]
    Missing(PathBuf),
}

/// Names what was tried when an input or output operation fails.
pub(crate) trait Tried<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Tried<T> for std::io::Result<T> {
    fn tried(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|source| ServiceError::Io { what: what(), source })
    }
}
