//! One running `naru`: the demo, or a service over a configuration folder of the test's own.

use crate::process::Process;
use crate::workspace;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;

/// A running `naru` and the private folder it works in.
#[derive(Debug)]
pub struct Naru {
    process: Process,
    folder: TempDir,
    pg: u16,
    flight: Option<u16>,
}

impl Naru {
    /// `naru demo` on free ports of the loopback address, its audit records in [`Naru::folder`].
    #[must_use]
    pub fn demo() -> Self {
        Self::demo_of(binary())
    }

    /// The same of a binary that was built otherwise.
    #[must_use]
    pub fn demo_of(binary: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = ["demo", "--pg", "127.0.0.1:0", "--audit", "audit.jsonl"];
        let process = Process::start(binary, &arguments, folder.path());
        let line = process.wait_for_line("psql line", |line| line.contains(" psql "));
        let mut words = line.split_whitespace().skip_while(|word| *word != "-p").skip(1);
        let pg = words.next().and_then(|port| port.parse().ok()).expect("psql's -p PORT");
        Self { process, folder, pg, flight: None }
    }

    /// `naru serve` over a configuration that listens on port 0.
    #[must_use]
    pub fn serve(configuration: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = configuration.to_str().expect("a path in UTF-8");
        let process = Process::start(binary(), &["serve", "--config", path], folder.path());
        let line = process.wait_for_line("ready line", |line| line.contains("naru is ready"));
        let pg = port_after(&line, "postgresql").expect("the PostgreSQL door's port");
        Self { process, folder, pg, flight: None }
    }

    /// A demo that all tests of the process share: for tests that change nothing in it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Naru> = OnceLock::new();
        SHARED.get_or_init(Self::demo)
    }

    /// The port of the PostgreSQL door on 127.0.0.1.
    #[must_use]
    pub fn pg(&self) -> u16 {
        self.pg
    }

    /// The port of the Flight SQL door on 127.0.0.1.
    #[must_use]
    pub fn flight(&self) -> u16 {
        self.flight.expect("this naru has no Flight SQL door")
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The folder it runs in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it as an operator does: SIGTERM. Its exit code.
    pub fn stop(self) -> i32 {
        self.process.stop()
    }
}

/// The port in `name=Some(127.0.0.1:PORT)`.
fn port_after(line: &str, name: &str) -> Option<u16> {
    let rest = line.split(name).nth(1)?.split("127.0.0.1:").nth(1)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The `naru` program, built once by the cargo that runs the tests, in the same target folder.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--locked", "--package", "naru-gateway", "--bin", "naru"]);
    command.arg("--message-format=json-render-diagnostics").current_dir(workspace());
    let output = command.stderr(Stdio::inherit()).output().expect("cargo can be started");
    assert!(output.status.success(), "naru does not build");
    cargo_metadata::Message::parse_stream(output.stdout.as_slice())
        .filter_map(|message| match message.expect("cargo's own JSON") {
            cargo_metadata::Message::CompilerArtifact(artifact) if artifact.target.name == "naru" => {
                artifact.executable
            }
            _ => None,
        })
        .last()
        .expect("cargo names the executable")
        .into_std_path_buf()
}
