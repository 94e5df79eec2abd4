//! `SET catalog.name = value`: what a session may change about a catalog that exists for it.

use crate::flight_client::{FlightWorld, rows as flight_rows};
use crate::flight_sessions::refused_options;
use crate::probe;
use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use naru_gateway::session::Session;
use std::collections::HashMap;

const COUNT: &str = "select count(*) from t";

fn world() -> World {
    let world = World::new();
    world.gateway.replace_snapshot(probe::snapshot());
    world
}

async fn all(session: &mut Session, sql: &str) -> Vec<String> {
    rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_holds_for_its_session_until_it_is_reset() {
    let world = world();
    let (mut alice, mut another) = (world.session("alice").await, world.session("alice").await);
    for session in [&mut alice, &mut another] {
        all(session, "set probe.partial_results = on; prepare p as select count(*) from t").await;
        assert_eq!(all(session, COUNT).await, ["3"]);
    }
    all(&mut alice, "set probe.size = 7").await;
    assert_eq!(all(&mut alice, "show probe.size").await, ["7"]);
    assert_eq!(all(&mut alice, COUNT).await, ["7"]);
    assert_eq!(
        all(&mut alice, "execute p").await,
        ["7"],
        "a prepared statement is bound under the settings of its run"
    );
    assert_eq!(all(&mut another, "execute p").await, ["3"]);
    all(&mut alice, "reset probe.size").await;
    assert_eq!(all(&mut alice, "execute p").await, ["3"]);
    all(&mut alice, "set PROBE.Size to 5").await;
    assert_eq!(all(&mut alice, COUNT).await, ["5"]);
    all(&mut alice, "set session probe.size = 4").await;
    assert_eq!(all(&mut alice, COUNT).await, ["4"]);
    all(&mut alice, "set probe.size to default").await;
    assert_eq!(all(&mut alice, COUNT).await, ["3"]);
    all(&mut alice, "set probe.size = 5; reset all").await;
    assert_eq!(all(&mut alice, "show probe.size").await, ["3"]);
    assert_eq!(all(&mut alice, "show probe.partial_results").await, ["off"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_what_is_right() {
    let world = world();
    let mut alice = world.session("alice").await;
    for (sql, code, hint) in [
        ("set probe.sise = 1", ErrorCode::UndefinedObject, "did you mean \"probe.size\"?"),
        ("show probe.partial_result", ErrorCode::UndefinedObject, "did you mean \"probe.partial_results\"?"),
        ("reset probe.sizes", ErrorCode::UndefinedObject, "did you mean \"probe.size\"?"),
        ("set probe.size = 11", ErrorCode::InvalidParameter, "use a whole number from 1 to 10"),
        ("set probe.partial_results = maybe", ErrorCode::InvalidParameter, "use on or off"),
    ] {
        let refused = error(&mut alice, sql).await;
        assert_eq!((refused.code, refused.hint.as_deref()), (code, Some(hint)), "{sql}: {refused}");
    }
    let refused = error(&mut alice, "set datafusion.execution.batch_size = 1").await;
    assert_eq!((refused.code, refused.hint), (ErrorCode::UndefinedObject, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_them_beside_the_sessions_own() {
    let world = world();
    let mut alice = world.session("alice").await;
    all(&mut alice, "set probe.size = 4").await;
    let has = |listed: &[Vec<String>], row: &[&str]| listed.iter().any(|listed| listed == row);
    let listed = rows(&mut alice, "show session").await.unwrap();
    assert!(has(&listed, &["probe.size", "4", "3", "bigint", "Rows of a shard."]), "{listed:?}");
    assert!(has(&listed, &["TimeZone", "UTC", "UTC", "varchar", ""]), "{listed:?}");
    let listed = rows(&mut alice, "show all").await.unwrap();
    assert!(has(&listed, &["probe.size", "4", "Rows of a shard."]), "{listed:?}");
    for sql in ["select setting from pg_settings where name = 'probe.size'", "select current_setting('probe.size')"] {
        assert_eq!(all(&mut alice, sql).await, ["4"], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_catalog_without_rights_do_not_exist() {
    let world = world();
    // bob sees `probe` and not `other`; carol sees nothing.
    let (mut bob, mut carol) = (world.session("bob").await, world.session("carol").await);
    for (session, hidden) in [(&mut bob, "other"), (&mut carol, "probe")] {
        for sql in ["set {c}.size = 1", "show {c}.size", "reset {c}.sise", "select current_setting('{c}.size')"] {
            let invisible = error(session, &sql.replace("{c}", hidden)).await;
            let unknown = error(session, &sql.replace("{c}", "nope")).await;
            assert_eq!(invisible.code, unknown.code, "{sql}");
            assert_eq!(invisible.message.replace(hidden, "nope"), unknown.message, "{sql}");
            assert_eq!(invisible.hint, unknown.hint, "{sql}");
        }
        for sql in ["show session", "show all", "select name from pg_settings"] {
            let listed = all(session, sql).await;
            assert!(!listed.iter().any(|cell| cell.starts_with(&format!("{hidden}."))), "{sql}: {listed:?}");
        }
    }
    assert!(all(&mut bob, "show all").await.contains(&"probe.size".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn flight_session_options_set_them() {
    let world = FlightWorld::new().await;
    world.world.gateway.replace_snapshot(probe::snapshot());
    let mut alice = world.login("alice").await;
    let refused = refused_options(&mut alice, &[("probe.size", "6"), ("probe.partial_results", "true")]).await;
    assert_eq!(refused, HashMap::new());
    // 1 is an unknown name, 2 a wrong value.
    let refused = refused_options(&mut alice, &[("probe.size", "99"), ("probe.sise", "1")]).await;
    assert_eq!(refused, HashMap::from([("probe.size".to_owned(), 2), ("probe.sise".to_owned(), 1)]));
    assert_eq!(flight_rows(&mut alice, COUNT).await.unwrap(), [["6"]]);
}
