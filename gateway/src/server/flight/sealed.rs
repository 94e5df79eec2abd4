//! Statements in the client's hands: tickets and prepared statements, signed and bound to their user.
//!
//! They hold the text and the parameters that the client itself sent, so there is nothing to hide; what they must not become is
//! somebody else's, or another statement. Any gateway with the same key redeems them.

use crate::error::{Error, ErrorCode, Result};
use bytes::Bytes;
use naru_auth::SigningKey;
use prost::Message;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A statement that a client will come back with.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SealedStatement {
    /// Chosen at random: by this a running query is found to be cancelled.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) id: Vec<u8>,
    /// Whom it was given to.
    #[prost(string, tag = "2")]
    user: String,
    /// Seconds since 1970.
    #[prost(uint64, tag = "3")]
    expires: u64,
    /// The statement's text.
    #[prost(string, tag = "4")]
    pub(super) sql: String,
    /// Rows of parameter values as an IPC stream; empty when none are bound.
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) parameters: Bytes,
    /// A digest of the schema that the client was promised; empty for a prepared statement.
    #[prost(bytes = "vec", tag = "6")]
    pub(super) promised: Vec<u8>,
    /// Which of the result's endpoints a ticket is for.
    #[prost(uint32, tag = "7")]
    pub(super) endpoint: u32,
    /// How many endpoints the result has; more than one are read once each.
    #[prost(uint32, tag = "8")]
    pub(super) endpoints: u32,
}

impl SealedStatement {
    /// A statement that nobody was given yet.
    pub(super) fn new(sql: String, parameters: Bytes) -> Self {
        Self { id: rand::random::<[u8; 16]>().to_vec(), sql, parameters, ..Self::default() }
    }

    /// With the digest of the schema that its client is promised.
    pub(super) fn promising(self, promised: Vec<u8>) -> Self {
        Self { promised, ..self }
    }

    /// The same for one of several endpoints.
    pub(super) fn endpoint(&self, endpoint: u32, endpoints: u32) -> Self {
        Self { endpoint, endpoints, ..self.clone() }
    }

    /// Must it be redeemed together with others?
    pub(super) fn is_shared(&self) -> bool {
        self.endpoints > 1
    }
}

/// Seals and opens one kind of value.
#[derive(Debug, Clone)]
pub(super) struct Seal {
    key: SigningKey,
    kind: Kind,
    lifetime: Duration,
}

/// What a sealed statement is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// DoGet.
    Ticket,
    /// The handle of a prepared statement.
    Prepared,
}

impl Kind {
    fn purpose(self) -> &'static str {
        match self {
            Self::Ticket => "flight ticket",
            Self::Prepared => "flight prepared statement",
        }
    }

    /// One error for forged, expired and another user's: nobody learns which.
    fn refusal(self) -> Error {
        match self {
            Self::Ticket => Error::new(ErrorCode::InsufficientPrivilege, "the ticket is not valid or has expired")
                .with_hint("execute the statement again"),
            Self::Prepared => Error::new(
                ErrorCode::UndefinedPreparedStatement,
                "the prepared statement does not exist or has expired",
            ),
        }
    }
}

impl Seal {
    pub(super) fn new(key: SigningKey, kind: Kind, lifetime: Duration) -> Self {
        Self { key, kind, lifetime }
    }

    /// When what is sealed now expires.
    pub(super) fn expiry(&self, now: SystemTime) -> SystemTime {
        now + self.lifetime
    }

    /// A statement for `user`, good from now on for this kind's lifetime.
    pub(super) fn seal(&self, user: &str, statement: SealedStatement, now: SystemTime) -> Bytes {
        let expires = seconds(self.expiry(now));
        let statement = SealedStatement { user: user.to_owned(), expires, ..statement };
        self.key.seal(self.kind.purpose(), &statement.encode_to_vec()).into()
    }

    /// What `user` was given, unless it has expired.
    pub(super) fn open(&self, user: &str, sealed: &[u8], now: SystemTime) -> Result<SealedStatement> {
        let statement = self.recognise(user, sealed)?;
        if seconds(now) < statement.expires { Ok(statement) } else { Err(self.kind.refusal()) }
    }

    /// What `user` was given, expired or not: a query may run longer than its ticket is good for.
    pub(super) fn recognise(&self, user: &str, sealed: &[u8]) -> Result<SealedStatement> {
        self.key
            .open(self.kind.purpose(), sealed)
            .and_then(|payload| SealedStatement::decode(payload).ok())
            .filter(|statement| statement.user == user)
            .ok_or_else(|| self.kind.refusal())
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    #[test]
    fn only_its_user_redeems_it_only_in_time_and_only_for_what_it_is() {
        let key = SigningKey::random();
        let tickets = Seal::new(key.clone(), Kind::Ticket, SOON);
        let now = SystemTime::now();
        let statement = SealedStatement::new("select 1".to_owned(), Bytes::new()).promising(b"schema".to_vec());
        let ticket = tickets.seal("alice", statement, now);
        let opened = tickets.open("alice", &ticket, now).unwrap();
        assert_eq!((opened.sql.as_str(), opened.promised.as_slice()), ("select 1", &b"schema"[..]));

        let error = |seal: &Seal, user, ticket: &[u8], now| seal.open(user, ticket, now).unwrap_err();
        let refused = error(&tickets, "bob", &ticket, now);
        assert_eq!(refused.code, ErrorCode::InsufficientPrivilege);
        assert_eq!(error(&tickets, "alice", &ticket, now + SOON).message, refused.message);
        assert!(tickets.recognise("alice", &ticket).is_ok() && tickets.recognise("bob", &ticket).is_err());
        assert_eq!(error(&tickets, "alice", &ticket[1..], now).message, refused.message);
        let others = Seal::new(SigningKey::random(), Kind::Ticket, SOON);
        assert_eq!(error(&others, "alice", &ticket, now).message, refused.message);
        let prepared = Seal::new(key, Kind::Prepared, SOON);
        assert_eq!(error(&prepared, "alice", &ticket, now).code, ErrorCode::UndefinedPreparedStatement);
    }
}
