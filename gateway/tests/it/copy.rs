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

/// A column of `customer`, and the masks that are tried on it: Ranger's name, or an expression, beside the same by hand.
const COLUMNS: &[(&str, &[(&str, &str)])] = &[
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
];

const FILTERS: &[&str] = &[
    "c_mktsegment = 'BUILDING'",
    "c_acctbal > 0 and c_nationkey in (1, 2, 3, 5, 8, 13, 21)",
    "c_phone like '1%' or c_custkey < 100",
    "c_custkey % 3 = 0",
    "c_nationkey in (select n_nationkey from nation where n_regionkey = 2)",
    "false",
    "true",
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
fn draw_policies(draw: &mut Draw) -> (String, String) {
    let everyone = |columns: Value| json!({"catalog": {"values": ["*"]}, "schema": {"values": ["*"]}, "table": {"values": ["*"]}, "column": columns});
    let customer = |column: Option<&str>| {
        let mut resources =
            json!({"catalog": {"values": ["tpch"]}, "schema": {"values": ["tiny"]}, "table": {"values": ["customer"]}});
        if let Some(column) = column {
            resources["column"] = json!({"values": [column]});
        }
        resources
    };
    let accesses = json!([{"type": "all", "isAllowed": true}]);
    let select = json!([{"type": "select", "isAllowed": true}]);
    let mut all = vec![
        json!({"id": 1, "policyType": 0, "name": "all", "isEnabled": true, "resources": everyone(json!({"values": ["*"]})),
        "policyItems": [{"accesses": accesses, "users": ["alice", "bob"]}]}),
    ];
    let mut shown = Vec::new();
    for (id, (column, masks)) in (10..).zip(COLUMNS) {
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
        all.push(json!({"id": id, "policyType": 1, "name": format!("mask {column}"), "isEnabled": true, "resources": customer(Some(column)),
            "dataMaskPolicyItems": [{"accesses": select, "users": ["bob"], "dataMaskInfo": info}]}));
        shown.push(format!("{by_hand} as {column}"));
    }
    let filter = draw.of(FILTERS);
    all.push(json!({"id": 30, "policyType": 2, "name": "rows", "isEnabled": true, "resources": customer(None),
        "rowFilterPolicyItems": [{"accesses": select, "users": ["bob"], "rowFilterInfo": {"filterExpr": filter}}]}));
    let document = json!({"metaDataInfo": {}, "policies": all}).to_string();
    (document, format!("select {} from tpch.tiny.customer where {filter}", shown.join(", ")))
}

/// A question of `{t}`: only what gives the same rows however it is run.
fn draw_question(draw: &mut Draw) -> String {
    let columns: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let (a, b, c) = (draw.of(&columns), draw.of(&columns), draw.of(&columns));
    let number = draw.below(1500).to_string();
    let text =
        draw.of(&["BUILDING", "B", "XXXXXXXXXXX2988", "25-989-741-2988", "Customer#000000001", "CUSTOMER#000000008"]);
    let comparison = draw.of(&["=", "<>", "<", ">=", "is distinct from"]);
    let numeric = draw.of(&["c_custkey", "c_nationkey", "c_acctbal"]);
    let texts = draw.of(&["c_name", "c_phone", "c_mktsegment"]);
    let conditions = [
        format!("{numeric} {comparison} {number}"),
        format!("{texts} {comparison} '{text}'"),
        format!("{a} is null"),
        format!("{a} is not null and not ({numeric} > {number})"),
        format!("{texts} like '%1%'"),
        format!("{texts} like 'X%'"),
        format!("{numeric} in ({number}, 1, 2, 3) or {texts} is null"),
        format!("{numeric} between 1 and {number}"),
        format!("coalesce({numeric}, 0) + 1 > {number}"),
        format!("1000 / (coalesce(c_custkey, 0) + 1) {comparison} 3"),
        "exists (select 1 from nation where n_nationkey = c_nationkey and n_regionkey < 3)".to_owned(),
        format!("{texts} in (select {texts} from {{t}} where {numeric} < {number})"),
    ];
    let condition = &conditions[draw.below(conditions.len())];
    let shapes = [
        format!("select {a}, {b} from {{t}} where {condition}"),
        format!("select distinct {a}, {c} from {{t}} where {condition}"),
        format!("select count(*), count({a}), count(distinct {b}), min({c}), max({c}) from {{t}} where {condition}"),
        format!("select {a}, count(*), sum({numeric}), min({b}) from {{t}} where {condition} group by {a}"),
        format!("select {a}, count(*) from {{t}} group by {a} having count(*) > 2"),
        format!(
            "select c_custkey, {a}, {b} from {{t}} where {condition} order by c_custkey, c_name, c_nationkey, c_phone, c_acctbal, c_mktsegment limit 7"
        ),
        format!(
            "select n_name, count({a}) from {{t}} left join nation on n_nationkey = c_nationkey where {condition} group by n_name"
        ),
        format!("select count(*) from {{t}} x join {{t}} y on x.{a} = y.{a} where x.{numeric} < {number}"),
        format!("select {a}, rank() over (partition by {b} order by {a}) from {{t}} where {condition}"),
        format!("select {texts}, upper({texts}), length({texts}) from {{t}} where {condition}"),
        format!("select {a} from {{t}} where {condition} union select {a} from {{t}} where {numeric} > {number}"),
        format!("select (select max({numeric}) from {{t}}), count(*) from {{t}} where {condition}"),
        format!("select count(*) from {{t}} where ({condition}) is null"),
        format!(
            "select count(*) from nation where n_nationkey not in (select c_nationkey from {{t}} where {condition} and c_nationkey is not null)"
        ),
    ];
    shapes[draw.below(shapes.len())].clone()
}

/// Writes what a statement gives as table `lake.copy.customer`.
async fn write_copy(world: &World, alice: &mut Session, sql: &str) {
    let parsed = plan::parse(sql).unwrap().remove(0);
    alice.begin_statement(&tokio_util::sync::CancellationToken::new());
    let Outcome::Rows { schema, stream, .. } = alice.execute(&parsed, Vec::new()).await.unwrap() else {
        panic!("{sql}")
    };
    let batches: Vec<RecordBatch> = stream.try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let folder = world.folder().join("copy/customer");
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
        let (document, copy) = draw_policies(&mut draw);
        let world = World::new();
        world.gateway.replace_snapshot(snapshot(world.folder(), policies(&document), DeniedColumns::Error));
        let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
        write_copy(&world, &mut alice, &copy).await;
        for _ in 0..QUESTIONS {
            let question = draw_question(&mut draw);
            let mut governed = rows(&mut bob, &question.replace("{t}", "customer")).await;
            let mut copied = rows(&mut alice, &question.replace("{t}", "lake.copy.customer")).await;
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
