//! pgjdbc and the Flight SQL JDBC driver from Maven.

use super::installed;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::tool::{self, Finished};
use std::path::Path;
use tokio::process::Command;

/// Runs one of our programs with the drivers beside it.
pub(crate) async fn java(program: &str, arguments: &[&str]) -> Finished {
    let folder = installed().join("java");
    let class_path = format!("{0}/classes:{0}/lib/*", folder.display());
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.args(["--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", &class_path, program]).args(arguments);
    tool::run(command, "").await
}

pub(super) async fn case(program: &str, name: &str, port: u16, files: &[&Path]) {
    let port = port.to_string();
    let files = files.iter().map(|file| file.to_str().unwrap());
    let _ = java(program, &[name, &port].into_iter().chain(files).collect::<Vec<_>>()).await.success();
}

macro_rules! cases {
    ($module:ident, $program:literal, $port:ident: $($case:ident),*) => {
        mod $module { $(
            #[tokio::test]
            async fn $case() {
                super::case($program, stringify!($case), super::Naru::shared().$port(), &[]).await;
            }
        )* }
    };
}

cases!(
    pgjdbc, "PgJdbc", pg: query, parameters, types, errors, wrong_password, cancel, cancel_between_fetches, fetch_size, big_results,
    policies, transactions, server_prepared, timeout, metadata, copy, cursors
);
cases!(
    flight_jdbc, "FlightJdbc", flight: query, parameters, large, cancel, metadata, errors, wrong_password, policies
);
