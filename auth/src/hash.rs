//! Makes the secrets that a users file holds, for `naru hash-password`.

use argon2::{Argon2, PasswordHasher, password_hash::SaltString};
use bcrypt::Version;

use crate::{HashError, ScramSecret, Secret, stored::fits_bcrypt};

/// The form of a new secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashForm {
    /// The strongest, for listeners that receive the password: 19 MiB, 2 passes, 1 lane (OWASP's parameters).
    Argon2id,
    /// `$2y$` with cost 12, which Trino's password file takes as well.
    Bcrypt,
    /// As PostgreSQL stores it; the only form for listeners that are configured for SCRAM.
    Scram,
}

/// Hashes a password into one users-file value, with a fresh random salt. Takes up to half a second of CPU.
///
/// # Errors
/// An empty password, or one that bcrypt would cut short.
pub fn hash_password(form: HashForm, password: &Secret) -> Result<String, HashError> {
    if password.is_empty() {
        return Err(HashError::Empty);
    }
    let bytes = password.expose_bytes();
    match form {
        HashForm::Argon2id => {
            let failed = |error: argon2::password_hash::Error| HashError::Hash(error.to_string());
            let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(failed)?;
            Ok(Argon2::default().hash_password(bytes, &salt).map_err(failed)?.to_string())
        }
        HashForm::Bcrypt => {
            if !fits_bcrypt(bytes) {
                return Err(HashError::NotForBcrypt);
            }
            let parts = bcrypt::hash_with_salt(bytes, bcrypt::DEFAULT_COST, rand::random())
                .map_err(|error| HashError::Hash(error.to_string()))?;
            Ok(parts.format_for_version(Version::TwoY))
        }
        HashForm::Scram => Ok(ScramSecret::generate(password).encode()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::stored::StoredSecret;

    #[test]
    fn each_form_is_read_back_and_has_a_fresh_salt() {
        let password = Secret::new("pässwörd");
        let forms = [
            (HashForm::Argon2id, "$argon2id$v=19$m=19456,t=2,p=1$"),
            (HashForm::Bcrypt, "$2y$12$"),
            (HashForm::Scram, "SCRAM-SHA-256$4096:"),
        ];
        for (form, prefix) in forms {
            let hashed = hash_password(form, &password).unwrap();
            assert!(hashed.starts_with(prefix), "{hashed}");
            let stored = StoredSecret::parse(&hashed).unwrap();
            assert!(stored.matches("pässwörd".as_bytes()).unwrap());
            assert!(!stored.matches(b"password").unwrap());
            assert_ne!(hash_password(form, &password).unwrap(), hashed);
        }
    }

    #[test]
    fn passwords_that_could_not_log_in_are_refused() {
        for form in [HashForm::Argon2id, HashForm::Bcrypt, HashForm::Scram] {
            assert_eq!(hash_password(form, &Secret::new("")), Err(HashError::Empty));
        }
        let too_long = Secret::new("x".repeat(73));
        assert_eq!(hash_password(HashForm::Bcrypt, &too_long), Err(HashError::NotForBcrypt));
        assert_eq!(hash_password(HashForm::Bcrypt, &Secret::new("a\0b")), Err(HashError::NotForBcrypt));
    }
}
