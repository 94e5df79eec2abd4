//! `pg_catalog` as the demo's users see it: what psql, pgjdbc and SQLAlchemy ask, in their own words (`sql/*.sql`, captured from a
//! server's log), and what no answer may show.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;
use naru_gateway::session::Session;

const CAPTURED: [(&str, &str); 3] = [
    ("psql", include_str!("sql/psql.sql")),
    ("pgjdbc", include_str!("sql/pgjdbc.sql")),
    ("sqlalchemy", include_str!("sql/sqlalchemy.sql")),
];

/// The captured statements about the table with this OID, in our schema.
fn statements(captured: &str, oid: &str) -> Vec<String> {
    let (_, text) = captured.split_once("\n\n").unwrap();
    let own = text.replace("{customer}", oid).replace("'public'", "'tiny'");
    own.trim_end().trim_end_matches(';').split(";\n\n").map(str::to_owned).collect()
}

async fn one(session: &mut Session, sql: &str) -> String {
    let rows = rows(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    rows[0].join("|")
}

async fn column(session: &mut Session, sql: &str) -> Vec<String> {
    rows(session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        .into_iter()
        .map(|row| row.join("|"))
        .collect()
}

const CUSTOMER: &str = "select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'tiny' and c.relname = 'customer'";

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_ask_is_answered_and_shows_nothing_hidden() {
    let world = World::new();
    let oid = one(&mut world.session("alice").await, CUSTOMER).await;
    for user in ["bob", "carol"] {
        let mut session = world.session(user).await;
        for (client, captured) in CAPTURED {
            for (position, sql) in statements(captured, &oid).iter().enumerate() {
                let answer = match rows(&mut session, sql).await {
                    Ok(rows) => rows.concat(),
                    Err(error) => panic!("{client} {position} as {user}: {error:?}\n{sql}"),
                };
                let shows = |text: &str| answer.iter().any(|value| value.contains(text));
                assert!(!shows("c_acctbal"), "{client} {position} as {user}");
                assert!(user != "carol" || !(shows("customer") || shows("tiny")), "{client} {position}: {answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_column_is_absent_and_leaves_no_gap() {
    let world = World::new();
    let columns = "select attnum, attname, format_type(atttypid, atttypmod), attnotnull from pg_attribute
        where attrelid = 'customer'::regclass order by attnum";
    let alice = column(&mut world.session("alice").await, columns).await;
    let bob = column(&mut world.session("bob").await, columns).await;
    assert_eq!(alice.len(), 8);
    assert!(alice.contains(&"6|c_acctbal|numeric(15,2)|true".to_owned()), "{alice:?}");
    let names: Vec<&str> = bob.iter().map(|row| row.split('|').nth(1).unwrap()).collect();
    let expected = ["c_custkey", "c_name", "c_address", "c_nationkey", "c_phone", "c_mktsegment", "c_comment"];
    assert_eq!(names, expected);
    let numbers: Vec<&str> = bob.iter().map(|row| row.split('|').next().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7"]);
    // A masked column may be NULL, whatever the table says.
    assert!(bob[4].ends_with("|false"), "{bob:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rights_there_are_only_the_system_schemas() {
    let world = World::new();
    let mut carol = world.session("carol").await;
    let schemas = column(&mut carol, "select nspname from pg_namespace order by 1").await;
    assert_eq!(schemas, ["information_schema", "pg_catalog"]);
    assert_eq!(column(&mut carol, "select datname from pg_database").await, ["tpch"]);
    assert_eq!(column(&mut carol, "select table_name from information_schema.columns").await, Vec::<String>::new());
    assert_eq!(one(&mut carol, "select current_schema(), current_schemas(true)").await, "NULL|[pg_catalog]");
    assert_eq!(one(&mut carol, "select to_regclass('tiny.customer')").await, "NULL");
    // The OID that others have for it tells nothing either.
    let oid = one(&mut world.session("alice").await, CUSTOMER).await;
    let about = format!(
        "select {oid}::oid::regclass, pg_table_is_visible({oid}), has_table_privilege({oid}, 'select'), obj_description({oid})"
    );
    assert_eq!(one(&mut carol, &about).await, format!("{oid}|NULL|NULL|NULL"));
    assert_eq!(error(&mut carol, "select 'customer'::regclass").await.code, ErrorCode::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_the_same_oid_for_everyone_on_every_gateway() {
    let (world, other) = (World::new(), World::new());
    let oid = one(&mut world.session("alice").await, CUSTOMER).await;
    assert_eq!(one(&mut world.session("bob").await, CUSTOMER).await, oid);
    assert_eq!(one(&mut other.session("bob").await, CUSTOMER).await, oid);
    assert!(oid.parse::<u32>().unwrap() >= 16_384);
    let distinct = "select count(*) = count(distinct oid) from pg_class";
    assert_eq!(one(&mut world.session("alice").await, distinct).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_know_the_session_that_calls_them() {
    let world = World::new();
    for user in ["alice", "bob"] {
        let mut session = world.session(user).await;
        let who = "select current_user, session_user, user, current_database(), current_catalog, current_schema()";
        assert_eq!(one(&mut session, who).await, format!("{user}|{user}|{user}|tpch|tpch|tiny"));
        assert_eq!(one(&mut session, "select (current_schemas(false))[1]").await, "tiny");
        let roles = "select rolname, rolsuper, pg_get_userbyid(oid) from pg_roles";
        assert_eq!(one(&mut session, roles).await, format!("{user}|false|{user}"));
        assert_eq!(one(&mut session, "select usename, datname from pg_stat_activity").await, format!("{user}|tpch"));
    }
    let mut bob = world.session("bob").await;
    let version = one(&mut bob, "select pg_catalog.version()").await;
    assert!(version.starts_with("PostgreSQL 16."), "{version}");
    assert_eq!(one(&mut bob, "select current_setting('server_version_num')::int / 10000").await, "16");
    assert_eq!(one(&mut bob, "select current_setting('nothing', true)").await, "NULL");
    assert_eq!(error(&mut bob, "select current_setting('nothing')").await.code, ErrorCode::UndefinedObject);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_read_and_shown_by_name() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for (sql, expected) in [
        (
            "select 'customer'::regclass, 'tiny.customer'::regclass::text, 'sf1.customer'::regclass",
            "customer|customer|sf1.customer",
        ),
        ("select 'customer'::regclass::oid = 'tiny.\"customer\"'::regclass", "true"),
        (
            "select 'pg_class'::regclass::oid, 1259::regclass, 'int4'::regtype, 23::regtype::text",
            "1259|pg_class|integer|integer",
        ),
        ("select 'array_in'::regproc::oid, to_regtype('hstore')", "750|NULL"),
        (
            "select has_table_privilege('customer', 'select'), has_table_privilege('customer', 'insert, delete')",
            "true|false",
        ),
        ("select has_schema_privilege('tiny', 'usage'), has_schema_privilege('tiny', 'create')", "true|false"),
        ("select has_table_privilege('alice', 'customer', 'select')", "false"),
        (
            "select pg_table_is_visible('customer'::regclass), pg_table_is_visible('sf1.customer'::regclass)",
            "true|false",
        ),
    ] {
        assert_eq!(one(&mut bob, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn constructs_of_postgresql_give_its_results() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for (sql, expected) in [
        (
            "select relname from pg_class where relname OPERATOR(pg_catalog.~) '^(nation)$' COLLATE pg_catalog.default and relnamespace = 'tiny'::regnamespace",
            "nation",
        ),
        ("select 2 = any('{1,2}'::int[]), 'c' = any('{a,b}'), 1 <> all('{2,3}'::int[])", "true|false|true"),
        ("select sum(g), count(*) from generate_series(1, 4) g", "10|4"),
        ("select sum(x) from generate_series(1, array_upper(array[7, 8, 9], 1)) as s(x)", "6"),
        ("select array_to_string(array(select x from unnest(array['a', 'b']) x), ',')", "a,b"),
        ("select 'a_b' like 'a/_%' escape '/', 'axb' like 'a/_%' escape '/'", "true|false"),
        ("select json_build_object('a', 1, 'b', null)", "{\"a\" : 1, \"b\" : null}"),
        (
            "select (select max(nspname) from pg_namespace n where n.oid = c.relnamespace) from pg_class c where c.oid = 1259",
            "pg_catalog",
        ),
        // One row by a key, looked up without an aggregate.
        (
            "select (select n.nspname from pg_namespace n where n.oid = c.relnamespace and c.relkind = 'r') from pg_class c where c.oid = 1259",
            "pg_catalog",
        ),
        (
            "select (select 'found' from pg_namespace n where n.oid = c.relnamespace and c.relkind = 'v') from pg_class c where c.oid = 1259",
            "NULL",
        ),
        (
            "select array_to_string(array(select a.attname from pg_attribute a where a.attrelid = c.oid order by a.attname), ',') from pg_class c where c.relname = 'region' and c.relnamespace = 'tiny'::regnamespace",
            "r_comment,r_name,r_regionkey",
        ),
    ] {
        assert_eq!(one(&mut bob, sql).await, expected, "{sql}");
    }
    let unknown = error(&mut bob, "select * from read_parquet('/etc/passwd')").await;
    assert_eq!(unknown.code, ErrorCode::UndefinedFunction, "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_without_a_name_are_called_as_postgresql_calls_them() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    for (sql, expected) in [
        ("select 1, 1, count(*) from nation", "?column?,?column?,count"),
        ("select n_name, n_name, lower(n_name) from nation order by n_name limit 1", "n_name,n_name,lower"),
        ("select * from (select 1, 2) t", "?column?,?column?"),
        ("select r_name, * from region limit 1", "r_name,r_regionkey,r_name,r_comment"),
        ("select distinct lower(r_name) from region order by lower(r_name)", "lower"),
        ("select count(*) from nation group by n_regionkey having count(*) > 1 order by count(*)", "count"),
        ("select 1 union all select 2", "?column?"),
    ] {
        let parsed = naru_gateway::plan::parse(sql).unwrap().pop().unwrap();
        let described = bob.describe(&parsed, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let schema = described.schema.unwrap();
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names.join(","), expected, "{sql}");
        rows(&mut bob, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}
