//! Known wrong results of DataFusion 55.2 that take files with statistics to show: pruned row groups are rows that are gone without
//! a word. The others are in `sql-tests/guards`. Expectations are reasoned from the data; each test names the upstream issue, and
//! with its workaround taken out it fails.

use crate::files::write_table;
use crate::world::{World, rows};
use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};
use std::sync::Arc;

const FILES: i64 = 8;
const ROWS: i64 = 10;

fn numbers(numbers: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(numbers))
}

/// `lake.guard.TABLE (id, v)`: ids rise from file to file, v is what `v_of` makes of the id; each file has a narrow range of both.
fn two_columns(world: &World, table: &str, v_of: fn(i64) -> i64) {
    let file = |file: i64| {
        let ids = || (file * ROWS)..(file * ROWS + ROWS);
        (String::new(), vec![("id", numbers(ids())), ("v", numbers(ids().map(v_of)))])
    };
    write_table(world, &format!("guard.{table}"), (0..FILES).map(file).collect());
}

const LAST: i64 = FILES * ROWS - 1;

async fn answer(world: &World, sql: &str) -> Vec<Vec<String>> {
    let mut alice = world.session("alice").await;
    rows(&mut alice, &sql.replace("from guard.", "from lake.guard.").replace("join guard.", "join lake.guard."))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// apache/datafusion#24817.
#[tokio::test(flavor = "multi_thread")]
async fn an_aggregate_of_an_expression_sees_the_rows_that_a_bare_one_beside_it_could_do_without() {
    let world = World::new();
    // The largest values come first, so that the last files could change MAX(v) no more: they decide MIN(v + 1).
    two_columns(&world, "t", |id| LAST - id);
    assert_eq!(answer(&world, "select max(v), min(v + 1) from guard.t").await, [[LAST.to_string(), "1".to_owned()]]);
    assert_eq!(
        answer(&world, "select max(v), max(id + 0), min(id * 2) from guard.t").await,
        [[LAST.to_string(), LAST.to_string(), "0".to_owned()]]
    );
}

/// apache/datafusion#24428 and #25259, of the first rows of an order.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_rows_of_an_order_are_those_of_the_column_that_is_meant() {
    let world = World::new();
    two_columns(&world, "a", |id| id);
    two_columns(&world, "b", |id| LAST - id);
    two_columns(&world, "c", |id| id);
    let expected = [["79", "0"], ["78", "1"], ["77", "2"]];
    for sql in [
        "select a.v, b.v from guard.a a join guard.b b on a.id = b.id order by b.v limit 3",
        "select a.v, b.v from guard.a a join guard.b b on a.id = b.id join guard.c c on c.id = a.id order by b.v limit 3",
        "select x.v, y.v from (select c.v from guard.c c) x join (select a.id, b.v from guard.a a join guard.b b on a.id = b.id) y \
         on x.v = y.id order by y.v limit 3",
        "select a.v, b.v from guard.a a join guard.b b on a.id = b.id join guard.c c on c.id = a.id \
         where a.v + b.v + c.v >= 0 group by a.v, b.v order by b.v limit 3",
    ] {
        assert_eq!(answer(&world, sql).await, expected, "{sql}");
    }
    // Columns of a union go by position.
    let sql = "select id, v from guard.a union all select v, id from guard.b order by id, v limit 3";
    assert_eq!(answer(&world, sql).await, [["0", "0"], ["0", "79"], ["1", "1"]]);
    let sql = "select id, v from guard.b union all select v, id from guard.b order by v, id limit 3";
    assert_eq!(answer(&world, sql).await, [["79", "0"], ["79", "0"], ["78", "1"]]);
}

/// The same, of a join's own filter.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_keeps_its_matches_where_two_columns_have_one_name() {
    let world = World::new();
    two_columns(&world, "a", |id| id);
    two_columns(&world, "b", |id| LAST - id);
    two_columns(&world, "c", |id| id);
    let few = "(values (0), (1), (2)) d(w)";
    for sql in [
        format!("select count(*), min(a.v) from {few} join (guard.a a join guard.b b on a.id = b.id) on b.v = w"),
        format!(
            "select count(*), min(a.v) from guard.a a join guard.b b on a.id = b.id join guard.c c on c.id = a.id \
             join {few} on b.v = w"
        ),
        format!(
            "select count(*), min(x.v) from (select a.v, b.v as bv, c.v as cv from guard.a a join guard.b b on a.id = b.id \
             join guard.c c on c.id = a.id) x join {few} on x.bv = w"
        ),
    ] {
        let sql = sql.replace("(guard.", "(lake.guard.");
        assert_eq!(answer(&world, &sql).await, [["3", "77"]], "{sql}");
    }
}

