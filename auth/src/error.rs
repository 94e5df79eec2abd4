//! What can go wrong, for three readers: the client ([`LoginError`]'s text), the operator's log ([`LogDetail`]), and whoever
//! edits the files ([`FileError`]). No variant holds a secret.

use std::{fmt, io, path::PathBuf, time::Duration};

/// How loud a [`LogDetail`] should be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everyday: somebody mistyped a password.
    Info,
    /// The configuration keeps a legitimate user out.
    Warn,
    /// Something that the login depends on does not work.
    Error,
}

/// What the operator should know about a refused login. It may say that a user does not exist, so it must not reach a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogDetail {
    level: LogLevel,
    text: String,
}

impl LogDetail {
    pub(crate) fn new(level: LogLevel, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }

    /// How loud.
    pub fn level(&self) -> LogLevel {
        self.level
    }

    /// The text, without user name and address: the caller knows both.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Why a login was refused. `Display` is the text for the client; the rest is in [`log_detail`](Self::log_detail).
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// Wrong password, unknown user, or a user who can't use this method: one text for all (PostgreSQL: 28P01).
    Failed(LogDetail),
    /// Too many failed logins from there. The password was not looked at (PostgreSQL: 28P01, with this text).
    TooManyFailures {
        /// When the next attempt will be looked at.
        retry_after: Duration,
    },
    /// Somebody we must ask does not answer, so nobody is let in (PostgreSQL: 57P03).
    Unavailable(LogDetail),
    /// The client broke the SCRAM protocol, or somebody between tampers with it (PostgreSQL: 08P01).
    ///
    /// Never 28000 for this: pgjdbc with `sslmode=prefer` answers that by trying again without TLS. What is wrong does not
    /// depend on the user, so the client may read it. It does not count as a failed login: no password was guessed.
    Protocol(&'static str),
    /// A bearer token that is forged, expired, or of a user who has left. Does not count as a failed login either.
    Token(LogDetail),
}

impl LoginError {
    pub(crate) fn failed(level: LogLevel, text: impl Into<String>) -> Self {
        Self::Failed(LogDetail::new(level, text))
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::Unavailable(LogDetail::new(LogLevel::Error, text))
    }

    /// What to write to the log beside user and address.
    pub fn log_detail(&self) -> LogDetail {
        match self {
            Self::Failed(detail) | Self::Unavailable(detail) | Self::Token(detail) => detail.clone(),
            Self::TooManyFailures { .. } => LogDetail::new(LogLevel::Warn, "too many failed logins"),
            Self::Protocol(problem) => LogDetail::new(LogLevel::Info, *problem),
        }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(_) => f.write_str("password authentication failed"),
            Self::TooManyFailures { retry_after } => {
                write!(f, "too many failed logins, try again in {} s", retry_after.as_secs().saturating_add(1))
            }
            Self::Unavailable(_) => f.write_str("login is not available at the moment, try again later"),
            Self::Protocol(problem) => f.write_str(problem),
            Self::Token(_) => f.write_str("the token is not valid or has expired, log in again"),
        }
    }
}

impl std::error::Error for LoginError {}

/// An [`Authenticator`](crate::Authenticator) or [`GroupProvider`](crate::GroupProvider) can't answer. Ends the login.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct AuthError {
    detail: String,
}

impl AuthError {
    /// `detail` goes to the log: name the server and what failed, never the password.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

/// What is wrong with a stored secret, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub(crate) String);

impl SecretError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// A users or groups file that can't be used. Names file and line, never the line's text: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file as configured.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file as configured.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Why a password was not hashed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// An empty password could never be used to log in.
    #[error("the password is empty")]
    Empty,
    /// bcrypt looks at 72 bytes only, so a longer password would be weaker than it looks.
    #[error("bcrypt takes at most 72 bytes and no NUL byte; choose argon2id or scram for this password")]
    NotForBcrypt,
    /// The hash function refused.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}
