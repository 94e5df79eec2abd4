//! governed == copy: whatever is asked of a table under masks and a row filter gives what the same question gives of a copy that
//! was masked and filtered beforehand.
//!
//! Policies and questions are drawn from a seed. The copy is a Parquet file that an admin's statement makes, with the masks written
//! out by hand. `NARU_COPY_ROUNDS` asks for more policies than a quick run draws.

use crate::world::{World, policies, rows, snapshot};
use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use futures::TryStreamExt;
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::plan;
use naru_gateway::session::Session;
use naru_gateway::session::api::Outcome;
use serde_json::{Value, json};
use std::fs::File;

const QUESTIONS: usize = 60;

/// A column, and the masks that are tried on it: Ranger's name, or an expression, beside the same by hand.
type Column = (&'static str, &'static [(&'static str, &'static str)]);

/// A table that policies are drawn for.
struct Subject {
    catalog: &'static str,
    schema: &'static str,
    table: &'static str,
    columns: &'static [Column],
    filters: &'static [&'static str],
    numbers: &'static [&'static str],
    texts: &'static [&'static str],
    /// Texts that some of its values equal, masked or not.
    constants: &'static [&'static str],
    /// A table of whole numbers that it is joined with: its name, its key, the subject's, another column of it.
    other: (&'static str, &'static str, &'static str, &'static str),
}

impl Subject {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.catalog, self.schema, self.table)
    }
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        catalog: "tpch",
        schema: "tiny",
        table: "customer",
        columns: &[
            ("c_custkey", &[("MASK_NULL", "cast(null as bigint)"), ("{col} % 10", "c_custkey % 10")]),
            (
                "c_name",
                &[
                    ("MASK_SHOW_LAST_4", "repeat('X', length(c_name) - 4) || right(c_name, 4)"),
                    ("upper({col})", "upper(c_name)"),
                    ("c_mktsegment", "c_mktsegment"),
                ],
            ),
            ("c_nationkey", &[("MASK_NULL", "cast(null as bigint)"), ("-{col}", "-c_nationkey")]),
            (
                "c_phone",
                &[
                    ("MASK_SHOW_LAST_4", "repeat('X', length(c_phone) - 4) || right(c_phone, 4)"),
                    ("MASK_SHOW_FIRST_4", "left(c_phone, 4) || repeat('X', length(c_phone) - 4)"),
                    ("MASK_HASH", "upper(encode(sha256(c_phone), 'hex'))"),
                ],
            ),
            (
                "c_acctbal",
                &[
                    ("MASK_NULL", "cast(null as decimal(15,2))"),
                    ("round({col}, 0)", "cast(round(c_acctbal, 0) as decimal(15,2))"),
                ],
            ),
            ("c_mktsegment", &[("MASK_NULL", "cast(null as varchar)"), ("left({col}, 1)", "left(c_mktsegment, 1)")]),
        ],
        filters: &[
            "c_mktsegment = 'BUILDING'",
            "c_acctbal > 0 and c_nationkey in (1, 2, 3, 5, 8, 13, 21)",
            "c_phone like '1%' or c_custkey < 100",
            "c_custkey % 3 = 0",
            "c_nationkey in (select n_nationkey from nation where n_regionkey = 2)",
            "c_custkey not in (select o_custkey from orders where o_orderkey < 4000)",
            "false",
            "true",
        ],
        numbers: &["c_custkey", "c_nationkey", "c_acctbal"],
        texts: &["c_name", "c_phone", "c_mktsegment"],
        constants: &["BUILDING", "B", "XXXXXXXXXXX2988", "25-989-741-2988", "Customer#000000001", "CUSTOMER#000000008"],
        other: ("tpch.tiny.nation", "n_nationkey", "c_nationkey", "n_regionkey"),
    },
    Subject {
        catalog: "lake",
        schema: "mydata",
        table: "customers",
        columns: &[
            ("customer_id", &[("MASK_NULL", "cast(null as bigint)"), ("{col} % 10", "customer_id % 10")]),
            ("name", &[("left({col}, 3)", "left(name, 3)"), ("grade", "grade")]),
            (
                "ssn",
                &[
                    ("MASK_HASH", "upper(encode(sha256(ssn), 'hex'))"),
                    ("MASK_SHOW_LAST_4", "repeat('X', length(ssn) - 4) || right(ssn, 4)"),
                ],
            ),
            (
                "birth_date",
                &[
                    ("MASK_DATE_SHOW_YEAR", "cast(date_trunc('year', birth_date) as date)"),
                    ("MASK_NULL", "cast(null as date)"),
                ],
            ),
            ("grade", &[("MASK_NULL", "cast(null as varchar)"), ("left({col}, 1)", "left(grade, 1)")]),
        ],
        filters: &[
            "grade = 'VIP'",
            "birth_date < date '1980-01-01' and customer_id > 200",
            "ssn like '1%' or customer_id < 100",
            "customer_id in (select user_id from api_request where status = 'ERROR')",
            "false",
            "true",
        ],
        numbers: &["customer_id", "length(name)", "date_part('year', birth_date)"],
        texts: &["name", "ssn", "grade"],
        constants: &["VIP", "V", "Kim Minjun", "Kim", "GOLD"],
        other: ("lake.mydata.api_request", "user_id", "customer_id", "ms"),
    },
];

struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        // splitmix64, as in the demo's data.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Policies for bob, and the copy they stand for.
fn draw_policies(draw: &mut Draw, subject: &Subject) -> (String, String) {
    let all_of = |values: &str| json!({"values": [values]});
    let everything =
        json!({"catalog": all_of("*"), "schema": all_of("*"), "table": all_of("*"), "column": all_of("*")});
    let resources = |column: Option<&str>| {
        let mut resources = json!({
            "catalog": all_of(subject.catalog), "schema": all_of(subject.schema), "table": all_of(subject.table)});
        if let Some(column) = column {
            resources["column"] = all_of(column);
        }
        resources
    };
    let accesses = json!([{"type": "all", "isAllowed": true}]);
    let select = json!([{"type": "select", "isAllowed": true}]);
    let mut all = vec![json!({"id": 1, "policyType": 0, "name": "all", "isEnabled": true, "resources": everything,
        "policyItems": [{"accesses": accesses, "users": ["alice", "bob"]}]})];
    let mut shown = Vec::new();
    for (id, (column, masks)) in (10..).zip(subject.columns) {
        let chosen = draw.below(masks.len() + 2);
        let Some((mask, by_hand)) = masks.get(chosen) else {
            shown.push((*column).to_owned());
            continue;
        };
        let info = if mask.starts_with("MASK") {
            json!({"dataMaskType": mask})
        } else {
            json!({"dataMaskType": "CUSTOM", "valueExpr": mask})
        };
        all.push(json!({"id": id, "policyType": 1, "name": format!("mask {column}"), "isEnabled": true,
            "resources": resources(Some(column)),
            "dataMaskPolicyItems": [{"accesses": select, "users": ["bob"], "dataMaskInfo": info}]}));
        shown.push(format!("{by_hand} as {column}"));
    }
    let filter = draw.of(subject.filters);
    all.push(json!({"id": 30, "policyType": 2, "name": "rows", "isEnabled": true, "resources": resources(None),
        "rowFilterPolicyItems": [{"accesses": select, "users": ["bob"], "rowFilterInfo": {"filterExpr": filter}}]}));
    let document = json!({"metaDataInfo": {}, "policies": all}).to_string();
    // A policy's tables are those of its own schema.
    let local = format!("{}.{}", subject.catalog, subject.schema);
    let filter = ["nation", "orders", "api_request"].iter().fold((*filter).to_owned(), |text, table| {
        text.replace(&format!(" from {table} "), &format!(" from {local}.{table} "))
    });
    (document, format!("select {} from {} where {filter}", shown.join(", "), subject.name()))
}

