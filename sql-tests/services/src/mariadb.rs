//! MariaDB servers: as many shards as wanted, from one prepared data folder.

use crate::error::{Result, Tried};
use crate::install::{self, run};
use crate::process::{Server, free_port, loopback, private_folder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const SERVER: &str = "/usr/sbin/mariadbd";
const INSTALL: &str = "/usr/bin/mariadb-install-db";
pub(crate) const CLIENT: &str = "/usr/bin/mariadb";
/// The account that Debian's package makes; the server refuses to run as root.
pub(crate) const ACCOUNT: &str = "mysql";

/// The user every server has, with all rights.
pub const USER: &str = "naru";
/// Its password.
pub const PASSWORD: &str = "only-for-tests";

/// What differs between servers.
#[derive(Debug, Clone, Default)]
pub struct MariadbOptions {
    /// Certificate and private key files (PEM): the server offers TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Further options of the server, such as `--max-connections=5`; a later one wins.
    pub arguments: Vec<String>,
}

/// A running MariaDB server.
#[derive(Debug)]
pub struct Mariadb {
    address: SocketAddr,
    server: Server,
    /// Held by whoever reads the log, which is on or off for all.
    log: Mutex<()>,
}

impl Mariadb {
    /// One server with default options, ready to be asked.
    pub fn start() -> Result<Self> {
        Self::start_with(&MariadbOptions::default())
    }

    /// One server.
    pub fn start_with(options: &MariadbOptions) -> Result<Self> {
        let mut servers = Self::start_all(1, options)?;
        servers.pop().ok_or_else(|| crate::ServiceError::Missing(SERVER.into()))
    }

    /// `count` servers, started side by side.
    pub fn start_all(count: usize, options: &MariadbOptions) -> Result<Vec<Self>> {
        let template = template()?;
        let started: Vec<_> = (0..count).map(|_| Self::spawn(&template, options)).collect::<Result<_>>()?;
        started.into_iter().map(Self::ready).collect()
    }

    fn spawn(template: &Path, options: &MariadbOptions) -> Result<Self> {
        let folder = private_folder("mariadb")?;
        run(Command::new("cp").arg("-a").arg(template).arg(folder.join("data")))?;
        let users = folder.join("users.sql");
        let statements = format!(
            "CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
        );
        std::fs::write(&users, statements).tried(|| "the first statements".to_owned())?;
        let port = free_port()?;
        let mut command = Command::new(SERVER);
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", folder.join("data").display()))
            // A server that starts removes what it takes for its own leftovers here, so that no two may share it.
            .arg(format!("--tmpdir={}", folder.display()))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()))
            .arg(format!("--init-file={}", users.display()))
            .arg(format!("--general-log-file={}", folder.join("general.log").display()))
            .arg(format!("--port={port}"))
            .args(["--bind-address=127.0.0.1", "--skip-name-resolve", "--performance-schema=OFF"])
            .args(["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--key-buffer-size=1M"])
            .args(["--aria-pagecache-buffer-size=1M", "--table-open-cache=200", "--max-connections=60"])
            .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"])
            .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci"]);
        if is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{ACCOUNT}:")).arg(&folder))?;
            command.arg(format!("--user={ACCOUNT}"));
        }
        if let Some((certificate, key)) = &options.tls {
            for (file, option) in [(certificate, "cert"), (key, "key")] {
                command.arg(format!("--ssl-{option}={}", own_copy(file, &folder, option)?.display()));
            }
        }
        command.args(&options.arguments);
        let server = Server::start("mariadb", &folder, &mut command)?;
        Ok(Self { address: loopback(port), server, log: Mutex::new(()) })
    }

    fn ready(mut self) -> Result<Self> {
        let address = self.address;
        self.server.wait_until(|| greets(address))?;
        Ok(self)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process, to freeze and thaw it.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Runs statements as the administrator through the server's own client, not through the driver under test. Gives
    /// rows as lines of tab-separated values.
    pub fn sql(&self, statements: &str) -> Result<String> {
        ask(&self.server.folder().join("socket"), statements)
    }

    /// Does `work` and gives what the server received meanwhile, from everybody: its general log. One at a time.
    pub fn received<T>(&self, work: impl FnOnce() -> T) -> Result<(T, String)> {
        let _alone = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.server.folder().join("general.log");
        let length = || std::fs::metadata(&path).map_or(0, |file| file.len());
        self.sql("SET GLOBAL general_log = 1")?;
        let start = length();
        let done = work();
        self.sql("SET GLOBAL general_log = 0")?;
        let log = std::fs::read(&path).tried(|| format!("{} can't be read", path.display()))?;
        let new = log.get(usize::try_from(start).unwrap_or(0)..).unwrap_or_default();
        Ok((done, String::from_utf8_lossy(new).into_owned()))
    }
}

