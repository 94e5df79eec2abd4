//! What is pushed down equals what is done here, type by type and collation by collation.

use crate::world::{SERVERS, orders, single};
use datafusion::scalar::ScalarValue;
use naru_connector::{ColumnPath, CompareOp, Predicate, ScanRequest, Support};
use naru_connector_testkit::rows::{read, select};
use naru_connector_testkit::{context, predicates, topn};

const COLUMNS: &[(&str, &str, &[&str])] = &[
    ("i8", "TINYINT", &["NULL", "-128", "0", "127"]),
    ("i64", "BIGINT", &["NULL", "-9223372036854775808", "9223372036854775807"]),
    ("u64", "BIGINT UNSIGNED", &["NULL", "0", "9223372036854775808", "18446744073709551615"]),
    ("dec", "DECIMAL(20,3)", &["NULL", "-1.500", "1.500", "99999999999999999.999"]),
    ("wide", "DECIMAL(65,30)", &["NULL", "-1.5", "12345678901234567890123456789012345.000000000000000000000000000001"]),
    ("f32", "FLOAT", &["NULL", "0.1", "-2.5", "16777217"]),
    ("f64", "DOUBLE", &["NULL", "0.1", "0e0", "1e300"]),
    ("bit", "BIT(1)", &["NULL", "b'0'", "b'1'"]),
    ("y", "YEAR", &["NULL", "1999", "2024", "2155"]),
    ("d", "DATE", &["NULL", "'1000-01-01'", "'2024-02-29'", "'9999-12-31'"]),
    ("dt", "DATETIME(6)", &["NULL", "'2024-02-29 23:59:59.999999'", "'2024-03-01'"]),
    ("ts", "TIMESTAMP(6) NULL", &["NULL", "'2024-02-29 23:59:59.999999'", "'2024-03-01'"]),
    ("tm", "TIME(6)", &["NULL", "'00:00:00'", "'23:59:59.999999'"]),
    ("bin", "VARBINARY(8)", &["NULL", "''", "x'00'", "x'0000'", "x'ff'", "'a'", "'A'"]),
    (
        "general",
        "VARCHAR(9) COLLATE utf8mb4_general_ci",
        &["NULL", "''", "'a'", "'A'", "'a '", "'ä'", "'%'", "'\\\\_'"],
    ),
    ("unicode", "VARCHAR(9) COLLATE utf8mb4_unicode_ci", &["NULL", "'a'", "'A'", "'a '", "'ß'", "'ss'", "'한글'"]),
    ("bin_pad", "VARCHAR(9) COLLATE utf8mb4_bin", &["NULL", "'a'", "'A'", "'a '", "'Ａ'"]),
    ("nopad", "VARCHAR(9) COLLATE utf8mb4_nopad_bin", &["NULL", "'a'", "'A'", "'a '"]),
    ("latin", "VARCHAR(9) CHARACTER SET latin1", &["NULL", "'é'", "'E'", "'e '", "'€'"]),
    ("sjis", "VARCHAR(9) CHARACTER SET sjis", &["NULL", "'ソ'", "'表'", "'a'", "'A'"]),
    ("euckr", "VARCHAR(9) CHARACTER SET euckr", &["NULL", "'한글'", "'a'", "'A '"]),
    ("fixed", "CHAR(5) COLLATE utf8mb4_general_ci", &["NULL", "'a'", "'A'", "''"]),
    ("choice", "ENUM('z','a')", &["NULL", "'z'", "'a'"]),
    ("several", "SET('z','a')", &["NULL", "''", "'z,a'", "'a'"]),
];

#[tokio::test]
async fn every_predicate_of_every_type_and_collation_chooses_the_same_rows() {
    for (name, column, values) in COLUMNS {
        let inserted: Vec<_> = values.iter().map(|value| format!("({value})")).collect();
        let ddl =
            format!("CREATE TABLE p_{name} (`{name}` {column}); INSERT INTO p_{name} VALUES {};", inserted.join(", "));
        let table = single("predicates", &format!("p_{name}"), &ddl).await;
        let all = select(table.as_ref(), &[]).await.unwrap();
        let asked = predicates::over(&all);
        let exact = predicates::agree(table.as_ref(), &asked).await;
        assert!(exact * 2 > asked.len(), "{name}: only {exact} of {} were pushed down", asked.len());
    }
}

