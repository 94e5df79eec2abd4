//! Scenarios of tokio-postgres for `clients/recorded/record.py`: `tokio_postgres_scenarios SCENARIO PORT`.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a tool of the tests")]

use std::time::Duration;
use tokio_postgres::NoTls;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let parameters = format!("host=127.0.0.1 port={} user=alice password=demo dbname=tpch", arguments[2]);
    let (mut client, connection) = tokio_postgres::connect(&parameters, NoTls).await.expect("a connection");
    let driving = tokio::spawn(connection);
    let rows = "select x as naru_alias from (values (1), (2), (3), (4), (5)) v(x)";
    let long = "select count(*) as naru_alias from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    let done = match arguments[1].as_str() {
        "start_up" => client.simple_query("select 1 as naru_alias").await.map(drop),
        "prepare" => {
            let prepared =
                client.prepare("select $1::int4 + 1 as naru_alias, $2::text as t").await.expect("a statement");
            for i in 0..3_i32 {
                let _ = client.query(&prepared, &[&i, &"x"]).await.expect("a row");
            }
            Ok(())
        }
        "fetch_size" => {
            let transaction = client.transaction().await.expect("a transaction");
            let portal = transaction.bind(rows, &[]).await.expect("a portal");
            while transaction.query_portal(&portal, 2).await.expect("rows").len() == 2 {}
            transaction.commit().await
        }
        "error" => {
            for sql in ["select 1/0 as naru_alias", "selec 1", "select * from no_such_table"] {
                let _ = client.query(sql, &[]).await.expect_err("an error");
            }
            Ok(())
        }
        "cancel" => {
            let token = client.cancel_token();
            let cancel = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                token.cancel_query(NoTls).await
            };
            let (cancelled, failed) = tokio::join!(cancel, client.query(long, &[]));
            cancelled.expect("a cancel request");
            let _ = failed.expect_err("it was cancelled");
            client.query("select 1 as naru_alias", &[]).await.map(drop)
        }
        _ => client.batch_execute("DISCARD ALL; select 1 as naru_alias").await,
    };
    done.expect("the scenario");
    drop(client);
    let _ = driving.await;
}
