//! A statement in a source's own language, `probe_query('catalog', 'selector', 'statement')`: granted apart from tables, and to nobody
//! by default.

use crate::probe;
use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use naru_gateway::plan;
use serde_json::json;

const CALL: &str = "select * from probe_query('{c}', 'all', 'SELECT 1')";

fn world() -> World {
    let world = World::new();
    world.gateway.replace_snapshot(probe::snapshot());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_grant_gets_the_statements_rows() {
    let world = world();
    let mut alice = world.session("alice").await;
    let quoted = r"select * from probe_query('probe', 'all', 'SELECT ''x''')";
    for (sql, expected) in [
        (quoted, "probe/all: SELECT 'x'"),
        ("select q.answer from probe_query('probe', '0', $$SELECT 'x'$$) q", "probe/0: SELECT 'x'"),
        ("select probe_query.answer from probe_query('probe', '0', 'S')", "probe/0: S"),
        ("select x from probe_query('probe', '0', 'S') as q(x)", "probe/0: S"),
        ("with x as (select answer a from probe_query('probe', '1', 'S')) select max(a) from x", "probe/1: S"),
        (
            "select answer from probe_query('probe', '0', 'S') a join probe_query('probe', '0', 'S') b using (answer)",
            "probe/0: S",
        ),
        ("select (select answer from probe_query('probe', '2', 'S'))", "probe/2: S"),
        ("prepare p as select * from probe_query('probe', '3', 'S'); execute p", "probe/3: S"),
    ] {
        assert_eq!(rows(&mut alice, sql).await.unwrap(), [[expected]], "{sql}");
    }
    assert_eq!(rows(&mut alice, "select count(*) from probe_query('probe', '0', 'S')").await.unwrap(), [["1"]]);
    let explained = rows(&mut alice, "explain select * from probe_query('probe', 'all', 'S')").await.unwrap();
    assert_eq!(explained, [["scan probe.system.query splits=1"], ["  remote: the source's own words"]]);
    let audit = world.audit();
    let end = audit.last().unwrap();
    assert_eq!(end["tables"][0]["name"], "probe.system.query");
    assert_eq!(end["tables"][0]["policies"], json!([2]));
    assert!(end["sql"].as_str().unwrap().contains("'S'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_and_unknown_catalogs_give_the_same_error() {
    let world = world();
    let (mut alice, mut bob, mut carol) =
        (world.session("alice").await, world.session("bob").await, world.session("carol").await);
    // alice may read all of `other`, bob his rows of `probe`; neither may ask those in the source's own language.
    for (session, catalogs) in [(&mut alice, vec!["other"]), (&mut bob, vec!["probe", "other"])] {
        for catalog in catalogs {
            for prefix in ["", "explain ", "explain analyze ", "prepare p as "] {
                let denied = error(session, &format!("{prefix}{}", CALL.replace("{c}", catalog))).await;
                let unknown = error(session, &format!("{prefix}{}", CALL.replace("{c}", "nope"))).await;
                assert_eq!(unknown.code, ErrorCode::InsufficientPrivilege);
                assert_eq!(denied.code, unknown.code, "{prefix}{catalog}");
                assert_eq!(denied.message.replace(catalog, "nope"), unknown.message, "{prefix}{catalog}");
            }
            let parsed = plan::parse(&CALL.replace("{c}", catalog)).unwrap().remove(0);
            let described = session.describe(&parsed, &[]).await.unwrap_err();
            assert_eq!(described.code, ErrorCode::InsufficientPrivilege);
        }
    }
    assert!(world.audit().iter().any(|record| record["event"] == "end" && record["outcome"] == "denied"));
    // For carol no catalog exists that has it, so the function does not either.
    let nothing = error(&mut carol, &CALL.replace("{c}", "probe")).await;
    let unknown = error(&mut carol, &CALL.replace("{c}", "probe").replace("probe_query", "nope_query")).await;
    assert_eq!(nothing.code, ErrorCode::UndefinedFunction);
    assert_eq!(nothing.message.replace("probe_query", "nope_query"), unknown.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_three_constant_texts() {
    let world = world();
    let mut alice = world.session("alice").await;
    for args in [
        "",
        "'probe'",
        "'probe', 'all'",
        "'probe', 'all', 1",
        "'probe', 'all', 'a' || 'b'",
        "'probe', 'all', $1",
        "'probe', 'all', 'a', 'b'",
    ] {
        let refused = error(&mut alice, &format!("select * from probe_query({args})")).await;
        assert_eq!(refused.code, ErrorCode::InvalidParameter, "{args}: {refused}");
    }
}
