//! What the server keeps instead of a password: PostgreSQL's `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.

use std::{borrow::Cow, fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Key, hmac_sha256};
use crate::{Secret, SecretError};

/// RFC 7677 section 4 asks for at least this many; PostgreSQL uses exactly this many unless told otherwise.
pub(crate) const DEFAULT_ITERATIONS: u32 = 4096;
/// PostgreSQL's salt length in bytes.
pub(crate) const SALT_BYTES: usize = 16;
/// Above this the *client* would compute for seconds at every login.
const MAX_ITERATIONS: u32 = 10_000_000;
const SCHEME: &str = "SCRAM-SHA-256$";

/// A user's SCRAM-SHA-256 secret. It checks a SCRAM proof as well as a plain password; the password can't be read from it.
///
/// `FromStr` reads PostgreSQL's form (`pg_authid.rolpassword`), [`encode`](Self::encode) writes it. `Debug` prints `***`.
pub struct ScramSecret {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Zeroizing<Key>,
    server_key: Zeroizing<Key>,
}

impl ScramSecret {
    /// The secret of `password` with PostgreSQL's parameters and a fresh salt.
    pub fn generate(password: &Secret) -> Self {
        let salt: [u8; SALT_BYTES] = rand::random();
        Self::derive(password.expose_bytes(), &salt, DEFAULT_ITERATIONS)
    }

    pub(crate) fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let mut salted_password = Zeroizing::new([0_u8; 32]);
        pbkdf2_hmac::<Sha256>(&prepared(password), salt, iterations, &mut *salted_password);
        let client_key = Zeroizing::new(hmac_sha256(&salted_password, &[b"Client Key"]));
        let stored_key = Sha256::digest(client_key.as_slice()).into();
        let server_key = hmac_sha256(&salted_password, &[b"Server Key"]);
        Self::from_parts(iterations, salt.to_vec(), stored_key, server_key)
    }

    pub(crate) fn from_parts(iterations: u32, salt: Vec<u8>, stored_key: Key, server_key: Key) -> Self {
        Self { iterations, salt, stored_key: Zeroizing::new(stored_key), server_key: Zeroizing::new(server_key) }
    }

    /// PostgreSQL's text form. It is a secret: who has it can pretend to be this server.
    pub fn encode(&self) -> String {
        let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
        format!(
            "{SCHEME}{}:{}${}:{}",
            self.iterations,
            encoded(&self.salt),
            encoded(self.stored_key.as_slice()),
            encoded(self.server_key.as_slice()),
        )
    }

    /// Does this plain password belong to this secret? Costs what the client pays in an exchange.
    pub(crate) fn matches_password(&self, password: &[u8]) -> bool {
        let derived = Self::derive(password, &self.salt, self.iterations);
        bool::from(derived.stored_key.as_slice().ct_eq(self.stored_key.as_slice()))
    }

    pub(crate) fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(crate) fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub(super) fn stored_key(&self) -> &Key {
        &self.stored_key
    }

    pub(super) fn server_key(&self) -> &Key {
        &self.server_key
    }
}

impl FromStr for ScramSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let malformed =
            || SecretError::new("SCRAM secret is not SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>");
        let body = text.strip_prefix(SCHEME).ok_or_else(malformed)?;
        let (parameters, keys) = body.split_once('$').ok_or_else(malformed)?;
        let (iterations, salt) = parameters.split_once(':').ok_or_else(malformed)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or_else(malformed)?;

        let iterations: u32 =
            iterations.parse().map_err(|_| SecretError::new("SCRAM iteration count is not a number"))?;
        if !(DEFAULT_ITERATIONS..=MAX_ITERATIONS).contains(&iterations) {
            let problem = format!("SCRAM iteration count must be {DEFAULT_ITERATIONS} to {MAX_ITERATIONS}");
            return Err(SecretError::new(problem));
        }
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| SecretError::new("SCRAM salt is not base64"))?;
        if salt.is_empty() {
            return Err(SecretError::new("SCRAM salt is empty"));
        }
        let stored_key = decoded_key(stored_key, "StoredKey")?;
        let server_key = decoded_key(server_key, "ServerKey")?;
        Ok(Self::from_parts(iterations, salt, stored_key, server_key))
    }
}

impl fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn decoded_key(text: &str, name: &str) -> Result<Key, SecretError> {
    let bytes = BASE64_STANDARD.decode(text).map_err(|_| SecretError(format!("SCRAM {name} is not base64")))?;
    bytes.try_into().map_err(|_| SecretError(format!("SCRAM {name} is not 32 bytes long")))
}

