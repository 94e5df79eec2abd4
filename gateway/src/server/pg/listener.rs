//! The accept loop and a connection's way from its socket to its session.

use super::backend::{Backend, BackendSession};
use super::cancel::CancelKeys;
use super::connection::Connection;
use super::login::{Asking, authenticate};
use super::options::PgOptions;
use super::respond::{self, Severity};
use super::slots::{Slot, Slots};
use super::sqlstate::INVALID_AUTHORIZATION;
use super::startup::{Arrival, Startup, Wishes, arrive};
use super::wire::{ReadError, Wire};
use crate::error::{Error, ErrorCode};
use crate::session::api::{Client, Door, TransactionStatus};
use crate::telemetry::meters::OpenConnection;
use pgwire::messages::startup::{BackendKeyData, SecretKey};
use socket2::{SockRef, TcpKeepalive};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Sockets beyond `max_connections` that are heard at all: they may be cancel requests, and the others are told 53300.
const SPARE_SOCKETS: usize = 128;
/// SQLSTATE of a login that took too long.
const QUERY_CANCELED: &str = "57014";
/// Unanswered probes after which a silent peer is dead.
const PROBES: u32 = 6;
/// Pause after a failed accept, which is mostly the lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections of a listener share.
struct Shared<B> {
    backend: Arc<B>,
    options: PgOptions,
    keys: CancelKeys,
    slots: Slots,
    shutdown: CancellationToken,
}

