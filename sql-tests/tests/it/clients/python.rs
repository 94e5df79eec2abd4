//! psycopg 3 and ADBC's Flight SQL driver from PyPI.

use super::installed;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::postgresql::Postgresql;
use naru_sql_tests::tool::{self, Finished};
use naru_sql_tests::workspace;
use std::path::Path;
use std::sync::OnceLock;
use tokio::process::Command;

/// Runs Python with our clients installed.
pub(crate) async fn python(arguments: &[&str]) -> Finished {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.args(arguments);
    tool::run(command, "").await
}

pub(super) async fn case(script: &str, name: &str, port: u16, files: &[&Path]) {
    let script = workspace().join("sql-tests/clients/python").join(script);
    let port = port.to_string();
    let files = files.iter().map(|file| file.to_str().unwrap());
    let arguments = [script.to_str().unwrap(), name, &port];
    let _ = python(&arguments.into_iter().chain(files).collect::<Vec<_>>()).await.success();
}

macro_rules! cases {
    ($script:ident, $port:ident: $($case:ident),*) => {
        mod $script { $(
            #[tokio::test]
            async fn $case() {
                let port = super::Naru::shared().$port();
                super::case(concat!(stringify!($script), "_cases.py"), stringify!($case), port, &[]).await;
            }
        )* }
    };
}

cases!(
    psycopg, pg: query, parameters, errors, wrong_password, cancel, cancel_before_the_first_row, stream, big_results, pipeline,
    transactions, policies, newest_protocol, copy, copy_cancel, server_cursor
);
cases!(adbc, flight: query, parameters, large, cancel, errors, wrong_password, policies, metadata);

/// The same statements to Naru and to PostgreSQL 15.
mod beside_postgresql {
    use super::{Command, Naru, OnceLock, Postgresql, installed, tool, workspace};

    async fn case(name: &str) {
        static ORACLE: OnceLock<Postgresql> = OnceLock::new();
        let mut command = Command::new(installed().join("python/bin/python"));
        command.arg(workspace().join("sql-tests/clients/python/wire_cases.py")).arg(name);
        let ports = [Naru::shared().pg(), ORACLE.get_or_init(Postgresql::start).port()];
        command.args(ports.map(|port| port.to_string()));
        let _ = tool::run(command, "").await.success();
    }

    macro_rules! cases {
        ($($case:ident),*) => { $(
            #[tokio::test]
            async fn $case() {
                case(stringify!($case)).await;
            }
        )* };
    }

    cases!(copy, copy_errors, cursors, types, parameters);
}
