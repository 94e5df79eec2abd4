//! psycopg 3 from PyPI.

use super::installed;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::{tool, workspace};
use tokio::process::Command;

async fn case(script: &str, name: &str) {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(workspace().join("sql-tests/clients/python").join(script)).arg(name);
    command.arg(Naru::shared().pg().to_string());
    let _ = tool::run(command, "").await.success();
}

macro_rules! cases {
    ($script:ident: $($case:ident),*) => {
        mod $script { $(
            #[tokio::test]
            async fn $case() {
                super::case(concat!(stringify!($script), "_cases.py"), stringify!($case)).await;
            }
        )* }
    };
}

cases!(psycopg: query, parameters, errors, wrong_password, cancel, stream, pipeline, transactions, policies);
