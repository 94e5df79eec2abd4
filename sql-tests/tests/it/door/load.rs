//! Many clients at once, and what remains of them; changes of the configuration and the end of the process under load.

use super::{configuration, serve};
use futures::future::join_all;
use naru_sql_tests::configuration::{Authority, Configuration};
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{PROTOCOL_3_0, PgWire, query, sqlstates, startup};
use naru_sql_tests::vitals::eventually;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Memory that an allocator may keep after a crowd has left.
const KEPT_MEMORY: u64 = 96 << 20;
/// Descriptors that come and go by themselves: of the metrics' reader, of files being read.
const KEPT_DESCRIPTORS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// SCRAM, as drivers log in.
async fn connect(port: u16, user: &str) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
    let parameters = format!("host=127.0.0.1 port={port} user={user} password=demo dbname=tpch");
    let (client, connection) = tokio_postgres::connect(&parameters, tokio_postgres::NoTls).await?;
    drop(tokio::spawn(connection));
    Ok(client)
}

/// Descriptors and memory are what they were.
async fn back_to(naru: &Naru, descriptors: usize, resident: u64) {
    eventually(&format!("descriptors return to {descriptors}"), PATIENCE, async || {
        naru.descriptors() <= descriptors + KEPT_DESCRIPTORS
    })
    .await;
    eventually("no connection is counted", PATIENCE, async || naru.metric("naru_connections").await == 0.0).await;
    let now = naru.resident();
    assert!(now < resident + KEPT_MEMORY, "resident memory went from {resident} to {now} bytes");
}

