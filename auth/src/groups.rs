//! Which groups a user is in, and the groups file as Trino reads it.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use async_trait::async_trait;

use crate::{AuthError, FileError, lines};

/// Says which groups a user is in.
///
/// Implement this for a store of memberships (a file, a directory). It is asked once per login, after the password was found
/// right, with the principal that the [`Authenticator`](crate::Authenticator) named; the answer stays with the
/// [`Identity`](crate::Identity) until the next login. To check passwords implement `Authenticator` instead.
///
/// # Contract
///
/// - A user nobody knows is in no group: an empty set, not an error. The user may come from another store.
/// - When the answer can't be had, return an error, never an empty or partial set: a group can *deny* rights, so a user without
///   their groups might see more. The login fails then.
/// - Group names are compared exactly by the policies; give their canonical spelling.
#[async_trait]
pub trait GroupProvider: Send + Sync {
    /// The groups of `user`.
    ///
    /// # Errors
    /// When there is no complete answer; the login ends as [`LoginError::Unavailable`](crate::LoginError::Unavailable).
    async fn groups(&self, user: &str) -> Result<BTreeSet<String>, AuthError>;
}

/// A groups file: `group:user,user` a line. `GroupsFile::default()` knows no groups.
///
/// As in Trino, blanks around names don't matter, a group may stand on several lines, and nobody checks that its users exist.
#[derive(Clone, Debug, Default)]
pub struct GroupsFile {
    by_user: HashMap<String, BTreeSet<String>>,
}

impl GroupsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, or a line is not `group:user,user`.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Self::parse(&lines::read(path)?, path)
    }

    /// Reads text; `path` only appears in errors.
    ///
    /// # Errors
    /// When a line is not `group:user,user`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        let mut by_user: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (line, entry) in lines::entries(text) {
            let problem = |problem: String| lines::line_error(path, line, problem);
            let (group, users) =
                entry.split_once(':').ok_or_else(|| problem("no colon: a line is group:user,user".to_owned()))?;
            let group = group.trim();
            lines::check_name(group, "group").map_err(problem)?;
            for user in users.split(',').map(str::trim).filter(|user| !user.is_empty()) {
                lines::check_name(user, "user").map_err(problem)?;
                by_user.entry(user.to_owned()).or_default().insert(group.to_owned());
            }
        }
        Ok(Self { by_user })
    }
}

#[async_trait]
impl GroupProvider for GroupsFile {
    async fn groups(&self, user: &str) -> Result<BTreeSet<String>, AuthError> {
        Ok(self.by_user.get(user).cloned().unwrap_or_default())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<GroupsFile, FileError> {
        GroupsFile::parse(text, Path::new("conf/groups"))
    }

    #[tokio::test]
    async fn reads_what_trino_reads() {
        let text =
            "\u{feff}# who is where\r\n\nanalysts: ann , bob,, \r\n  admins:ann\nanalysts:cid\nempty:\nodd:na:me\n";
        let groups = parse(text).unwrap();
        let of = async |user: &str| groups.groups(user).await.unwrap().into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(of("ann").await, "admins analysts");
        assert_eq!(of("bob").await, "analysts");
        assert_eq!(of("cid").await, "analysts");
        assert_eq!(of("na:me").await, "odd");
        assert_eq!(of("Ann").await, "");
        assert_eq!(of("").await, "");
    }

    #[test]
    fn errors_name_file_and_line() {
        let cases = [
            ("# c\n\nanalysts ann", "conf/groups:3: no colon: a line is group:user,user"),
            ("a:b\n : ann", "conf/groups:2: the group name is empty"),
            ("a:b\u{1}c", "conf/groups:1: a control character in the user name"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap_err().to_string(), expected);
        }
        let missing = GroupsFile::load(Path::new("/nonexistent/groups")).unwrap_err().to_string();
        assert!(missing.starts_with("cannot read /nonexistent/groups: "), "{missing}");
    }
}
