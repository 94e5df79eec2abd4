//! What the configuration says about a listener, and what a client says in its start-up packet's `options`.

use super::frontend::violation;
use crate::error::{Error, ErrorCode, Result};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How clients log in: fixed per listener, never chosen by what secret a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PgLoginMethod {
    /// SCRAM-SHA-256, and over TLS -PLUS.
    #[default]
    ScramSha256,
    /// The password itself: over TLS or from the same machine only.
    Password,
}

/// A listener's certificate and keys.
pub struct PgTls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) channel_binding: Option<Vec<u8>>,
}

impl PgTls {
    /// `leaf` must be the certificate that `config` shows to clients: SCRAM-SHA-256-PLUS binds to it.
    #[must_use]
    pub fn new(mut config: ServerConfig, leaf: &CertificateDer<'_>) -> Self {
        if config.alpn_protocols.is_empty() {
            // Needed by clients that begin with TLS at once (sslnegotiation=direct).
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Self { config: Arc::new(config), channel_binding: naru_auth::tls_server_end_point(leaf) }
    }
}

impl fmt::Debug for PgTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTls").finish_non_exhaustive()
    }
}

/// A listener's settings.
#[derive(Debug, Clone)]
pub struct PgOptions {
    /// How clients log in.
    pub login: PgLoginMethod,
    /// TLS, if any; a new value is used by connections from then on.
    pub tls: Option<Arc<ArcSwap<PgTls>>>,
    /// Refuse clients that do not use TLS.
    pub tls_required: bool,
    /// Connections beyond this many are refused with 53300.
    pub max_connections: usize,
    /// The same for connections of one user, if there is such a limit.
    pub max_connections_per_user: Option<usize>,
    /// A silent peer is probed after this long, and given up after twice as long without an answer; zero: never.
    pub keepalive: Duration,
    /// Time from the first byte to the end of the login.
    pub startup_timeout: Duration,
    /// Time that running statements get to end at a shutdown.
    pub drain_timeout: Duration,
    /// The largest Query, Parse or Bind, in bytes.
    pub max_message: usize,
    /// The most named prepared statements of a connection, and the most portals.
    pub max_named_objects: usize,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self {
            login: PgLoginMethod::default(),
            tls: None,
            tls_required: false,
            max_connections: 500,
            max_connections_per_user: None,
            keepalive: Duration::from_secs(60),
            startup_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(30),
            max_message: 64 * 1024 * 1024,
            max_named_objects: 1000,
        }
    }
}

/// Reads `-c name=value`, `-cname=value` and `--name=value`, separated by white space, `\` before a literal character.
///
/// # Errors
/// `SyntaxError` for every other server option, `ProtocolViolation` when a name has no value.
pub(super) fn parse_options(options: &str) -> Result<Vec<(String, String)>> {
    let mut settings = Vec::new();
    let mut words = split_options(options).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("-c"), word.strip_prefix("--")) {
            (Some(""), _) => words.next().unwrap_or_default(),
            (Some(setting), _) | (None, Some(setting)) => setting.to_owned(),
            (None, None) => {
                let message = format!("invalid command-line argument for server process: {word}");
                return Err(Error::new(ErrorCode::SyntaxError, message));
            }
        };
        let Some((name, value)) = setting.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(violation(format!("option \"{setting}\" requires a value")));
        };
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn split_options(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                word.extend(characters.next());
                inside = true;
            }
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => {
                if inside {
                    words.push(std::mem::take(&mut word));
                }
                inside = false;
            }
            other => {
                word.push(other);
                inside = true;
            }
        }
    }
    if inside {
        words.push(word);
    }
    words
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parsed(options: &str) -> Vec<(String, String)> {
        parse_options(options).unwrap()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn options_in_every_form_that_clients_send() {
        assert_eq!(parsed(""), []);
        assert_eq!(parsed("-c statement_timeout=5s"), [pair("statement_timeout", "5s")]);
        assert_eq!(parsed("-csearch_path=a,b"), [pair("search_path", "a,b")]);
        assert_eq!(parsed("  --date-style=ISO\t-c x.y=1=2 "), [pair("date_style", "ISO"), pair("x.y", "1=2")]);
        assert_eq!(parsed(r"-c search_path=my\ schema,a\\b"), [pair("search_path", r"my schema,a\b")]);
        assert_eq!(parsed("-c a="), [pair("a", "")]);
    }

    #[test]
    fn other_options_are_refused() {
        for options in ["-d 5", "x", "-c", "-c a", "--a", "-c =1", "-S 100"] {
            assert!(parse_options(options).is_err(), "{options}");
        }
    }
}
