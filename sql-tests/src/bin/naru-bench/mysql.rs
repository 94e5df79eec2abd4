//! MariaDB shards through Naru, against what the driver alone does with the same statements.

use crate::figure::Measured;
use crate::sampling::{in_blocks, in_turn};
use crate::stage::{Stage, pg};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use naru_connector::{ConnectorFactory, ParameterValue, Scan, ScanRequest, Secret};
use naru_connector_testkit::{context, parameters};
use naru_services::{Mariadb, mariadb};
use naru_sql_tests::stack::{Layout, Shards, Stack};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_postgres::Client;

/// The question that the shards are there for.
const SIGNATURE: &str = "SELECT date_format(request_at,'%Y%m%d'), org_code, api_code, count(*), avg(ms), stddev(ms), \
     sum(amount) FROM mydata.mydata.api_request GROUP BY 1,2,3";

/// Two million rows of one shard through the connector : the driver alone draining the same statement, both in this process.
pub(crate) async fn scan(_stage: Arc<Stage>) -> Measured {
    let layout = Layout { servers: 1, rows_per_shard: 2_000_000, users: 10_000, copy: false, ..Layout::default() };
    let shards = Shards::start(layout);
    let [server] = shards.servers() else { panic!("one server") };
    let given = vec![
        ("hosts", ParameterValue::List(vec![server.address().to_string()])),
        ("user", ParameterValue::Text(mariadb::USER.to_owned())),
        ("password", ParameterValue::Secret(Secret::new(mariadb::PASSWORD))),
        ("tls", ParameterValue::Text("disable".to_owned())),
        // One statement on either side.
        ("rows_per_split", ParameterValue::Integer(0)),
    ];
    let connector = naru_mysql::FACTORY.create("mydata", &parameters(&naru_mysql::FACTORY, given)).expect("a catalog");
    let table = connector.table(&context(), "mydata", "api_request").await.expect("an answer").expect("a table");
    let projection = (0..table.columns().iter().filter(|column| !column.hidden).count()).collect();
    let request = ScanRequest { projection, predicates: Vec::new(), limit: None };
    let scan = table.plan(&context(), request).await.expect("a scan");
    let (_, log) = server
        .received(|| tokio::task::block_in_place(|| futures::executor::block_on(count(scan.as_ref()))))
        .expect("a log");
    let statement = statements(&log).pop().expect("the scan's statement");
    let driver = Mutex::new(connect(server).await);
    in_turn(
        3,
        1.0,
        async || assert_eq!(count(scan.as_ref()).await, 2_000_000),
        async || assert_eq!(drain(&mut *driver.lock().await, &statement).await, 2_000_000),
    )
    .await
}

/// The rows of all splits, read side by side.
async fn count(scan: &dyn Scan) -> usize {
    let ctx = context();
    let splits = scan.splits().iter().map(|split| {
        let ctx = ctx.clone();
        async move {
            let batches = scan.open(&ctx, split, &[]).await.expect("a stream");
            batches.try_fold(0, async |rows, batch| Ok(rows + batch.num_rows())).await.expect("all rows")
        }
    });
    join_all(splits).await.into_iter().sum()
}

/// The signature query of alice : the slowest of the shards' own statements, sent at the same time by the driver.
pub(crate) async fn signature(stage: Arc<Stage>) -> Measured {
    signature_of(&stage, "alice").await
}

/// The same of bob, whose row filter goes down with it.
pub(crate) async fn signature_bob(stage: Arc<Stage>) -> Measured {
    signature_of(&stage, "bob").await
}

async fn signature_of(stage: &Stage, user: &str) -> Measured {
    let stack = stage.shards();
    let client = client(stack, user).await;
    let partial = received(stack, &client, SIGNATURE);
    let mut drivers = Vec::new();
    for server in stack.shards().servers() {
        drivers.push(Mutex::new(connect(server).await));
    }
    in_turn(
        5,
        1.0,
        async || ask(&client, SIGNATURE).await,
        async || {
            let each =
                drivers.iter().zip(&partial).map(async |(driver, sql)| drain(&mut *driver.lock().await, sql).await);
            let _groups: Vec<usize> = join_all(each).await;
        },
    )
    .await
}

