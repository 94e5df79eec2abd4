//! A SCRAM login: the bare exchange of [`crate::scram`], plus who the user is and what the outcome means.

use std::{fmt, sync::Arc};

use super::Attempt;
use crate::{
    Identity, LoginError, LoginMethod, ScramSecret,
    error::LogLevel,
    scram::{self, Challenge, Mechanism, Outcome, ProtocolError},
};

/// Why an exchange can only fail.
type Doomed = Option<(LogLevel, String)>;

/// The server's side of one SCRAM login before its first message. Sans-IO: the listener moves the bytes.
///
/// Offer [`mechanisms`](Self::mechanisms), give the client's first message to [`start`](Self::start), send what comes back, give
/// the next one to [`ScramContinue::finish`]. Each step consumes the value, so none can be repeated or left out.
pub struct ScramExchange {
    attempt: Attempt,
    secret: Arc<ScramSecret>,
    channel_binding: Option<Vec<u8>>,
    doomed: Doomed,
}

/// A SCRAM login that waits for the client's proof.
pub struct ScramContinue {
    attempt: Attempt,
    challenge: Challenge,
    doomed: Doomed,
}

impl ScramExchange {
    pub(super) fn new(
        attempt: Attempt,
        secret: Arc<ScramSecret>,
        channel_binding: Option<Vec<u8>>,
        doomed: Doomed,
    ) -> Self {
        Self { attempt, secret, channel_binding, doomed }
    }

    /// What to offer, the preferred one first: SCRAM-SHA-256-PLUS only with channel-binding data.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        scram::mechanisms(self.channel_binding.as_deref())
    }

    /// Takes the mechanism that the client chose and its client-first message; gives the server-first message.
    ///
    /// # Errors
    /// [`LoginError::Protocol`]: malformed, not offered, or an attempted downgrade.
    pub fn start(self, mechanism: &str, client_first: &[u8]) -> Result<(Vec<u8>, ScramContinue), LoginError> {
        let binding = self.channel_binding.as_deref();
        let challenge = scram::start(self.secret, binding, mechanism, client_first).map_err(protocol)?;
        let server_first = challenge.server_first().to_vec();
        Ok((server_first, ScramContinue { attempt: self.attempt, challenge, doomed: self.doomed }))
    }
}

impl ScramContinue {
    /// Takes the client-final message; gives the server-final message, to be sent before anything else, and who it is.
    ///
    /// # Errors
    /// [`LoginError::Failed`] for a wrong proof and for users who can't log in this way, [`LoginError::Protocol`] for a
    /// malformed message or other channel-binding data, `TooManyFailures` and `Unavailable` as for a password.
    pub async fn finish(self, client_final: &[u8]) -> Result<(Vec<u8>, Identity), LoginError> {
        let method = match self.challenge.mechanism() {
            Mechanism::Plain => LoginMethod::ScramSha256,
            Mechanism::Plus => LoginMethod::ScramSha256Plus,
        };
        let outcome = self.challenge.finish(client_final).map_err(protocol)?;
        match (outcome, self.doomed) {
            (Outcome::Proven(server_final), None) => {
                let user = self.attempt.user.clone();
                Ok((server_final, self.attempt.accepted(user, method).await?))
            }
            (_, Some((level, reason))) => Err(self.attempt.refused(level, reason)),
            (Outcome::WrongProof, None) => Err(self.attempt.refused(LogLevel::Info, "wrong password (SCRAM proof)")),
        }
    }
}

fn protocol(error: ProtocolError) -> LoginError {
    LoginError::Protocol(error.0)
}

impl fmt::Debug for ScramExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramExchange").field("user", &self.attempt.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for ScramContinue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramContinue").field("user", &self.attempt.user).finish_non_exhaustive()
    }
}
