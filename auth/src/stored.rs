//! The secrets a users file may hold: which form a text is, and whether a password belongs to it. A secret's parameters are
//! checked when the file is read, so a typing mistake is found then and not at the first login, and no login runs for hours.

use std::{fmt, sync::Arc};

use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use bcrypt::HashParts;
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use subtle::ConstantTimeEq;

use base64::Engine;

use crate::{AuthError, ScramSecret, SecretError};

/// Trino's minimum; the maximum is some seconds of work.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 8..=16;
/// Trino's minimum; the maximum is some seconds of work.
const PBKDF2_ITERATIONS: std::ops::RangeInclusive<u32> = 1000..=10_000_000;
/// 1 GiB in KiB: what one login may take of memory.
const ARGON2_MAX_MEMORY: u32 = 1 << 20;
const ARGON2_MAX_PASSES: u32 = 64;
/// bcrypt does not look at what comes after.
pub(crate) const BCRYPT_MAX_PASSWORD: usize = 72;

/// One user's secret, read and checked.
pub(crate) enum StoredSecret {
    /// `$2y$`, `$2a$`, `$2b$`: one function today, the prefixes mark bugs of long ago.
    Bcrypt(String),
    /// Trino's `iterations:hexsalt:hexhash`, PBKDF2 with HMAC-SHA-1.
    Pbkdf2 { iterations: u32, salt: Vec<u8>, hash: Vec<u8> },
    /// A PHC string `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
    Argon2id { params: Params, version: Version, salt: Vec<u8>, hash: Vec<u8> },
    /// PostgreSQL's `SCRAM-SHA-256$..`.
    Scram(Arc<ScramSecret>),
}

impl StoredSecret {
    pub(crate) fn parse(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() {
            return Err(SecretError::new("the secret is empty"));
        }
        if text.starts_with("SCRAM-SHA-") {
            return text.parse().map(|secret| Self::Scram(Arc::new(secret)));
        }
        if text.starts_with("$2") {
            return parse_bcrypt(text);
        }
        if text.starts_with("$argon2") {
            return parse_argon2(text);
        }
        if text.split_once(':').is_some_and(|(first, _)| first.parse::<u32>().is_ok()) {
            return parse_pbkdf2(text);
        }
        Err(SecretError::new(
            "the secret is neither bcrypt, argon2id, PBKDF2 nor SCRAM-SHA-256; try naru hash-password",
        ))
    }