/// Serves PostgreSQL clients until `shutdown` is cancelled. From then on nobody new is let in, idle connections end with 57P01,
/// running statements get [`PgOptions::drain_timeout`] to end, and what still runs then is dropped.
pub async fn serve<B: Backend>(
    listener: TcpListener,
    backend: Arc<B>,
    options: PgOptions,
    shutdown: CancellationToken,
) {
    let most_sockets = options.max_connections.saturating_add(SPARE_SOCKETS);
    let drain_timeout = options.drain_timeout;
    let slots = Slots::new(options.max_connections, options.max_connections_per_user);
    let shared = Arc::new(Shared { backend, options, keys: CancelKeys::default(), slots, shutdown });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok(_) if connections.len() >= most_sockets => tracing::warn!("too many sockets, one is closed"),
                Ok((stream, address)) => {
                    let _running = connections.spawn(handle(Arc::clone(&shared), stream, address.ip().to_canonical()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let deadline = Instant::now() + drain_timeout;
    while let Ok(Some(ended)) = timeout_at(deadline, connections.join_next()).await {
        report(ended);
    }
    connections.shutdown().await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

async fn handle<B: Backend>(shared: Arc<Shared<B>>, stream: TcpStream, peer: IpAddr) {
    let _open = OpenConnection::new(Door::Postgres);
    let deadline = Instant::now() + shared.options.startup_timeout;
    keep_alive(&stream, shared.options.keepalive);
    let arrival = tokio::select! {
        arrival = timeout_at(deadline, arrive(stream, &shared.options)) => arrival,
        () = shared.shutdown.cancelled() => return,
    };
    match arrival {
        Ok(Ok(Arrival::Client(startup))) => {
            if let Some((wire, session, opened)) = enter(&shared, *startup, peer, deadline).await {
                let connection = Connection::new(wire, session, opened.registration, &shared.options);
                connection.run(&shared.shutdown, opened.slot).await;
            }
        }
        Ok(Ok(Arrival::Cancel { wire, process_id, secret })) => {
            shared.keys.cancel(process_id, &secret);
            part(wire).await;
        }
        Ok(Ok(Arrival::Nobody)) => {}
        Ok(Err(ReadError::Gone(error))) => tracing::debug!(%peer, %error, "client left at the start"),
        Ok(Err(ReadError::Protocol(error))) => tracing::info!(%peer, %error, "start-up refused"),
        Err(_elapsed) => tracing::info!(%peer, "start-up took too long"),
    }
}

/// What an open session holds of the listener.
struct Opened {
    registration: super::cancel::Registration,
    slot: Slot,
}

/// Login and opening of the session. `None`: the client was told why not.
async fn enter<B: Backend>(
    shared: &Shared<B>,
    startup: Startup,
    peer: IpAddr,
    deadline: Instant,
) -> Option<(Wire, B::Session, Opened)> {
    let Startup { mut wire, parameters, long_key, tls, refused } = startup;
    let slot = shared.slots.take();
    let wishes = refused.map_or_else(|| Wishes::read(parameters), Err);
    let refusal: Result<_, (&'static str, Error)> = match (wishes, slot) {
        (Err(error), _) => Err((super::sqlstate::sqlstate(error.code), error)),
        (Ok(wishes), _) if wishes.user.is_empty() => {
            Err((INVALID_AUTHORIZATION, refusal("no PostgreSQL user name specified in startup packet")))
        }
        (Ok(_), _) if tls.is_none() && shared.options.tls_required => {
            Err((INVALID_AUTHORIZATION, refusal("this server accepts only connections with TLS: use sslmode=require")))
        }
        (Ok(_), Err(error)) => Err((super::sqlstate::sqlstate(error.code), error)),
        (Ok(wishes), Ok(slot)) => Ok((wishes, slot)),
    };
    let (wishes, mut slot) = match refusal {
        Ok(let_in) => let_in,
        Err((code, error)) => {
            tracing::info!(%peer, code, %error, "connection refused");
            respond::fatal(&mut wire, code, &error.message);
            part(wire).await;
            return None;
        }
    };

    let login = shared.backend.login();
    let asking = Asking { user: &wishes.user, peer, method: shared.options.login, tls };
    let client = Client { door: Door::Postgres, address: peer, application: wishes.application };
    let identity = match timeout_at(deadline, authenticate(&mut wire, &login, asking)).await {
        Ok(Ok(identity)) => identity,
        Ok(Err(refusal)) => {
            drop(slot);
            if let Some(error) = refusal {
                shared.backend.login_refused(&wishes.user, &client, &error);
            }
            part(wire).await;
            return None;
        }
        Err(_elapsed) => {
            drop(slot);
            tracing::info!(%peer, user = wishes.user, "login took too long");
            respond::fatal(&mut wire, QUERY_CANCELED, "canceling authentication due to timeout");
            part(wire).await;
            return None;
        }
    };
    if let Err(error) = shared.slots.assign(&mut slot, identity.user()) {
        // Whoever reads the refusal may come again at once: the place is free by then.
        drop(slot);
        shared.backend.login_refused(&wishes.user, &client, &error);
        respond::error(&mut wire, Severity::Fatal, &error);
        part(wire).await;
        return None;
    }
    let opening = shared.backend.open(identity, client, wishes.database, wishes.settings);
    let mut session = tokio::select! {
        opened = opening => match opened {
            Ok(session) => session,
            Err(error) => {
                drop(slot);
                respond::error(&mut wire, Severity::Fatal, &error);
                part(wire).await;
                return None;
            }
        },
        () = wire.gone() => return None,
    };
    let (registration, secret) = shared.keys.register(long_key);
    greet(&mut wire, &mut session, registration.process_id(), secret);
    Some((wire, session, Opened { registration, slot }))
}

fn refusal(message: &str) -> Error {
    Error::new(ErrorCode::CannotConnectNow, message)
}

fn greet<S: BackendSession>(wire: &mut Wire, session: &mut S, process_id: i32, secret: Vec<u8>) {
    session.connected(process_id);
    for (name, value) in session.reported() {
        respond::parameter_status(wire, name, &value);
    }
    wire.put(&BackendKeyData::new(process_id, SecretKey::Bytes(secret.into())));
    respond::ready(wire, TransactionStatus::Idle);
}

/// Probes of a silent peer. One whose data is under way is given up by the operating system's retransmission limit; a limit of
/// ours on that (`TCP_USER_TIMEOUT`) would also end clients that pause while they read.
fn keep_alive(stream: &TcpStream, idle: Duration) {
    if idle.is_zero() {
        return;
    }
    let interval = (idle / PROBES).max(Duration::from_secs(1));
    let probes = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(PROBES);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&probes) {
        tracing::warn!(%error, "a connection has no keep-alive");
    }
}

/// Closes a connection before its session, without waiting for a client that does not read.
async fn part(wire: Wire) {
    let _: Result<(), _> = timeout(Duration::from_secs(5), wire.close()).await;
}
