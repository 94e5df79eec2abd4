//! Many rows through each way out.

use crate::data;
use crate::figure::Measured;
use crate::sampling::in_turn;
use crate::stage::{Stage, pg};
use crate::tpch::drain;
use arrow_flight::sql::client::FlightSqlServiceClient;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use tonic::transport::{Channel, Endpoint};

/// Six million rows of lineitem by Flight SQL, as the demo's catalog `tpch` makes them : the same batches of the same catalog,
/// drained in this process.
pub(crate) async fn flight(stage: Arc<Stage>) -> Measured {
    let port = stage.demo().flight();
    flight_against(port, "select * from tpch.sf1.lineitem", &data::generated().await).await
}

/// The same of a Parquet file, whose columns are read in a tenth of the time that it takes to send them.
pub(crate) async fn flight_parquet(stage: Arc<Stage>) -> Measured {
    flight_against(stage.lake().flight(), "select * from lake.tpch.lineitem", &data::bare().await).await
}

async fn flight_against(port: u16, sql: &str, bare: &SessionContext) -> Measured {
    let door = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("an address");
    let mut client = FlightSqlServiceClient::new(door.connect().await.expect("a connection"));
    client.handshake("alice", "demo").await.expect("a login");
    let expected = drain(bare, "select * from lineitem").await;
    let client = Mutex::new(client);
    in_turn(
        3,
        1.0,
        async || assert_eq!(by_flight(&door, &mut *client.lock().await, sql).await, expected),
        async || assert_eq!(drain(bare, "select * from lineitem").await, expected),
    )
    .await
}

/// Reads all endpoints of a result at the same time, each over a connection of its own: that is what they are for.
async fn by_flight(door: &Endpoint, client: &mut FlightSqlServiceClient<Channel>, sql: &str) -> usize {
    let info = client.execute(sql.to_owned(), None).await.expect("a plan");
    let mut reads = JoinSet::new();
    for endpoint in info.endpoint {
        let mut reader = FlightSqlServiceClient::new(door.connect().await.expect("a connection"));
        reader.set_token(client.token().expect("a login").clone());
        reads.spawn(async move {
            let batches = reader.do_get(endpoint.ticket.expect("a ticket")).await.expect("a stream");
            batches.try_fold(0, async |rows, batch| Ok(rows + batch.num_rows())).await.expect("all rows")
        });
    }
    reads.join_all().await.into_iter().sum()
}

/// A million rows of lineitem in binary : PostgreSQL 15 serving the same rows from a table.
pub(crate) async fn pg_binary(stage: Arc<Stage>) -> Measured {
    let (ours, rival) = both(&stage).await;
    let read = async |client: &Client| {
        let none: [&(dyn tokio_postgres::types::ToSql + Sync); 0] = [];
        let rows = client.query_raw("select * from lineitem_1m", none).await.expect("rows");
        let count = rows.try_fold(0_u32, async |count, _| Ok(count + 1)).await.expect("all rows");
        assert_eq!(count, data::ROWS);
    };
    in_turn(3, 1.0, async || read(&ours).await, async || read(&rival).await).await
}

/// The same rows by `COPY (query) TO STDOUT (FORMAT binary)`.
pub(crate) async fn copy_binary(stage: Arc<Stage>) -> Measured {
    let (ours, rival) = both(&stage).await;
    let read = async |client: &Client| {
        let copy = "copy (select * from lineitem_1m) to stdout (format binary)";
        let stream = client.copy_out(copy).await.expect("a copy");
        let bytes = stream.try_fold(0_usize, async |sum, part| Ok(sum + part.len())).await.expect("all bytes");
        assert!(bytes > 100_000_000, "{bytes} bytes");
    };
    in_turn(3, 1.0, async || read(&ours).await, async || read(&rival).await).await
}

async fn both(stage: &Stage) -> (Client, Client) {
    let rival = pg(stage.postgresql_with_rows().await.port(), "alice", "tpch").await;
    let ours = pg(stage.lake().pg(), "alice", "lake").await;
    (ours, rival)
}