    /// Slow on purpose: call it in [`HashWorkers`](crate::HashWorkers).
    pub(crate) fn matches(&self, password: &[u8]) -> Result<bool, AuthError> {
        match self {
            Self::Bcrypt(secret) => {
                let matches = bcrypt::verify(password, secret)
                    .map_err(|error| AuthError::new(format!("bcrypt does not compute: {error}")))?;
                // bcrypt stops at 72 bytes, and takes "a" and "a\0a" for one password. Neither may log in with the other's.
                Ok(matches & fits_bcrypt(password))
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                pbkdf2_hmac::<Sha1>(password, salt, *iterations, &mut computed);
                Ok(computed.ct_eq(hash).into())
            }
            Self::Argon2id { params, version, salt, hash } => {
                let mut computed = vec![0; hash.len()];
                Argon2::new(Algorithm::Argon2id, *version, params.clone())
                    .hash_password_into(password, salt, &mut computed)
                    .map_err(|error| AuthError::new(format!("argon2id does not compute: {error}")))?;
                Ok(computed.ct_eq(hash).into())
            }
            Self::Scram(secret) => Ok(secret.matches_password(password)),
        }
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

pub(crate) fn fits_bcrypt(password: &[u8]) -> bool {
    password.len() <= BCRYPT_MAX_PASSWORD && !password.contains(&0)
}

fn parse_bcrypt(text: &str) -> Result<StoredSecret, SecretError> {
    if !["$2y$", "$2a$", "$2b$"].iter().any(|prefix| text.starts_with(prefix)) {
        return Err(SecretError::new("bcrypt secret does not start with $2y$, $2a$ or $2b$"));
    }
    // The crate's errors repeat the hash: replaced.
    let malformed = || SecretError::new("bcrypt secret is not $2y$<2 digits>$<22 characters salt><31 characters hash>");
    let parts: HashParts = text.parse().map_err(|_| malformed())?;
    if parts.format_for_version(bcrypt::Version::TwoY).get(4..) != text.get(4..) {
        return Err(malformed());
    }
    if !BCRYPT_COST.contains(&parts.get_cost()) {
        let (least, most) = (BCRYPT_COST.start(), BCRYPT_COST.end());
        return Err(SecretError(format!("bcrypt cost {} is not in {least} to {most}", parts.get_cost())));
    }
    let hash = text.get(text.len().saturating_sub(31)..).unwrap_or_default();
    for encoded in [parts.get_salt().as_str(), hash] {
        bcrypt::BASE_64.decode(encoded).map_err(|_| malformed())?;
    }
    Ok(StoredSecret::Bcrypt(text.to_owned()))
}

fn parse_pbkdf2(text: &str) -> Result<StoredSecret, SecretError> {
    let malformed = || SecretError::new("PBKDF2 secret is not iterations:hexsalt:hexhash");
    let mut parts = text.split(':');
    let (Some(iterations), Some(salt), Some(hash), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let iterations: u32 = iterations.parse().map_err(|_| malformed())?;
    if !PBKDF2_ITERATIONS.contains(&iterations) {
        let (least, most) = (PBKDF2_ITERATIONS.start(), PBKDF2_ITERATIONS.end());
        return Err(SecretError(format!("PBKDF2 iteration count {iterations} is not in {least} to {most}")));
    }
    let salt = hex::decode(salt).map_err(|_| SecretError::new("PBKDF2 salt is not hexadecimal"))?;
    let hash = hex::decode(hash).map_err(|_| SecretError::new("PBKDF2 hash is not hexadecimal"))?;
    if salt.is_empty() {
        return Err(SecretError::new("PBKDF2 salt is empty"));
    }
    // A hash of no bytes would match every password, and one of a few bytes many.
    if !(16..=128).contains(&hash.len()) {
        return Err(SecretError::new("PBKDF2 hash is not 16 to 128 bytes long"));
    }
    Ok(StoredSecret::Pbkdf2 { iterations, salt, hash })
}

fn parse_argon2(text: &str) -> Result<StoredSecret, SecretError> {
    let malformed =
        || SecretError::new("argon2 secret is not $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>");
    let parsed = PasswordHash::new(text).map_err(|_| malformed())?;
    if parsed.algorithm != argon2::ARGON2ID_IDENT {
        return Err(SecretError::new("of the argon2 family only argon2id is accepted"));
    }
    let version = parsed.version.and_then(|version| Version::try_from(version).ok()).ok_or_else(malformed)?;
    let params = Params::try_from(&parsed).map_err(|_| malformed())?;
    if params.m_cost() > ARGON2_MAX_MEMORY || params.t_cost() > ARGON2_MAX_PASSES {
        let problem = format!("argon2id takes more than {ARGON2_MAX_MEMORY} KiB or {ARGON2_MAX_PASSES} passes");
        return Err(SecretError(problem));
    }
    let mut buffer = [0; 64];
    let salt = parsed.salt.ok_or_else(malformed)?;
    let salt = salt.decode_b64(&mut buffer).map_err(|_| malformed())?.to_vec();
    if salt.len() < argon2::MIN_SALT_LEN {
        return Err(SecretError::new("argon2id salt is shorter than 8 bytes"));
    }
    let hash = parsed.hash.ok_or_else(malformed)?.as_bytes().to_vec();
    if hash.len() < 16 {
        return Err(SecretError::new("argon2id hash is shorter than 16 bytes"));
    }
    Ok(StoredSecret::Argon2id { params, version, salt, hash })
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
