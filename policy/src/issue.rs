//! What is doubtful in a loaded policy set: for `naru policy check` and the log after a reload.

use std::fmt;
use std::path::PathBuf;

/// How bad an issue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Probably not what was meant.
    Warning,
    /// The policy can't do what it says; the engine then gives less.
    Error,
}

/// Something wrong with one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyIssue {
    /// The policy; `None` when the issue is about the whole document.
    pub policy_id: Option<i64>,
    /// Its name.
    pub policy_name: String,
    /// The file it came from, when it came from one.
    pub file: Option<PathBuf>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and what the engine makes of it.
    pub what: String,
}

impl fmt::Display for PolicyIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        f.write_str(match self.severity {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        match self.policy_id {
            Some(id) => write!(f, "policy {id} ({}): {}", self.policy_name, self.what),
            None => f.write_str(&self.what),
        }
    }
}
