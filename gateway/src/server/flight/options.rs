//! What the configuration says about a Flight listener.

use arc_swap::ArcSwap;
use naru_auth::SigningKey;
use rustls::ServerConfig;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A listener's certificate and keys.
pub struct FlightTls {
    pub(super) config: Arc<ServerConfig>,
}

impl FlightTls {
    /// gRPC runs over HTTP/2 only, and says so in the handshake.
    #[must_use]
    pub fn new(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self { config: Arc::new(config) }
    }
}

impl fmt::Debug for FlightTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlightTls").finish_non_exhaustive()
    }
}

/// A listener's settings.
#[derive(Debug, Clone)]
pub struct FlightOptions {
    /// TLS, if any; a new value is used by connections from then on. Without, only clients of the same machine are served: a
    /// token on the network is as good as a password.
    pub tls: Option<Arc<ArcSwap<FlightTls>>>,
    /// What signs tokens, tickets and handles. Gateways behind one balancer share it.
    pub key: SigningKey,
    /// How long a login stands.
    pub token_lifetime: Duration,
    /// How long a ticket may be redeemed.
    pub ticket_lifetime: Duration,
    /// Connections beyond this many are closed at once.
    pub max_connections: usize,
    /// Sessions that changed a setting, of one user at one time.
    pub max_sessions: usize,
    /// Time for a TLS handshake.
    pub startup_timeout: Duration,
    /// Time that running statements get to end at a shutdown.
    pub drain_timeout: Duration,
    /// The largest message that a client may send, in bytes: a statement or a batch of parameters.
    pub max_message: usize,
    /// The largest message that a client is sent, in bytes. Only a single row can come near it: batches are cut to 2 MiB.
    pub max_sent_message: usize,
    /// The most parameter values that one binding may hold, in bytes.
    pub max_parameters: usize,
}

impl Default for FlightOptions {
    fn default() -> Self {
        Self {
            tls: None,
            key: SigningKey::random(),
            token_lifetime: Duration::from_secs(8 * 3600),
            ticket_lifetime: Duration::from_secs(15 * 60),
            max_connections: 500,
            max_sessions: 100,
            startup_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            max_message: 16 * 1024 * 1024,
            max_sent_message: 16 * 1024 * 1024,
            max_parameters: 1024 * 1024,
        }
    }
}