/// SASLprep (RFC 4013) where it applies, else the bytes as they are: what PostgreSQL and its drivers do, so that a password of
/// any encoding works.
fn prepared(password: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(password) else {
        return Cow::Borrowed(password);
    };
    match stringprep::saslprep(text) {
        Ok(Cow::Owned(prepared)) if !prepared.is_empty() => Cow::Owned(prepared.into_bytes()),
        // Unchanged, prohibited characters, or nothing left of it (PostgreSQL's pg_saslprep calls that prohibited as well).
        _ => Cow::Borrowed(password),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    // Read from pg_authid of a PostgreSQL 15 after CREATE ROLE ... PASSWORD 'demo', U&'\00AA-\2168' and U&'a\00ADb'.
    const DEMO: &str = "SCRAM-SHA-256$4096:QLOp1HpcoxB5lAAEhuGq2g==$7LkC9ANNj1mx6VQAGqJp8/wsqzaq4B3j+PEZRV5cPbY=:viLoyk6TDUpmkfA75SDmsgxqWhqeLruTCGYLdphbFCM=";
    const NORMALISED: &str = "SCRAM-SHA-256$4096:SdbbubwSV7xP9g8cYKgKDQ==$V4EoC2RwTncSWFQQKSAV9SmHOIl0ploLCVfl8HaGSBM=:zxXVG41Ygeq/hgHVboxl29l7v0Gak4EnAqrKS62vcvw=";
    const SOFT_HYPHEN: &str = "SCRAM-SHA-256$4096:UDT9FR0IV1m6f4Fy+2lpXA==$vnBSv5NkZaiIQEq6REsxrriVo/1wYoi/VHss5LxaY9E=:Ka+AvcViAXhkBqKDcfTjhBrTn8XiRtk3vpOuwl6GgrI=";

    #[test]
    fn secrets_that_postgresql_made_check_plain_passwords() {
        let demo: ScramSecret = DEMO.parse().unwrap();
        assert!(demo.matches_password(b"demo"));
        assert!(!demo.matches_password(b"Demo"));
        assert!(!demo.matches_password(b""));
        assert_eq!(demo.encode(), DEMO);
        assert_eq!(ScramSecret::derive(b"demo", demo.salt(), 4096).encode(), DEMO);
    }

    #[test]
    fn passwords_are_prepared_as_postgresql_does() {
        let normalised: ScramSecret = NORMALISED.parse().unwrap();
        assert!(normalised.matches_password("\u{AA}-\u{2168}".as_bytes()));
        assert!(normalised.matches_password(b"a-IX"));
        let soft_hyphen: ScramSecret = SOFT_HYPHEN.parse().unwrap();
        assert!(soft_hyphen.matches_password("a\u{AD}b".as_bytes()));
        assert!(soft_hyphen.matches_password(b"ab"));
    }

    #[test]
    fn what_saslprep_refuses_is_used_as_it_is() {
        for password in [&b"\xff\xfe"[..], b"tab\there", "\u{AD}".as_bytes()] {
            assert_eq!(prepared(password), password);
        }
    }

    #[test]
    fn malformed_secrets_name_the_problem_and_nothing_else() {
        let cases = [
            ("SCRAM-SHA-256$4096:c2FsdA==", "is not SCRAM-SHA-256$"),
            ("SCRAM-SHA-1$4096:c2FsdA==$a:b", "is not SCRAM-SHA-256$"),
            ("SCRAM-SHA-256$many:c2FsdA==$a:b", "not a number"),
            ("SCRAM-SHA-256$4095:c2FsdA==$a:b", "must be 4096"),
            ("SCRAM-SHA-256$4294967295:c2FsdA==$a:b", "must be 4096"),
            ("SCRAM-SHA-256$4096:$a:b", "salt is empty"),
            ("SCRAM-SHA-256$4096:!!$a:b", "salt is not base64"),
            ("SCRAM-SHA-256$4096:c2FsdA==$*:b", "StoredKey is not base64"),
            ("SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:c2FsdA==", "StoredKey is not 32 bytes"),
        ];
        for (text, expected) in cases {
            let problem = text.parse::<ScramSecret>().unwrap_err().to_string();
            assert!(problem.contains(expected), "{text}: {problem}");
            assert!(!problem.contains("c2FsdA"), "{problem}");
        }
        assert_eq!(format!("{:?}", DEMO.parse::<ScramSecret>().unwrap()), "***");
    }
}
