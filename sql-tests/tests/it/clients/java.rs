//! pgjdbc and the Flight SQL JDBC driver from Maven.

use super::installed;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::tool;
use tokio::process::Command;

async fn case(program: &str, name: &str, port: u16) {
    let folder = installed().join("java");
    let class_path = format!("{0}/classes:{0}/lib/*", folder.display());
    let mut command = Command::new("java");
    command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    command.args(["--add-opens=java.base/java.nio=ALL-UNNAMED", "-cp", &class_path, program, name, &port.to_string()]);
    let _ = tool::run(command, "").await.success();
}

macro_rules! cases {
    ($module:ident, $program:literal, $port:ident: $($case:ident),*) => {
        mod $module { $(
            #[tokio::test]
            async fn $case() {
                super::case($program, stringify!($case), super::Naru::shared().$port()).await;
            }
        )* }
    };
}

cases!(
    pgjdbc, "PgJdbc", pg: query, parameters, types, errors, wrong_password, cancel, fetch_size, policies, transactions,
    server_prepared, timeout, copy, cursors
);
cases!(flight_jdbc, "FlightJdbc", flight: query, parameters, errors, wrong_password, policies);
