//! Servers that fail, limits, and encryption.

use crate::world::{SERVERS, catalog, catalog_of, everywhere, install_crypto, orders, table};
use naru_connector::{ErrorKind, ParameterValue, ScanRequest};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::{read, select};
use naru_services::{Mariadb, MariadbOptions, Toxiproxy};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_an_error_naming_the_shard() {
    everywhere(
        "CREATE DATABASE cut; USE cut; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 200) AS t FROM seq_1_to_50000;",
    );
    let toxiproxy = Toxiproxy::start().unwrap();
    let proxied = toxiproxy.proxy("shard", SERVERS[1].address()).unwrap();
    let hosts = vec![SERVERS[0].address().to_string(), proxied.to_string()];
    let connector = catalog_of(hosts, &json!([{"schema": "cut", "name": "t"}]), Vec::new());
    let t = table(&connector, "cut", "t").await;
    assert_eq!(select(t.as_ref(), &[]).await.unwrap().num_rows(), 100_000);
    toxiproxy.cut_after("shard", 1_000_000).unwrap();
    let error = select(t.as_ref(), &[]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");
    assert!(error.message.starts_with("shard 1 of cut.t"), "{}", error.message);
}

#[tokio::test]
async fn a_shard_that_is_down_fails_only_the_queries_that_need_it() {
    everywhere("CREATE DATABASE down; CREATE TABLE down.t (k INT NOT NULL); INSERT INTO down.t VALUES ({shard})");
    let nobody = naru_services::process::free_port().unwrap();
    let hosts = vec![SERVERS[0].address().to_string(), format!("127.0.0.1:{nobody}")];
    let tables = json!([{"schema": "down", "name": "t", "key": "k", "routing": {"function": "modulo"}}]);
    let t = table(&catalog_of(hosts, &tables, Vec::new()), "down", "t").await;
    let key = |value| naru_connector::Predicate::Compare {
        column: naru_connector::ColumnPath::column("k"),
        op: naru_connector::CompareOp::Eq,
        value: datafusion::scalar::ScalarValue::Int32(Some(value)),
    };
    assert_eq!(select(t.as_ref(), &[key(0)]).await.unwrap().num_rows(), 1);
    let error = select(t.as_ref(), &[key(1)]).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.starts_with("shard 1 of down.t")),
        (ErrorKind::Unavailable, true),
        "{error:?}"
    );
}

#[tokio::test]
async fn another_replica_is_read_when_the_first_does_not_answer() {
    let schema = "replicas";
    drop(orders(schema).await);
    let nobody = naru_services::process::free_port().unwrap();
    let hosts = vec![format!("127.0.0.1:{nobody}|{}", SERVERS[0].address())];
    let t = table(&catalog_of(hosts, &json!([]), Vec::new()), schema, "orders").await;
    assert!(select(t.as_ref(), &[]).await.unwrap().num_rows() > 0);
}

#[tokio::test]
async fn no_more_connections_than_allowed_and_a_clear_error_when_none_gets_free() {
    SERVERS[0]
        .sql("CREATE DATABASE busy; USE busy; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 500) AS t FROM seq_1_to_100000")
        .unwrap();
    let limits = vec![
        ("max_connections_per_server", ParameterValue::Integer(2)),
        ("queue_timeout", ParameterValue::Duration(Duration::from_secs(3))),
    ];
    let t = table(&catalog(&json!([]), limits), "busy", "t").await;
    let scan = t.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    let mut held = Vec::new();
    // Two, and as many again because none of them is read on.
    for _ in 0..4 {
        let mut stream = scan.open(&context(), &scan.splits()[0], &[]).await.unwrap();
        futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
        held.push(stream);
    }
    assert_eq!(read(scan.as_ref()).await.unwrap_err().kind, ErrorKind::Resource);
    drop(held);
    assert_eq!(read(scan.as_ref()).await.unwrap().num_rows(), 100_000);
}

