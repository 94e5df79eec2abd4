//! Who is asking: from what a client shows (a password, a SCRAM proof) to an [`Identity`].
//!
//! A listener gives a [`Login`] what its protocol carried and gets an [`Identity`] or a [`LoginError`]; it decides nothing.
//! Inside, a chain of [`Authenticator`]s says whether the proof is good, a [`GroupProvider`] names the groups, and
//! [`FailedLogins`] slows down guessing. Nothing outside this crate can build an [`Identity`], so holding one means that
//! somebody proved to be that user.
//!
//! This crate knows nothing of SQL, of policies, or of a wire protocol's framing. It writes no log: what the operator should
//! read comes back as [`LogDetail`], apart from the text for the client.

mod authenticator;
mod bearer;
mod channel_binding;
mod error;
mod groups;
mod hash;
mod identity;
mod limiter;
mod lines;
mod login;
mod mock;
mod scram;
mod secret;
mod signing;
mod stored;
mod users;
mod workers;

pub use authenticator::{Authenticator, PasswordAttempt, ScramLookup, ScramShape, Verdict};
pub use bearer::{BearerClaims, BearerTokens};
pub use channel_binding::tls_server_end_point;
pub use error::{AuthError, FileError, HashError, LogDetail, LogLevel, LoginError, SecretError};
pub use groups::{GroupProvider, GroupsFile};
pub use hash::{HashForm, hash_password};
pub use identity::{Identity, LoginMethod};
pub use limiter::{FailedLoginLimits, FailedLogins};
pub use login::{Login, ScramContinue, ScramExchange};
pub use mock::MockKey;
pub use scram::ScramSecret;
pub use secret::Secret;
pub use signing::SigningKey;
pub use users::PasswordFile;
pub use workers::HashWorkers;
