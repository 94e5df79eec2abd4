//! The running service: start order and graceful shutdown, nothing else.

use crate::config::{Configuration, Reloader, Renewal};
use crate::error::{Error, ErrorCode, Result};
use crate::exec::Executor;
use crate::server::flight;
use crate::server::http::{self, Readiness};
use crate::server::pg;
use crate::session::{Gateway, GatewayParts};
use crate::telemetry::meters;
use futures::future::OptionFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The addresses that the doors listen on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opened {
    /// PostgreSQL.
    pub postgresql: Option<SocketAddr>,
    /// Flight SQL.
    pub flight: Option<SocketAddr>,
    /// Health and metrics.
    pub http: Option<SocketAddr>,
}

/// Runs the service until it is told to stop. `ready` is called once all doors are open.
pub fn run(configuration: Configuration, ready: impl FnOnce(&Opened)) -> Result<()> {
    let io = Builder::new_multi_thread()
        .thread_name("naru-io")
        .enable_all()
        .build()
        .map_err(|error| Error::internal(format!("the IO runtime can't be started: {error}")))?;
    io.block_on(serve(configuration, ready))
}

async fn serve(configuration: Configuration, ready: impl FnOnce(&Opened)) -> Result<()> {
    let Configuration { postgresql, flight, http, snapshot, login, limits, audit, origin } = configuration;
    // Before anything counts something.
    let metrics = http.as_ref().map(|_| meters::install()).transpose()?;
    let executor = Executor::new(tokio::runtime::Handle::current(), limits)?;
    let gateway = Gateway::new(GatewayParts { snapshot, login, executor, audit });
    let (shutdown, drained) = (CancellationToken::new(), CancellationToken::new());
    let readiness = Readiness::default();
    let mut opened = Opened::default();

    // All sockets first: when one can't be had, no door opens.
    let pg_socket = bind(postgresql.as_ref().map(|listener| listener.address), &mut opened.postgresql).await?;
    let flight_socket = bind(flight.as_ref().map(|listener| listener.address), &mut opened.flight).await?;
    let http_socket = bind(http.as_ref().map(|listener| listener.address), &mut opened.http).await?;

    let pg_tls = postgresql.as_ref().and_then(|listener| listener.options.tls.clone());
    let flight_tls = flight.as_ref().and_then(|listener| listener.options.tls.clone());
    let renewals = pg_tls.map(Renewal::postgresql).into_iter().chain(flight_tls.map(Renewal::flight)).collect();

    let pg_door = pg_socket.zip(postgresql).map(|(socket, listener)| {
        let backend = Arc::new(pg::GatewayBackend::new(Arc::clone(&gateway)));
        pg::serve(socket, backend, listener.options, shutdown.clone())
    });
    let flight_door = flight_socket
        .zip(flight)
        .map(|(socket, listener)| flight::serve(socket, Arc::clone(&gateway), listener.options, shutdown.clone()));
    let http_door = http_socket
        .zip(metrics)
        .map(|(socket, metrics)| http::serve(socket, readiness.clone(), metrics, drained.clone()));

    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let hangups = signal(SignalKind::hangup()).map_err(Error::internal)?;
    let reloads = async {
        if let Some(origin) = origin {
            Reloader::new(Arc::clone(&gateway), origin, renewals).run(hangups, shutdown.clone()).await;
        }
    };
    readiness.set(true);
    ready(&opened);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        readiness.set(false);
        shutdown.cancel();
    };
    let doors = async {
        tokio::join!(stop, OptionFuture::from(pg_door), OptionFuture::from(flight_door));
        // Whoever watches this process sees it drain to the end.
        drained.cancel();
    };
    tokio::join!(doors, reloads, OptionFuture::from(http_door));
    Ok(())
}

/// The socket of a configured door, and where it is.
async fn bind(address: Option<SocketAddr>, opened: &mut Option<SocketAddr>) -> Result<Option<TcpListener>> {
    let Some(address) = address else { return Ok(None) };
    let socket = TcpListener::bind(address)
        .await
        .map_err(|error| Error::new(ErrorCode::CannotConnectNow, format!("{address} can't be listened on: {error}")))?;
    *opened = socket.local_addr().ok();
    Ok(Some(socket))
}
