//! The HTTP door: is the process alive, may it be sent work, and what has it counted. No data and no names of data pass here, so
//! nobody logs in.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often histograms are folded, which otherwise grow until somebody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// May new work be sent here? True between the opening of all doors and the begin of the shutdown.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// All doors are open, or the first of them closes.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Debug, Clone)]
struct Shown {
    readiness: Readiness,
    metrics: PrometheusHandle,
}

/// Serves `/healthz`, `/readyz` and `/metrics` until `ended` is cancelled, which should be after all other doors have drained.
pub async fn serve(listener: TcpListener, readiness: Readiness, metrics: PrometheusHandle, ended: CancellationToken) {
    let upkeep = metrics.clone();
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(counted))
        .with_state(Shown { readiness, metrics });
    let server = axum::serve(listener, router).with_graceful_shutdown(ended.clone().cancelled_owned());
    let fold = async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            upkeep.run_upkeep();
        }
    };
    tokio::select! {
        served = server.into_future() => if let Err(error) = served {
            tracing::error!(%error, "the HTTP server ended with an error");
        },
        () = fold => {}
        // A client that keeps its connection open keeps nothing else.
        () = ended.cancelled() => {}
    }
}

async fn ready(State(shown): State<Shown>) -> (StatusCode, &'static str) {
    match shown.readiness.get() {
        true => (StatusCode::OK, "ready\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    }
}

async fn counted(State(shown): State<Shown>) -> impl IntoResponse {
    let text_format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (text_format, shown.metrics.render())
}