/// A condition on a row of `{t}`.
fn draw_condition(draw: &mut Draw, subject: &Subject) -> String {
    let columns: Vec<&str> = subject.columns.iter().map(|(name, _)| *name).collect();
    let a = draw.of(&columns);
    let value = draw.below(1500);
    let text = draw.of(subject.constants);
    let comparison = draw.of(&["=", "<>", "<", ">=", "is distinct from"]);
    let (number, words) = (draw.of(subject.numbers), draw.of(subject.texts));
    let (other, other_key, key, third) = subject.other;
    let id = subject.columns[0].0;
    let conditions = [
        format!("{number} {comparison} {value}"),
        format!("{words} {comparison} '{text}'"),
        format!("{a} is null"),
        format!("{a} is not null and not ({number} > {value})"),
        format!("{words} like '%1%'"),
        format!("{words} like 'X%'"),
        format!("{number} in ({value}, 1, 2, 3) or {words} is null"),
        format!("{number} between 1 and {value}"),
        format!("coalesce({number}, 0) + 1 > {value}"),
        format!("1000 / (coalesce({id}, 0) + 1) {comparison} 3"),
        format!("exists (select 1 from {other} where {other_key} = {key} and {third} < 3)"),
        format!("not exists (select 1 from {other} where {other_key} = {key} and {third} > {value})"),
        format!("{words} in (select {words} from {{t}} where {number} < {value})"),
        format!("{words} not in (select {words} from {{t}} where {number} < {value})"),
        format!("{id} < 5 or {key} not in (select {other_key} from {other} where {third} < {value})"),
        format!("{number} > (select avg({number}) from {{t}})"),
    ];
    conditions[draw.below(conditions.len())].clone()
}

/// A question of `{t}`: only what gives the same rows however it is run.
fn draw_question(draw: &mut Draw, subject: &Subject) -> String {
    let columns: Vec<&str> = subject.columns.iter().map(|(name, _)| *name).collect();
    let (a, b, c) = (draw.of(&columns), draw.of(&columns), draw.of(&columns));
    let (number, words) = (draw.of(subject.numbers), draw.of(subject.texts));
    let value = draw.below(1500);
    let condition = draw_condition(draw, subject);
    let (other, other_key, key, third) = subject.other;
    let all = columns.join(", ");
    let qualified =
        |alias: &str| number.replace("(name)", &format!("({alias}.name)")).replace("birth", &format!("{alias}.birth"));
    let of = |alias: &str| if number.contains('(') { qualified(alias) } else { format!("{alias}.{number}") };
    let set = draw.of(&["union", "union all", "except", "intersect"]);
    let shapes = [
        format!("select {a}, {b} from {{t}} where {condition}"),
        format!("select distinct {a}, {c} from {{t}} where {condition}"),
        format!("select count(*), count({a}), count(distinct {b}), min({c}), max({c}) from {{t}} where {condition}"),
        format!("select {a}, count(*), sum({number}), min({b}) from {{t}} where {condition} group by {a}"),
        format!("select {a}, count(*) from {{t}} group by {a} having count(*) > 2"),
        format!("select {a}, {b}, count(*), grouping({a}) from {{t}} where {condition} group by rollup ({a}, {b})"),
        format!("select {a}, {b} from {{t}} where {condition} order by {all} limit 7"),
        format!("select {a} from {{t}} order by {all} limit 9 offset 4"),
        format!(
            "select {third}, count({a}) from {{t}} left join {other} on {other_key} = {key} where {condition} group by {third}"
        ),
        format!(
            "select {third}, max({a}) from {{t}} join {other} on {other_key} = {key} where {condition} group by {third}"
        ),
        format!("select count(*), count({a}) from {{t}} full join {other} on {other_key} = {key} and {third} < 5"),
        format!("select count(*) from {{t}} x join {{t}} y on x.{a} = y.{a} where {} < {value}", of("x")),
        format!("select {a}, rank() over (partition by {b} order by {a}) from {{t}} where {condition}"),
        format!(
            "select {a}, sum({number}) over (order by {all}), lag({b}) over (order by {all}) from {{t}} where {condition}"
        ),
        format!(
            "select {a}, count(*) over (partition by {c}), max({number}) over (partition by {c}) from {{t}} where {condition}"
        ),
        format!("select {words}, upper({words}), length({words}) from {{t}} where {condition}"),
        format!("select {a} from {{t}} where {condition} {set} select {a} from {{t}} where {number} > {value}"),
        format!("select (select max({number}) from {{t}}), count(*) from {{t}} where {condition}"),
        format!("select count(*) from {{t}} where ({condition}) is null"),
        format!(
            "select x.{a}, (select count(*) from {{t}} y where y.{b} = x.{b}) from {{t}} x where {} < {value}",
            of("x")
        ),
        format!(
            "select count(*) from {{t}} x where exists (select 1 from {{t}} y where y.{b} = x.{b} and {} > {})",
            of("y"),
            of("x")
        ),
        format!(
            "with x as (select {a} as v, count(*) as n from {{t}} where {condition} group by {a}) select p.v, q.n from x p join x q on p.v = q.v"
        ),
        format!(
            "with recursive r(n) as (select min({key}) from {{t}} union select n + 1 from r where n < 40 and exists (select 1 from {{t}} where {key} = n)) select count(*), max(n) from r"
        ),
        format!(
            "select count(*) from {other} where {other_key} not in (select {key} from {{t}} where {condition} and {key} is not null)"
        ),
    ];
    shapes[draw.below(shapes.len())].clone()
}