/// After one client of each kind, so that what is made once has been made.
async fn warm(naru: &Naru) -> (usize, u64) {
    let client = connect(naru.pg(), "alice").await.unwrap();
    client.query("select count(*) from nation", &[]).await.unwrap();
    drop(client);
    eventually("the first client is gone", PATIENCE, async || naru.metric("naru_connections").await == 0.0).await;
    (naru.descriptors(), naru.resident())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_logins_at_once_share_no_state() {
    // All of them compute their proofs here, one after the other.
    let configuration = Configuration::new().with("postgresql", "startup_timeout = \"300s\"");
    let naru = serve(&configuration);
    let (descriptors, resident) = warm(&naru).await;
    let users = ["alice", "bob", "carol"];
    let login = async |i: usize| {
        let user = users[i % users.len()];
        // Every tenth has a wrong password: it must fail, and only it.
        if i.is_multiple_of(10) {
            let parameters = format!("host=127.0.0.1 port={} user={user} password=wrong dbname=tpch", naru.pg());
            let refused = tokio_postgres::connect(&parameters, tokio_postgres::NoTls).await.err().unwrap();
            // Too many of them from one address are not looked at any more, which reads the same.
            assert_eq!(refused.code().unwrap().code(), "28P01", "{refused}");
            return;
        }
        let client = connect(naru.pg(), user).await.unwrap();
        let row = client.query_one("select current_user", &[]).await.unwrap();
        assert_eq!(row.get::<_, String>(0), user);
    };
    join_all((1..=200).map(login)).await;
    back_to(&naru, descriptors, resident).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_short_connections_leave_nothing() {
    let configuration = Configuration::new();
    let naru = serve(&configuration);
    let (descriptors, resident) = warm(&naru).await;
    let next = AtomicUsize::new(0);
    let worker = async || {
        while next.fetch_add(1, Ordering::Relaxed) < 2_000 {
            let client = connect(naru.pg(), "bob").await.unwrap();
            assert_eq!(client.query_one("select 1::int", &[]).await.unwrap().get::<_, i32>(0), 1);
        }
    };
    join_all((0..8).map(|_| worker())).await;
    back_to(&naru, descriptors, resident).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_idle_connections_cost_little_and_leave_nothing() {
    let configuration = Configuration::new().with("postgresql", "max_connections = 500");
    let naru = serve(&configuration);
    let (descriptors, resident) = warm(&naru).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.extend(join_all((0..25).map(|_| connect(naru.pg(), "bob"))).await.into_iter().map(Result::unwrap));
    }
    // The connection that warmed it up may have counted, and be gone.
    assert!(naru.descriptors() + 10 >= descriptors + 500);
    let crowded = naru.resident();
    assert!(crowded < resident + (160 << 20), "500 idle connections: {resident} -> {crowded} bytes");
    let refused = connect(naru.pg(), "alice").await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "53300");
    // The first and the last of them still answer, and all together cost no CPU.
    for client in [&clients[0], &clients[499]] {
        client.query_one("select 1", &[]).await.unwrap();
    }
    naru.idle_within(PATIENCE).await;
    drop(clients);
    back_to(&naru, descriptors, resident).await;
}

/// Queries on kept and on new connections, until told to stop: how many were answered.
async fn load(port: u16, authority: Arc<Authority>, stop: Arc<AtomicBool>) -> usize {
    let enter = async || {
        let mut wire =
            PgWire::connect_tls(port, authority.client(&["postgresql"])).await.expect("the handshake succeeds");
        wire.enter("bob", PROTOCOL_3_0, &[]).await.expect("the login succeeds");
        wire
    };
    let mut answered = 0;
    let mut kept = enter().await;
    while !stop.load(Ordering::Relaxed) {
        let mut new = enter().await;
        for wire in [&mut kept, &mut new] {
            // 292 of tiny's customers are in the segment that bob may see.
            let segments = wire.query("select count(distinct c_mktsegment) from customer").await;
            assert!(sqlstates(&segments).is_empty(), "{segments:?}");
            answered += 1;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_fail_no_query() {
    let authority = Arc::new(Authority::new("naru test"));
    let configuration = configuration().with_tls(&authority, true);
    let naru = serve(&configuration);
    let (catalog, policies) = (configuration.read("catalogs/tpch.toml"), configuration.read("policies/demo.json"));
    let (users, groups) = (configuration.read("users"), configuration.read("groups"));
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> =
        (0..3).map(|_| tokio::spawn(load(naru.pg(), Arc::clone(&authority), Arc::clone(&stop)))).collect();
    let reloads = |output: String| output.matches("configuration reloaded").count();
    for round in 0..6 {
        configuration.renew(&authority);
        configuration.write("users", &format!("# round {round}\n{users}"));
        configuration.write("groups", &format!("# round {round}\n{groups}"));
        configuration.write("catalogs/tpch.toml", &format!("# round {round}\n{catalog}"));
        configuration.write(&format!("catalogs/extra{round}.toml"), &catalog);
        configuration.write("policies/demo.json", &format!("{policies}{}", "\n".repeat(round)));
        let before = reloads(naru.process().output());
        naru.process().signal("HUP");
        eventually("the reload takes effect", PATIENCE, async || reloads(naru.process().output()) > before).await;
    }
    // One that is wrong changes nothing and fails nobody.
    configuration.write("policies/demo.json", "{");
    naru.process().signal("HUP");
    eventually("the wrong one is refused", PATIENCE, async || {
        naru.process().output().contains("configuration not reloaded")
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    for answered in join_all(workers).await {
        assert!(answered.expect("no query failed") > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_under_load_lets_statements_end_and_everybody_know() {
    let configuration = configuration().with("postgresql", "drain_timeout = \"300s\"");
    let naru = serve(&configuration);
    let (mut idle, _) = PgWire::login(naru.pg(), "bob").await;
    let (mut block, _) = PgWire::login(naru.pg(), "bob").await;
    block.query("begin").await;
    let (mut busy, _) = PgWire::login(naru.pg(), "alice").await;
    busy.send(&query("select count(*) from tpch.sf1.orders, region")).await;
    super::stopping::running(&naru, 1.0).await;
    let mut halfway = PgWire::connect(naru.pg()).await;
    halfway.send(&startup(PROTOCOL_3_0, &[("user", "bob")])[..7]).await;
    let port = naru.pg();

    naru.process().signal("TERM");
    for wire in [&mut idle, &mut block] {
        let error = wire.last_error().await.unwrap();
        assert_eq!((error.sqlstate().unwrap().as_str(), error.field(b'S').unwrap().as_str()), ("57P01", "FATAL"));
    }
    // Sessions and the listener are told at the same moment: whoever comes first.
    let shut = async { while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), shut).await.expect("somebody new is let in");
    assert!(halfway.reply().await.is_none());
    let mut replies = Vec::new();
    while let Some(reply) = busy.reply().await {
        replies.push(reply);
    }
    let row = replies.iter().find(|reply| reply.kind == b'D').expect("the running statement ends");
    assert_eq!(row.row(), [Some("7500000".to_owned())]);
    assert_eq!(replies.last().unwrap().sqlstate().unwrap(), "57P01", "then its session does");
    assert_eq!(naru.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_ever() {
    let configuration = configuration().with("postgresql", "drain_timeout = \"1s\"");
    let naru = serve(&configuration);
    let (mut busy, _) = PgWire::login(naru.pg(), "alice").await;
    busy.send(&query("select count(*) from lineitem a, lineitem b, lineitem c")).await;
    // Who does not read can't hold it up either.
    let (mut deaf, _) = PgWire::login(naru.pg(), "alice").await;
    deaf.send(&query("select l_comment from tpch.sf1.lineitem")).await;
    super::stopping::running(&naru, 2.0).await;
    let started = std::time::Instant::now();
    assert_eq!(naru.stop(), 0);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
