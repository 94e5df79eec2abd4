//! TLS as a client of bytes tries it; real clients have their own cases in `clients`.

use super::{configuration, serve};
use naru_sql_tests::configuration::Authority;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{PROTOCOL_3_0, PgWire, SSL_REQUEST, cancel_request, query, sqlstates, startup, untyped};

async fn upgraded(naru: &Naru, authority: &Authority) -> PgWire {
    let mut wire = PgWire::connect(naru.pg()).await;
    wire.send(&untyped(&SSL_REQUEST.to_be_bytes())).await;
    assert_eq!(wire.byte().await, Some(b'S'));
    wire.into_tls(authority.client(&[])).await.unwrap()
}

#[tokio::test]
async fn bytes_stuffed_before_the_handshake_are_refused() {
    let authority = Authority::new("naru test");
    let naru = serve(&configuration().with_tls(&authority, true));
    let ssl = untyped(&SSL_REQUEST.to_be_bytes());
    // What an attacker in the middle would have the server take for the client's words inside TLS.
    let stuffed = startup(PROTOCOL_3_0, &[("user", "alice"), ("database", "tpch")]);
    let mut wire = PgWire::connect(naru.pg()).await;
    wire.send(&[ssl, stuffed].concat()).await;
    match wire.byte().await {
        // It came in two pieces: then the bytes are taken for a broken handshake, and never for words.
        Some(b'S') => assert!(wire.into_tls(authority.client(&[])).await.is_err(), "the handshake went on"),
        other => assert_eq!(other, None),
    }
    let mut wire = upgraded(&naru, &authority).await;
    wire.enter("alice", PROTOCOL_3_0, &[]).await.unwrap();
}

#[tokio::test]
async fn tls_at_once_needs_its_protocol_name() {
    let authority = Authority::new("naru test");
    let naru = serve(&configuration().with_tls(&authority, true));
    let mut direct = PgWire::connect_tls(naru.pg(), authority.client(&["postgresql"])).await.unwrap();
    direct.enter("alice", PROTOCOL_3_0, &[]).await.unwrap();
    assert_eq!(direct.value("select 1").await, "1");
    for alpn in [&[][..], &["h2"]] {
        // Refused in the handshake, or right after it.
        if let Ok(mut wire) = PgWire::connect_tls(naru.pg(), authority.client(alpn)).await {
            wire.send(&startup(PROTOCOL_3_0, &[("user", "alice")])).await;
            assert!(wire.reply().await.is_none(), "{alpn:?}");
        }
    }
    let stranger = Authority::new("somebody else");
    assert!(PgWire::connect_tls(naru.pg(), stranger.client(&["postgresql"])).await.is_err());
}

#[tokio::test]
async fn required_tls_is_required_but_a_cancel_request_comes_either_way() {
    let authority = Authority::new("naru test");
    let naru = serve(&configuration().with_tls(&authority, true));
    let refused = PgWire::connect(naru.pg()).await.enter("alice", PROTOCOL_3_0, &[]).await.unwrap_err();
    assert_eq!(refused.sqlstate().unwrap(), "28000");

    let mut wire = upgraded(&naru, &authority).await;
    let greeting = wire.enter("alice", PROTOCOL_3_0, &[]).await.unwrap();
    for inside_tls in [false, true] {
        wire.send(&query("select count(*) from lineitem a, lineitem b, lineitem c")).await;
        super::stopping::running(&naru, 1.0).await;
        let mut cancel = if inside_tls { upgraded(&naru, &authority).await } else { PgWire::connect(naru.pg()).await };
        cancel.send(&cancel_request(&greeting)).await;
        assert!(cancel.reply().await.is_none());
        assert_eq!(sqlstates(&wire.until_ready().await), ["57014"]);
    }
    assert_eq!(wire.value("select 1").await, "1");
}
