//! The contract of one link in the login chain. What calls it is [`Login`](crate::Login); the first link is
//! [`PasswordFile`](crate::PasswordFile).

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;

use crate::{AuthError, ScramSecret, Secret};

/// A user name and a password that a client sent.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PasswordAttempt<'a> {
    /// The name as the client gave it; never empty.
    pub user: &'a str,
    /// The password; never empty.
    pub password: &'a Secret,
    /// Where the client connects from, for servers that want to know.
    pub peer: IpAddr,
}

/// What one link says about an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right. Holds the principal: the name by which policies and groups know this user, often the one that
    /// the client gave.
    Accepted(String),
    /// Not a user of this link: ask the next one.
    Unknown,
    /// A user of this link, and the password is wrong. The login ends here: no later link may let the same name in.
    Rejected,
}

/// What one link knows for a SCRAM exchange.
#[derive(Clone, Debug)]
pub enum ScramLookup {
    /// The user's secret.
    Secret(Arc<ScramSecret>),
    /// A user of this link whose secret can't be used for SCRAM. The login will fail; the operator is told why.
    OtherForm,
    /// Not a user of this link: ask the next one.
    Unknown,
}

/// What the server shows of a SCRAM secret before the client has proven anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScramShape {
    /// The iteration count.
    pub iterations: u32,
    /// The salt's length in bytes.
    pub salt_bytes: usize,
}

/// One link of the login chain: somebody who can tell whether a password is right.
///
/// Implement this for a store of users that checks *passwords*: a file, an LDAP directory, a database. A link only answers; it
/// does not limit attempts, look up groups, or build an [`Identity`](crate::Identity): [`Login`](crate::Login) does, once for
/// all links. To say which *groups* a user is in, implement [`GroupProvider`](crate::GroupProvider) instead; a directory that
/// knows both implements both. What proves a user without a password (a client certificate, a Kerberos ticket, a signed token)
/// is no link of this chain but another method of `Login`.
///
/// # Contract
///
/// - **Only [`Verdict::Unknown`] passes the question on.** A wrong password is [`Verdict::Rejected`]; what prevents an answer
///   (server down, bad response) is an error, which ends the login. Never turn an error into `Unknown`: a later link may
///   know a user of the same name with another password.
/// - **`Unknown` takes as long as `Rejected`**, so that nobody can find out by a clock which names exist.
/// - The name is to be compared exactly, unless the store has rules of its own; then `Accepted` holds its canonical spelling.
/// - Passwords and user input stay out of every error text and `Debug`.
/// - The future may be dropped at any point (the client hung up). Slow hashing belongs in [`HashWorkers`](crate::HashWorkers) or
///   another bounded place, never on the async thread.
///
/// # Example
///
/// ```
/// use async_trait::async_trait;
/// use naru_auth::{AuthError, Authenticator, PasswordAttempt, Verdict};
///
/// /// One service account whose password comes from a vault.
/// #[derive(Debug)]
/// struct Vault;
///
/// # async fn vault_accepts(_password: &[u8]) -> Result<bool, std::io::Error> { Ok(true) }
/// #[async_trait]
/// impl Authenticator for Vault {
///     fn name(&self) -> &str {
///         "vault"
///     }
///
///     async fn password(&self, attempt: &PasswordAttempt<'_>) -> Result<Verdict, AuthError> {
///         let right = vault_accepts(attempt.password.expose_bytes())
///             .await
///             .map_err(|error| AuthError::new(format!("vault does not answer: {error}")))?;
///         // Asked in both cases, so that both take the same time.
///         Ok(match (attempt.user == "etl", right) {
///             (false, _) => Verdict::Unknown,
///             (true, true) => Verdict::Accepted("etl".to_owned()),
///             (true, false) => Verdict::Rejected,
///         })
///     }
/// }
/// ```
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Names this link in the log, with its file or server: `password file conf/users`.
    fn name(&self) -> &str;

    /// Is this password right?
    ///
    /// # Errors
    /// When there is no answer; the login ends as [`LoginError::Unavailable`](crate::LoginError::Unavailable).
    async fn password(&self, attempt: &PasswordAttempt<'_>) -> Result<Verdict, AuthError>;

    /// The user's SCRAM secret, from memory. A link that never sees such a secret (LDAP) keeps the default: its users can't
    /// log in at a listener that is configured for SCRAM.
    fn scram_secret(&self, user: &str) -> ScramLookup {
        let _ = user;
        ScramLookup::Unknown
    }

    /// Is this principal still one of this link's users? Asked each time somebody comes back with a bearer token instead of a
    /// password. A link that can't tell cheaply keeps the default: its users' tokens are good until they expire.
    ///
    /// # Errors
    /// When there is no answer; the token is refused.
    async fn knows(&self, principal: &str) -> Result<bool, AuthError> {
        let _ = principal;
        Ok(true)
    }

    /// What this link's SCRAM secrets look like, for the made-up one that a user without any is shown. Must be stable for a
    /// `user`, and spread over users as the real ones do. `None` if this link has no SCRAM secrets.
    fn scram_shape(&self, user: &str) -> Option<ScramShape> {
        let _ = user;
        None
    }
}