/// The signature query with aggregation here : with aggregation at the shards.
pub(crate) async fn pushdown(stage: Arc<Stage>) -> Measured {
    let (off, on) = (client(stage.shards(), "alice").await, client(stage.shards(), "alice").await);
    off.batch_execute("SET mydata.aggregation_pushdown = off").await.expect("a setting");
    in_turn(1, 1.0, async || ask(&off, SIGNATURE).await, async || ask(&on, SIGNATURE).await).await
}

/// One key over 16 shards, prepared : the driver asking its shard.
pub(crate) async fn lookup(stage: Arc<Stage>) -> Measured {
    let layout =
        Layout { tables_per_server: 4, rows_per_shard: 10_000, users: 16_000, copy: false, ..Layout::default() };
    let stack = Stack::start_of(stage.binary(), layout);
    let client = client(&stack, "alice").await;
    let statement =
        client.prepare("select name from mydata.mydata.users where user_id = $1").await.expect("a statement");
    // User 5 lies in shard 5: the second table of the second server.
    let [_, server, ..] = stack.shards().servers() else { panic!("servers") };
    let driver = Mutex::new(connect(server).await);
    in_blocks(
        (10, 50),
        1000.0,
        async || assert_eq!(client.query(&statement, &[&5_i32]).await.expect("a row").len(), 1),
        async || {
            let name: Option<String> = driver
                .lock()
                .await
                .exec_first("SELECT name FROM mydata.users_1 WHERE user_id = ?", (5,))
                .await
                .expect("a row");
            assert!(name.is_some());
        },
    )
    .await
}

/// 500 customers of the lake and their requests among four million : the same keys in an IN list.
pub(crate) async fn join(stage: Arc<Stage>) -> Measured {
    let client = client(stage.shards(), "alice").await;
    let joined = "select r.id, r.ms from lake.mydata.customers c join mydata.mydata.api_request r \
         on r.user_id = c.customer_id where c.customer_id <= 500";
    let keys: Vec<String> = (1..=500).map(|key: u32| key.to_string()).collect();
    let listed = format!("select id, ms from mydata.mydata.api_request where user_id in ({})", keys.join(", "));
    in_turn(3, 1.0, async || ask(&client, joined).await, async || ask(&client, &listed).await).await
}

async fn client(stack: &Stack, user: &str) -> Client {
    pg(stack.naru().pg(), user, "mydata").await
}

async fn ask(client: &Client, sql: &str) {
    client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// What each shard received while Naru answered a query, with its values in it. All logs are on from the first: a statement that was
/// prepared before its server's log is logged without values.
fn received(stack: &Stack, client: &Client, sql: &str) -> Vec<String> {
    let run = || tokio::task::block_in_place(|| futures::executor::block_on(ask(client, sql)));
    received_by(stack.shards().servers(), &run)
}

fn received_by(servers: &[Mariadb], run: &dyn Fn()) -> Vec<String> {
    let [server, others @ ..] = servers else {
        run();
        return Vec::new();
    };
    let (by_others, log) = server.received(|| received_by(others, run)).expect("a log");
    let own = statements(&log).pop().expect("a statement for each shard");
    [vec![own], by_others].concat()
}

/// The SELECT statements of a general log.
fn statements(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| {
        let (_, statement) = line.split_once(" Execute\t").or_else(|| line.split_once(" Query\t"))?;
        (statement.starts_with("SELECT") && statement.contains("api_request")).then(|| statement.to_owned())
    });
    lines.collect()
}

async fn connect(server: &Mariadb) -> Conn {
    let address = server.address();
    let options = OptsBuilder::default().ip_or_hostname(address.ip().to_string()).tcp_port(address.port());
    let options = options.user(Some(mariadb::USER)).pass(Some(mariadb::PASSWORD)).prefer_socket(false);
    Conn::new(options).await.expect("a connection")
}

/// Runs a statement as a prepared one, so that rows come in binary, and reads them all.
async fn drain(driver: &mut Conn, sql: &str) -> usize {
    let mut rows = driver.exec_stream::<mysql_async::Row, _, _>(sql, ()).await.expect("rows");
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row.expect("a row");
        count += 1;
    }
    count
}
