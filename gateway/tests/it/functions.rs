//! Functions and operators that Naru gives another meaning than DataFusion.

use crate::world::{World, error, rows};
use naru_gateway::error::ErrorCode;

#[tokio::test(flavor = "multi_thread")]
async fn whole_numbers_overflow_with_an_error() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    let most = i64::MAX;
    for sql in [
        format!("select {most} + 1"),
        format!("select -{most} - 2"),
        format!("select {most} * 2"),
        format!("select n_nationkey + {most} from nation"),
        format!("select 1 from nation where n_nationkey + {most} > 0"),
        format!("select count(*) from nation group by n_nationkey * {most}"),
        format!("select (select max(n_nationkey) + {most} from nation)"),
        format!("select sum(x) from (values ({most}), (1)) t(x)"),
        format!("select g, sum(x) from (values (1, {most}), (1, 1)) t(g, x) group by g"),
        format!("select sum(x) over (order by x rows 1 preceding) from (values ({most}), (1)) t(x)"),
    ] {
        assert_eq!(error(&mut alice, &sql).await.code, ErrorCode::NumericOutOfRange, "{sql}");
    }
    // On the way it may be more than 64 bits hold.
    let sql = format!("select sum(x) from (values ({most}), (1), (-2)) t(x)");
    assert_eq!(rows(&mut alice, &sql).await.unwrap(), [[(most - 1).to_string()]]);
    let sql = "select x, sum(x) over (order by x rows 1 preceding) from (values (1), (2), (3)) t(x) order by x";
    assert_eq!(rows(&mut alice, sql).await.unwrap(), [["1", "1"], ["2", "3"], ["3", "5"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_formatted_by_mysqls_patterns_in_the_sessions_zone() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    for (sql, result) in [
        ("select date_format(timestamp '2026-01-02 03:04:05', '%Y%m%d %H:%i:%s')", "20260102 03:04:05"),
        ("select date_format(timestamptz '2026-01-01 20:00:00+00', '%e %k:%i')", "2 5:00"),
        ("select date_format(date_parse('02.01.2026', '%d.%m.%Y'), '%j')", "002"),
        ("select date_add('month', 1, date '2026-01-31')", "2026-02-28"),
        ("select date_diff('day', date '2026-01-01', date '2026-03-01')", "59"),
        ("select date_diff('hour', timestamp '2026-01-01 00:00:00', timestamp '2026-01-02 01:59:00')", "25"),
        ("select date_format(request_at, '%Y-%m') from lake.mydata.api_request limit 1", "2026-01"),
    ] {
        rows(&mut alice, "set timezone = 'Asia/Seoul'").await.unwrap();
        assert_eq!(rows(&mut alice, sql).await.unwrap(), [[result]], "{sql}");
    }
    for (sql, code) in [
        ("select date_parse('31.02.2026', '%d.%m.%Y')", ErrorCode::InvalidDatetime),
        ("select date_diff('fortnight', now(), now())", ErrorCode::InvalidDatetime),
        ("select date_format(1, '%Y')", ErrorCode::UndefinedFunction),
    ] {
        assert_eq!(error(&mut alice, sql).await.code, code, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresqls_meaning_or_a_refusal() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    for (sql, result) in [
        ("select timestamptz '2024-07-01 12:00:00Z' at time zone 'Asia/Seoul'", "2024-07-01T21:00:00"),
        ("select timestamp '2024-07-01 21:00:00' at time zone 'asia/seoul'", "2024-07-01T12:00:00Z"),
        (
            "select date_trunc('day', timestamptz '2024-07-01 20:00:00Z' at time zone 'Asia/Seoul')",
            "2024-07-02T00:00:00",
        ),
        ("select timestamp '0001-01-01 00:00:00'", "0001-01-01T00:00:00"),
        ("select cast(1.5 as int), cast(-1.5 as bigint), cast(1.4::float8 as int)", "2 -2 1"),
        (
            "select exists (select 1), not exists (select 1 from nation where n_nationkey < 0), exists (select 1 where false)",
            "true true false",
        ),
        (
            "select exists (select o_orderkey from orders where o_custkey = c_custkey) from customer where c_custkey in (1, 3) order by c_custkey limit 1",
            "true",
        ),
        ("select exists (select 1 from orders where o_custkey = c_custkey) from customer where c_custkey = 3", "false"),
        ("select n_nationkey from nation order by 1 fetch first row only", "0"),
        ("select n_nationkey from nation order by 1 offset 3 fetch next 1 rows only", "3"),
    ] {
        let row = rows(&mut alice, sql).await.unwrap();
        assert_eq!(row.iter().map(|row| row.join(" ")).collect::<Vec<_>>(), [result], "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_path_is_the_sessions_schema() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    assert_eq!(rows(&mut alice, "show search_path").await.unwrap(), [["tiny"]]);
    rows(&mut alice, "set search_path = \"$user\", sf1, public").await.unwrap();
    assert_eq!(rows(&mut alice, "select current_schema()").await.unwrap(), [["sf1"]]);
    assert_eq!(rows(&mut alice, "select count(*) from supplier").await.unwrap(), [["10000"]]);
    rows(&mut alice, "set search_path to 'nowhere'").await.unwrap();
    assert_eq!(error(&mut alice, "select 1 from supplier").await.code, ErrorCode::UndefinedTable);
    rows(&mut alice, "reset search_path").await.unwrap();
    assert_eq!(rows(&mut alice, "select count(*) from supplier").await.unwrap(), [["100"]]);
}

/// The mission's query: a standard deviation over all parts, checked against one computed here from the rows.
#[tokio::test(flavor = "multi_thread")]
async fn the_signature_query_is_right() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let sql = "select date_format(request_at, '%Y%m%d'), org_code, api_code, count(*), avg(ms), stddev(ms), sum(ms) \
               from lake.mydata.api_request group by 1, 2, 3";
    let raw = "select date_format(request_at, '%Y%m%d'), org_code, api_code, ms from lake.mydata.api_request";
    let mut groups = std::collections::BTreeMap::<Vec<String>, Vec<f64>>::new();
    for mut row in rows(&mut bob, raw).await.unwrap() {
        let millis = row.pop().unwrap().parse().unwrap();
        groups.entry(row).or_default().push(millis);
    }
    let found = rows(&mut bob, sql).await.unwrap();
    assert_eq!(found.len(), groups.len());
    for row in found {
        let values = &groups[&row[..3]];
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let expected = [count, mean, (squares / (count - 1.0)).sqrt(), values.iter().sum()];
        for (text, expected) in row[3..].iter().zip(expected) {
            let value: f64 = text.parse().unwrap();
            assert!((value - expected).abs() <= 1e-9 * expected.abs(), "{row:?}: {value} is not {expected}");
        }
    }
}
