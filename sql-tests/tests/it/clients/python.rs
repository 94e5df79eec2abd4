//! psycopg 3 and ADBC's Flight SQL driver from PyPI.

use super::installed;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::{tool, workspace};
use std::path::Path;
use tokio::process::Command;

pub(super) async fn case(script: &str, name: &str, port: u16, files: &[&Path]) {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(workspace().join("sql-tests/clients/python").join(script)).arg(name);
    command.arg(port.to_string()).args(files);
    let _ = tool::run(command, "").await.success();
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
    transactions, policies, newest_protocol
);
cases!(adbc, flight: query, parameters, large, cancel, errors, wrong_password, policies, metadata);
