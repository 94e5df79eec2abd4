//! A child process that ends with the test, whatever becomes of the test: a shell between the two holds a pipe whose other
//! end this process owns, and kills the child (by its pid) when that end closes.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Runs `"$@"`, tells its pid, lets go of its output, and waits for a word on standard input: `term` asks it to end, the
/// end of the pipe kills it. The shell's exit code is the program's.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
echo "supervised pid $child"
exec 1>&- 2>&-
read -r word <&3
if [ "$word" = term ]; then kill -TERM "$child"; else kill -KILL "$child"; fi
wait "$child"
"#;

/// A running program.
#[derive(Debug)]
pub struct Process {
    shell: Child,
    stdin: Option<ChildStdin>,
    output: Arc<Output>,
    pid: u32,
}

/// Everything the program has printed, and whether it can print more.
#[derive(Debug, Default)]
struct Output {
    lines: Mutex<Lines>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<String>,
    closed: usize,
}

/// How long a program may take to say what it is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

impl Process {
    /// Starts a program in a folder.
    #[must_use]
    pub fn start(program: &Path, arguments: &[&str], folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "supervisor"]).arg(program).args(arguments).current_dir(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its own process group: an interrupt at the terminal reaches us alone, and we end the program.
        command.process_group(0);
        let mut shell = command.spawn().expect("sh can be started");
        let output = Arc::new(Output::default());
        collect(shell.stdout.take().expect("stdout is piped"), &output);
        collect(shell.stderr.take().expect("stderr is piped"), &output);
        let stdin = shell.stdin.take();
        let mut process = Self { shell, stdin, output, pid: 0 };
        let line = process.wait_for_line("its pid", |line| line.starts_with("supervised pid "));
        process.pid = line.rsplit(' ').next().and_then(|pid| pid.parse().ok()).expect("a pid");
        process
    }

    /// The program's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for a line of output; the program's end or some minutes without that line fail the test.
    #[must_use]
    pub fn wait_for_line(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.output.lines.lock().expect("no reader panics");
        loop {
            if let Some(line) = lines.all.iter().find(|line| wanted(line)) {
                return line.clone();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(lines.closed < 2 && !left.is_zero(), "no {what} in the output:\n{}", lines.all.join("\n"));
            lines = self.output.grown.wait_timeout(lines, left).expect("no reader panics").0;
        }
    }

    /// Everything printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lines.lock().expect("no reader panics").all.join("\n")
    }

    /// Sends a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid.to_string()]).status();
        assert!(status.expect("kill can be started").success(), "SIG{name} reached nobody");
    }

    /// Asks the program to end (SIGTERM) and waits for it: its exit code.
    pub fn stop(mut self) -> i32 {
        if let Some(mut stdin) = self.stdin.take() {
            stdin.write_all(b"term\n").expect("the supervisor reads");
        }
        self.shell.wait().expect("the supervisor ends").code().expect("the supervisor was not killed")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}

fn collect(stream: impl Read + Send + 'static, output: &Arc<Output>) {
    let output = Arc::clone(output);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            output.lines.lock().expect("no reader panics").all.push(line);
            output.grown.notify_all();
        }
        output.lines.lock().expect("no reader panics").closed += 1;
        output.grown.notify_all();
    });
}
