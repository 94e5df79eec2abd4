//! Partial aggregation at the shards gives what an aggregation of all rows gives.

use crate::world::orders;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::scalar::ScalarValue;
use naru_connector::{AggregateCall, AggregateFunction, ColumnPath, CompareOp, KeyExpr, KeyFunction, Predicate};
use naru_connector_testkit::aggregation::{Question, agree};

fn call(function: AggregateFunction, argument: &str, cast: Option<DataType>) -> AggregateCall {
    AggregateCall { function, argument: Some(ColumnPath::column(argument)), cast }
}

fn count_all() -> AggregateCall {
    AggregateCall { function: AggregateFunction::Count, argument: None, cast: None }
}

fn key(column: &str) -> KeyExpr {
    KeyExpr::Column(ColumnPath::column(column))
}

/// A function of a date, in UTC.
fn function_key(function: KeyFunction, column: &str) -> KeyExpr {
    KeyExpr::Function { function, column: ColumnPath::column(column), zone: Tz::UTC }
}

fn question(sql: &str, keys: Vec<KeyExpr>, calls: Vec<AggregateCall>) -> Question {
    Question { sql: sql.to_owned(), keys, calls, predicates: Vec::new() }
}

#[tokio::test]
async fn without_keys_every_shard_gives_one_state() {
    use AggregateFunction::{Avg, Count, Max, Min, Sum, Variance};
    let table = orders("agg_all").await;
    let sql = "SELECT count(*), count(ms), sum(ms), min(ms), max(ms), avg(ms), stddev(ms), var_pop(ms) FROM t";
    let calls = vec![
        count_all(),
        call(Count, "ms", None),
        call(Sum, "ms", Some(DataType::Int64)),
        call(Min, "ms", None),
        call(Max, "ms", None),
        call(Avg, "ms", Some(DataType::Float64)),
        call(Variance, "ms", Some(DataType::Float64)),
        call(Variance, "ms", Some(DataType::Float64)),
    ];
    assert_eq!(agree(table.as_ref(), &question(sql, Vec::new(), calls)).await, Some(4));
}

#[tokio::test]
async fn decimals_floats_text_and_dates_aggregate_alike() {
    use AggregateFunction::{Avg, Max, Min, Sum, Variance};
    let table = orders("agg_types").await;
    let sql = "SELECT sum(amount), avg(amount), stddev(amount), sum(ratio), avg(ratio), stddev(ratio), \
               min(code), max(code), min(at), max(stamp), max(day), max(big), sum(big) FROM t";
    let calls = vec![
        call(Sum, "amount", None),
        call(Avg, "amount", None),
        call(Variance, "amount", Some(DataType::Float64)),
        call(Sum, "ratio", None),
        call(Avg, "ratio", None),
        call(Variance, "ratio", None),
        call(Min, "code", None),
        call(Max, "code", None),
        call(Min, "at", None),
        call(Max, "stamp", None),
        call(Max, "day", None),
        call(Max, "big", None),
        call(Sum, "big", None),
    ];
    assert_eq!(agree(table.as_ref(), &question(sql, Vec::new(), calls)).await, Some(4));
}

#[tokio::test]
async fn a_group_without_a_value_has_no_average() {
    use AggregateFunction::{Avg, Count, Sum, Variance};
    let table = orders("agg_null").await;
    let sql =
        "SELECT id, count(ratio), sum(ratio), avg(ratio), stddev(ratio), var_pop(ratio) FROM t GROUP BY id ORDER BY id";
    let calls = vec![
        call(Count, "ratio", None),
        call(Sum, "ratio", None),
        call(Avg, "ratio", None),
        call(Variance, "ratio", None),
        call(Variance, "ratio", None),
    ];
    assert_eq!(agree(table.as_ref(), &question(sql, vec![key("id")], calls)).await, Some(400));
}

#[tokio::test]
async fn text_groups_by_its_bytes_and_not_by_its_collation() {
    let table = orders("agg_text").await;
    let sql = "SELECT code, count(*), sum(ms) FROM t GROUP BY code ORDER BY code";
    let calls = vec![count_all(), call(AggregateFunction::Sum, "ms", Some(DataType::Int64))];
    let states = agree(table.as_ref(), &question(sql, vec![key("code")], calls)).await.unwrap();
    // Nine groups, NULL among them, in each of four shards: the collation would have made five of them.
    assert_eq!(states, 36);
}

