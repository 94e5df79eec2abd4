//! The doors' own settings.

use super::document::Values;
use super::problem::{Problem, Problems};
use super::tls::{ServerCertificate, TlsFiles};
use crate::server::flight::{FlightOptions, FlightTls};
use crate::server::pg::{PgLoginMethod, PgOptions, PgTls};
use arc_swap::ArcSwap;
use naru_auth::{Secret, SigningKey};
use naru_connector::Parameters;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The PostgreSQL listener.
#[derive(Debug, Clone)]
pub struct PgListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Everything else. `tls` is there when a certificate is configured; a reload swaps what is in it.
    pub options: PgOptions,
}

/// The Flight SQL listener.
#[derive(Debug, Clone)]
pub struct FlightListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Everything else. `tls` is there when a certificate is configured; a reload swaps what is in it.
    pub options: FlightOptions,
}

/// The HTTP listener.
#[derive(Debug, Clone, Copy)]
pub struct HttpListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
}

impl PgListener {
    /// A listener without TLS, everything else at its default.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, options: PgOptions::default() }
    }
}

impl FlightListener {
    /// A listener without TLS, everything else at its default.
    #[must_use]
    pub fn plain(address: SocketAddr) -> Self {
        Self { address, options: FlightOptions::default() }
    }
}

type Certificates = BTreeMap<&'static str, ServerCertificate>;
type Doors = (Option<PgListener>, Option<FlightListener>, Option<HttpListener>);

/// Where a section's certificate and key lie, if it has them.
pub(super) fn tls_files(parameters: &Parameters) -> Option<TlsFiles> {
    let certificate = parameters.path("certificate")?.to_owned();
    Some(TlsFiles { certificate, key: parameters.path("key")?.to_owned() })
}

/// The doors that a file configures: at least one.
pub(super) fn all(
    file: &Path,
    sections: &BTreeMap<&'static str, Values>,
    certificates: &Certificates,
) -> Result<Doors, Problems> {
    let mut problems = Problems::default();
    let postgresql = sections.get("postgresql").and_then(|door| {
        let tls = certificates.get("postgresql.tls");
        let required = sections.get("postgresql.tls").is_some_and(|tls| tls.parameters.boolean("required"));
        problems.note(postgresql(file, door, tls, required))
    });
    let flight =
        sections.get("flight").and_then(|door| problems.note(flight(file, door, certificates.get("flight.tls"))));
    let http = sections
        .get("http")
        .and_then(|door| door.parameters.address("address").map(|address| HttpListener { address }));
    if postgresql.is_none() && flight.is_none() && problems.0.is_empty() {
        problems.0.push(Problem::of(file, "no door is open: write a [postgresql] or [flight] section"));
    }
    problems.none_or(Some((postgresql, flight, http)))
}

fn postgresql(
    file: &Path,
    door: &Values,
    certificate: Option<&ServerCertificate>,
    tls_required: bool,
) -> Result<PgListener, Problem> {
    let parameters = &door.parameters;
    let address = required_address(file, door)?;
    let login = match parameters.text("login") {
        Some("password") => PgLoginMethod::Password,
        _ => PgLoginMethod::ScramSha256,
    };
    if login == PgLoginMethod::Password && !tls_required && !address.ip().is_loopback() {
        let text = "login = \"password\" sends passwords in clear: it needs [postgresql.tls] with required = true, or a \
                    loopback address";
        return Err(door.problem(file, "login", text));
    }
    let defaults = PgOptions::default();
    Ok(PgListener {
        address,
        options: PgOptions {
            login,
            tls: certificate.map(|certificate| Arc::new(ArcSwap::from_pointee(pg_tls(certificate)))),
            tls_required,
            max_connections: size(parameters, "max_connections", defaults.max_connections),
            max_connections_per_user: parameters
                .integer("max_connections_per_user")
                .and_then(|number| usize::try_from(number).ok()),
            keepalive: parameters.duration("keepalive").unwrap_or(defaults.keepalive),
            startup_timeout: parameters.duration("startup_timeout").unwrap_or(defaults.startup_timeout),
            drain_timeout: parameters.duration("drain_timeout").unwrap_or(defaults.drain_timeout),
            max_message: size(parameters, "max_message", defaults.max_message),
            ..defaults
        },
    })
}

/// The certificate as the PostgreSQL door shows it.
pub(super) fn pg_tls(certificate: &ServerCertificate) -> PgTls {
    PgTls::new(certificate.server_config(), certificate.leaf())
}

/// A key shorter than this could be guessed.
const SIGNING_KEY_BYTES: usize = 32;

fn flight(file: &Path, door: &Values, certificate: Option<&ServerCertificate>) -> Result<FlightListener, Problem> {
    let parameters = &door.parameters;
    let address = required_address(file, door)?;
    let key = match parameters.secret("signing_key") {
        Some(key) if key.expose().len() < SIGNING_KEY_BYTES => {
            let text = format!("\"flight.signing_key\" is shorter than {SIGNING_KEY_BYTES} bytes");
            return Err(door.problem(file, "signing_key", text));
        }
        Some(key) => SigningKey::derived_from(&Secret::new(key.expose())),
        None => SigningKey::random(),
    };
    let defaults = FlightOptions::default();
    Ok(FlightListener {
        address,
        options: FlightOptions {
            tls: certificate.map(|certificate| Arc::new(ArcSwap::from_pointee(flight_tls(certificate)))),
            key,
            token_lifetime: parameters.duration("token_lifetime").unwrap_or(defaults.token_lifetime),
            ticket_lifetime: parameters.duration("ticket_lifetime").unwrap_or(defaults.ticket_lifetime),
            max_connections: size(parameters, "max_connections", defaults.max_connections),
            max_message: size(parameters, "max_message", defaults.max_message),
            max_sent_message: size(parameters, "max_sent_message", defaults.max_sent_message),
            ..defaults
        },
    })
}

/// The certificate as the Flight SQL door shows it.
pub(super) fn flight_tls(certificate: &ServerCertificate) -> FlightTls {
    FlightTls::new(certificate.server_config())
}

fn required_address(file: &Path, door: &Values) -> Result<SocketAddr, Problem> {
    let address = door.parameters.address("address");
    address.ok_or_else(|| door.problem(file, "address", "\"address\" is missing"))
}

fn size(parameters: &Parameters, key: &str, default: usize) -> usize {
    parameters.integer(key).and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
}
