//! What a session switches, seen in EXPLAIN and in what a server receives; a shard that is down; statements in MySQL's own language.

use super::{STACK, first_server_of};
use naru_sql_tests::naru::Naru;
use naru_sql_tests::stack::{Layout, Stack};
use naru_sql_tests::tool::{self, Finished};
use tokio::process::Command;

async fn psql(naru: &Naru, user: &str, script: &str) -> Finished {
    let mut command = Command::new("psql");
    command.args(["-X", "-q", "-A", "-t", "-F", "|", "-h", "127.0.0.1", "-p", &naru.pg().to_string()]);
    command.args(["-U", user, "-d", "mydata", "-v", "VERBOSITY=verbose"]);
    command.env("PGPASSWORD", "demo").env("LC_ALL", "C.UTF-8");
    tool::run(command, script).await
}

/// The statements of one test that the first server received: those that hold its own number.
fn received(work: impl Future<Output = Finished>, number: &str) -> (String, Vec<String>) {
    let runtime = tokio::runtime::Handle::current();
    let run = || tokio::task::block_in_place(|| runtime.block_on(work));
    let (finished, log) = first_server_of(&STACK).received(run).unwrap();
    let sent = log.lines().filter(|line| line.contains("Execute") && line.contains(number));
    (finished.success(), sent.map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pushdown_can_be_switched_off_and_the_rows_stay_the_same() {
    // (setting, what its statement holds when it is on, query); each query has a number of its own.
    let cases = [
        (
            "aggregation_pushdown",
            "GROUP BY",
            "select org_code, count(*), sum(amount) from api_request where user_id > -70001 group by 1 order by 1",
        ),
        ("topn_pushdown", "ORDER BY", "select id from api_request where user_id > -70002 order by id limit 3"),
        (
            "limit_pushdown",
            "LIMIT",
            // More rows than the other shards have: the first server is always asked.
            "select count(*) from (select 1 from api_request where user_id > -70003 limit 11000) t",
        ),
        ("predicate_pushdown", "-70004", "select count(*), max(ms) from api_request where user_id > -70004"),
    ];
    for (setting, word, query) in cases {
        let number = query.split_once("> ").unwrap().1.split(' ').next().unwrap();
        let script = |value: &str| format!("set mydata.{setting} = {value}; {query};");
        let (on, sent_on) = received(psql(STACK.naru(), "alice", &script("on")), number);
        assert!(!sent_on.is_empty() && sent_on.iter().all(|line| line.contains(word)), "{setting}: {sent_on:?}");
        let (off, sent_off) = received(psql(STACK.naru(), "alice", &script("off")), number);
        assert!(sent_off.iter().all(|line| !line.contains(word)), "{setting}: {sent_off:?}");
        assert_eq!(sent_off.is_empty(), setting == "predicate_pushdown", "{setting}");
        assert_eq!(on, off, "{setting}");

        let explain = async |value: &str| {
            let script = format!("set mydata.{setting} = {value}; explain {query};");
            let plan = psql(STACK.naru(), "alice", &script).await.success();
            plan.lines().filter(|line| line.contains("remote:")).collect::<String>()
        };
        let word = if setting == "predicate_pushdown" { "WHERE" } else { word };
        assert!(explain("on").await.contains(word), "{setting}");
        assert!(!explain("off").await.contains(word), "{setting}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_in_mysqls_own_language_need_their_own_grant() {
    let query = "select * from mysql_query('mydata', '0', 'SELECT COUNT(*) AS n, MAX(status) AS s FROM mydata.api_request_all WHERE user_id = 7');";
    let found = psql(STACK.naru(), "alice", query).await.success();
    assert_eq!(found.trim().split('|').count(), 2, "{found}");
    let explained = psql(STACK.naru(), "alice", &format!("explain {query}")).await.success();
    assert!(
        explained.contains("scan mydata.system.query splits=1") && explained.contains("SELECT COUNT(*) AS n"),
        "{explained}"
    );
    for user in ["bob", "carol"] {
        let refused = psql(STACK.naru(), user, query).await;
        let unknown = psql(STACK.naru(), user, &query.replace("'mydata'", "'nope'")).await;
        let unnamed = |text: &str| text.replace("mydata", "nope");
        assert_eq!(unnamed(&refused.stderr), unnamed(&unknown.stderr), "{user}");
        let code = if user == "bob" { "42501" } else { "does not exist" };
        assert!(refused.stderr.contains(code) && refused.stdout.is_empty(), "{user}: {}", refused.stderr);
    }
    let writes =
        psql(STACK.naru(), "alice", "select * from mysql_query('mydata', 'all', 'DELETE FROM mydata.users');").await;
    assert!(writes.stderr.contains("0A000"), "{}", writes.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_is_down_is_left_out_with_a_warning() {
    let layout = Layout { servers: 2, tables_per_server: 1, rows_per_shard: 100, users: 20, copy: false };
    let stack = Stack::start(layout);
    let naru = stack.naru();
    let count = "select count(*) from users;";
    assert_eq!(psql(naru, "alice", count).await.success(), "20\n");
    stack.shards().servers()[1].server().kill().unwrap();
    let strict = psql(naru, "alice", count).await;
    assert!(strict.stderr.contains("shard 1 of mydata.users") && strict.stdout.is_empty(), "{}", strict.stderr);
    let lenient = format!("set mydata.partial_results = on; {count}");
    let partial = psql(naru, "alice", &lenient).await;
    assert_eq!(partial.stdout, "10\n");
    assert!(
        partial.stderr.contains("WARNING:  01000: rows are missing: shard 1 of mydata.users"),
        "{}",
        partial.stderr
    );
    let restricted = psql(naru, "bob", &lenient).await;
    assert!(restricted.stderr.contains("rows of mydata.mydata.users are missing"), "{}", restricted.stderr);
    assert!(!restricted.stderr.contains("shard"), "{}", restricted.stderr);
}
