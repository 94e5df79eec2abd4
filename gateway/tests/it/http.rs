//! The HTTP door: alive, ready, and counts that name nobody.

use crate::flight_client::{FlightWorld, rows};
use naru_gateway::server::http::{self, Readiness};
use naru_gateway::telemetry::meters;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Status line, headers and body.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: naru\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_doors_and_counts_name_no_user_and_no_table() {
    let metrics = meters::install().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (readiness, ended) = (Readiness::default(), CancellationToken::new());
    let server = tokio::spawn(http::serve(listener, readiness.clone(), metrics, ended.clone()));

    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
    readiness.set(true);
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));

    let world = FlightWorld::new().await;
    let mut bob = world.login("bob").await;
    rows(&mut bob, "select c_name from customer").await.unwrap();
    assert!(world.client().await.handshake("nobody", "x").await.is_err());
    let text = get(address, "/metrics").await;
    let value = |metric: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{metric}{{door=\"flightsql\"}}")));
        line.and_then(|line| line.split(' ').next_back()?.parse::<f64>().ok()).unwrap_or_default()
    };
    for metric in ["naru_queries_started_total", "naru_queries_finished_total", "naru_login_failures_total"] {
        assert!(value(metric) >= 1.0, "{metric}: {text}");
    }
    assert!(value("naru_rows_total") >= 300.0 && text.contains("naru_query_duration_seconds_bucket"), "{text}");
    for name in ["bob", "nobody", "customer", "tpch", "c_name"] {
        assert!(!text.contains(name), "{name}");
    }

    readiness.set(false);
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
    ended.cancel();
    server.await.unwrap();
}
