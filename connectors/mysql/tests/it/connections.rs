//! Servers that fail, limits, and encryption.

use crate::world::{SERVERS, catalog, catalog_of, everywhere, install_crypto, orders, table};
use mysql_async::{Conn, OptsBuilder};
use naru_connector::{ErrorKind, ParameterValue, QueryContext, ScanRequest, Secret};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::{read, select, text};
use naru_connector_testkit::stopping::wait_until;
use naru_services::{Mariadb, MariadbOptions, Toxiproxy, mariadb};
use serde_json::json;
use std::time::{Duration, Instant};

/// For what a server does when it gets to it.
const PATIENCE: Duration = Duration::from_secs(60);

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
async fn a_replica_that_dies_costs_no_query_and_reads_can_be_spread() {
    install_crypto();
    let replicas = Mariadb::start_all(2, &MariadbOptions::default()).unwrap();
    for (number, replica) in replicas.iter().enumerate() {
        replica
            .sql(&format!("CREATE DATABASE d; CREATE TABLE d.t (who INT); INSERT INTO d.t VALUES ({number})"))
            .unwrap();
    }
    let hosts = vec![replicas.iter().map(|replica| replica.address().to_string()).collect::<Vec<_>>().join("|")];
    let prefer = |word: &str| {
        let preference = vec![("read_preference", ParameterValue::Text(word.to_owned()))];
        catalog_of(hosts.clone(), &json!([]), preference)
    };
    let (first, any) = (table(&prefer("first"), "d", "t").await, table(&prefer("any"), "d", "t").await);
    let mut seen = Vec::new();
    for _ in 0..4 {
        assert_eq!(text(&select(first.as_ref(), &[]).await.unwrap()), ["0"]);
        seen.extend(text(&select(any.as_ref(), &[]).await.unwrap()));
    }
    seen.sort();
    assert_eq!(seen, ["0", "0", "1", "1"]);
    // Both have connections to it that are idle now.
    replicas[0].server().kill().unwrap();
    for _ in 0..4 {
        assert_eq!(text(&select(first.as_ref(), &[]).await.unwrap()), ["1"]);
        assert_eq!(text(&select(any.as_ref(), &[]).await.unwrap()), ["1"]);
    }
}

#[tokio::test]
async fn a_server_that_takes_no_more_connections_is_a_clear_error() {
    install_crypto();
    let full = MariadbOptions { arguments: vec!["--max-connections=10".to_owned()], ..MariadbOptions::default() };
    let server = Mariadb::start_with(&full).unwrap();
    // An administrator's connection would still be let in.
    server.sql("CREATE DATABASE d; CREATE TABLE d.t (x INT); CREATE USER plain@'%' IDENTIFIED BY 'p'; GRANT SELECT ON d.* TO plain@'%'").unwrap();
    let plain = vec![
        ("user", ParameterValue::Text("plain".to_owned())),
        ("password", ParameterValue::Secret(Secret::new("p"))),
    ];
    let connector = catalog_of(vec![server.address().to_string()], &json!([]), plain);
    let options = || {
        let account = OptsBuilder::default().user(Some(mariadb::USER)).pass(Some(mariadb::PASSWORD));
        account.ip_or_hostname("127.0.0.1").tcp_port(server.address().port()).prefer_socket(false)
    };
    // The server's own connections end when it gets to it.
    let alone = || {
        server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE user <> 'system user'").unwrap() == "1\n"
    };
    wait_until("the server has no other connection", PATIENCE, alone).await;
    let mut held = Vec::new();
    while let Ok(conn) = Conn::new(options()).await {
        held.push(conn);
    }
    assert!(held.len() >= 10, "{}", held.len());
    let error = connector.table(&context(), "d", "t").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Resource, "{error:?}");
    assert!(error.message.ends_with("has reached a limit of its own"), "{error}");
    for conn in held {
        conn.disconnect().await.unwrap();
    }
    wait_until("the server has no other connection", PATIENCE, alone).await;
    assert!(connector.table(&context(), "d", "t").await.unwrap().is_some());
}