#[tokio::test]
async fn a_filter_and_a_key_go_down_together() {
    let table = orders("agg_filter").await;
    let value = ScalarValue::Int32(Some(500));
    let question = Question {
        predicates: vec![Predicate::Compare { column: ColumnPath::column("ms"), op: CompareOp::Lt, value }],
        ..question(
            "SELECT user_id, day, count(*), avg(ms) FROM t WHERE ms < 500 GROUP BY user_id, day ORDER BY user_id, day",
            vec![key("user_id"), key("day")],
            vec![count_all(), call(AggregateFunction::Avg, "ms", Some(DataType::Float64))],
        )
    };
    assert!(agree(table.as_ref(), &question).await.is_some());
}

#[tokio::test]
async fn dates_truncate_alike() {
    let table = orders("agg_trunc").await;
    for unit in ["second", "minute", "hour", "day", "week", "month", "quarter", "year"] {
        for column in ["at", "stamp"] {
            let sql = format!("SELECT date_trunc('{unit}', {column}) AS k, count(*) FROM t GROUP BY k ORDER BY k");
            let trunc = function_key(KeyFunction::DateTrunc(unit.to_owned()), column);
            assert!(agree(table.as_ref(), &question(&sql, vec![trunc], vec![count_all()])).await.is_some(), "{sql}");
        }
    }
}

#[tokio::test]
async fn formats_of_dates_are_alike() {
    let table = orders("agg_format").await;
    // The letters that mean the same to the engine's own function; the last two are left to the server.
    let formats = ["%Y%m%d", "%y-%m", "%Y", "%Y-%j", "%d.%m.%Y %Hh", "%Y%m%d%H", "%Y-%m-%d %T", "%H", "%m"];
    for (format, column) in formats.into_iter().flat_map(|format| ["at", "stamp", "day"].map(|column| (format, column)))
    {
        let sql = format!("SELECT to_char({column}, '{format}') AS k, count(*) FROM t GROUP BY k ORDER BY k");
        if column == "day" && (format.contains("%H") || format.contains("%T")) {
            continue;
        }
        let key = function_key(KeyFunction::DateFormat(format.to_owned()), column);
        assert!(agree(table.as_ref(), &question(&sql, vec![key], vec![count_all()])).await.is_some(), "{sql}");
    }
}

#[tokio::test]
async fn days_of_timestamps_are_alike() {
    let table = orders("agg_date").await;
    for column in ["at", "stamp"] {
        let sql = format!("SELECT CAST({column} AS DATE) AS k, count(*) FROM t GROUP BY k ORDER BY k");
        let key = function_key(KeyFunction::Date, column);
        assert!(agree(table.as_ref(), &question(&sql, vec![key], vec![count_all()])).await.is_some(), "{sql}");
    }
}

#[tokio::test]
async fn parts_of_dates_are_alike() {
    let table = orders("agg_part").await;
    for (part, column) in
        [("year", "at"), ("quarter", "day"), ("month", "stamp"), ("day", "at"), ("hour", "at"), ("minute", "stamp")]
    {
        let sql = format!("SELECT date_part('{part}', {column}) AS k, count(*) FROM t GROUP BY k ORDER BY k");
        let key = function_key(KeyFunction::DatePart(part.to_owned()), column);
        assert!(agree(table.as_ref(), &question(&sql, vec![key], vec![count_all()])).await.is_some(), "{sql}");
    }
}

#[tokio::test]
async fn what_would_not_be_the_same_is_declined() {
    let table = orders("agg_declined").await;
    let by_float =
        question("SELECT ratio, count(*) FROM t GROUP BY ratio ORDER BY ratio", vec![key("ratio")], vec![count_all()]);
    assert_eq!(agree(table.as_ref(), &by_float).await, None);
    // The zone of a TIMESTAMP's key is not the session's at the source.
    let function = KeyFunction::DateTrunc("day".to_owned());
    let seoul = KeyExpr::Function { function, column: ColumnPath::column("stamp"), zone: Tz::Asia__Seoul };
    let sql = "SELECT date_trunc('day', stamp) AS k, count(*) FROM t GROUP BY k ORDER BY k";
    assert_eq!(agree(table.as_ref(), &question(sql, vec![seoul], vec![count_all()])).await, None);
    // A state of another type than the question's.
    let sum_as_count = question("SELECT avg(ms) FROM t", Vec::new(), vec![call(AggregateFunction::Sum, "ms", None)]);
    assert_eq!(agree(table.as_ref(), &sum_as_count).await, None);
}
