//! A client program run to its end, as a user would.

use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Longer than any client of ours takes: one that hangs is killed and fails the test.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs a program with this standard input.
pub async fn run(mut command: Command, input: &str) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|error| {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        panic!("{program} can't be started ({error}): run sql-tests/clients/install.sh")
    });
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let feed = async move {
        // A program may end without having read it all.
        let _ = stdin.write_all(input.as_bytes()).await;
    };
    let run = async { tokio::join!(feed, child.wait_with_output()).1 };
    let output = tokio::time::timeout(PATIENCE, run).await.expect("the program ends in time").expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output in UTF-8");
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Finished {
    /// Standard output of a program that succeeded.
    #[must_use]
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}
