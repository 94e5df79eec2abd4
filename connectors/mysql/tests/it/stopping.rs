//! Gone means gone: at the server too.

use crate::world::{SERVERS, single};
use naru_connector::{Scan, ScanRequest};
use naru_connector_testkit::context;
use naru_connector_testkit::rows::read;
use naru_connector_testkit::stopping::{Reason, ends_at_the_source};
use std::sync::Arc;

/// A view that takes minutes to give its first row.
async fn slow(name: &str) -> Arc<dyn Scan> {
    let view = format!(
        "CREATE VIEW {name} AS SELECT COUNT(*) AS {name} FROM seq_1_to_100000 a, seq_1_to_100000 b WHERE a.seq + b.seq < 0;"
    );
    let table = single("stopping", name, &view).await;
    table.plan(&context(), ScanRequest { projection: vec![0], ..ScanRequest::default() }).await.unwrap()
}

fn running(name: &str) -> bool {
    let list =
        SERVERS[0].sql("SELECT info FROM information_schema.processlist WHERE info NOT LIKE '%processlist%'").unwrap();
    list.contains(&format!("`{name}`"))
}

#[tokio::test]
async fn a_cancelled_query_ends_at_the_server() {
    ends_at_the_source(slow("cancelled").await.as_ref(), Reason::Cancel, || running("cancelled")).await;
}

#[tokio::test]
async fn a_dropped_stream_ends_at_the_server() {
    ends_at_the_source(slow("dropped").await.as_ref(), Reason::Drop, || running("dropped")).await;
}

#[tokio::test]
async fn a_query_out_of_time_ends_at_the_server() {
    ends_at_the_source(slow("late").await.as_ref(), Reason::Deadline, || running("late")).await;
}

#[tokio::test]
async fn a_reader_who_stops_in_the_middle_leaves_a_usable_catalog() {
    let table =
        single("stopping", "many", "CREATE TABLE many AS SELECT seq AS n, REPEAT('x', 500) AS t FROM seq_1_to_100000;")
            .await;
    let scan = table.plan(&context(), ScanRequest { projection: vec![0, 1], ..ScanRequest::default() }).await.unwrap();
    for _ in 0..3 {
        // More often than there are connections at one server.
        for _ in 0..4 {
            let mut stream = scan.open(&context(), &scan.splits()[0], &[]).await.unwrap();
            futures::StreamExt::next(&mut stream).await.unwrap().unwrap();
        }
        assert_eq!(read(scan.as_ref()).await.unwrap().num_rows(), 100_000);
    }
}
