//! A session that is idle, or in whose queries something breaks.

use super::{configuration, serve};
use naru_sql_tests::pg_wire::{PgWire, query, sqlstates, sync};
use std::time::{Duration, Instant};

#[tokio::test]
async fn idle_sessions_end_by_what_they_set_or_the_configuration_says() {
    let configuration = configuration().with("limits", "idle_session_timeout = \"1s\"");
    let naru = serve(&configuration);
    let ended = async |wire: &mut PgWire| {
        let started = Instant::now();
        let error = wire.last_error().await.expect("a last word");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        assert_eq!(error.field(b'S').unwrap(), "FATAL");
        (error.sqlstate().unwrap(), error.field(b'M').unwrap())
    };
    let idle = ("57P05".to_owned(), "terminating connection due to idle-session timeout".to_owned());
    let in_transaction = ("25P03".to_owned(), "terminating connection due to idle-in-transaction timeout".to_owned());

    let (mut configured, _) = PgWire::login(naru.pg(), "bob").await;
    assert_eq!(configured.value("show idle_session_timeout").await, "1000");
    let (mut own, _) = PgWire::login(naru.pg(), "bob").await;
    own.query("set idle_session_timeout = 0; set idle_in_transaction_session_timeout = '500ms'").await;
    // One session that never ends by itself, and one in a block: idle_session_timeout does not hold there.
    let (mut block, _) = PgWire::login(naru.pg(), "bob").await;
    block.query("begin").await;
    let (mut failed, _) = PgWire::login(naru.pg(), "bob").await;
    failed.query("set idle_in_transaction_session_timeout = 500; begin; select nope").await;
    assert_eq!(ended(&mut failed).await, in_transaction);
    assert_eq!(ended(&mut configured).await, idle);
    assert_eq!(own.value("select 1").await, "1");
    assert_eq!(block.value("select 1").await, "1");
    own.query("begin").await;
    assert_eq!(ended(&mut own).await, in_transaction);
    // Half a message is no command: a client that drips keeps nothing.
    block.query("commit").await;
    block.send(&query("select 1")[..6]).await;
    assert_eq!(ended(&mut block).await, idle);
}

#[tokio::test]
async fn an_idle_timeout_does_not_hit_a_query_that_runs() {
    let naru = serve(&configuration());
    let (mut wire, greeting) = PgWire::login(naru.pg(), "alice").await;
    wire.query("set idle_session_timeout = 2000").await;
    wire.send(&query("select count(*) from lineitem a, lineitem b, lineitem c")).await;
    super::stopping::running(&naru, 1.0).await;
    let busy_since = Instant::now();
    naru_sql_tests::vitals::eventually("time passes", Duration::from_secs(20), async || {
        busy_since.elapsed() > Duration::from_millis(4500)
    })
    .await;
    let mut cancel = PgWire::connect(naru.pg()).await;
    cancel.send(&naru_sql_tests::pg_wire::cancel_request(&greeting)).await;
    let replies = wire.until_ready().await;
    assert_eq!(sqlstates(&replies), ["57014"]);
    // Extended commands without a Sync are not idle either.
    wire.send(&naru_sql_tests::pg_wire::execute("select 7", 0)).await;
    wire.send(&sync()).await;
    assert_eq!(naru_sql_tests::pg_wire::kinds(&wire.until_ready().await), "12DCZ");
    assert_eq!(wire.last_error().await.unwrap().sqlstate().unwrap(), "57P05");
}

#[tokio::test]
async fn a_silent_peer_is_probed() {
    let naru = serve(&configuration().with("postgresql", "keepalive = \"7s\""));
    let (_wire, _) = PgWire::login(naru.pg(), "bob").await;
    // The kernel's own word: an established socket of the door (state 01) with a keep-alive timer (02).
    let door = format!("0100007F:{:04X}", naru.pg());
    let probed = |row: &str| {
        let fields: Vec<_> = row.split_whitespace().collect();
        fields[1] == door && fields[3] == "01" && fields[5].starts_with("02:")
    };
    naru_sql_tests::vitals::eventually("the connection is probed", Duration::from_secs(5), async || {
        std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(probed)
    })
    .await;
}
