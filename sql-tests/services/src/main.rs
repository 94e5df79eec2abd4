//! `naru-services up mysql=4 toxiproxy`: starts servers, says where they are, and ends them when it is ended itself.

use naru_services::service::{Running, SERVICES};
use std::io::{Write, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, services)) if command == "up" && !services.is_empty() => up(services),
        _ => Err(usage()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            drop(writeln!(std::io::stderr(), "{text}"));
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let names: Vec<_> = SERVICES.iter().map(|service| service.name).collect();
    format!("usage: naru-services up NAME[=SERVERS] ..., of {}", names.join(", "))
}

/// Starts everything, prints `KEY=VALUE` lines, and waits for the end of this process; the servers end with it.
fn up(wanted: &[String]) -> Result<(), String> {
    let running = wanted.iter().map(|text| start(text)).collect::<Result<Vec<_>, _>>()?;
    let mut out = stdout().lock();
    for line in running.iter().flat_map(|running| &running.environment) {
        writeln!(out, "{line}").map_err(|error| error.to_string())?;
    }
    out.flush().map_err(|error| error.to_string())?;
    loop {
        std::thread::park();
    }
}

fn start(text: &str) -> Result<Running, String> {
    let (name, count) = text.split_once('=').unwrap_or((text, "1"));
    let service = SERVICES.iter().find(|service| service.name == name);
    let service = service.ok_or_else(|| format!("there is no service \"{name}\"\n{}", usage()))?;
    let count = count.parse().map_err(|_| format!("\"{count}\" is not a number of servers\n{}", usage()))?;
    (service.start)(count).map_err(|error| error.to_string())
}
