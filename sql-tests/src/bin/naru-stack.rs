//! `make stack`: sharded MySQL, a lake and a gateway on them, for trying by hand. Says where everything is, also in `stack.env`
//! of cargo's target folder, and runs until it is interrupted or whoever started it has ended. `--rows N` changes how many rows
//! each of the four shards has.

#![allow(clippy::expect_used, clippy::panic, reason = "what can't be had ends the run")]
#![allow(clippy::print_stdout, reason = "the lines to paste")]

use naru_sql_tests::stack::{Layout, Stack};
use naru_sql_tests::target_folder;
use std::fs;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Between two looks at whether our parent still lives.
const PARENT_POLL: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() {
    let layout = layout();
    let parent = parent_id();
    let mut interrupts = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .map(|kind| signal(kind).expect("signals can be received"));
    let file = Announcement::new();
    println!("starting {} MariaDB servers and filling them, which takes a while", layout.servers);
    // Dropping the stack ends its processes; while it starts, the end of this process does, which does not wait for a thread.
    let (started, starting) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || started.send(Box::new(Stack::start(layout))));
    let stack = tokio::select! {
        stack = starting => stack.expect("the stack starts"),
        () = told_to_end(&mut interrupts, parent) => return,
    };
    file.write(&stack.environment());
    greet(&stack, file.path());
    told_to_end(&mut interrupts, parent).await;
    drop(file);
    drop(stack);
}

/// The default one, with the rows that were asked for.
fn layout() -> Layout {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => Layout::default(),
        ["--rows", rows] => Layout { rows_per_shard: rows.parse().expect("a number of rows"), ..Layout::default() },
        _ => panic!("usage: naru-stack [--rows ROWS_PER_SHARD]"),
    }
}

/// An interrupt, or the end of the process that started us: it may be killed and then can't tell us.
async fn told_to_end(interrupts: &mut [Signal; 3], parent: u32) {
    let [interrupt, terminate, hangup] = interrupts;
    let mut looks = tokio::time::interval(PARENT_POLL);
    loop {
        tokio::select! {
            _ = interrupt.recv() => return,
            _ = terminate.recv() => return,
            _ = hangup.recv() => return,
            _ = looks.tick() => if parent_id() != parent { return },
        }
    }
}

/// `stack.env`: there while the stack answers.
struct Announcement(PathBuf);

impl Announcement {
    fn new() -> Self {
        let new = Self(target_folder().join("stack.env"));
        new.remove();
        new
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// A reader finds all of it or none.
    fn write(&self, text: &str) {
        let unfinished = self.0.with_extension("env.new");
        fs::write(&unfinished, text).expect("cargo's target folder can be written to");
        fs::rename(&unfinished, &self.0).expect("stack.env can be written");
    }

    fn remove(&self) {
        // It may not be there.
        let _ = fs::remove_file(&self.0);
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.remove();
    }
}

fn greet(stack: &Stack, file: &Path) {
    let (pg, flight) = (stack.naru().pg(), stack.naru().flight());
    let psql = |user| format!("PGPASSWORD=demo psql -h 127.0.0.1 -p {pg} -U {user} mydata");
    println!("{}", stack.environment());
    println!("naru stack is ready; the lines above are in {}", file.display());
    println!("Users alice (admin), bob (analyst) and carol (no rights); password: demo");
    println!("  {}", psql("alice"));
    println!(
        "    select date_format(request_at, '%Y%m%d'), org_code, api_code, count(*), avg(ms), stddev(ms), sum(amount)"
    );
    println!("      from mydata.mydata.api_request group by 1, 2, 3;");
    println!("    explain select org_code, count(*) from api_request group by 1;");
    println!(
        "    select g.grade, c.grade, count(*) from users g join lake.mydata.customers c on c.customer_id = g.user_id"
    );
    println!("      group by 1, 2;");
    println!("  {}", psql("bob"));
    println!("    select * from users limit 3;  -- phones end in four digits");
    println!("    select status, count(*) from api_request group by 1;  -- nothing internal");
    println!("  JDBC: jdbc:arrow-flight-sql://127.0.0.1:{flight}?useEncryption=false&user=bob&password=demo");
    println!("Ctrl-C ends it.");
}
