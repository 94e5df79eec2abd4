//! What each user sees of sharded tables.

use super::{PROTOCOLS, STACK, first_server_of, mariadb, plan, query, rows};
use naru_sql_tests::slt::Protocol;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn bob_sees_the_last_four_digits_of_phones() {
    let sql = "SELECT user_id, name, phone FROM mydata.mydata.users WHERE user_id <= 9 ORDER BY user_id";
    for protocol in PROTOCOLS {
        let mut expected = rows(protocol, "alice", sql).await;
        assert_eq!(expected.len(), 9);
        for row in &mut expected {
            row[2] = format!("XXXXXXXXX{}", &row[2][9..]);
        }
        assert_eq!(rows(protocol, "bob", sql).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bob_sees_no_internal_requests_and_all_others() {
    let select = "SELECT status, count(*), sum(amount) FROM mydata.mydata";
    let expected = mariadb(
        "SELECT MIN(status), COUNT(*), SUM(amount) FROM api_request_all WHERE CAST(status AS BINARY) <> 'INTERNAL'
         GROUP BY CAST(status AS BINARY) ORDER BY CAST(status AS BINARY)",
    );
    let statuses: Vec<&str> = expected.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(statuses, ["ERROR", "[INTERNAL ]", "OK", "internal", "ok"]);
    for protocol in PROTOCOLS {
        assert_eq!(rows(protocol, "bob", &format!("{select}.api_request GROUP BY 1 ORDER BY 1")).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_filter_goes_down_with_the_aggregate_and_is_not_shown() {
    // A number that no other test asks for.
    let sql = "SELECT org_code, count(*) FROM mydata.mydata.api_request WHERE user_id > 77 GROUP BY 1";
    let plan = plan("bob", sql).await;
    assert!(plan.contains("<policy>") && plan.contains("row filter"), "{plan}");
    assert!(!plan.to_lowercase().contains("internal") && !plan.contains("status"), "{plan}");

    let runtime = Handle::current();
    let ask = || block_in_place(|| runtime.block_on(rows(Protocol::Simple, "bob", sql)));
    let (_, log) = first_server_of(&STACK).received(ask).unwrap();
    let sent: Vec<&str> = log.lines().filter(|line| line.contains("Execute") && line.contains("> 77")).collect();
    // Two of the shards lie there.
    assert_eq!(sent.len(), 2, "{log}");
    for statement in sent {
        for part in ["COUNT(*)", "'INTERNAL'", "GROUP BY"] {
            assert!(statement.contains(part), "{statement}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_a_right_reads_like_one_that_is_not_there() {
    for protocol in PROTOCOLS {
        for user in ["bob", "carol"] {
            let error = async |table: &str| {
                let sql = format!("SELECT * FROM mydata.mydata.{table}");
                let mut error = query(protocol, user, &sql).await.unwrap_err();
                error.message = error.message.replace(table, "TABLE");
                error
            };
            let refused = error("api_request_all").await;
            assert_eq!(refused, error("no_such_table").await);
            // Carol may see nothing of the catalog: she is told of it as of one that is not there.
            let sqlstate = if user == "bob" { "42P01" } else { "3D000" };
            assert_eq!(refused.sqlstate.as_deref(), Some(sqlstate), "{refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_logical_tables_that_the_user_may_see() {
    for (user, expected) in [
        ("alice", vec!["api_request", "api_request_all", "users"]),
        ("bob", vec!["api_request", "users"]),
        ("carol", vec![]),
    ] {
        let tables = "SELECT table_name FROM mydata.information_schema.tables WHERE table_schema = 'mydata' ORDER BY 1";
        let columns = "SELECT DISTINCT table_name FROM mydata.information_schema.columns WHERE table_schema = 'mydata' ORDER BY 1";
        for protocol in PROTOCOLS {
            for sql in [tables, columns, "SHOW TABLES FROM mydata.mydata"] {
                let listed = match query(protocol, user, sql).await {
                    Ok(rows) => rows.into_iter().map(|mut row| row.remove(0)).collect(),
                    // A catalog in which a user may see nothing does not exist for them.
                    Err(error) if user == "carol" => {
                        assert!(matches!(error.sqlstate.as_deref(), Some("42P01" | "3D000" | "3F000")), "{error}");
                        Vec::new()
                    }
                    Err(error) => panic!("{sql}: {error}"),
                };
                assert_eq!(listed, expected, "{user}: {sql}");
            }
        }
    }
}

/// Requests of users who are customers of both other catalogs, by the source's own word.
fn requests_of(users: &str) -> String {
    format!("SELECT COUNT(*), SUM(ms), SUM(amount) FROM api_request_all WHERE user_id <= 1000 AND {users}")
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_lake_and_tpch_join_under_the_policies_of_each() {
    let join = "SELECT count(*), sum(r.ms), sum(r.amount) FROM mydata.mydata.api_request r \
                JOIN mydata.mydata.users u ON u.user_id = r.user_id \
                JOIN lake.mydata.customers l ON l.customer_id = u.user_id \
                JOIN tpch.tiny.customer t ON t.c_custkey = l.customer_id";
    let building = "SELECT c_custkey FROM tpch.tiny.customer WHERE c_mktsegment = 'BUILDING'";
    let building = rows(Protocol::Simple, "alice", building).await.concat().join(", ");
    let all = mariadb(&requests_of("TRUE"));
    let seen_by_bob =
        mariadb(&requests_of(&format!("CAST(status AS BINARY) <> 'INTERNAL' AND user_id IN ({building})")));
    for protocol in PROTOCOLS {
        assert_eq!(rows(protocol, "alice", join).await, all);
        assert_eq!(rows(protocol, "bob", join).await, seen_by_bob);
    }
}
