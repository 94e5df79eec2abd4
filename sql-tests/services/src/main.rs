//! `naru-services up mysql=4 toxiproxy`: starts servers, says where they are, and ends them when it is ended itself.

use naru_services::{Mariadb, MariadbOptions, Result, Toxiproxy, mariadb};
use std::io::{Write, stdout};
use std::process::ExitCode;

const USAGE: &str = "usage: naru-services up [mysql[=SERVERS]] [toxiproxy]\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, services)) if command == "up" && !services.is_empty() => up(services),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            drop(writeln!(std::io::stderr(), "{text}"));
            ExitCode::FAILURE
        }
    }
}

/// Starts everything, prints `KEY=VALUE` lines, and waits for the end of this process; the servers end with it.
fn up(services: &[String]) -> std::result::Result<(), String> {
    let mut running: Vec<Box<dyn std::any::Any>> = Vec::new();
    let mut lines = Vec::new();
    for service in services {
        let (name, count) = service.split_once('=').unwrap_or((service, "1"));
        match name {
            "mysql" => {
                let count = count.parse().map_err(|_| format!("\"{count}\" is not a number of servers\n{USAGE}"))?;
                let servers = started(Mariadb::start_all(count, &MariadbOptions::default()))?;
                lines.extend(
                    servers.iter().enumerate().map(|(i, server)| format!("NARU_MYSQL_{i}={}", server.address())),
                );
                lines.push(format!("NARU_MYSQL_USER={}", mariadb::USER));
                lines.push(format!("NARU_MYSQL_PASSWORD={}", mariadb::PASSWORD));
                running.push(Box::new(servers));
            }
            "toxiproxy" => running.push(Box::new(started(Toxiproxy::start())?)),
            other => return Err(format!("there is no service \"{other}\"\n{USAGE}")),
        }
    }
    lines.push(String::new());
    let mut out = stdout().lock();
    out.write_all(lines.join("\n").as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
    loop {
        std::thread::park();
    }
}

fn started<T>(server: Result<T>) -> std::result::Result<T, String> {
    server.map_err(|error| error.to_string())
}
