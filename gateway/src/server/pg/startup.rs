//! From the first byte to the start-up packet: TLS, refusal of GSS encryption, cancel requests, protocol version
//! (PostgreSQL manual, 55.2.1, 55.2.10 and 55.2.11).

use super::frontend::{Body, SMALL_MESSAGE, violation};
use super::options::{PgOptions, PgTls};
use super::wire::{ReadError, Wire};
use crate::error::{Error, ErrorCode, Result};
use bytes::Bytes;
use pgwire::messages::startup::NegotiateProtocolVersion;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

const CANCEL_REQUEST: i32 = 80_877_102;
const SSL_REQUEST: i32 = 80_877_103;
const GSS_REQUEST: i32 = 80_877_104;
/// Protocol 3.2, the newest we speak. 3.1 was never used.
const NEWEST: i32 = 3 << 16 | 2;
/// First byte of a TLS record: a client that begins with TLS at once.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a new connection turned out to be.
pub(super) enum Arrival {
    /// Somebody who wants to log in.
    Client(Box<Startup>),
    /// A cancel request: no answer, and the connection ends, inside TLS with a goodbye: libpq takes its lack for an error.
    Cancel { wire: Wire, process_id: i32, secret: Bytes },
    /// Nobody any more.
    Nobody,
}

/// A client before its login.
pub(super) struct Startup {
    pub(super) wire: Wire,
    /// The packet's parameters without those of the protocol.
    pub(super) parameters: BTreeMap<String, String>,
    /// Does the client take a cancel key of more than four bytes?
    pub(super) long_key: bool,
    /// Does the connection use TLS? With its certificate's channel-binding data, if defined.
    pub(super) tls: Option<Option<Vec<u8>>>,
    /// Why the packet is refused, if it is; told after the version is settled.
    pub(super) refused: Option<Error>,
}

/// Reads up to the start-up packet.
///
/// # Errors
/// The client is gone or broke the protocol. In the latter case the text is not sent, except by [`Startup::refused`].
pub(super) async fn arrive(stream: TcpStream, options: &PgOptions) -> std::result::Result<Arrival, ReadError> {
    stream.set_nodelay(true)?;
    let tls = options.tls.as_ref().map(|tls| tls.load_full());
    let mut first = [0];
    let direct = stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE];
    let mut tls_in_use = None;
    let mut wire = match (&tls, direct) {
        (Some(tls), true) => {
            let stream = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream).await?;
            // Without it another protocol's bytes could be led here (ALPACA); PostgreSQL asks for it too.
            if stream.get_ref().1.alpn_protocol() != Some(b"postgresql") {
                return Ok(Arrival::Nobody);
            }
            tls_in_use = Some(tls.channel_binding.clone());
            Wire::new(Box::new(stream))
        }
        (None, true) => return Ok(Arrival::Nobody),
        (_, false) => Wire::new(Box::new(stream)),
    };
    let (mut asked_tls, mut asked_gss) = (direct, false);
    loop {
        let Some(packet) = wire.read_untyped(SMALL_MESSAGE).await? else { return Ok(Arrival::Nobody) };
        let mut body = Body(packet);
        match body.integer().map_err(ReadError::Protocol)? {
            CANCEL_REQUEST => return cancel(wire, body).map_err(ReadError::Protocol),
            SSL_REQUEST if !asked_tls && body.0.is_empty() => {
                asked_tls = true;
                match &tls {
                    Some(tls) => {
                        wire = upgrade(wire, tls).await?;
                        tls_in_use = Some(tls.channel_binding.clone());
                        // Inside TLS nobody asks for another encryption.
                        asked_gss = true;
                    }
                    None => decline(&mut wire).await?,
                }
            }
            GSS_REQUEST if !asked_gss && body.0.is_empty() => {
                asked_gss = true;
                decline(&mut wire).await?;
            }
            version if version >> 16 == 3 => {
                let startup = read_startup(wire, version, body, tls_in_use).map_err(ReadError::Protocol)?;
                return Ok(Arrival::Client(Box::new(startup)));
            }
            version => {
                let (major, minor) = (version >> 16, version & 0xffff);
                let message = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
                let refused = Some(Error::new(ErrorCode::FeatureNotSupported, message));
                let parameters = BTreeMap::new();
                return Ok(Arrival::Client(Box::new(Startup {
                    wire,
                    parameters,
                    long_key: false,
                    tls: tls_in_use,
                    refused,
                })));
            }
        }
    }
}

