//! Who is it? Carries bytes between the client and [`naru_auth::Login`], which decides.

use super::frontend::{Body, Phase, violation};
use super::options::PgLoginMethod;
use super::respond::{self, Severity};
use super::sqlstate::INVALID_AUTHORIZATION;
use super::wire::{ReadError, Wire};
use crate::error::{Error, ErrorCode};
use crate::session::api::Door;
use crate::telemetry::meters;
use naru_auth::{Identity, LogLevel, Login, LoginError, Secret};
use pgwire::messages::startup::Authentication;
use std::net::IpAddr;

/// Who asks, from where, and how.
pub(super) struct Asking<'a> {
    pub(super) user: &'a str,
    pub(super) peer: IpAddr,
    pub(super) method: PgLoginMethod,
    /// Does the connection use TLS? With its channel-binding data, if defined.
    pub(super) tls: Option<Option<Vec<u8>>>,
}

/// Why nobody is let in.
#[derive(Debug)]
enum Refusal {
    Gone(std::io::Error),
    Protocol(Error),
    Login(LoginError),
    /// The password would cross the network in plain text.
    NeedsTls,
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Gone(error) => Self::Gone(error),
            ReadError::Protocol(error) => Self::Protocol(error),
        }
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Protocol(error)
    }
}

/// Logs a client in. Otherwise it is gone, or was told why not, which is what comes back; the connection ends.
pub(super) async fn authenticate(
    wire: &mut Wire,
    login: &Login,
    asking: Asking<'_>,
) -> Result<Identity, Option<Error>> {
    let (user, peer) = (asking.user.to_owned(), asking.peer);
    let refusal = match exchange(wire, login, asking).await {
        Ok(identity) => {
            wire.put(&Authentication::Ok);
            return Ok(identity);
        }
        Err(refusal) => refusal,
    };
    match refusal {
        Refusal::Gone(error) => {
            tracing::debug!(%user, %peer, %error, "client left during its login");
            Err(None)
        }
        Refusal::Protocol(error) => {
            respond::error(wire, Severity::Fatal, &error);
            Err(Some(error))
        }
        Refusal::NeedsTls => {
            let text = "a password login needs TLS here";
            respond::fatal(wire, INVALID_AUTHORIZATION, text);
            Err(Some(Error::new(ErrorCode::InvalidPassword, text)))
        }
        Refusal::Login(error) => {
            meters::login_failed(Door::Postgres);
            let detail = error.log_detail();
            match detail.level() {
                LogLevel::Info => tracing::info!(%user, %peer, reason = detail.text(), "login refused"),
                LogLevel::Warn => tracing::warn!(%user, %peer, reason = detail.text(), "login refused"),
                LogLevel::Error => tracing::error!(%user, %peer, reason = detail.text(), "login refused"),
            }
            let error = for_client(&error, &user);
            respond::error(wire, Severity::Fatal, &error);
            Err(Some(error))
        }
    }
}

fn for_client(error: &LoginError, user: &str) -> Error {
    match error {
        LoginError::Failed(_) => Error::new(ErrorCode::InvalidPassword, format!("{error} for user \"{user}\"")),
        LoginError::Unavailable(_) => Error::new(ErrorCode::CannotConnectNow, error.to_string()),
        LoginError::Protocol(_) => Error::new(ErrorCode::ProtocolViolation, error.to_string()),
        _ => Error::new(ErrorCode::InvalidPassword, error.to_string()),
    }
}

async fn exchange(wire: &mut Wire, login: &Login, asking: Asking<'_>) -> Result<Identity, Refusal> {
    match asking.method {
        PgLoginMethod::ScramSha256 => {
            let exchange = login.scram(asking.user, asking.peer, asking.tls.flatten())?;
            let mechanisms = exchange.mechanisms().iter().map(|name| (*name).to_owned()).collect();
            let mut initial = answer(wire, &Authentication::SASL(mechanisms)).await?;
            let mechanism = initial.text()?;
            let length = usize::try_from(initial.integer()?).map_err(|_| violation("SASL response without data"))?;
            let client_first = initial.bytes(length)?;
            if !initial.0.is_empty() {
                return Err(violation("invalid message format").into());
            }
            let (server_first, waiting) = exchange.start(&mechanism, &client_first)?;
            let client_final = answer(wire, &Authentication::SASLContinue(server_first.into())).await?;
            let (server_final, identity) = waiting.finish(&client_final.0).await?;
            wire.put(&Authentication::SASLFinal(server_final.into()));
            Ok(identity)
        }
        PgLoginMethod::Password => {
            if asking.tls.is_none() && !asking.peer.is_loopback() {
                return Err(Refusal::NeedsTls);
            }
            let mut response = answer(wire, &Authentication::CleartextPassword).await?;
            let password = Secret::new(response.text()?);
            if !response.0.is_empty() {
                return Err(violation("invalid password packet size").into());
            }
            Ok(login.password(asking.user, &password, asking.peer).await?)
        }
    }
}

/// Sends a request and waits for what the client says to it.
async fn answer(wire: &mut Wire, request: &Authentication) -> Result<Body, Refusal> {
    wire.put(request);
    wire.flush().await?;
    match wire.read(Phase::Login).await? {
        Some((_, body)) => Ok(Body(body)),
        None => Err(Refusal::Gone(std::io::ErrorKind::UnexpectedEof.into())),
    }
}
