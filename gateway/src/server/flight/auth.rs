//! Who calls? Every call proves it: by Basic, which is answered with a bearer token, or by that token.

use super::door::Door;
use super::listener::Peer;
use super::status::to_status;
use crate::error::{Error, ErrorCode};
use crate::session::api::{Client, Door as Through};
use crate::telemetry::meters;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use naru_auth::{BearerClaims, Identity, LogLevel, LoginError, Secret};
use std::time::SystemTime;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Request, Response, Status};

const AUTHORIZATION: &str = "authorization";

/// ADBC leaves the padding out, JDBC does not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who calls, in which session.
pub(super) struct Caller {
    pub(super) identity: Identity,
    pub(super) client: Client,
    /// The session's id: that of the token.
    pub(super) session: [u8; 16],
    /// When the token, and with it the session, ends.
    pub(super) expires: SystemTime,
    /// The header that hands out a new token.
    grant: Option<AsciiMetadataValue>,
}

impl Caller {
    /// An answer, with the new token if the caller showed a password.
    pub(super) fn answer<T>(&self, answer: T) -> Response<T> {
        let mut response = Response::new(answer);
        if let Some(grant) = &self.grant {
            response.metadata_mut().insert(AUTHORIZATION, grant.clone());
        }
        response
    }
}

/// What a caller shows.
enum Proof {
    Password { user: String, password: Secret },
    Token(String),
}

/// Lets a caller in, or says why not. No other way leads to a [`Caller`].
pub(super) async fn authenticate<T>(door: &Door, request: &Request<T>) -> Result<Caller, Status> {
    let peer =
        request.extensions().get::<Peer>().ok_or_else(|| to_status(&Error::internal("a call without a peer")))?;
    if !peer.tls && !peer.address.is_loopback() {
        return Err(refusal("this server takes passwords and tokens over TLS only"));
    }
    let proof = proof(request.metadata())?;
    let client = Client {
        door: Through::Flight,
        address: peer.address,
        application: text(request.metadata(), "user-agent").unwrap_or_default().to_owned(),
    };
    let login = door.gateway.login();
    let now = SystemTime::now();
    match proof {
        Proof::Password { user, password } => {
            let identity = login.password(&user, &password, peer.address).await;
            let identity = identity.map_err(|error| refused(door, &client, &user, &error))?;
            let (token, claims) = door.tokens.issue(&identity, now);
            let grant = AsciiMetadataValue::try_from(format!("Bearer {token}"));
            let grant = grant.map_err(|error| to_status(&Error::internal(error)))?;
            Ok(caller(identity, client, claims, Some(grant)))
        }
        Proof::Token(token) => {
            let known = login.bearer(&door.tokens, &token, now).await;
            let (identity, claims) = known.map_err(|error| refused(door, &client, "", &error))?;
            if door.sessions.is_closed(&claims.session) {
                return Err(refusal("the session was closed, log in again"));
            }
            Ok(caller(identity, client, claims, None))
        }
    }
}

fn caller(identity: Identity, client: Client, claims: BearerClaims, grant: Option<AsciiMetadataValue>) -> Caller {
    Caller { identity, client, session: claims.session, expires: claims.expires, grant }
}

fn proof(metadata: &MetadataMap) -> Result<Proof, Status> {
    let Some(header) = text(metadata, AUTHORIZATION) else {
        return Err(refusal("log in first: this call has no authorization header"));
    };
    let unreadable = || refusal("the authorization header can't be read");
    let (scheme, value) = header.split_once(' ').ok_or_else(unreadable)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Proof::Token(value.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(refusal("the authorization header must be Basic or Bearer"));
    }
    let pair = Secret::new(BASE64.decode(value.trim()).map_err(|_| unreadable())?);
    let mut parts = pair.expose_bytes().splitn(2, |byte| *byte == b':');
    let (Some(user), Some(password)) = (parts.next(), parts.next()) else { return Err(unreadable()) };
    let user = std::str::from_utf8(user).map_err(|_| unreadable())?.to_owned();
    Ok(Proof::Password { user, password: Secret::new(password) })
}

fn text<'a>(metadata: &'a MetadataMap, name: &str) -> Option<&'a str> {
    metadata.get(name).and_then(|value| value.to_str().ok())
}

fn refusal(text: &str) -> Status {
    to_status(&Error::new(ErrorCode::InvalidPassword, text))
}

/// One text for wrong passwords and unknown users; what the operator should know goes to the log. Of a token that is not good
/// nobody knows whose it was.
fn refused(door: &Door, client: &Client, user: &str, error: &LoginError) -> Status {
    let peer = client.address;
    let detail = error.log_detail();
    match detail.level() {
        LogLevel::Info => tracing::info!(%user, %peer, reason = detail.text(), "login refused"),
        LogLevel::Warn => tracing::warn!(%user, %peer, reason = detail.text(), "login refused"),
        LogLevel::Error => tracing::error!(%user, %peer, reason = detail.text(), "login refused"),
    }
    meters::login_failed(Through::Flight);
    let code = match error {
        LoginError::Unavailable(_) => ErrorCode::CannotConnectNow,
        _ => ErrorCode::InvalidPassword,
    };
    let error = Error::new(code, error.to_string());
    door.gateway.audit().login_refused(user, client, &error);
    to_status(&error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn read(header: &'static str) -> Result<Proof, Status> {
        let mut metadata = MetadataMap::new();
        metadata.insert(AUTHORIZATION, AsciiMetadataValue::from_static(header));
        proof(&metadata)
    }

    #[test]
    fn basic_is_read_with_and_without_padding_and_in_any_case() {
        // "bob:a:b", whose base64 needs padding.
        for header in ["Basic Ym9iOmE6Yg==", "basic Ym9iOmE6Yg", "BASIC Ym9iOmE6Yg="] {
            let Proof::Password { user, password } = read(header).unwrap() else { panic!("{header}") };
            assert_eq!((user.as_str(), password.expose_bytes()), ("bob", &b"a:b"[..]), "{header}");
        }
    }

    #[test]
    fn other_headers_are_refused_without_repeating_them() {
        for header in ["", "Basic", "Basic !", "Basic Ym9i", "Digest x", "Ym9iOmE6Yg=="] {
            let Err(status) = read(header) else { panic!("{header}") };
            assert_eq!(status.code(), tonic::Code::Unauthenticated);
            assert!(header.is_empty() || !status.message().contains(header), "{status:?}");
        }
    }
}
