//! Whatever stops a query, in whatever phase it is: its CPU, memory, files and turn are free at once. Three ways to stop (a cancel
//! request, the deadline, a client that is gone), each in every phase.

use super::{configuration, serve};
use naru_sql_tests::configuration::Configuration;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{self, Greeting, PgWire, cancel_request, execute, query, sqlstates, sync};
use naru_sql_tests::vitals::{eventually, files_below};
use std::path::Path;
use std::time::Duration;

/// What is promised is a second or so, and a deadline of one second; five times slack for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How long a query may take to get into the phase that the test is about.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until so many queries run.
pub(super) async fn running(naru: &Naru, queries: f64) {
    eventually(&format!("{queries} queries run"), PATIENCE, async || {
        (naru.metric("naru_queries_running").await - queries).abs() < f64::EPSILON
    })
    .await;
}

/// Nothing is left of any query.
async fn nothing_left(naru: &Naru, spill: &Path) {
    for metric in ["naru_queries_running", "naru_reserved_memory_bytes"] {
        eventually(&format!("{metric} is 0"), AT_ONCE, async || naru.metric(metric).await == 0.0).await;
    }
    eventually("no spilled file is left", AT_ONCE, async || files_below(spill) == 0).await;
    naru.idle_within(AT_ONCE).await;
}

/// A phase and a query that stays in it.
struct Phase {
    name: &'static str,
    sql: &'static str,
}

const SCAN: Phase =
    Phase { name: "scan", sql: "select count(*) from tpch.sf100.lineitem where l_comment like '%nothing%'" };
const JOIN: Phase = Phase { name: "join", sql: "select count(*) from lineitem a, lineitem b, lineitem c" };
const AGGREGATION: Phase = Phase {
    name: "aggregation",
    sql: "select l_comment, count(*) from tpch.sf10.lineitem group by 1 having count(*) > 99",
};
const SORT: Phase = Phase { name: "sort", sql: "select l_orderkey from tpch.sf10.lineitem order by l_comment" };
/// The client does not read.
const SEND: Phase = Phase { name: "send", sql: "select l_comment from tpch.sf1.lineitem" };

struct World {
    _configuration: Configuration,
    spill: tempfile::TempDir,
    naru: Naru,
}

impl World {
    fn new(limits: &str) -> Self {
        let spill = tempfile::tempdir().unwrap();
        let folder = format!("spill_folder = \"{}\"\n{limits}", spill.path().display());
        let configuration = configuration().with("limits", &folder);
        let naru = serve(&configuration);
        Self { _configuration: configuration, spill, naru }
    }

    async fn warm_login(&self) -> (PgWire, Greeting) {
        let (mut wire, greeting) = PgWire::login(self.naru.pg(), "alice").await;
        // The texts of TPC-H are made once in a process and whoever asked for them: seconds that are no query's.
        wire.query("select max(r_comment) from region").await;
        (wire, greeting)
    }

    /// A client whose query is in this phase.
    async fn reach(&self, phase: &Phase, timeout: Option<Duration>) -> (PgWire, Greeting) {
        let (mut wire, greeting) = self.warm_login().await;
        if let Some(timeout) = timeout {
            wire.query(&format!("set statement_timeout = {}", timeout.as_millis())).await;
        }
        wire.send(&query(phase.sql)).await;
        running(&self.naru, 1.0).await;
        match phase.name {
            "sort" => {
                eventually("the sort spills", PATIENCE, async || files_below(self.spill.path()) > 0).await;
            }
            "aggregation" => {
                eventually("it holds memory", PATIENCE, async || {
                    self.naru.metric("naru_reserved_memory_bytes").await > 0.0
                })
                .await;
            }
            // Buffers are full: who has nobody to send to computes nothing.
            "send" => self.naru.idle_within(PATIENCE).await,
            _ => {}
        }
        (wire, greeting)
    }

    async fn cancel(&self, greeting: &Greeting) {
        let mut cancel = PgWire::connect(self.naru.pg()).await;
        cancel.send(&cancel_request(greeting)).await;
        assert!(cancel.reply().await.is_none(), "a cancel request is answered by the end of its connection");
    }
}

/// A sort of this memory spills soon.
const LITTLE_MEMORY: &str = "query_memory = \"64MiB\"";

async fn cancelled_in(phase: &Phase) {
    let world = World::new(LITTLE_MEMORY);
    let (mut wire, greeting) = world.reach(phase, None).await;
    world.cancel(&greeting).await;
    nothing_left(&world.naru, world.spill.path()).await;
    assert_eq!(sqlstates(&wire.until_ready().await), ["57014"], "{}", phase.name);
    assert_eq!(wire.value("select 1").await, "1");
}

async fn left_in(phase: &Phase) {
    let world = World::new(LITTLE_MEMORY);
    let (wire, _) = world.reach(phase, None).await;
    drop(wire);
    nothing_left(&world.naru, world.spill.path()).await;
    eventually("the connection is closed", AT_ONCE, async || world.naru.metric("naru_connections").await == 0.0).await;
}

