//! Plans that are used again, and everything that must keep them from it.

use crate::world::{World, error, policies, rows, snapshot};
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::error::ErrorCode;
use naru_gateway::session::Session;

const POLICIES: &str = include_str!("../../../conf/policies/demo.json");
const PHONE: &str = "select c_phone from customer where c_custkey = 1";

/// The first value of the first row, and whether a kept plan gave it.
async fn value(world: &World, session: &mut Session, sql: &str) -> (String, bool) {
    let before = world.gateway.plans_reused();
    let found = rows(session, sql).await.unwrap();
    (found[0][0].clone(), world.gateway.plans_reused() > before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_used_again_by_the_same_identity_only() {
    let world = World::new();
    let (mut bob, mut again, mut alice) =
        (world.session("bob").await, world.session("bob").await, world.session("alice").await);
    let (masked, clear) = ("XXXXXXXXXXX2988".to_owned(), "25-989-741-2988".to_owned());
    assert_eq!(value(&world, &mut bob, PHONE).await, (masked.clone(), false));
    // What the first execution held is over: its token is cancelled.
    assert_eq!(value(&world, &mut bob, PHONE).await, (masked.clone(), true));
    assert_eq!(value(&world, &mut again, PHONE).await, (masked, true));
    assert_eq!(value(&world, &mut alice, PHONE).await, (clear, false));
    let mut carol = world.session("carol").await;
    assert_eq!(error(&mut carol, PHONE).await.code, ErrorCode::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_in_between_binds_anew() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    rows(&mut bob, &format!("prepare phone as {PHONE}")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(value(&world, &mut bob, "execute phone").await.0, "XXXXXXXXXXX2988");
    }
    let replace = |text: &str| {
        let snapshot = snapshot(world.folder(), policies(text), DeniedColumns::Error);
        world.gateway.replace_snapshot(snapshot);
    };
    replace(&POLICIES.replace("MASK_SHOW_LAST_4", "MASK_SHOW_FIRST_4"));
    assert_eq!(value(&world, &mut bob, "execute phone").await, ("25-9XXXXXXXXXXX".to_owned(), false));
    replace(&POLICIES.replace("\"analysts\"", "\"nobody\""));
    assert_eq!(error(&mut bob, "execute phone").await.code, ErrorCode::UndefinedTable);
    replace(POLICIES);
    assert_eq!(value(&world, &mut bob, "execute phone").await, ("XXXXXXXXXXX2988".to_owned(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_search_path_take_effect() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    let epoch = "select extract(epoch from timestamptz '2024-01-01 00:00:00')::bigint";
    assert_eq!(value(&world, &mut alice, epoch).await.0, "1704067200");
    rows(&mut alice, "set timezone = 'Asia/Seoul'").await.unwrap();
    assert_eq!(value(&world, &mut alice, epoch).await, ("1704034800".to_owned(), false));
    rows(&mut alice, "reset timezone").await.unwrap();
    assert_eq!(value(&world, &mut alice, epoch).await, ("1704067200".to_owned(), true));

    let suppliers = "select count(*) from supplier";
    assert_eq!(value(&world, &mut alice, suppliers).await.0, "100");
    rows(&mut alice, "set search_path = sf1").await.unwrap();
    assert_eq!(value(&world, &mut alice, suppliers).await, ("10000".to_owned(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moment_and_the_session_are_those_of_the_execution() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    let now = "select cast(now() as varchar)";
    let (first, _) = value(&world, &mut alice, now).await;
    let (second, reused) = value(&world, &mut alice, now).await;
    assert!(first < second && reused, "{first} {second}");
    for session in [&mut alice, &mut bob] {
        let user = session.identity().user().to_owned();
        for _ in 0..2 {
            assert_eq!(value(&world, session, "select current_user").await, (user.clone(), false));
        }
    }
    // Each query is listed while it runs, and only then.
    let mine = "select query_id from system.runtime.queries";
    assert_ne!(value(&world, &mut bob, mine).await, value(&world, &mut bob, mine).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_those_of_the_execution() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    rows(&mut alice, "prepare nation as select n_name from nation where n_nationkey = $1").await.unwrap();
    for (key, name) in [(1, "ARGENTINA"), (2, "BRAZIL"), (1, "ARGENTINA")] {
        assert_eq!(rows(&mut alice, &format!("execute nation({key})")).await.unwrap(), [[name]]);
    }
}

/// An outline is optimised before the values are known: they must still prune, decide and be checked.
#[tokio::test(flavor = "multi_thread")]
async fn values_finish_an_outline_as_they_would_have_been_planned() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    for (name, sql) in [
        ("pruned", "select count(*) from lake.mydata.api_request where dt = $1"),
        ("limited", "select count(*) from (select n_name from nation order by n_name limit $1) x"),
        (
            "grouped",
            "select sum(n) from (select n_regionkey + $1 as k, count(*) as n from nation group by n_regionkey + $1) x where k > $1",
        ),
        (
            "joined",
            "select count(*) from nation n left join region r on r.r_regionkey = n.n_regionkey and r.r_regionkey = $1 where r.r_name is not null",
        ),
        ("failing", "select 10 / $1"),
    ] {
        rows(&mut alice, &format!("prepare {name} as {sql}")).await.unwrap();
    }
    for _ in 0..2 {
        for (call, expected) in [
            ("pruned('2026-01-03')", "2000"),
            ("pruned('2027-01-03')", "0"),
            ("limited(3)", "3"),
            ("limited(100)", "25"),
            ("grouped(1)", "20"),
            ("grouped(2)", "20"),
            ("joined(1)", "5"),
            ("joined(null)", "0"),
            ("failing(5)", "2"),
        ] {
            assert_eq!(rows(&mut alice, &format!("execute {call}")).await.unwrap(), [[expected]], "{call}");
        }
        assert_eq!(error(&mut alice, "execute failing(0)").await.code, ErrorCode::DivisionByZero);
    }
    let plan =
        rows(&mut alice, "explain select count(*) from lake.mydata.api_request where dt = '2026-01-03'").await.unwrap();
    assert!(plan.iter().any(|line| line[0].contains("files=1/10")), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_listed_for_each_execution() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    let count = "select count(*) from lake.mydata.customers";
    assert_eq!(value(&world, &mut alice, count).await, ("1000".to_owned(), false));
    assert_eq!(value(&world, &mut alice, count).await, ("1000".to_owned(), true));
    let folder = world.folder().join("mydata/customers");
    std::fs::copy(folder.join("part-0.parquet"), folder.join("part-1.parquet")).unwrap();
    assert_eq!(value(&world, &mut alice, count).await, ("2000".to_owned(), false));
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_that_depend_on_the_time_are_not_kept() {
    let schedule = "\"isEnabled\": true, \"validitySchedules\": [{\"startTime\": \"2020/01/01 00:00:00\"}],";
    let world = World::with_policies(&POLICIES.replacen("\"isEnabled\": true,", schedule, 1));
    let mut bob = world.session("bob").await;
    for _ in 0..2 {
        assert_eq!(value(&world, &mut bob, PHONE).await, ("XXXXXXXXXXX2988".to_owned(), false));
    }
}
