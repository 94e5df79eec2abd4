//! From the first byte to the first ReadyForQuery.

use super::{configuration, serve};
use naru_sql_tests::pg_wire::{self, PROTOCOL_3_0, PROTOCOL_3_2, PgWire, startup, texts, typed, untyped};
use std::time::{Duration, Instant};

#[tokio::test]
async fn connections_are_limited_in_all_and_for_each_user() {
    let configuration = configuration().with("postgresql", "max_connections = 3\nmax_connections_per_user = 2");
    let naru = serve(&configuration);
    let (first, _) = PgWire::login(naru.pg(), "bob").await;
    let (_second, _) = PgWire::login(naru.pg(), "bob").await;
    let refused = PgWire::connect(naru.pg()).await.enter("bob", PROTOCOL_3_0, &[]).await.unwrap_err();
    assert_eq!(refused.sqlstate().unwrap(), "53300");
    assert_eq!(refused.field(b'M').unwrap(), "too many connections for role \"bob\"");
    assert_eq!(refused.field(b'S').unwrap(), "FATAL");

    let (_third, greeting) = PgWire::login(naru.pg(), "alice").await;
    let refused = PgWire::connect(naru.pg()).await.enter("carol", PROTOCOL_3_0, &[]).await.unwrap_err();
    assert_eq!(refused.sqlstate().unwrap(), "53300");
    assert_eq!(refused.field(b'M').unwrap(), "sorry, too many clients already");
    // Who can't get in can still cancel: nothing to stop here, and no word about it.
    let mut cancel = PgWire::connect(naru.pg()).await;
    cancel.send(&pg_wire::cancel_request(&greeting)).await;
    assert!(cancel.reply().await.is_none());

    drop(first);
    let naru = &naru;
    naru_sql_tests::vitals::eventually("the place of who left is free", Duration::from_secs(5), async || {
        PgWire::connect(naru.pg()).await.enter("bob", PROTOCOL_3_0, &[]).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_login_has_a_time_limit_however_slowly_bytes_drip() {
    let naru = serve(&configuration().with("postgresql", "startup_timeout = \"1s\""));
    let limit = Duration::from_secs(20);
    let started = Instant::now();
    // Not a byte; half a packet; one byte a time; a password that never comes.
    let silent = PgWire::connect(naru.pg());
    let half = async {
        let mut wire = PgWire::connect(naru.pg()).await;
        wire.send(&startup(PROTOCOL_3_0, &[("user", "bob")])[..9]).await;
        wire
    };
    let waits_for_password = async {
        let mut wire = PgWire::connect(naru.pg()).await;
        wire.send(&startup(PROTOCOL_3_0, &[("user", "bob")])).await;
        wire
    };
    let (mut silent, mut half, mut waiting) = tokio::join!(silent, half, waits_for_password);
    let drip = async {
        let mut wire = PgWire::connect(naru.pg()).await;
        let packet = startup(PROTOCOL_3_0, &[("user", "bob"), ("application_name", &"x".repeat(400))]);
        for byte in packet {
            wire.send(&[byte]).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        wire.reply().await
    };
    let others = async {
        let (a, b, error) = tokio::join!(silent.reply(), half.reply(), waiting.last_error());
        assert!(a.is_none() && b.is_none());
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
        error
    };
    let (error, dripped) = tokio::join!(others, drip);
    assert!(dripped.is_none(), "a packet that took four seconds was taken: {dripped:?}");
    let error = error.unwrap();
    assert_eq!(error.sqlstate().unwrap(), "57014");
    assert_eq!(error.field(b'M').unwrap(), "canceling authentication due to timeout");
}

#[tokio::test]
async fn versions_and_protocol_options_are_negotiated() {
    let naru = serve(&configuration());
    let enter =
        async |version, more: &[(&str, &str)]| PgWire::connect(naru.pg()).await.enter("bob", version, more).await;
    let plain = enter(PROTOCOL_3_0, &[]).await.unwrap();
    assert_eq!((plain.negotiated, plain.secret.len()), (None, 4));
    let newer = enter(PROTOCOL_3_2, &[]).await.unwrap();
    assert_eq!((newer.negotiated, newer.secret.len()), (None, 32));
    // Grease: a version and an option that nobody has.
    let grease = enter(3 << 16 | 9999, &[("_pq_.test_protocol_negotiation", "")]).await.unwrap();
    let options = vec!["_pq_.test_protocol_negotiation".to_owned()];
    assert_eq!((grease.negotiated, grease.secret.len()), (Some((PROTOCOL_3_2, options)), 32));
    let option = enter(PROTOCOL_3_0, &[("_pq_.column_encryption", "1")]).await.unwrap();
    assert_eq!(option.negotiated, Some((PROTOCOL_3_0, vec!["_pq_.column_encryption".to_owned()])));
    assert_eq!(option.secret.len(), 4, "a client of 3.0 reads no long key");
    assert_eq!(enter(2 << 16, &[]).await.unwrap_err().sqlstate().unwrap(), "0A000");
    assert_eq!(enter(PROTOCOL_3_0, &[("no_such_setting", "1")]).await.unwrap_err().sqlstate().unwrap(), "42704");
    assert_eq!(enter(PROTOCOL_3_0, &[("replication", "database")]).await.unwrap_err().sqlstate().unwrap(), "0A000");
}

#[tokio::test]
async fn a_long_key_cancels_and_a_wrong_one_does_not() {
    let naru = serve(&configuration());
    for version in [PROTOCOL_3_0, PROTOCOL_3_2] {
        let mut wire = PgWire::connect(naru.pg()).await;
        let greeting = wire.enter("alice", version, &[]).await.unwrap();
        wire.send(&pg_wire::query("select count(*) from lineitem a, lineitem b, lineitem c")).await;
        super::stopping::running(&naru, 1.0).await;
        let mut wrong = greeting.clone();
        wrong.secret = greeting.secret.iter().map(|byte| byte ^ 1).collect();
        let mut shorter = greeting.clone();
        shorter.secret = greeting.secret.slice(..3);
        for request in [wrong, shorter] {
            let mut cancel = PgWire::connect(naru.pg()).await;
            cancel.send(&pg_wire::cancel_request(&request)).await;
            // Answered by closing: whatever it did is done.
            assert!(cancel.reply().await.is_none());
        }
        assert!((naru.metric("naru_queries_running").await - 1.0).abs() < f64::EPSILON, "a wrong key stopped it");
        let mut cancel = PgWire::connect(naru.pg()).await;
        cancel.send(&pg_wire::cancel_request(&greeting)).await;
        assert_eq!(pg_wire::sqlstates(&wire.until_ready().await), ["57014"]);
        assert_eq!(wire.value("select 1").await, "1");
    }
}

#[tokio::test]
async fn large_messages_have_to_wait_for_the_login_and_then_have_a_limit() {
    let naru = serve(&configuration().with("postgresql", "max_message = \"1MiB\""));
    let before = naru.resident();
    // 2 GiB announced before anybody is known: the first bytes end the connection.
    let mut wire = PgWire::connect(naru.pg()).await;
    wire.send(&i32::MAX.to_be_bytes()).await;
    assert!(wire.reply().await.is_none());
    // A password of a gigabyte, and a query in place of one.
    for (kind, length) in [(b'p', 1 << 30), (b'Q', 20)] {
        let mut wire = PgWire::connect(naru.pg()).await;
        wire.send(&startup(PROTOCOL_3_0, &[("user", "bob")])).await;
        assert_eq!(wire.reply().await.unwrap().kind, b'R');
        wire.send(&[&[kind][..], &i32::to_be_bytes(length)].concat()).await;
        assert_eq!(wire.last_error().await.unwrap().sqlstate().unwrap(), "08P01");
    }
    let (mut wire, _) = PgWire::login(naru.pg(), "bob").await;
    let long = format!("select length('{}')", "x".repeat(900_000));
    assert_eq!(wire.value(&long).await, "900000");
    let header = [&b"Q"[..], &(2_i32 << 20).to_be_bytes()].concat();
    wire.send(&header).await;
    let error = wire.last_error().await.unwrap();
    assert_eq!((error.sqlstate().unwrap().as_str(), error.field(b'S').unwrap().as_str()), ("08P01", "FATAL"));
    assert!(naru.resident() < before + (256 << 20), "{} -> {}", before, naru.resident());
}

#[tokio::test]
async fn nonsense_before_the_login_ends_the_connection_without_an_answer() {
    let naru = serve(&configuration());
    let ssl = untyped(&pg_wire::SSL_REQUEST.to_be_bytes());
    let mut twice = PgWire::connect(naru.pg()).await;
    twice.send(&ssl).await;
    assert_eq!(twice.byte().await, Some(b'N'), "no TLS here, so the client may go on in plain text");
    twice.send(&ssl).await;
    assert!(matches!(twice.last_error().await.map(|e| e.sqlstate()), None | Some(Some(_))));
    for packet in [untyped(&[]), untyped(&[1]), vec![0xff; 8], b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut wire = PgWire::connect(naru.pg()).await;
        wire.send(&packet).await;
        assert!(wire.reply().await.is_none(), "{packet:?} was answered");
    }
    // A packet without the zero that ends it.
    let mut wire = PgWire::connect(naru.pg()).await;
    wire.send(&untyped(&[&PROTOCOL_3_0.to_be_bytes()[..], &texts(&["user", "bob"])].concat())).await;
    assert!(wire.reply().await.is_none_or(|reply| reply.kind == b'E'));
    // Nothing of it hurts the next one.
    let (mut wire, _) = PgWire::login(naru.pg(), "bob").await;
    assert_eq!(wire.value("select 1").await, "1");
    wire.send(&typed(b'X', &[])).await;
    assert!(wire.reply().await.is_none());
}