/// Runs statements on the server behind a socket as [`USER`].
pub(crate) fn ask(socket: &Path, statements: &str) -> Result<String> {
    let mut client = Command::new(CLIENT)
        .args(["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"])
        .arg(format!("--socket={}", socket.display()))
        .args(["-u", USER])
        .env("MYSQL_PWD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .tried(|| format!("{CLIENT} can't be run"))?;
    // Statements give few rows: the client never waits for us to read while we wait for it to read.
    if let Some(mut input) = client.stdin.take() {
        input.write_all(statements.as_bytes()).tried(|| "statements can't be handed over".to_owned())?;
    }
    let output = client.wait_with_output().tried(|| format!("{CLIENT} can't be run"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let output = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(crate::ServiceError::Command { command: CLIENT.to_owned(), output })
}

/// Has the server's first packet arrived? A port that is open but silent is not ready.
pub(crate) fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut byte = [0];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok() && stream.read_exact(&mut byte).is_ok()
}

/// The data folder of an empty server, made once on this machine.
fn template() -> Result<PathBuf> {
    install::debian("mariadb-server", Path::new(SERVER))?;
    let _turn = install::exclusive("mariadb")?;
    let finished = install::cache()?.join("mariadb-data");
    if finished.exists() {
        return Ok(finished);
    }
    let folder = private_folder("mariadb-template")?;
    let data = folder.join("data");
    let mut command = Command::new(INSTALL);
    command
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}", data.display()));
    if is_root() {
        run(Command::new("chown").arg(format!("{ACCOUNT}:")).arg(&folder))?;
        command.arg(format!("--user={ACCOUNT}"));
    }
    run(&mut command)?;
    std::fs::rename(&data, &finished).tried(|| format!("{} can't be made", finished.display()))?;
    drop(std::fs::remove_dir_all(&folder));
    Ok(finished)
}

/// A copy of `file` that the server's account may read.
fn own_copy(file: &Path, folder: &Path, name: &str) -> Result<PathBuf> {
    let copy = folder.join(name).with_extension("pem");
    std::fs::copy(file, &copy).tried(|| format!("{} can't be copied", file.display()))?;
    if is_root() {
        run(Command::new("chown").arg(format!("{ACCOUNT}:")).arg(&copy))?;
    }
    Ok(copy)
}

pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn two_servers_answer_each_for_itself_and_log_what_they_received() {
        let servers = Mariadb::start_all(2, &MariadbOptions::default()).unwrap();
        for (number, server) in servers.iter().enumerate() {
            server.sql(&format!("CREATE DATABASE d; CREATE TABLE d.t SELECT {number} AS n")).unwrap();
        }
        let answers: Vec<_> = servers.iter().map(|server| server.sql("SELECT n FROM d.t").unwrap()).collect();
        assert_eq!(answers, ["0\n", "1\n"]);

        let (_, log) = servers[0].received(|| servers[0].sql("SELECT 'seen' FROM d.t").unwrap()).unwrap();
        assert!(log.contains("SELECT 'seen'"), "{log}");
        let (_, log) = servers[0].received(|| servers[1].sql("SELECT 'elsewhere'").unwrap()).unwrap();
        assert!(!log.contains("elsewhere"), "{log}");
    }
}
