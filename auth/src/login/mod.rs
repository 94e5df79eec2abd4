//! The way in: asks the chain, books the outcome with the limiter, looks up the groups, and is the only caller of
//! `Identity::new`. A listener's protocol decides which method it calls; the form of a user's hash never does.

mod exchange;

use std::{
    collections::BTreeSet,
    fmt,
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

pub use exchange::{ScramContinue, ScramExchange};

use crate::{
    Authenticator, BearerClaims, BearerTokens, FailedLogins, GroupProvider, Identity, LoginError, LoginMethod, MockKey,
    PasswordAttempt, ScramLookup, ScramSecret, ScramShape, Secret, Verdict,
    error::{LogDetail, LogLevel},
    scram::{DEFAULT_ITERATIONS, SALT_BYTES},
};

/// Who may log in: a chain of [`Authenticator`]s, where groups come from, and the limit on failures.
///
/// A reload makes a new `Login` with the same [`FailedLogins`] and [`MockKey`]; exchanges under way end with the old one.
pub struct Login {
    chain: Vec<Arc<dyn Authenticator>>,
    groups: Arc<dyn GroupProvider>,
    failures: Arc<FailedLogins>,
    mock_key: MockKey,
}

impl Login {
    /// The links of `chain` are asked in order. `mock_key` must be the same for all gateways behind one balancer.
    pub fn new(
        chain: Vec<Arc<dyn Authenticator>>,
        groups: Arc<dyn GroupProvider>,
        failures: Arc<FailedLogins>,
        mock_key: MockKey,
    ) -> Self {
        Self { chain, groups, failures, mock_key }
    }

    /// Logs in with a plain password, which must have come over TLS (or a loopback or Unix socket): the listener's duty.
    ///
    /// # Errors
    /// Any [`LoginError`] but `Protocol`. An empty user or password always fails.
    pub async fn password(&self, user: &str, password: &Secret, peer: IpAddr) -> Result<Identity, LoginError> {
        let attempt = self.begin(user, peer)?;
        if user.is_empty() || password.is_empty() {
            return Err(attempt.refused(LogLevel::Info, "empty user name or password"));
        }
        let asked = PasswordAttempt { user, password, peer };
        for link in &self.chain {
            let answer = link.password(&asked).await;
            match answer.map_err(|error| LoginError::unavailable(format!("{}: {error}", link.name())))? {
                Verdict::Accepted(principal) => return attempt.accepted(principal, LoginMethod::Password).await,
                Verdict::Rejected => {
                    return Err(attempt.refused(LogLevel::Info, format!("wrong password ({})", link.name())));
                }
                Verdict::Unknown => {}
            }
        }
        Err(attempt.refused(LogLevel::Info, "unknown user"))
    }

    /// Begins a SCRAM exchange for the user of the start-up packet.
    ///
    /// `channel_binding` is the `tls-server-end-point` data of the certificate that this connection uses (see
    /// [`tls_server_end_point`](crate::tls_server_end_point)), `None` without TLS. A user who is unknown, or whose secret is of
    /// another form, gets an exchange that looks the same and fails at its end.
    ///
    /// # Errors
    /// [`LoginError::TooManyFailures`] only.
    pub fn scram(
        &self,
        user: &str,
        peer: IpAddr,
        channel_binding: Option<Vec<u8>>,
    ) -> Result<ScramExchange, LoginError> {
        let attempt = self.begin(user, peer)?;
        let mut doomed = (LogLevel::Info, "unknown user".to_owned());
        for link in &self.chain {
            match link.scram_secret(user) {
                ScramLookup::Secret(secret) => return Ok(ScramExchange::new(attempt, secret, channel_binding, None)),
                ScramLookup::OtherForm => {
                    let reason = format!(
                        "this listener asks for SCRAM, but the user's secret is of another form ({})",
                        link.name()
                    );
                    doomed = (LogLevel::Warn, reason);
                    break;
                }
                ScramLookup::Unknown => {}
            }
        }
        let secret = Arc::new(self.mock_secret(user));
        Ok(ScramExchange::new(attempt, secret, channel_binding, Some(doomed)))
    }

    /// The identity behind a token that an earlier login was given: a user whom the chain still knows, with the groups of now.
    ///
    /// # Errors
    /// [`LoginError::Token`], or `Unavailable` when the chain or the groups can't be asked.
    pub async fn bearer(
        &self,
        tokens: &BearerTokens,
        token: &str,
        now: SystemTime,
    ) -> Result<(Identity, BearerClaims), LoginError> {
        let refused = |reason: &str| LoginError::Token(LogDetail::new(LogLevel::Info, reason));
        let (user, claims) = tokens.read(token, now).ok_or_else(|| refused("forged or expired token"))?;
        for link in &self.chain {
            let known = link.knows(&user).await;
            if known.map_err(|error| LoginError::unavailable(format!("{}: {error}", link.name())))? {
                let groups = groups_of(self.groups.as_ref(), &user).await?;
                return Ok((Identity::new(user, groups, LoginMethod::BearerToken), claims));
            }
        }
        Err(refused("token of a user who has left"))
    }

    /// The identity that a user would have after a login, for whoever holds the gateway's files and asks what that user may see.
    /// The chain is gone from the `Login` that comes back: a program that supposes users lets nobody in.
    ///
    /// # Errors
    /// [`LoginError::Unavailable`] when the groups can't be asked.
    pub async fn suppose(self, user: &str) -> Result<(Identity, Self), LoginError> {
        let groups = groups_of(self.groups.as_ref(), user).await?;
        let identity = Identity::new(user.to_owned(), groups, LoginMethod::Supposed);
        Ok((identity, Self { chain: Vec::new(), ..self }))
    }

    fn mock_secret(&self, user: &str) -> ScramSecret {
        let usual = ScramShape { iterations: DEFAULT_ITERATIONS, salt_bytes: SALT_BYTES };
        let shape = self.chain.iter().find_map(|link| link.scram_shape(user)).unwrap_or(usual);
        self.mock_key.scram_secret(user, shape)
    }

    fn begin(&self, user: &str, peer: IpAddr) -> Result<Attempt, LoginError> {
        self.failures
            .check(user, peer, Instant::now())
            .map_err(|retry_after| LoginError::TooManyFailures { retry_after })?;
        let (groups, failures) = (Arc::clone(&self.groups), Arc::clone(&self.failures));
        Ok(Attempt { user: user.to_owned(), peer, groups, failures })
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain: Vec<&str> = self.chain.iter().map(|link| link.name()).collect();
        f.debug_struct("Login").field("chain", &chain).finish_non_exhaustive()
    }
}

/// One login under way, whatever its method: its two ends are here, so each of them is booked and no method forgets the limit.
struct Attempt {
    user: String,
    peer: IpAddr,
    groups: Arc<dyn GroupProvider>,
    failures: Arc<FailedLogins>,
}

impl Attempt {
    async fn accepted(self, principal: String, method: LoginMethod) -> Result<Identity, LoginError> {
        self.settle(true)?;
        let groups = groups_of(self.groups.as_ref(), &principal).await?;
        Ok(Identity::new(principal, groups, method))
    }

    fn refused(self, level: LogLevel, reason: impl Into<String>) -> LoginError {
        self.settle(false).err().unwrap_or_else(|| LoginError::failed(level, reason))
    }

    fn settle(&self, succeeded: bool) -> Result<(), LoginError> {
        self.failures
            .settle(&self.user, self.peer, succeeded, Instant::now())
            .map_err(|retry_after| LoginError::TooManyFailures { retry_after })
    }
}

async fn groups_of(provider: &dyn GroupProvider, principal: &str) -> Result<BTreeSet<String>, LoginError> {
    provider.groups(principal).await.map_err(|error| LoginError::unavailable(format!("groups: {error}")))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
