//! The users file: `name:secret` a line, the first link of the login chain.

use std::{collections::HashMap, fmt, path::Path, sync::Arc};

use async_trait::async_trait;

use crate::{
    AuthError, Authenticator, FileError, HashWorkers, MockKey, PasswordAttempt, ScramLookup, ScramShape, Verdict,
    lines, stored::StoredSecret,
};

/// Users with their secrets from a file: `name:secret` a line, split at the first colon; `#` starts a comment line.
///
/// A secret is bcrypt (`$2y$`, `$2a$`, `$2b$`, cost 8 to 16), PBKDF2 as in Trino's password file, an argon2id PHC string, or
/// SCRAM-SHA-256 as PostgreSQL stores it; a Trino password file and lines made of `pg_authid` work as they are. Each form
/// checks a plain password; only SCRAM secrets work at a listener configured for SCRAM.
///
/// The file is read once. To reload make a new value and a new [`Login`](crate::Login), with the same [`HashWorkers`] and
/// [`MockKey`]; when it fails the old ones just stay.
pub struct PasswordFile {
    name: String,
    users: HashMap<String, Arc<StoredSecret>>,
    /// All secrets in the file's order: what unknown users are made from.
    secrets: Vec<Arc<StoredSecret>>,
    shapes: Vec<ScramShape>,
    mock_key: MockKey,
    workers: Arc<HashWorkers>,
}

impl PasswordFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it can't be read, a line is malformed, a secret is weak or unknown, or a name stands twice. The text names file and
    /// line, never the secret.
    pub fn load(path: &Path, mock_key: MockKey, workers: Arc<HashWorkers>) -> Result<Self, FileError> {
        Self::parse(&lines::read(path)?, path, mock_key, workers)
    }

    /// Reads text; `path` only appears in errors and logs.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, path: &Path, mock_key: MockKey, workers: Arc<HashWorkers>) -> Result<Self, FileError> {
        let mut users = HashMap::new();
        let mut secrets = Vec::new();
        let mut shapes = Vec::new();
        for (line, entry) in lines::entries(text) {
            let problem = |problem: String| lines::line_error(path, line, problem);
            let (name, secret) =
                entry.split_once(':').ok_or_else(|| problem("no colon: a line is name:secret".to_owned()))?;
            lines::check_name(name, "user").map_err(problem)?;
            let secret = StoredSecret::parse(secret).map_err(|error| problem(error.to_string()))?;
            if let StoredSecret::Scram(scram) = &secret {
                shapes.push(ScramShape { iterations: scram.iterations(), salt_bytes: scram.salt().len() });
            }
            let secret = Arc::new(secret);
            secrets.push(Arc::clone(&secret));
            if users.insert(name.to_owned(), secret).is_some() {
                return Err(problem(format!("user {name:?} is in this file twice")));
            }
        }
        let name = format!("password file {}", path.display());
        Ok(Self { name, users, secrets, shapes, mock_key, workers })
    }

    /// The secret to check an attempt of `user` against, and whether it is theirs. An unknown user gets somebody else's, always
    /// the same: the work then takes as long as for a known one, whatever mixture of forms and costs the file holds.
    fn secret_for(&self, user: &str) -> Option<(Arc<StoredSecret>, bool)> {
        // Chosen for known users too, so that both ways do the same.
        let other = self.mock_key.pick(user, self.secrets.len()).and_then(|index| self.secrets.get(index));
        match (self.users.get(user), other) {
            (Some(own), _) => Some((Arc::clone(own), true)),
            (None, Some(other)) => Some((Arc::clone(other), false)),
            (None, None) => None,
        }
    }
}

#[async_trait]
impl Authenticator for PasswordFile {
    fn name(&self) -> &str {
        &self.name
    }

    async fn password(&self, attempt: &PasswordAttempt<'_>) -> Result<Verdict, AuthError> {
        let Some((secret, known)) = self.secret_for(attempt.user) else {
            return Ok(Verdict::Unknown);
        };
        let password = attempt.password.clone();
        let matches = self.workers.run(move || secret.matches(password.expose_bytes())).await??;
        Ok(match (known, matches) {
            // Whether a stranger's password opens somebody's secret is nobody's business.
            (false, _) => Verdict::Unknown,
            (true, true) => Verdict::Accepted(attempt.user.to_owned()),
            (true, false) => Verdict::Rejected,
        })
    }

    fn scram_secret(&self, user: &str) -> ScramLookup {
        match self.users.get(user).map(AsRef::as_ref) {
            Some(StoredSecret::Scram(secret)) => ScramLookup::Secret(Arc::clone(secret)),
            Some(_) => ScramLookup::OtherForm,
            None => ScramLookup::Unknown,
        }
    }

    async fn knows(&self, principal: &str) -> Result<bool, AuthError> {
        Ok(self.users.contains_key(principal))
    }

    fn scram_shape(&self, user: &str) -> Option<ScramShape> {
        let index = self.mock_key.pick(user, self.shapes.len())?;
        self.shapes.get(index).copied()
    }
}

impl fmt::Debug for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordFile")
            .field("name", &self.name)
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