#[tokio::test]
async fn the_first_rows_of_every_order_are_the_same() {
    let table = orders("topn").await;
    for column in ["id", "user_id", "code", "ms", "amount", "at", "stamp", "day", "big"] {
        assert_eq!(topn::agree(table.as_ref(), column, 7).await, 4, "{column}");
    }
    // Its two zeros tie at the source and not here.
    assert_eq!(topn::agree(table.as_ref(), "ratio", 7).await, 0);
}

#[tokio::test]
async fn a_predicate_over_shards_chooses_the_same_rows() {
    let table = orders("predicates_sharded").await;
    let all = select(table.as_ref(), &[]).await.unwrap();
    assert_eq!(all.num_rows(), 400);
    let asked = predicates::over(&all);
    assert!(predicates::agree(table.as_ref(), &asked).await * 2 > asked.len());
    let both: Vec<_> = asked
        .windows(2)
        .step_by(7)
        .flat_map(|pair| [Predicate::And(pair.to_vec()), Predicate::Or(pair.to_vec())])
        .collect();
    predicates::agree(table.as_ref(), &both).await;
}

/// What the first server receives while a predicate is asked for.
async fn received(table: &dyn naru_connector::Table, predicate: &Predicate) -> String {
    let request = ScanRequest { projection: vec![0], predicates: vec![predicate.clone()], limit: None };
    let scan = table.plan(&context(), request).await.unwrap();
    let (_, log) = SERVERS[0]
        .received(|| {
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(read(scan.as_ref()))).unwrap()
        })
        .unwrap();
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_receives_the_condition_and_values_stay_values() {
    let table = single(
        "received",
        "t",
        "CREATE TABLE t (s VARCHAR(40)); INSERT INTO t VALUES ('x'), ('''; DROP TABLE t; --');",
    )
    .await;
    for hostile in ["'; DROP TABLE t; --", "\\' OR 1=1 -- ", "\\", "%", "`", "\0"] {
        let value = ScalarValue::Utf8View(Some(hostile.to_owned()));
        let asked = Predicate::Compare { column: ColumnPath::column("s"), op: CompareOp::Eq, value };
        let prefix = Predicate::Prefix { column: ColumnPath::column("s"), prefix: hostile.to_owned() };
        predicates::agree(table.as_ref(), &[asked, prefix]).await;
    }
    assert_eq!(select(table.as_ref(), &[]).await.unwrap().num_rows(), 2);

    let pushed = Predicate::Prefix { column: ColumnPath::column("s"), prefix: "needle".to_owned() };
    assert_eq!(table.supports(&pushed), Support::Exact);
    // Of what the server was asked meanwhile only what is of this table: neighbours ask too.
    let own = |log: String| log.lines().filter(|line| line.contains("`received`.`t`")).collect::<Vec<_>>().join("\n");
    let log = own(received(table.as_ref(), &pushed).await);
    // The statement, and no value in it. (An `Execute` line is the server's own rendering, with the values it was bound to.)
    let text = "FROM `received`.`t` WHERE LEFT(CAST(CONVERT(`s` USING utf8mb4) AS BINARY), ?) = ?";
    let as_text = log.lines().filter(|line| !line.contains("Execute")).any(|line| line.contains("needle"));
    assert!(log.contains(text) && !as_text, "{log}");
    // The same reading without that condition does not mention it: the log shows what it is thought to show.
    let nothing = Predicate::Not(Box::new(Predicate::IsNull { column: ColumnPath::column("s") }));
    let log = own(received(table.as_ref(), &nothing).await);
    assert!(log.contains("FROM `received`.`t`") && !log.contains("LEFT("), "{log}");
}