/// The deadline has to be long enough for the phase to be reached before it.
async fn timed_out_in(phase: &Phase) {
    let world = World::new(LITTLE_MEMORY);
    let deadline = Duration::from_secs(3);
    let (mut wire, _) = world.warm_login().await;
    wire.query(&format!("set statement_timeout = {}", deadline.as_millis())).await;
    wire.send(&query(phase.sql)).await;
    running(&world.naru, 1.0).await;
    eventually("the deadline ends it", deadline + AT_ONCE, async || {
        world.naru.metric("naru_queries_running").await == 0.0
    })
    .await;
    nothing_left(&world.naru, world.spill.path()).await;
    let replies = wire.until_ready().await;
    let error = replies.iter().find(|reply| reply.kind == b'E').expect("an error");
    assert_eq!(error.sqlstate().unwrap(), "57014");
    assert_eq!(error.field(b'M').unwrap(), "canceling statement due to statement timeout", "{}", phase.name);
    assert_eq!(wire.value("select 1").await, "1");
}

macro_rules! phases {
    ($($phase:ident: $constant:ident),*) => { $(
        mod $phase {
            #[tokio::test]
            async fn a_cancel_request_frees_everything() {
                super::cancelled_in(&super::$constant).await;
            }

            #[tokio::test]
            async fn a_client_that_is_gone_frees_everything() {
                super::left_in(&super::$constant).await;
            }

            #[tokio::test]
            async fn the_deadline_frees_everything() {
                super::timed_out_in(&super::$constant).await;
            }
        }
    )* };
}

phases!(scan: SCAN, join: JOIN, aggregation: AGGREGATION, sort: SORT, send: SEND);

/// The only turn is taken by a portal that waits to be asked for more.
async fn with_the_only_turn_taken() -> (World, PgWire) {
    let world = World::new("running_queries = 1");
    let (mut holder, _) = PgWire::login(world.naru.pg(), "bob").await;
    holder.query("begin").await;
    holder.send(&[execute("select l_comment from lineitem", 1), sync()].concat()).await;
    assert_eq!(pg_wire::kinds(&holder.until_ready().await), "12DsZ");
    world.naru.idle_within(PATIENCE).await;
    (world, holder)
}

#[tokio::test]
async fn a_query_that_waits_for_its_turn_can_be_stopped_too() {
    let (world, mut holder) = with_the_only_turn_taken().await;
    let (mut cancelled, greeting) = PgWire::login(world.naru.pg(), "alice").await;
    let (mut late, _) = PgWire::login(world.naru.pg(), "alice").await;
    let (mut gone, _) = PgWire::login(world.naru.pg(), "alice").await;
    late.query("set statement_timeout = '1s'").await;
    for wire in [&mut cancelled, &mut late, &mut gone] {
        wire.send(&query("select count(*) from lineitem")).await;
    }
    drop(gone);
    // One that comes before the query has begun stops nothing: so it is sent until the query is over.
    let replies = {
        let over = cancelled.until_ready();
        tokio::pin!(over);
        loop {
            tokio::select! {
                replies = &mut over => break replies,
                () = tokio::time::sleep(Duration::from_millis(50)) => world.cancel(&greeting).await,
            }
        }
    };
    assert_eq!(sqlstates(&replies), ["57014"]);
    assert_eq!(sqlstates(&late.until_ready().await), ["57014"]);
    world.naru.idle_within(AT_ONCE).await;
    // Who left the queue is not in the way of the next: the turn is had at once when the portal goes.
    holder.query("rollback").await;
    assert_eq!(cancelled.value("select count(*) from region").await, "5");
    drop((late, holder));
    nothing_left(&world.naru, world.spill.path()).await;
}

/// Planning this takes long: each level is analysed and optimised through all levels below it.
fn hard_to_plan() -> String {
    let tables: Vec<String> = (0..24).map(|i| format!("lineitem t{i}")).collect();
    let joins: Vec<String> = (1..24).map(|i| format!("t{i}.l_orderkey = t{}.l_orderkey + {i}", i - 1)).collect();
    let sums: Vec<String> =
        (0..400).map(|i| format!("sum(case when t{}.l_partkey in (1, {i}) then 1 else 0 end)", i % 24)).collect();
    format!("select {} from {} where {}", sums.join(", "), tables.join(", "), joins.join(" and "))
}

#[tokio::test]
async fn planning_can_be_abandoned_and_others_are_served_meanwhile() {
    let world = World::new("");
    let sql = hard_to_plan();
    let (mut wire, greeting) = PgWire::login(world.naru.pg(), "alice").await;
    let (mut watcher, _) = PgWire::login(world.naru.pg(), "alice").await;
    let planning = "select count(*) from system.runtime.queries where state = 'PLANNING' and query like '%t23%' and query not like '%runtime%'";
    wire.send(&query(&sql)).await;
    let seen = async |watcher: &mut PgWire| watcher.value(planning).await == "1";
    eventually("it is planned", PATIENCE, async || seen(&mut watcher).await).await;
    world.cancel(&greeting).await;
    assert_eq!(sqlstates(&wire.until_ready().await), ["57014"], "it was over before it could be cancelled");
    assert_eq!(wire.value("select 1").await, "1");
    nothing_left(&world.naru, world.spill.path()).await;

    wire.query("set statement_timeout = 300").await;
    assert_eq!(sqlstates(&wire.query(&sql).await), ["57014"]);
    nothing_left(&world.naru, world.spill.path()).await;
    wire.send(&query(&sql)).await;
    drop(wire);
    eventually("the client is gone", AT_ONCE, async || world.naru.metric("naru_connections").await == 1.0).await;
    nothing_left(&world.naru, world.spill.path()).await;
}
