//! `GROUP BY` over shards: the answer, and that the shards compute it.

use super::{PROTOCOLS, mariadb, plan, rows};
use naru_sql_tests::slt::{Protocol, Rows};

fn signature(table: &str) -> String {
    format!(
        "SELECT date_format(request_at,'%Y%m%d'), org_code, api_code, count(*), avg(ms), stddev(ms), sum(amount) \
         FROM mydata.mydata.{table} GROUP BY 1,2,3"
    )
}

/// The columns that are floating-point numbers.
const FLOATS: [usize; 2] = [4, 5];

/// Same groups, exact counts and sums, averages and deviations within 1e-12.
fn assert_same(mut actual: Rows, mut expected: Rows) {
    actual.sort();
    expected.sort();
    assert_eq!(actual.len(), expected.len());
    for (row, wanted) in actual.iter().zip(&expected) {
        for (column, (cell, other)) in row.iter().zip(wanted).enumerate() {
            let close = || {
                let (cell, other): (f64, f64) = (cell.parse().ok()?, other.parse().ok()?);
                Some((cell - other).abs() <= 1e-12 * other.abs())
            };
            let same = cell == other || FLOATS.contains(&column) && close() == Some(true);
            assert!(same, "column {column}: {cell} is not {other} in {row:?} and {wanted:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_query_over_shards_is_that_over_one_table_and_what_mariadb_says() {
    let expected = mariadb(
        "SELECT DATE_FORMAT(request_at, '%Y%m%d') AS d, MIN(org_code), MIN(api_code), COUNT(*), AVG(CAST(ms AS DOUBLE)),
             STDDEV_SAMP(CAST(ms AS DOUBLE)), SUM(amount)
         FROM api_request_all GROUP BY d, CAST(org_code AS BINARY), CAST(api_code AS BINARY)",
    );
    // Days, and the codes that only bytes tell apart.
    assert_eq!(expected.len(), 10 * 8 * 6);
    for protocol in PROTOCOLS {
        for table in ["api_request", "api_request_all"] {
            assert_same(rows(protocol, "alice", &signature(table)).await, expected.clone());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_differ_by_case_or_a_trailing_blank_stay_apart() {
    let sql =
        "SELECT org_code, count(*) FROM mydata.mydata.api_request WHERE org_code <= 'bank-01 ' GROUP BY 1 ORDER BY 1";
    let found = rows(Protocol::Extended, "alice", sql).await;
    let codes: Vec<&str> = found.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(codes, ["BANK-01", "Card-01", "bank-01", "[bank-01 ]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shards_aggregate_in_one_statement_each() {
    let plan = plan("alice", &signature("api_request")).await;
    let remote: Vec<&str> = plan.lines().filter(|line| line.contains("remote: ")).collect();
    assert_eq!(remote.len(), 1, "{plan}");
    for part in ["GROUP BY", "COUNT(*)"] {
        assert!(remote[0].contains(part), "{plan}");
    }
    assert!(plan.contains("splits=4"), "{plan}");
}

/// Each against MariaDB's own answer, over the copy in one table.
#[tokio::test(flavor = "multi_thread")]
async fn days_and_hours_go_down_however_they_are_written() {
    let day = "DATE_FORMAT(request_at, '%Y-%m-%d')";
    let keys = [
        ("request_at::date", day),
        ("to_char(request_at, 'YYYY-MM-DD')", day),
        ("to_char(request_at, 'YYYYMMDD HH24h')", "DATE_FORMAT(request_at, '%Y%m%d %Hh')"),
        ("date_format(request_at, '%y%m%d%H')", "DATE_FORMAT(request_at, '%y%m%d%H')"),
        ("date_trunc('hour', request_at)", "DATE_FORMAT(request_at, '%Y-%m-%d %H:00:00')"),
    ];
    for (ours, theirs) in keys {
        let theirs = format!("SELECT {theirs} AS k, COUNT(*) FROM api_request_all GROUP BY k ORDER BY k");
        let ours = format!("SELECT {ours} AS k, count(*) FROM mydata.mydata.api_request GROUP BY 1 ORDER BY 1");
        assert_eq!(rows(Protocol::Simple, "alice", &ours).await, mariadb(&theirs), "{ours}");
        let plan = plan("alice", &ours).await;
        let remote = plan.lines().find(|line| line.contains("remote: ")).unwrap_or_default();
        assert!(remote.contains("EXTRACT(YEAR_MONTH FROM `request_at`)") && remote.contains("GROUP BY 1"), "{plan}");
    }
    let ours = "SELECT count(*) FROM mydata.mydata.api_request WHERE request_at::date = '2026-01-05'";
    let theirs = "SELECT COUNT(*) FROM api_request_all WHERE DATE(request_at) = '2026-01-05'";
    assert_eq!(rows(Protocol::Simple, "alice", ours).await, mariadb(theirs));
    let plan = plan("alice", ours).await;
    assert!(plan.contains("WHERE (`request_at` >= ? AND `request_at` < ?)"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_of_the_pages_have_rows() {
    let readme = crate::docs::blocks("README.md", "sql");
    let page = crate::docs::blocks("docs/connectors/mysql.md", "sql");
    let statements = |block: &str| -> Vec<String> {
        let without_comments =
            block.lines().map(|line| line.split("--").next().unwrap()).collect::<Vec<_>>().join("\n");
        without_comments.split(';').filter(|text| !text.trim().is_empty()).map(str::to_owned).collect()
    };
    let (readme, page) = (statements(&readme[1]), statements(&page[0]));
    assert_eq!((readme.len(), page.len()), (2, 2));
    // Here each server has two tables of users. The page's other statement is of a table that only it has.
    let native = page[0].replace("mydata.users", "mydata.users_0");
    assert_ne!(native, page[0]);
    for sql in readme.iter().chain([&native]) {
        assert!(!rows(Protocol::Simple, "alice", sql).await.is_empty(), "{sql}");
    }
}
