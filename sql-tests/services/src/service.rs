//! Every kind of server by its name, for `naru-services up` and whoever needs servers it does not know.

use crate::{Mariadb, MariadbOptions, Mysql55, Result, Toxiproxy, mariadb};
use std::any::Any;

/// Running servers of one kind: they end when this is dropped.
pub struct Running {
    /// Where they are, as `KEY=VALUE` lines.
    pub environment: Vec<String>,
    _servers: Box<dyn Any + Send>,
}

/// A kind of server.
pub struct Service {
    /// Its name on the command line.
    pub name: &'static str,
    /// Starts this many of them, ready to be asked.
    pub start: fn(usize) -> Result<Running>,
}

/// All kinds. A new one is its file and its line here.
pub const SERVICES: &[Service] = &[
    Service { name: "mysql", start: mysql },
    Service { name: "mysql55", start: mysql55 },
    Service { name: "toxiproxy", start: toxiproxy },
];

fn mysql(count: usize) -> Result<Running> {
    let servers = Mariadb::start_all(count, &MariadbOptions::default())?;
    let addresses = servers.iter().map(|server| server.address().to_string()).collect();
    Ok(Running { environment: with_account("NARU_MYSQL", addresses), _servers: Box::new(servers) })
}

fn mysql55(count: usize) -> Result<Running> {
    let servers = (0..count).map(|_| Mysql55::start()).collect::<Result<Vec<_>>>()?;
    let addresses = servers.iter().map(|server| server.address().to_string()).collect();
    Ok(Running { environment: with_account("NARU_MYSQL55", addresses), _servers: Box::new(servers) })
}

fn toxiproxy(count: usize) -> Result<Running> {
    let servers = (0..count).map(|_| Toxiproxy::start()).collect::<Result<Vec<_>>>()?;
    let addresses = servers.iter().map(|server| server.api().to_string()).collect();
    Ok(Running { environment: numbered("NARU_TOXIPROXY", addresses), _servers: Box::new(servers) })
}

fn with_account(prefix: &str, addresses: Vec<String>) -> Vec<String> {
    let mut lines = numbered(prefix, addresses);
    lines.push(format!("{prefix}_USER={}", mariadb::USER));
    lines.push(format!("{prefix}_PASSWORD={}", mariadb::PASSWORD));
    lines
}

fn numbered(prefix: &str, addresses: Vec<String>) -> Vec<String> {
    addresses.iter().enumerate().map(|(number, address)| format!("{prefix}_{number}={address}")).collect()
}
