//! Why a set of policies can't be used at all. What can be used, but not fully, is an [`crate::PolicyIssue`] instead.

use std::path::PathBuf;

/// A policy document that is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file or folder can't be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not JSON, or not Ranger's JSON.
    #[error("{}:{line}:{column}: {what}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Well-formed, but neither a policy download nor an exported policy list.
    #[error("{}: {what}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Two files that can't be one set.
    #[error("{} and {}: {what}", first.display(), second.display())]
    Conflict {
        /// The file read first.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
        /// What they disagree on.
        what: String,
    },
    /// The document uses something that is not evaluated; using the rest of it could give access it forbids.
    #[error("policies refused: {0}")]
    Unsupported(String),
    /// The service definition can't drive the engine.
    #[error("service definition {name:?}: {what}")]
    ServiceDef {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
}
