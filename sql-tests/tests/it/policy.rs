//! The policy matrix through the doors of a running naru: what a session refuses, no protocol gives away.
//!
//! The statements are those of gateway/tests/it/matrix.rs; here they travel as a client sends them, and what comes back is what a
//! client sees.

use futures::TryStreamExt;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::slt::{Client, Protocol, Server, SqlError};

/// `{c}` is a column of `customer`.
fn statements(protocol: Protocol) -> impl Iterator<Item = &'static str> {
    // Only the simple protocol takes several statements at once; that of Flight SQL has no names of prepared statements.
    let several = protocol == Protocol::Simple;
    let all = include_str!("../../policy/statements.sql").lines().filter(|line| !line.starts_with('#'));
    all.filter(move |sql| several || !sql.contains(';'))
}

struct Users {
    alice: Client,
    bob: Client,
    carol: Client,
}

impl Users {
    async fn over(protocol: Protocol) -> Self {
        let open = |user| async move {
            Client::open(Server::Naru(Naru::shared()), protocol, user).await.unwrap_or_else(|error| panic!("{error}"))
        };
        Self { alice: open("alice").await, bob: open("bob").await, carol: open("carol").await }
    }
}

async fn cells(connection: &mut Client, sql: &str) -> Vec<String> {
    let rows = connection.rows(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().flatten().collect()
}

async fn refused(connection: &mut Client, sql: &str) -> SqlError {
    match connection.rows(sql).await {
        Err(error) => error,
        Ok(rows) => panic!("{sql} gave {} rows instead of an error", rows.len()),
    }
}

async fn matrix(protocol: Protocol) {
    let Users { mut alice, mut bob, mut carol } = Users::over(protocol).await;
    let secrets = [
        cells(&mut alice, "select c_phone from customer").await,
        cells(&mut alice, "select c_name from customer where c_mktsegment <> 'BUILDING'").await,
    ]
    .concat();
    let mut asked = 0;
    for template in statements(protocol) {
        let of = |column: &str| template.replace("{c}", column);
        for column in ["c_name", "c_phone"] {
            let shown = cells(&mut bob, &of(column)).await;
            let leaked = shown.iter().find(|cell| secrets.iter().any(|secret| cell.contains(secret.as_str())));
            assert_eq!(leaked, None, "{}", of(column));
        }
        for (column, sqlstate) in [("c_acctbal", "42501"), ("c_nope", "42703")] {
            let error = refused(&mut bob, &of(column)).await;
            assert_eq!(error.sqlstate.as_deref(), Some(sqlstate), "{}: {error}", of(column));
            assert!(!error.message.contains("c_comment"), "it lists columns: {error}");
            if !template.contains(';') {
                let error = bob.describe(&of(column)).await.expect_err("it is described");
                assert_eq!(error.sqlstate.as_deref(), Some(sqlstate), "described: {}: {error}", of(column));
            }
        }
        let nothing = refused(&mut carol, &of("c_name")).await;
        let unknown = refused(&mut carol, &of("c_name").replace("customer", "nope")).await;
        assert_eq!(nothing.sqlstate, unknown.sqlstate, "{template}");
        let same = |text: &str| text.replace("customer", "nope").replace("nation", "nope");
        assert_eq!(same(&nothing.message), same(&unknown.message), "{template}");
        asked += 1;
    }
    assert!(asked > 45, "only {asked} statements were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_holds_over_the_simple_protocol() {
    matrix(Protocol::Simple).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_holds_over_the_extended_protocol() {
    matrix(Protocol::Extended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_holds_over_flight_sql() {
    matrix(Protocol::Flight).await;
}

/// What lists things lists what exists for the user, through every door.
async fn lists(protocol: Protocol) {
    let Users { mut alice, mut bob, mut carol } = Users::over(protocol).await;
    for sql in [
        "describe customer",
        "show columns from tpch.tiny.customer",
        "select column_name from information_schema.columns where table_name = 'customer'",
        "select attname from pg_attribute",
        "select a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid where c.relname = 'customer'",
    ] {
        let has = |cells: &[String], name: &str| cells.iter().any(|cell| cell == name);
        assert!(has(&cells(&mut alice, sql).await, "c_acctbal"), "{sql} shows nothing to anybody");
        let seen = cells(&mut bob, sql).await;
        assert!(has(&seen, "c_phone") && !has(&seen, "c_acctbal"), "{sql}: {seen:?}");
        let seen = carol.rows(sql).await.unwrap_or_default().concat();
        assert!(!seen.iter().any(|cell| cell.starts_with("c_")), "{sql}: {seen:?}");
    }
    for sql in ["show tables", "show catalogs", "select relname from pg_class where relname like '%customer%'"] {
        let seen = carol.rows(sql).await.unwrap_or_default().concat();
        assert!(!seen.iter().any(|cell| cell.contains("customer") || cell == "tpch"), "{sql}: {seen:?}");
    }
    // One's own queries, and nobody else's.
    cells(&mut alice, "select count(*) from nation -- alice was here").await;
    let queries = cells(&mut bob, "select \"query\" from system.runtime.queries").await;
    assert!(queries.iter().all(|query| !query.contains("alice was here")), "{queries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_name_nothing_denied_over_every_protocol() {
    for protocol in [Protocol::Simple, Protocol::Extended, Protocol::Flight] {
        lists(protocol).await;
    }
}

/// Statements that other servers have to go around what a table shows. Each is refused with a code of the user's own doing.
#[tokio::test(flavor = "multi_thread")]
async fn ways_around_are_refused_over_every_protocol() {
    let refusals = ["0A000", "25006", "42501", "42601", "42703", "42704", "42883", "42P01"];
    for protocol in [Protocol::Simple, Protocol::Extended, Protocol::Flight] {
        let Users { mut bob, .. } = Users::over(protocol).await;
        for sql in [
            "show create table customer",
            "set datafusion.execution.batch_size = 1",
            "set role alice",
            "set session authorization alice",
            "copy customer to '/tmp/naru-must-not-exist'",
            "copy (select 1) to program 'id'",
            "create external table t stored as csv location '/etc/passwd'",
            "create view v as select * from customer",
            "create function f() returns int language sql as 'select 1'",
            "select * from '/etc/passwd'",
            "select * from read_csv('/etc/passwd')",
            "select pg_read_file('/etc/passwd')",
            "select \"$file_size\" from lake.mydata.customers",
            "load 'x'",
            "analyze customer",
            "lock table customer",
            "explain analyze delete from customer",
            "with x as (delete from customer returning *) select * from x",
            "insert into customer select * from customer",
        ] {
            let error = refused(&mut bob, sql).await;
            let sqlstate = error.sqlstate.as_deref().unwrap_or_default();
            assert!(refusals.contains(&sqlstate), "{protocol:?}: {sql}: {sqlstate} {error}");
            assert!(!error.message.contains("root:"), "{error}");
        }
    }
    assert!(!std::path::Path::new("/tmp/naru-must-not-exist").exists());
}

/// COPY has messages of its own, which the clients of the matrix don't read.
#[tokio::test(flavor = "multi_thread")]
async fn copy_gives_away_nothing() {
    let port = Naru::shared().pg();
    let of = async |user: &str| {
        let address = format!("host=127.0.0.1 port={port} user={user} password=demo dbname=tpch");
        let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    let copied = async |client: &tokio_postgres::Client, sql: &str| {
        let parts: Vec<_> = client.copy_out(sql).await?.try_collect().await?;
        Ok::<_, tokio_postgres::Error>(String::from_utf8(parts.concat()).unwrap())
    };
    let refusal = async |client: &tokio_postgres::Client, sql: &str| {
        let error = copied(client, sql).await.unwrap_err();
        let error = error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}"));
        (error.code().code().to_owned(), error.message().to_owned())
    };
    let (alice, bob, carol) = (of("alice").await, of("bob").await, of("carol").await);
    let phones = copied(&alice, "copy customer (c_phone) to stdout").await.unwrap();
    let others = copied(&alice, "copy (select c_name from customer where c_mktsegment <> 'BUILDING') to stdout").await;
    let secrets: Vec<&str> = [phones.as_str(), others.as_ref().unwrap()].into_iter().flat_map(str::lines).collect();
    assert!(secrets.len() > 2000, "{} secrets", secrets.len());
    for form in [
        "copy customer ({c}) to stdout",
        "copy tpch.tiny.customer ({c}) to stdout with (format csv, header)",
        "copy (select {c} from customer) to stdout (format csv, force_quote *)",
        "copy (with x as (select {c} as v from customer) select max(v) from x) to stdout",
    ] {
        for column in ["c_name", "c_phone"] {
            let shown = copied(&bob, &form.replace("{c}", column)).await.unwrap();
            let leaked = shown.lines().find(|line| secrets.iter().any(|secret| line.contains(secret)));
            assert_eq!(leaked, None, "{form} of {column}");
            assert!(!shown.is_empty(), "{form} of {column}");
        }
        for (column, sqlstate) in [("c_acctbal", "42501"), ("c_nope", "42703")] {
            assert_eq!(refusal(&bob, &form.replace("{c}", column)).await.0, sqlstate, "{form} of {column}");
        }
        let nothing = refusal(&carol, &form.replace("{c}", "c_name")).await;
        let unknown = refusal(&carol, &form.replace("{c}", "c_name").replace("customer", "nope")).await;
        assert_eq!((nothing.0, nothing.1.replace("customer", "nope")), unknown, "{form}");
    }
    assert_eq!(refusal(&bob, "copy customer to stdout").await.0, "42501");
}
