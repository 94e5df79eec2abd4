//! Hidden columns, and the two ways with denied ones.

use crate::world::{World, error, rows};
use naru_gateway::catalog::DeniedColumns;
use naru_gateway::error::ErrorCode;

const DEMO: &str = include_str!("../../../conf/policies/demo.json");

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_column_is_there_for_those_who_name_it_and_never_in_a_star() {
    let world = World::new();
    let mut alice = world.session("alice").await;
    let path = world.folder().join("mydata/customers/part-0.parquet").display().to_string();
    let width = |rows: Vec<Vec<String>>| rows[0].len();
    let t = "lake.mydata.customers";
    for (sql, columns) in [
        (format!("select * from {t} limit 1"), 6),
        (format!("table {t}"), 6),
        (format!("select *, \"$path\" from {t} limit 1"), 7),
        (format!("select c.*, c.\"$path\" from {t} c limit 1"), 7),
        (format!("select * from {t} where \"$file_size\" > 0 limit 1"), 6),
        (format!("select * from (select *, \"$path\" as p from {t}) limit 1"), 7),
        (format!("select * from (select \"$path\", * from {t}) x limit 1"), 7),
        (
            format!(
                "select a.*, b.* from {t} a join {t} b using (customer_id) where a.\"$path\" = b.\"$path\" limit 1"
            ),
            12,
        ),
    ] {
        assert_eq!(width(rows(&mut alice, &sql).await.unwrap()), columns, "{sql}");
    }
    assert_eq!(rows(&mut alice, &format!("select distinct \"$path\" from {t}")).await.unwrap(), [[path]]);
    let twice = format!("select * from {t} a join {t} b using (customer_id) where a.\"$path\" = b.\"$path\"");
    assert_eq!(error(&mut alice, &twice).await.code, ErrorCode::FeatureNotSupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_column_that_reveals_a_masked_one_is_denied() {
    let world = World::new();
    let mut bob = world.session("bob").await;
    let refused = error(&mut bob, "select \"$file_size\" from lake.mydata.customers").await;
    assert_eq!(refused.code, ErrorCode::InsufficientPrivilege);
    let shown = rows(&mut bob, "select count(\"$file_size\") from lake.mydata.api_request").await.unwrap();
    assert_eq!(shown, [["20000"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_columns_can_be_as_if_they_were_not_there() {
    let world = World::with(DEMO, DeniedColumns::Hide);
    let mut bob = world.session("bob").await;
    let all = rows(&mut bob, "select * from customer limit 1").await.unwrap();
    assert_eq!(all[0].len(), 7);
    for named in ["select c_acctbal from customer", "select 1 from customer order by c_acctbal"] {
        let (denied, unknown) =
            (error(&mut bob, named).await, error(&mut bob, &named.replace("acctbal", "nope")).await);
        assert_eq!((denied.code, unknown.code), (ErrorCode::UndefinedColumn, ErrorCode::UndefinedColumn), "{denied}");
        assert_eq!(denied.message, unknown.message.replace("nope", "acctbal"));
    }
}
