//! A real PostgreSQL 15: the oracle for SQL semantics. It runs on a private port and data folder, as a user without rights
//! (it refuses to run as root).

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

use crate::process::Process;

/// A running PostgreSQL with the superuser `postgres` and no password.
#[derive(Debug)]
pub struct Postgresql {
    process: Process,
    folder: TempDir,
    port: u16,
}

impl Postgresql {
    /// Makes a data folder and starts a server on it.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let programs = programs();
        own(folder.path());
        let initdb = as_postgres(&programs.join("initdb"))
            .current_dir(folder.path())
            .arg("-D")
            .arg(&data)
            .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
            .output()
            .expect("initdb can be started");
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let port = naru_services::process::free_port().expect("a free port");
        let socket = format!("unix_socket_directories={}", folder.path().display());
        let (port_text, program) = (port.to_string(), programs.join("postgres"));
        let paths = [program.to_str(), data.to_str()].map(|path| path.expect("a path in UTF-8"));
        let mut arguments = vec![paths[0], "-D", paths[1], "-p", &port_text];
        arguments.extend(["-c", "listen_addresses=127.0.0.1", "-c", &socket, "-c", "fsync=off", "-c", "jit=off"]);
        let (wrapper, prefix) = wrapper();
        let arguments: Vec<&str> =
            prefix.iter().copied().chain(arguments).skip(usize::from(prefix.is_empty())).collect();
        let process = Process::start(wrapper.as_deref().unwrap_or(&program), &arguments, folder.path());
        let _ = process.wait_for_line("ready line", |line| line.contains("ready to accept connections"));
        Self { process, folder, port }
    }

    /// From now on `user` logs in by SCRAM-SHA-256; all others still need no password.
    pub fn require_password(&self, user: &str) {
        let rules = format!("host all {user} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
        std::fs::write(self.folder.path().join("data/pg_hba.conf"), rules).expect("the file of login rules");
        self.process.signal("HUP");
        let _ = self.process.wait_for_line("reload line", |line| line.contains("reloading configuration files"));
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Debian's place first, as `sql-tests/clients/install.sh` leaves it.
fn programs() -> PathBuf {
    let debian = Path::new("/usr/lib/postgresql/15/bin");
    assert!(debian.join("initdb").exists(), "PostgreSQL 15 is missing: run sql-tests/clients/install.sh");
    debian.to_owned()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id can be started");
    output.stdout.trim_ascii() == b"0"
}

/// What to put before a server's command line so that it does not run as root.
fn wrapper() -> (Option<PathBuf>, Vec<&'static str>) {
    if is_root() {
        (Some("setpriv".into()), vec!["--reuid=postgres", "--regid=postgres", "--clear-groups"])
    } else {
        (None, Vec::new())
    }
}

fn as_postgres(program: &Path) -> Command {
    let (wrapper, arguments) = wrapper();
    match wrapper {
        Some(wrapper) => {
            let mut command = Command::new(wrapper);
            command.args(arguments).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn own(folder: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("postgres:postgres").arg(folder).status();
        assert!(status.expect("chown can be started").success());
    }
}
