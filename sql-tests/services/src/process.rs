//! A server process that can't outlive its parent, in whatever way the parent ends.

use crate::error::{Result, ServiceError, Tried};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to become ready: many times what it needs on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at a server that is not ready yet.
const POLL: Duration = Duration::from_millis(20);

/// Waits for the end of its input, which comes when we end, then ends the server and removes its folder.
const GUARD: &str = r#"cat >/dev/null; kill -KILL "$1" 2>/dev/null; rm -rf "$2""#;

/// A running server with its private folder. Dropping it ends the server and removes the folder.
#[derive(Debug)]
pub struct Server {
    name: String,
    folder: PathBuf,
    child: Child,
    guard: Child,
}

impl Server {
    /// Starts `command` with its output in `folder/log`. The folder belongs to the server from now on.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Result<Self> {
        let path = log_path(folder);
        let log = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .tried(|| format!("{} can't be made", path.display()))?;
        let both = log.try_clone().tried(|| "a log file".to_owned())?;
        // Own process groups: an interrupt at the terminal reaches us alone, and we end the servers.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(both)
            .process_group(0)
            .spawn()
            .tried(|| format!("{name} can't be started"))?;
        let guard = Command::new("sh")
            .args(["-c", GUARD, "guard", &child.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { name: name.to_owned(), folder: folder.to_owned(), child, guard }),
            Err(source) => {
                drop(child.kill());
                drop(child.wait());
                Err(ServiceError::Io { what: format!("the guard of {name} can't be started"), source })
            }
        }
    }

    /// Waits until `ready` says so, as long as the server lives.
    pub fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(self.not_ready("ended by itself"));
            }
            if ready() {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err(self.not_ready("is not ready in time"));
            }
            std::thread::sleep(POLL);
        }
    }

    /// The private folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops the process without ending it, as a hanging machine would.
    pub fn freeze(&self) -> Result<()> {
        self.signal("-STOP")
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) -> Result<()> {
        self.signal("-CONT")
    }

    /// Ends the process at once, as a machine that fails does.
    pub fn kill(&self) -> Result<()> {
        self.signal("-KILL")
    }

    fn signal(&self, signal: &str) -> Result<()> {
        crate::install::run(Command::new("kill").args([signal, &self.child.id().to_string()])).map(drop)
    }

    fn not_ready(&self, problem: &'static str) -> ServiceError {
        let log = std::fs::read_to_string(log_path(&self.folder)).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        let log = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        ServiceError::NotReady { server: self.name.clone(), problem, log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The guard first: it must not end a stranger who got the server's process id afterwards.
        for process in [&mut self.guard, &mut self.child] {
            drop(process.kill());
            drop(process.wait());
        }
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// Ports below those that the system gives to whoever asks for any.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
/// The ports that this process has taken, which stay its own until it ends.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A loopback port that nobody listens on, for a server that has to be told where to listen: neither another process that asks
/// here nor one that asks the system for any port gets the same.
pub fn free_port() -> Result<u16> {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Processes begin at places of their own.
    let first = std::process::id() as usize * 97 + taken.len();
    let folder = crate::install::cache()?;
    for port in PORTS.cycle().skip(first % PORTS.len()).take(PORTS.len()) {
        let lock = folder.join(format!("port-{port}.lock"));
        let lock = File::create(&lock).tried(|| format!("{} can't be made", lock.display()))?;
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            taken.push(lock);
            return Ok(port);
        }
    }
    Err(ServiceError::Io { what: "no free port".to_owned(), source: std::io::ErrorKind::AddrInUse.into() })
}

/// The loopback address of a port.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A new private folder that others may pass through but not list: a server may run as another user.
pub(crate) fn private_folder(name: &str) -> Result<PathBuf> {
    let made = tempfile::Builder::new().prefix(&format!("naru-{name}-")).tempdir();
    Ok(made.tried(|| "no temporary folder".to_owned())?.keep())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn alive(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn a_dropped_server_is_gone_with_its_folder() {
        let folder = private_folder("test").unwrap();
        let server = Server::start("sleep", &folder, Command::new("sleep").arg("600")).unwrap();
        let pid = server.child.id();
        assert!(alive(pid));
        drop(server);
        assert!(!alive(pid));
        assert!(!folder.exists());
    }

    #[test]
    fn the_end_of_the_parent_ends_the_server() {
        let folder = private_folder("test").unwrap();
        let mut server = Server::start("sleep", &folder, Command::new("sleep").arg("600")).unwrap();
        // What the system does to our end of the pipe when we die, however we die.
        drop(server.guard.stdin.take());
        server.guard.wait().unwrap();
        server.child.wait().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_that_ends_by_itself_is_an_error_with_its_log() {
        let folder = private_folder("test").unwrap();
        let mut server =
            Server::start("sh", &folder, Command::new("sh").args(["-c", "echo no such option; exit 3"])).unwrap();
        let error = server.wait_until(|| false).unwrap_err().to_string();
        assert!(error.contains("ended by itself") && error.contains("no such option"), "{error}");
    }
}
