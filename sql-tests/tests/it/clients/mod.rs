//! Real clients, each as the child process that a user would run.

mod java;
mod psql;
mod python;
mod tls;

pub(crate) use java::java;
pub(crate) use python::python;

use naru_sql_tests::{target_folder, workspace};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the clients lie that no package manager of the machine has; installed by the first test that asks.
pub(crate) fn installed() -> &'static PathBuf {
    // Kept when it fails, too: each test would try for a minute.
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = target_folder().join("clients");
        let script = workspace().join("sql-tests/clients/install.sh");
        let status = std::process::Command::new(script).arg(&folder).status().unwrap();
        status.success().then_some(folder)
    });
    folder.as_ref().expect("sql-tests/clients/install.sh installs the clients")
}
