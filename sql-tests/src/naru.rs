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
    http: Option<u16>,
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
        let any = "127.0.0.1:0";
        let arguments = ["demo", "--pg", any, "--flight", any, "--http", any, "--audit", "audit.jsonl"];
        let process = Process::start(binary, &arguments, folder.path());
        // The greeting's lines to paste; curl's is the last one.
        let curl = process.wait_for_line("curl line", |line| line.contains("curl "));
        let psql = process.wait_for_line("psql line", |line| line.contains(" psql "));
        let jdbc = process.wait_for_line("JDBC line", |line| line.contains("jdbc:arrow-flight-sql:"));
        let [pg, flight, http] = [(&psql, "-p "), (&jdbc, "127.0.0.1:"), (&curl, "127.0.0.1:")]
            .map(|(line, before)| port_after(line, before).expect("a port in the greeting"));
        Self { process, folder, pg, flight: Some(flight), http: Some(http) }
    }

    /// `naru serve` over a configuration that listens on port 0.
    #[must_use]
    pub fn serve(configuration: &Path) -> Self {
        Self::serve_of(binary(), configuration)
    }

    /// The same of a binary that was built otherwise.
    #[must_use]
    pub fn serve_of(binary: &Path, configuration: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = configuration.to_str().expect("a path in UTF-8");
        let process = Process::start(binary, &["serve", "--config", path], folder.path());
        let line = process.wait_for_line("ready line", |line| line.contains("naru is ready"));
        let opened = |door: &str| port_after(line.split(door).nth(1)?, "127.0.0.1:");
        let pg = opened("postgresql").expect("the PostgreSQL door's port");
        let (flight, http) = (opened("flight"), opened("http"));
        Self { process, folder, pg, flight, http }
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

    /// The port of the HTTP door on 127.0.0.1.
    #[must_use]
    pub fn http(&self) -> u16 {
        self.http.expect("this naru has no HTTP door")
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

/// The number that follows a text.
fn port_after(line: &str, before: &str) -> Option<u16> {
    line.split(before).nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The `naru` program, built once by the cargo that runs the tests, in the same target folder; or the one that `NARU_BINARY`
/// names, such as a release build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("NARU_BINARY").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Of the whole workspace: with `--package` cargo would choose other features, and build DataFusion a second time.
    command.args(["build", "--locked", "--workspace", "--bin", "naru"]);
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
