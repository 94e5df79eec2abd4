//! psql.

use naru_sql_tests::naru::Naru;
use naru_sql_tests::tool::{self, Finished};
use std::time::{Duration, Instant};
use tokio::process::Command;

fn psql(user: &str, password: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-F", "|", "-h", "127.0.0.1", "-p", &Naru::shared().pg().to_string()]);
    command
        .args(["-U", user, "-d", "tpch", "-v", "VERBOSITY=verbose"])
        .env("PGPASSWORD", password)
        .env("LC_ALL", "C.UTF-8");
    command
}

async fn run(user: &str, script: &str) -> Finished {
    tool::run(psql(user, "demo"), script).await
}

#[tokio::test]
async fn each_user_sees_what_the_policies_allow() {
    let sql = "select c_phone, c_mktsegment from customer where c_custkey <= 2 order by c_custkey;";
    assert_eq!(run("alice", sql).await.success(), "25-989-741-2988|BUILDING\n23-768-687-3665|AUTOMOBILE\n");
    assert_eq!(run("bob", sql).await.success(), "XXXXXXXXXXX2988|BUILDING\n");
    let carol = run("carol", "select 1; select * from customer;").await;
    assert_eq!(carol.stdout, "1\n");
    assert!(carol.stderr.contains("42P01"), "{}", carol.stderr);
}

#[tokio::test]
async fn errors_have_their_sqlstate_and_place() {
    let finished = run("alice", "select 1 +;\nselect nope;\nselect 1/0;\nselect 2;").await;
    for expected in ["ERROR:  42601:", "ERROR:  42703:", "ERROR:  22012:", "LINE 1:"] {
        assert!(finished.stderr.contains(expected), "{expected}: {}", finished.stderr);
    }
    assert_eq!(finished.stdout, "2\n");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let message = |finished: Finished, user: &str| {
        assert_eq!(finished.code, Some(2));
        finished.stderr.replace(user, "USER")
    };
    let wrong = message(tool::run(psql("alice", "wrong"), "select 1").await, "alice");
    let unknown = message(tool::run(psql("mallory", "demo"), "select 1").await, "mallory");
    assert!(wrong.contains("password authentication failed"), "{wrong}");
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn prepared_statements_take_parameters() {
    let script = "prepare p(bigint, text) as select c_name, $2 from customer where c_custkey = $1;\n\
                  execute p(7, 'x');\nexecute p(8, 'y');\ndeallocate p;\nexecute p(7, 'x');";
    let finished = run("alice", script).await;
    assert!(finished.stdout.contains("Customer#000000007|x\nCustomer#000000008|y\n"), "{}", finished.stdout);
    assert!(finished.stderr.contains("26000"), "{}", finished.stderr);
}

#[tokio::test]
async fn a_big_result_arrives_whole() {
    let rows = run("alice", "select l_orderkey, l_comment from lineitem;").await.success();
    assert_eq!(rows.lines().count(), 60_175);
}

#[tokio::test]
async fn copy_writes_a_file_at_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let script = format!(
        "\\copy (select r_regionkey, r_name, 'a,b' as x from region order by 1 limit 2) to '{}' csv header\n\\copy lineitem to '{}'\n",
        file("region.csv").display(),
        file("lineitem.txt").display()
    );
    let finished = run("alice", &script).await;
    assert_eq!(finished.stdout, "COPY 2\nCOPY 60175\n", "{}", finished.stderr);
    let region = std::fs::read_to_string(file("region.csv")).unwrap();
    assert_eq!(region, "r_regionkey,r_name,x\n0,AFRICA,\"a,b\"\n1,AMERICA,\"a,b\"\n");
    assert_eq!(std::fs::read_to_string(file("lineitem.txt")).unwrap().lines().count(), 60_175);
    // What comes to the screen, and what a policy hides.
    assert_eq!(run("alice", "copy region (r_name) to stdout csv;").await.success().lines().next(), Some("AFRICA"));
    let script = format!("\\copy customer (c_acctbal) to '{}'", file("secret").display());
    let refused = run("bob", &script).await;
    assert!(refused.stderr.contains("42501"), "{}", refused.stderr);
}

#[tokio::test]
async fn fetch_count_reads_through_a_cursor() {
    let script = "\\set FETCH_COUNT 1000\nselect l_orderkey from lineitem;\nselect 1;";
    let rows = run("alice", script).await.success();
    assert_eq!(rows.lines().count(), 60_176);
}

#[tokio::test]
async fn interrupt_cancels_the_running_query() {
    // A server of its own: its audit file says when the query runs.
    let naru = Naru::demo();
    let mut command = psql("alice", "demo");
    command.args(["-p", &naru.pg().to_string(), "-c", "select count(*) from lineitem a, lineitem b, lineitem c"]);
    let client = tokio::spawn(tool::run(as_own_process(&naru, &command), ""));
    let until = Instant::now() + Duration::from_secs(60);
    let pid_file = naru.folder().join("psql.pid");
    while !started(&naru) {
        assert!(Instant::now() < until, "the query does not start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let status = std::process::Command::new("kill").args(["-INT", pid.trim()]).status().unwrap();
    assert!(status.success());
    let finished = client.await.unwrap();
    assert!(finished.stderr.contains("57014"), "{}", finished.stderr);
}

/// The same command behind a shell that tells its process id first.
fn as_own_process(naru: &Naru, command: &Command) -> Command {
    let inner = command.as_std();
    let mut outer = Command::new("sh");
    outer.args(["-c", "echo $$ >psql.pid; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(naru.folder());
    outer
}

fn started(naru: &Naru) -> bool {
    let records = std::fs::read_to_string(naru.folder().join("audit.jsonl")).unwrap_or_default();
    records.lines().any(|record| record.contains("\"start\"") && record.contains("lineitem c"))
}