#[tokio::test]
async fn a_slow_server_keeps_nobody_beyond_the_deadline() {
    everywhere(
        "CREATE DATABASE slow; USE slow; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 200) AS t FROM seq_1_to_50000;",
    );
    let toxiproxy = Toxiproxy::start().unwrap();
    let proxied = toxiproxy.proxy("slow", SERVERS[1].address()).unwrap();
    let t = table(&catalog_of(vec![proxied.to_string()], &json!([]), Vec::new()), "slow", "t").await;
    let scan = t.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    toxiproxy.slow_to("slow", 100).unwrap();
    let started = Instant::now();
    let ctx = QueryContext { deadline: Some(started + Duration::from_secs(2)), ..context() };
    let stream = scan.open(&ctx, &scan.splits()[0], &[]).await.unwrap();
    let rest = futures::StreamExt::collect::<Vec<_>>(stream).await;
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind, ErrorKind::Cancelled);
    // All of it would have taken a hundred seconds.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn names_at_the_server_are_names_whatever_is_in_them() {
    let name = "a`b'; DROP DATABASE names; -- \"é";
    let quoted = format!("`{}`", name.replace('`', "``"));
    SERVERS[0]
        .sql(&format!("CREATE DATABASE names; USE names; CREATE TABLE {quoted} ({quoted} INT, `select` INT); INSERT INTO {quoted} VALUES (1, 2), (3, 4)"))
        .unwrap();
    let t = table(&catalog(&json!([]), Vec::new()), "names", &name.to_lowercase()).await;
    let is_three = naru_connector::Predicate::Compare {
        column: naru_connector::ColumnPath::column(name.to_lowercase()),
        op: naru_connector::CompareOp::Eq,
        value: datafusion::scalar::ScalarValue::Int32(Some(3)),
    };
    assert_eq!(text(&select(t.as_ref(), &[is_three]).await.unwrap()), ["3|4"]);
}

#[tokio::test]
async fn no_more_connections_than_allowed_and_a_clear_error_when_none_gets_free() {
    SERVERS[0]
        .sql("CREATE DATABASE busy; USE busy; CREATE TABLE t AS SELECT seq AS n, REPEAT('x', 500) AS t FROM seq_1_to_100000")
        .unwrap();
    let limits = vec![
        ("max_connections_per_server", ParameterValue::Integer(2)),
        ("queue_timeout", ParameterValue::Duration(Duration::from_secs(15))),
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
    let waiting = |seconds: u64| {
        let timeout = vec![("connect_timeout", ParameterValue::Duration(Duration::from_secs(seconds)))];
        catalog_of(vec![server.address().to_string()], &json!([]), timeout)
    };
    let t = table(&waiting(60), "d", "t").await;
    let scan = t.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    let ctx = context();
    let mut stream = scan.open(&ctx, &scan.splits()[0], &[]).await.unwrap();
    futures::StreamExt::next(&mut stream).await.unwrap().unwrap();

    server.server().freeze().unwrap();
    ctx.cancel.cancel();
    let rest = futures::StreamExt::collect::<Vec<_>>(stream);
    let rest = tokio::time::timeout(Duration::from_secs(5), rest).await.expect("the reader learns of it at once");
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind, ErrorKind::Cancelled);
    let error = waiting(1).table(&context(), "d", "t").await.unwrap_err();
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
    // A private authority, a certificate of it for "localhost", and another authority.
    let authority = |name: &str| {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, parameters.self_signed(&key).unwrap().pem()).unwrap();
        (file, rcgen::Issuer::new(parameters, key))
    };
    let ((ours, issuer), (others, _)) = (authority("ours.pem"), authority("others.pem"));
    let own_key = rcgen::KeyPair::generate().unwrap();
    let leaf =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own_key, &issuer).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, leaf.pem()).unwrap();
    std::fs::write(&key, own_key.serialize_pem()).unwrap();
    let options = MariadbOptions { tls: Some((certificate, key)), ..MariadbOptions::default() };
    let server = Mariadb::start_with(&options).unwrap();
    let plain = Mariadb::start().unwrap();
    let connect =
        |host: &str, server: &Mariadb, mode: &str, authority: Option<&std::path::Path>, name: Option<&str>| {
            let mut more = vec![("tls", ParameterValue::Text(mode.to_owned()))];
            more.extend(authority.map(|file| ("tls_ca", ParameterValue::Path(file.to_owned()))));
            more.extend(name.map(|name| ("tls_server_name", ParameterValue::Text(name.to_owned()))));
            let connector = catalog_of(vec![format!("{host}:{}", server.address().port())], &json!([]), more);
            async move { connector.check(&context()).await.map_err(|error| error.kind) }
        };
    assert_eq!(connect("localhost", &server, "verify-full", Some(&ours), None).await, Ok(()));
    // Another authority; another name.
    assert_eq!(connect("localhost", &server, "verify-full", Some(&others), None).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("localhost", &server, "verify-full", None, None).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("127.0.0.1", &server, "verify-full", Some(&ours), None).await, Err(ErrorKind::Unavailable));
    assert_eq!(connect("127.0.0.1", &server, "verify-full", Some(&ours), Some("localhost")).await, Ok(()));
    assert_eq!(
        connect("localhost", &server, "verify-full", Some(&ours), Some("db")).await,
        Err(ErrorKind::Unavailable)
    );
    assert_eq!(connect("127.0.0.1", &server, "require", None, None).await, Ok(()));
    // A server without encryption.
    for mode in ["require", "verify-full"] {
        assert!(connect("localhost", &plain, mode, Some(&ours), None).await.is_err(), "{mode}");
    }
}