fn cancel(wire: Wire, mut body: Body) -> Result<Arrival> {
    let process_id = body.integer()?;
    let secret = body.0;
    if (4..=256).contains(&secret.len()) {
        Ok(Arrival::Cancel { wire, process_id, secret })
    } else {
        Err(violation("invalid cancel request"))
    }
}

async fn decline(wire: &mut Wire) -> io::Result<()> {
    wire.out.extend_from_slice(b"N");
    wire.flush().await
}

async fn upgrade(mut wire: Wire, tls: &PgTls) -> std::result::Result<Wire, ReadError> {
    wire.out.extend_from_slice(b"S");
    // What came in plain text behind the request would be taken for the client's words inside TLS (CVE-2021-23214).
    if wire.has_input() {
        return Err(ReadError::Protocol(violation("received unencrypted data after SSL request")));
    }
    wire.flush().await?;
    let Some(socket) = wire.into_socket() else {
        return Err(ReadError::Protocol(violation("received unencrypted data after SSL request")));
    };
    let stream = TlsAcceptor::from(Arc::clone(&tls.config)).accept(socket).await?;
    Ok(Wire::new(Box::new(stream)))
}

fn read_startup(mut wire: Wire, version: i32, mut body: Body, tls: Option<Option<Vec<u8>>>) -> Result<Startup> {
    let mut parameters = BTreeMap::new();
    let mut unknown_options = Vec::new();
    loop {
        let name = body.text()?;
        if name.is_empty() {
            break;
        }
        let value = body.text()?;
        if name.starts_with("_pq_.") {
            unknown_options.push(name);
        } else {
            parameters.insert(name, value);
        }
    }
    let agreed = version.min(NEWEST);
    if agreed != version || !unknown_options.is_empty() {
        wire.put(&NegotiateProtocolVersion::new(agreed, unknown_options));
    }
    let refused = if body.0.is_empty() { None } else { Some(violation("invalid startup packet layout")) };
    Ok(Startup { wire, parameters, long_key: agreed >= NEWEST, tls, refused })
}

/// What the start-up packet says about the session to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    pub(super) user: String,
    pub(super) database: Option<String>,
    pub(super) application: String,
    /// `options` first, so that a parameter of the packet wins.
    pub(super) settings: Vec<(String, String)>,
}

impl Wishes {
    /// Reads the packet's parameters.
    ///
    /// # Errors
    /// `FeatureNotSupported` for replication, and those of
    /// [`parse_options`](super::options::parse_options).
    pub(super) fn read(parameters: BTreeMap<String, String>) -> Result<Self> {
        let mut wishes = Self { user: String::new(), database: None, application: String::new(), settings: Vec::new() };
        let mut settings = Vec::new();
        for (name, value) in parameters {
            match name.as_str() {
                "user" => wishes.user = value,
                "database" => wishes.database = Some(value).filter(|name| !name.is_empty()),
                "options" => wishes.settings = super::options::parse_options(&value)?,
                "replication" if matches!(value.as_str(), "false" | "off" | "no" | "0") => {}
                "replication" => return Err(Error::unsupported("replication")),
                _ => {
                    if name == "application_name" {
                        wishes.application.clone_from(&value);
                    }
                    settings.push((name, value));
                }
            }
        }
        wishes.settings.extend(settings);
        if wishes.application.is_empty() {
            let from_options = wishes.settings.iter().rev().find(|(name, _)| name == "application_name");
            wishes.application = from_options.map(|(_, value)| value.clone()).unwrap_or_default();
        }
        Ok(wishes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_packet_overrides_its_options_and_replication_is_refused() {
        let parameters = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let packet = parameters(&[
            ("user", "ann"),
            ("database", ""),
            ("options", "-c TimeZone=UTC -c application_name=x"),
            ("TimeZone", "Asia/Seoul"),
        ]);
        let wishes = Wishes::read(packet).unwrap();
        assert_eq!((wishes.user.as_str(), wishes.database), ("ann", None));
        assert_eq!(wishes.application, "x");
        let names: Vec<&str> = wishes.settings.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(names, ["UTC", "x", "Asia/Seoul"]);
        assert!(Wishes::read(parameters(&[("user", "ann"), ("replication", "database")])).is_err());
        assert!(Wishes::read(parameters(&[("user", "ann"), ("replication", "false")])).is_ok());
    }
}
