//! Whose name queries have at the servers: the catalog's own account, one of a server, or one of the asking user's.

use naru_connector::{ConnectorError, Result, Secret};
use serde::Deserialize;
use std::collections::HashMap;

/// Stands for every user without a line.
const EVERYONE_ELSE: &str = "*";

/// An account at servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: Option<Secret>,
}

/// The accounts of users. Who has none is refused, unless there is one for everyone else.
#[derive(Debug, Clone)]
pub(crate) struct Credentials(HashMap<String, Account>);

impl Credentials {
    /// Reads `user:account:password` lines; a password may hold colons. Errors name lines, never what is in them.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut accounts: HashMap<String, Account> = HashMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong =
                |problem: &str| ConnectorError::configuration(format!("\"credentials\", line {number}: {problem}"));
            let mut parts = line.splitn(3, ':');
            let (Some(user), Some(account), Some(password)) = (parts.next(), parts.next(), parts.next()) else {
                return Err(wrong("it is not user:account:password"));
            };
            if user.is_empty() || account.is_empty() {
                return Err(wrong("a name is empty"));
            }
            let account = Account { user: account.to_owned(), password: Some(Secret::new(password)) };
            // Connections are shared by account: a wrong password must not ride on a right one.
            if accounts.values().any(|known| known.user == account.user && known.password != account.password) {
                return Err(wrong("its account has another password above"));
            }
            if accounts.insert(user.to_owned(), account).is_some() {
                return Err(wrong("the user is there twice"));
            }
        }
        Ok(Self(accounts))
    }

    /// The account of a user.
    pub(crate) fn of(&self, user: &str) -> Option<&Account> {
        // A user of that name is nobody's stand-in.
        let own = self.0.get(user).filter(|_| user != EVERYONE_ELSE);
        own.or_else(|| self.0.get(EVERYONE_ELSE))
    }
}

/// An entry of `accounts` in the catalog file: servers that have another account than the catalog's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    servers: Vec<usize>,
    user: Option<String>,
    password: Option<String>,
}

/// The account of each server: the catalog's own, or what `accounts` says.
pub(crate) fn by_server(own: &Account, document: Option<&serde_json::Value>, servers: usize) -> Result<Vec<Account>> {
    let mut accounts = vec![own.clone(); servers];
    let Some(document) = document else { return Ok(accounts) };
    // What the reader of the document says may repeat a value.
    let entries: Vec<Entry> = serde_json::from_value(document.clone()).map_err(|_| {
        ConnectorError::configuration("\"accounts\" is a list of tables with servers, and user, password or both")
    })?;
    for entry in entries {
        for server in entry.servers {
            let account = accounts.get_mut(server).ok_or_else(|| {
                let last = servers.saturating_sub(1);
                ConnectorError::configuration(format!("\"accounts\": \"servers\" are positions from 0 to {last}"))
            })?;
            if let Some(user) = &entry.user {
                account.user.clone_from(user);
            }
            if let Some(password) = &entry.password {
                account.password = Some(Secret::new(password));
            }
        }
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_user_has_their_own_account_or_everyone_elses_or_none() {
        let credentials = Credentials::parse("# users\nbob:src_bob:a:b\r\n\nalice:src_alice:x\n").unwrap();
        let bob = credentials.of("bob").unwrap();
        assert_eq!((bob.user.as_str(), bob.password.as_ref().unwrap().expose()), ("src_bob", "a:b"));
        assert_eq!(credentials.of("carol"), None);
        let credentials = Credentials::parse("bob:src_bob:a\n*:everyone:y").unwrap();
        assert_eq!(credentials.of("carol").unwrap().user, "everyone");
        assert_eq!(credentials.of("bob").unwrap().user, "src_bob");
    }

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        for (text, expected) in [
            ("bob:src_bob:a\nhunter2", "line 2: it is not"),
            ("bob:hunter2", "line 1: it is not"),
            (":src:hunter2", "line 1: a name"),
            ("bob:src:hunter2\nbob:src:hunter2", "line 2: the user"),
            ("bob:src:hunter2\nalice:src:other", "line 2: its account"),
        ] {
            let error = Credentials::parse(text).unwrap_err();
            assert!(error.message.contains(expected), "{}", error.message);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        assert!(!format!("{:?}", Credentials::parse("bob:src:hunter2")).contains("hunter2"));
    }

    #[test]
    fn a_server_may_have_another_account() {
        let own = Account { user: "naru".to_owned(), password: Some(Secret::new("p")) };
        let document = json!([{"servers": [1], "user": "other", "password": "q"}, {"servers": [2], "password": "r"}]);
        let accounts = by_server(&own, Some(&document), 3).unwrap();
        let seen: Vec<_> = accounts.iter().map(|a| (a.user.as_str(), a.password.as_ref().unwrap().expose())).collect();
        assert_eq!(seen, [("naru", "p"), ("other", "q"), ("naru", "r")]);
        for wrong in [json!([{"servers": [3], "user": "x"}]), json!([{"servers": [0], "password": {"x": "hunter2"}}])] {
            let error = by_server(&own, Some(&wrong), 3).unwrap_err();
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