/// Writes what a statement gives as table `lake.copy.copied`.
async fn write_copy(world: &World, alice: &mut Session, sql: &str) {
    let parsed = plan::parse(sql).unwrap().remove(0);
    alice.begin_statement(&tokio_util::sync::CancellationToken::new());
    let Outcome::Rows { schema, stream, .. } = alice.execute(&parsed, Vec::new()).await.unwrap() else {
        panic!("{sql}")
    };
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let folder = world.folder().join("copy/copied");
    std::fs::create_dir_all(&folder).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(folder.join("part-0.parquet")).unwrap(), schema, None).unwrap();
    for batch in &batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn governed_equals_copy() {
    let rounds = std::env::var("NARU_COPY_ROUNDS").map_or(6, |text| text.parse().unwrap());
    let mut draw = Draw(0x6e61_7275);
    let mut both_failed = 0;
    for round in 0..rounds {
        let subject = &SUBJECTS[round % SUBJECTS.len()];
        let (document, copy) = draw_policies(&mut draw, subject);
        let world = World::new();
        world.gateway.replace_snapshot(snapshot(world.folder(), policies(&document), DeniedColumns::Error));
        let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
        write_copy(&world, &mut alice, &copy).await;
        for _ in 0..QUESTIONS {
            let question = draw_question(&mut draw, subject);
            let mut governed = rows(&mut bob, &question.replace("{t}", &subject.name())).await;
            let mut copied = rows(&mut alice, &question.replace("{t}", "lake.copy.copied")).await;
            for rows in [&mut governed, &mut copied].into_iter().flatten() {
                rows.sort();
            }
            match (governed, copied) {
                (Ok(governed), Ok(copied)) => assert_eq!(governed, copied, "round {round}: {question}\ncopy: {copy}"),
                (Err(governed), Err(copied)) => {
                    assert_eq!(governed.code, copied.code, "round {round}: {question}\ncopy: {copy}");
                    both_failed += 1;
                }
                (governed, copied) => panic!("round {round}: {question}\n{governed:?}\n{copied:?}\ncopy: {copy}"),
            }
        }
    }
    assert!(both_failed * 10 < rounds * QUESTIONS, "{both_failed} questions failed on both sides");
}
