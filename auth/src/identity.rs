//! The proven user. Built only in this crate, after a login succeeded; everything else reads it.

use std::{collections::BTreeSet, fmt, sync::Arc};

/// How a user proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginMethod {
    /// The password itself reached the gateway (PostgreSQL `password` over TLS, Flight's Basic).
    Password,
    /// SCRAM-SHA-256 (RFC 7677): the password stayed with the client.
    ScramSha256,
    /// SCRAM-SHA-256-PLUS: as before, and bound to the gateway's certificate.
    ScramSha256Plus,
    /// A bearer token that an earlier login gave.
    BearerToken,
    /// Not at all: somebody who has the gateway's files asks what the user would see.
    Supposed,
}

impl LoginMethod {
    /// The name for logs and audit records: `password`, `scram-sha-256`, `scram-sha-256-plus`, `bearer-token`,
    /// `supposed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ScramSha256 => "scram-sha-256",
            Self::ScramSha256Plus => "scram-sha-256-plus",
            Self::BearerToken => "bearer-token",
            Self::Supposed => "supposed",
        }
    }
}

/// A user who has proven to be that user, with the groups they had at that moment.
///
/// Only [`Login`](crate::Login) makes one: there is no public constructor, no `Default` and no deserialisation, so a function
/// that takes an `Identity` can't be called for somebody who did not log in, as long as there is a `Login` to log in with (see
/// [`Login::suppose`](crate::Login::suppose)). A clone shares its data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity(Arc<Proven>);

#[derive(PartialEq, Eq, Hash)]
struct Proven {
    user: String,
    groups: BTreeSet<String>,
    roles: BTreeSet<String>,
    method: LoginMethod,
}

impl Identity {
    pub(crate) fn new(user: String, groups: BTreeSet<String>, method: LoginMethod) -> Self {
        Self(Arc::new(Proven { user, groups, roles: BTreeSet::new(), method }))
    }

    /// The name that policies, `current_user` and the audit record use.
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// The user's groups, sorted.
    pub fn groups(&self) -> &BTreeSet<String> {
        &self.0.groups
    }

    /// The user's roles, sorted; empty until role providers exist.
    pub fn roles(&self) -> &BTreeSet<String> {
        &self.0.roles
    }

    /// How the user logged in.
    pub fn method(&self) -> LoginMethod {
        self.0.method
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("user", &self.0.user).field("groups", &self.0.groups).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_user_and_groups_only() {
        let groups = BTreeSet::from(["b".to_owned(), "a".to_owned()]);
        let identity = Identity::new("ann".to_owned(), groups, LoginMethod::Password);
        assert_eq!(format!("{identity:?}"), r#"Identity { user: "ann", groups: {"a", "b"}, .. }"#);
    }
}