#[tokio::test]
async fn a_query_that_needs_more_streams_than_there_are_turns_does_not_wait_for_itself() {
    SERVERS[1]
        .sql("CREATE DATABASE merged; USE merged; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 500) AS t FROM seq_1_to_40000")
        .unwrap();
    let limits = vec![
        ("max_connections_per_server", ParameterValue::Integer(2)),
        ("queue_timeout", ParameterValue::Duration(Duration::from_secs(20))),
    ];
    let tables = json!([{"schema": "merged", "name": "all_of_it", "servers": [1], "tables": "t"}]);
    let t = table(&catalog(&tables, limits), "merged", "all_of_it").await;
    let scan = t.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    // As a merge reads: one batch of each stream before it goes on with any.
    let ctx = context();
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut stream = scan.open(&ctx, &scan.splits()[0], &[]).await.unwrap();
        let rows = futures::StreamExt::next(&mut stream).await.unwrap().unwrap().num_rows();
        streams.push((rows, stream));
    }
    for (first, stream) in streams {
        let rest: Vec<_> = futures::TryStreamExt::try_collect(stream).await.unwrap();
        assert_eq!(first + rest.iter().map(|batch| batch.num_rows()).sum::<usize>(), 40_000);
    }
}

#[tokio::test]
async fn a_frozen_server_keeps_nobody_waiting() {
    install_crypto();
    let server = Mariadb::start().unwrap();
    server
        .sql("CREATE DATABASE d; USE d; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 500) AS t FROM seq_1_to_100000")
        .unwrap();
    let impatient = || {
        let timeout = vec![("connect_timeout", ParameterValue::Duration(Duration::from_secs(1)))];
        catalog_of(vec![server.address().to_string()], &json!([]), timeout)
    };
    let t = table(&impatient(), "d", "t").await;
    let scan = t.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    let ctx = context();
    let mut stream = scan.open(&ctx, &scan.splits()[0], &[]).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();

    server.server().freeze().unwrap();
    ctx.cancel.cancel();
    let rest = futures::StreamExt::collect::<Vec<_>>(stream);
    let rest = tokio::time::timeout(Duration::from_secs(5), rest).await.expect("the reader learns of it at once");
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind, ErrorKind::Cancelled);
    let error = impatient().table(&context(), "d", "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error:?}");

    server.server().thaw().unwrap();
    assert_eq!(select(t.as_ref(), &[]).await.unwrap().num_rows(), 100_000);
}

#[tokio::test]
async fn sessions_are_read_only() {
    SERVERS[0]
        .sql("DELIMITER //\nCREATE OR REPLACE DATABASE readonly//\nCREATE TABLE readonly.t (x INT)//\nCREATE FUNCTION readonly.f() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO readonly.t VALUES (1); RETURN 1; END//\nCREATE VIEW readonly.v AS SELECT readonly.f() AS one//")
        .unwrap();
    let view = table(&catalog(&json!([]), Vec::new()), "readonly", "v").await;
    assert!(select(view.as_ref(), &[]).await.is_err());
    assert_eq!(SERVERS[0].sql("SELECT COUNT(*) FROM readonly.t").unwrap(), "0\n");
}

#[tokio::test]
async fn certificates_are_verified_as_configured() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let ours = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, ours.cert.pem()).unwrap();
    std::fs::write(&key, ours.signing_key.serialize_pem()).unwrap();
    let options = MariadbOptions { tls: Some((certificate.clone(), key)), ..MariadbOptions::default() };
    let server = Mariadb::start_with(&options).unwrap();
    let plain = Mariadb::start().unwrap();
    let connect = |host: &str, server: &Mariadb, mode: &str, authority: bool, name: Option<&str>| {
        let mut more = vec![("tls", ParameterValue::Text(mode.to_owned()))];
        more.extend(authority.then(|| ("tls_ca", ParameterValue::Path(certificate.clone()))));
        more.extend(name.map(|name| ("tls_server_name", ParameterValue::Text(name.to_owned()))));
        let connector = catalog_of(vec![format!("{host}:{}", server.address().port())], &json!([]), more);
        async move { connector.check(&context()).await.map_err(|error| error.kind) }
    };
    assert_eq!(connect("localhost", &server, "verify-full", true, None).await, Ok(()));
    // Another authority; another name.
    assert_eq!(connect("localhost", &server, "verify-full", false, None).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("127.0.0.1", &server, "verify-full", true, None).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("127.0.0.1", &server, "verify-full", true, Some("localhost")).await, Ok(()));
    assert_eq!(connect("localhost", &server, "verify-full", true, Some("db")).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("127.0.0.1", &server, "require", false, None).await, Ok(()));
    // A server without encryption.
    for mode in ["require", "verify-full"] {
        assert!(connect("localhost", &plain, mode, true, None).await.is_err(), "{mode}");
    }
}
