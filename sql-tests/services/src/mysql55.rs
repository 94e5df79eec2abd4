//! A real MySQL, of the year 2011: the only one that a package registry has. Too old for window functions, JSON and
//! fractional seconds, and so a good proof that the connector asks for nothing it need not.

use crate::error::{Result, Tried};
use crate::install::{self, run, unzip};
use crate::mariadb::{ACCOUNT, CLIENT, PASSWORD, USER, ask, greets, is_root};
use crate::process::{Server, free_port, loopback, private_folder};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

const ARTIFACT: &str = "mysql:mysql-connector-mxj-db-files:5.0.12";
const SERVER: &str = "5-5-9/Linux-x86_64/mysqld";
const DATA: &str = "5-5-9/data_dir.jar";
const SHARE: &str = "5-5-9/share_dir.jar";

/// A running MySQL 5.5.9 with the same account as [`crate::Mariadb`].
#[derive(Debug)]
pub struct Mysql55 {
    address: SocketAddr,
    server: Server,
}

impl Mysql55 {
    /// Starts it, ready to be asked; the first time on a machine it is fetched (140 MB).
    pub fn start() -> Result<Self> {
        install::debian("mariadb-client", Path::new(CLIENT))?;
        let unpacked = unpacked()?;
        let folder = private_folder("mysql55")?;
        let data = folder.join("data");
        run(Command::new("cp").arg("-a").arg(unpacked.join("data")).arg(&data))?;
        let users = folder.join("users.sql");
        // The account without a name would take every login from this machine.
        let statements = format!(
            "DELETE FROM mysql.user WHERE user = '';\nFLUSH PRIVILEGES;\nCREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        );
        std::fs::write(&users, statements).tried(|| "the first statements".to_owned())?;
        let port = free_port()?;
        let mut command = Command::new(unpacked.join(SERVER));
        command
            .arg("--no-defaults")
            .arg(format!("--basedir={}", unpacked.display()))
            .arg(format!("--lc-messages-dir={}", unpacked.join("share").display()))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()))
            .arg(format!("--init-file={}", users.display()))
            .arg(format!("--port={port}"))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--character-set-server=utf8mb4"]);
        if is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{ACCOUNT}:")).arg(&folder))?;
            command.arg(format!("--user={ACCOUNT}"));
        }
        let address = loopback(port);
        let mut server = Server::start("MySQL 5.5", &folder, &mut command)?;
        server.wait_until(|| greets(address))?;
        Ok(Self { address, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs statements as the administrator; gives rows as lines of tab-separated values.
    pub fn sql(&self, statements: &str) -> Result<String> {
        ask(&self.server.folder().join("socket"), statements)
    }
}

/// The server's files, unpacked once on this machine: [`SERVER`], `share`, and the `data` of a new server.
fn unpacked() -> Result<PathBuf> {
    let archive = install::maven(ARTIFACT)?;
    let _turn = install::exclusive("mysql55")?;
    let finished = install::cache()?.join("mysql-5.5.9");
    if finished.exists() {
        return Ok(finished);
    }
    let folder = private_folder("mysql55-files")?;
    unzip(&archive, &[SERVER, DATA, SHARE], &folder)?;
    unzip(&folder.join(SHARE), &["share/*"], &folder)?;
    unzip(&folder.join(DATA), &["mysql/*", "performance_schema/*"], &folder.join("data"))?;
    // Another account runs it.
    run(Command::new("chmod").arg("-R").arg("a+rX").arg(&folder))?;
    run(Command::new("chmod").arg("a+x").arg(folder.join(SERVER)))?;
    run(Command::new("cp").arg("-a").arg(&folder).arg(&finished))?;
    drop(std::fs::remove_dir_all(&folder));
    Ok(finished)
}
