//! The accept loop and the server behind it: TLS is settled here, before gRPC sees a connection, so that a new certificate is used
//! from the next connection on.

use super::door::Door;
use super::options::{FlightOptions, FlightTls};
use super::service::FlightDoor;
use crate::session::Gateway;
use crate::session::api::Door as Through;
use crate::telemetry::meters::OpenConnection;
use arrow_flight::flight_service_server::FlightServiceServer;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Connected;

/// Pause after a failed accept, which is mostly the lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A client that answers no ping for this long is gone, and its queries with it.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Calls at the same time on one connection.
const MOST_CALLS: u32 = 256;

/// Where a call comes from.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) tls: bool,
}

/// Serves Flight SQL clients until `shutdown` is cancelled. From then on no connection and no call is taken; running ones get
/// [`FlightOptions::drain_timeout`] to end, and what still runs then is cancelled.
pub async fn serve(listener: TcpListener, gateway: Arc<Gateway>, options: FlightOptions, shutdown: CancellationToken) {
    let door = Arc::new(Door::new(gateway, &options));
    let service =
        FlightServiceServer::new(FlightDoor::new(Arc::clone(&door))).max_decoding_message_size(options.max_message);
    let (connections, accepted) = mpsc::channel(1);
    let server = Server::builder()
        .max_concurrent_streams(MOST_CALLS)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .add_service(service)
        .serve_with_incoming_shutdown(ReceiverStream::new(accepted), shutdown.clone().cancelled_owned());
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(options.drain_timeout).await;
        door.ended.cancel();
        // What was cancelled has a moment to tell its client so.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let serving = async {
        let ((), served) = tokio::join!(accept(listener, &options, connections, &shutdown), server);
        if let Err(error) = served {
            tracing::error!(%error, "the Flight SQL server ended with an error");
        }
    };
    tokio::select! {
        () = serving => {}
        () = overdue => tracing::warn!("calls that did not end in time were cancelled"),
    }
}

async fn accept(
    listener: TcpListener,
    options: &FlightOptions,
    connections: mpsc::Sender<io::Result<Connection>>,
    shutdown: &CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(options.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut handshakes = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(_) = handshakes.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                        tracing::warn!(%peer, "too many Flight SQL connections, one is closed");
                        continue;
                    };
                    let tls = options.tls.as_ref().map(|tls| tls.load_full());
                    let secured = timeout(options.startup_timeout, secure(stream, peer, tls, slot));
                    let connections = connections.clone();
                    handshakes.spawn(async move {
                        match secured.await {
                            Ok(Ok(connection)) => drop(connections.send(Ok(connection)).await),
                            Ok(Err(error)) => tracing::info!(%peer, %error, "TLS handshake failed"),
                            Err(_elapsed) => tracing::info!(%peer, "TLS handshake took too long"),
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn secure(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<FlightTls>>,
    slot: OwnedSemaphorePermit,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let peer = Peer { address: peer.ip().to_canonical(), tls: tls.is_some() };
    let transport = match tls {
        None => Transport::Plain(stream),
        Some(tls) => Transport::Tls(Box::new(TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await?)),
    };
    Ok(Connection { transport, peer, _open: OpenConnection::new(Through::Flight), _slot: slot })
}

/// An accepted connection, and what it holds of the listener.
struct Connection {
    transport: Transport,
    peer: Peer,
    _open: OpenConnection,
    _slot: OwnedSemaphorePermit,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