/// apache/datafusion#25227.
#[tokio::test(flavor = "multi_thread")]
async fn extremes_of_a_cast_are_not_those_of_the_column() {
    let world = World::new();
    let texts = |texts: &[&str]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let file = |values: ArrayRef| (String::new(), vec![("a", values)]);
    write_table(&world, "guard.t", vec![file(texts(&["1", "100"])), file(texts(&["2"]))]);
    assert_eq!(answer(&world, "select max(cast(a as int)), min(cast(a as int)) from guard.t").await, [["100", "1"]]);
    write_table(&world, "guard.n", vec![file(numbers([1, 100].into_iter())), file(numbers([2].into_iter()))]);
    assert_eq!(answer(&world, "select max(cast(a as varchar)) from guard.n").await, [["2"]]);
}

/// `SUM`, `MIN`, `MAX` and `COUNT` over a join were answered from what its inputs say of all their rows
/// (spiceai/datafusion, commit 006f3d21).
#[tokio::test(flavor = "multi_thread")]
async fn aggregates_over_a_join_are_of_the_joined_rows() {
    let world = World::new();
    two_columns(&world, "t", |id| id);
    two_columns(&world, "d", |id| id % 2);
    let sql =
        "select sum(t.v), count(*), min(t.v), max(t.v) from guard.t t join guard.d d on t.id = d.id where d.v = 1";
    let odd: i64 = (0..=LAST).filter(|id| id % 2 == 1).sum();
    assert_eq!(answer(&world, sql).await, [[odd.to_string(), "40".to_owned(), "1".to_owned(), LAST.to_string()]]);
    let sql = "select sum(t.v), count(*) from guard.t t left join guard.d d on t.id = d.v";
    // Ids 0 and 1 meet 40 rows each.
    let all: i64 = (0..=LAST).sum::<i64>() + 39;
    assert_eq!(answer(&world, sql).await, [[all.to_string(), (78 + 80).to_string()]]);
}

/// Extremes of a partition column came from folders whose files hold no rows (spiceai/datafusion#251).
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_rows_has_no_part_in_the_extremes_of_its_partition() {
    let world = World::new();
    let file = |p: &str, ids: &[i64]| (format!("p={p}"), vec![("id", numbers(ids.iter().copied()))]);
    write_table(&world, "guard.t", vec![file("0", &[]), file("1", &[1]), file("3", &[2]), file("9", &[])]);
    let sql = "select min(p), max(p), count(p), count(distinct p), count(*) from guard.t";
    assert_eq!(answer(&world, sql).await, [["1", "3", "2", "2", "2"]]);
    assert_eq!(answer(&world, "select distinct p from guard.t order by p").await, [["1"], ["3"]]);
}

/// The shape of partial states, which sources compute for DataFusion's final stage to merge (design, section 4): another version
/// may change it, and with it every connector's `with_aggregation`.
#[tokio::test(flavor = "multi_thread")]
async fn partial_states_have_the_columns_that_sources_compute() {
    use datafusion::physical_plan::ExecutionPlan;
    use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
    fn partial(plan: &Arc<dyn ExecutionPlan>) -> Option<&AggregateExec> {
        let aggregate = plan.downcast_ref::<AggregateExec>().filter(|node| *node.mode() == AggregateMode::Partial);
        aggregate.or_else(|| plan.children().into_iter().find_map(partial))
    }
    let context = datafusion::prelude::SessionContext::new_with_config(
        datafusion::prelude::SessionConfig::new().with_target_partitions(2),
    );
    let sql = "select g, count(*), avg(v), stddev(v), var_pop(v), sum(v), sum(w), min(v), max(t) \
               from (select * from (values (1, 2, 'a', 2e0)) a(g, v, t, w) union all select * from (values (2, 3, 'b', 3e0)) b(g, v, t, w)) x \
               group by g";
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let partial = partial(&plan).expect("a plan in two stages");
    let states: Vec<_> = partial
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let name = field.name().rsplit_once('[').map_or("", |(_, state)| state.trim_end_matches(']'));
            format!("{name} {}", field.data_type())
        })
        .collect();
    assert_eq!(
        states,
        [
            " Int64", // the key
            "count Int64",
            "count UInt64",
            "sum Float64",
            "count UInt64",
            "mean Float64",
            "m2 Float64",
            "count UInt64",
            "mean Float64",
            "m2 Float64",
            "sum Int64",
            "sum Float64",
            "value Int64",
            "value Utf8",
        ]
    );
}
