//! The running service: start order and graceful shutdown, nothing else.

use crate::config::{Configuration, Reloader, Renewal};
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::server::pg;
use crate::session::{Gateway, GatewayParts};
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
    let Configuration { postgresql, snapshot, login, limits, audit, origin, flight: _, http: _ } = configuration;
    let executor = Executor::new(tokio::runtime::Handle::current(), limits)?;
    let gateway = Gateway::new(GatewayParts { snapshot, login, executor, audit });
    let shutdown = CancellationToken::new();
    let mut opened = Opened::default();
    let mut renewals = Vec::new();
    let door = match postgresql {
        Some(listener) => {
            let socket = bind(listener.address).await?;
            opened.postgresql = socket.local_addr().ok();
            renewals.extend(listener.options.tls.clone().map(Renewal::postgresql));
            let backend = Arc::new(pg::GatewayBackend::new(Arc::clone(&gateway)));
            Some(pg::serve(socket, backend, listener.options, shutdown.clone()))
        }
        None => None,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let hangups = signal(SignalKind::hangup()).map_err(Error::internal)?;
    let reloads = async {
        if let Some(origin) = origin {
            Reloader::new(gateway, origin, renewals).run(hangups, shutdown.clone()).await;
        }
    };
    ready(&opened);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        shutdown.cancel();
    };
    let doors = async {
        if let Some(door) = door {
            door.await;
        }
    };
    tokio::join!(stop, doors, reloads);
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::new(crate::error::ErrorCode::CannotConnectNow, format!("{address} can't be listened on: {error}"))
    })
}
