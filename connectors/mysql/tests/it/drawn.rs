//! Drawn tables and questions: what the servers answer is what is answered here.
//!
//! Each seed draws columns of many types, rows with NULLs, a shard that lacks a column, and ranges of the primary key; then
//! predicates, first rows and aggregates over it.

use crate::ranges::rows_per_split;
use crate::world::{SERVERS, catalog, everywhere, table};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use naru_connector::{AggregateCall, AggregateFunction, ColumnPath, KeyExpr, ParameterValue, Predicate, Table};
use naru_connector_testkit::aggregation::{self, Question};
use naru_connector_testkit::rows::select;
use naru_connector_testkit::{predicates, topn};
use serde_json::json;

/// Column types, and an expression over `seq` that draws their values.
const TYPES: &[(&str, &str)] = &[
    ("TINYINT", "CAST(seq * 37 % 256 AS SIGNED) - 128"),
    ("INT", "CAST(seq * 7919 % 41 AS SIGNED) - 20"),
    ("BIGINT UNSIGNED", "18446744073709551615 - seq % 17"),
    ("DECIMAL(18,2)", "seq % 23 * 1.25 - 10"),
    ("DOUBLE", "(seq % 19 + 1) / 7e0"),
    ("VARCHAR(20) COLLATE utf8mb4_general_ci", "ELT(seq % 7 + 1, 'a', 'A', 'a ', 'b', 'ä', '', '한글')"),
    ("VARCHAR(20) COLLATE utf8mb4_bin", "ELT(seq % 5 + 1, 'x', 'X', 'x ', '100%', '_')"),
    ("VARCHAR(20) CHARACTER SET latin1", "ELT(seq % 4 + 1, 'é', 'e', 'E', 'ee')"),
    ("DATE", "'2023-12-28' + INTERVAL seq % 9 DAY"),
    ("DATETIME(6)", "'2024-02-28 23:59:59.5' + INTERVAL seq % 13 HOUR"),
    ("BIT(1)", "seq % 2"),
];

/// Numbers from a seed (splitmix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }
}

async fn drawn_table(seed: u64, draw: &mut Draw) -> std::sync::Arc<dyn Table> {
    let columns: Vec<_> = (0..4 + draw.below(4)).map(|_| TYPES[draw.below(TYPES.len())]).collect();
    let names = (0..columns.len()).map(|i| format!("c{i}"));
    let declared: Vec<_> = names.zip(&columns).map(|(name, (kind, _))| format!("{name} {kind}")).collect();
    let nulls = 2 + draw.below(9);
    let values: Vec<_> = columns.iter().map(|(_, value)| format!("IF(seq % {nulls} = 1, NULL, {value})")).collect();
    let rows = 40 + draw.below(160);
    everywhere(&format!(
        "CREATE DATABASE drawn_{seed}; USE drawn_{seed};
         CREATE TABLE t (id INT PRIMARY KEY, k INT NOT NULL, {}, KEY (c0));
         INSERT INTO t SELECT seq, seq * 13 % 50, {} FROM seq_1_to_{rows} WHERE seq * 13 % 50 % 4 = {{shard}};",
        declared.join(", "),
        values.join(", ")
    ));
    let lacking = draw.below(columns.len());
    SERVERS[draw.below(4)].sql(&format!("ALTER TABLE drawn_{seed}.t DROP COLUMN c{lacking}")).unwrap();
    everywhere(&format!("ANALYZE TABLE drawn_{seed}.t"));
    let mut options = rows_per_split(10);
    options.push(("missing_column", ParameterValue::Text("null".to_owned())));
    let schema = format!("drawn_{seed}");
    let tables = json!([{"schema": schema, "name": "t", "key": "k", "routing": {"function": "modulo"}}]);
    table(&catalog(&tables, options), &schema, "t").await
}

/// Predicates over rows' own values, alone and combined.
fn drawn_predicates(all: &RecordBatch, draw: &mut Draw) -> Vec<Predicate> {
    let simple = predicates::over(all);
    let one = |draw: &mut Draw| simple[draw.below(simple.len())].clone();
    let drawn = |draw: &mut Draw| match draw.below(4) {
        0 => one(draw),
        1 => Predicate::And(vec![one(draw), one(draw)]),
        2 => Predicate::Or(vec![one(draw), one(draw), one(draw)]),
        _ => Predicate::Not(Box::new(Predicate::And(vec![one(draw), Predicate::Not(Box::new(one(draw)))]))),
    };
    (0..40).map(|_| drawn(draw)).collect()
}

/// A grouping by a column, and counts, smallest and greatest of another, of all rows or of those where one has a value.
async fn question(table: &dyn Table, draw: &mut Draw) -> Option<usize> {
    let columns: Vec<_> = table.columns().iter().filter(|column| !column.hidden).collect();
    let (key, of) = (columns[draw.below(columns.len())], columns[draw.below(columns.len())]);
    let (key_name, name) = (key.name(), of.name());
    let call = |function, argument: Option<&str>| AggregateCall {
        function,
        argument: argument.map(ColumnPath::column),
        cast: None,
    };
    let nullable: Vec<_> = columns.iter().filter(|column| column.field.is_nullable()).collect();
    let with_value = nullable[draw.below(nullable.len())].name();
    let is_null = Predicate::IsNull { column: ColumnPath::column(with_value) };
    let (condition, chosen) = match draw.below(3) {
        0 => (String::new(), Vec::new()),
        1 => (format!("WHERE {with_value} IS NULL"), vec![is_null]),
        _ => (format!("WHERE {with_value} IS NOT NULL"), vec![Predicate::Not(Box::new(is_null))]),
    };
    let extremes = of.field.data_type() != &DataType::Boolean;
    let (asked, mut calls) = if extremes {
        (
            format!(", min({name}), max({name})"),
            vec![call(AggregateFunction::Min, Some(name)), call(AggregateFunction::Max, Some(name))],
        )
    } else {
        (String::new(), Vec::new())
    };
    calls.insert(0, call(AggregateFunction::Count, Some(name)));
    calls.insert(0, call(AggregateFunction::Count, None));
    let sql = format!(
        "SELECT {key_name}, count(*), count({name}){asked} FROM t {condition} GROUP BY {key_name} ORDER BY {key_name}"
    );
    let keys = vec![KeyExpr::Column(ColumnPath::column(key_name))];
    aggregation::agree(table, &Question { sql, keys, calls, predicates: chosen }).await
}

/// A test for each seed, so that its name tells which one failed.
macro_rules! drawn {
    ($($name:ident $seed:literal),*) => {
        $(#[tokio::test]
        async fn $name() {
            answered_alike($seed).await;
        })*
    };
}

drawn!(seed_0 0, seed_1 1, seed_2 2, seed_3 3, seed_4 4, seed_5 5);

async fn answered_alike(seed: u64) {
    let mut draw = Draw(seed);
    let table = drawn_table(seed, &mut draw).await;
    let all = select(table.as_ref(), &[]).await.unwrap();
    let drawn = drawn_predicates(&all, &mut draw);
    let exact = predicates::agree(table.as_ref(), &drawn).await;
    assert!(exact > 10, "{exact} of {} predicates were taken over", drawn.len());
    let mut taken = 0;
    for column in table.columns().iter().filter(|column| !column.hidden) {
        taken += topn::agree(table.as_ref(), column.name(), 1 + draw.below(9)).await;
    }
    assert!(taken > 8, "{taken} orders were taken over");
    let mut aggregated = 0;
    for _ in 0..6 {
        aggregated += usize::from(question(table.as_ref(), &mut draw).await.is_some());
    }
    assert!(aggregated > 0);
}
