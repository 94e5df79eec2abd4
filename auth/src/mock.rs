//! What a user who does not exist is shown: as stable and as plausible as the real thing, from one key.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    Secret,
    authenticator::ScramShape,
    scram::{ScramSecret, hmac_sha256},
};

/// The key behind the made-up secrets of unknown users.
///
/// A SCRAM server shows a user's salt before any proof. A salt that changed between two attempts would say "no such user", so it
/// is computed from this key and the name. Gateways behind one balancer must share the key, else they contradict each other.
#[derive(Clone)]
pub struct MockKey(Zeroizing<[u8; 32]>);

impl MockKey {
    /// A key for this process alone. Keep it across reloads.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The key that all gateways with the same `shared` secret compute.
    pub fn derived_from(shared: &Secret) -> Self {
        let digest: [u8; 32] = Sha256::digest(shared.expose_bytes()).into();
        Self(Zeroizing::new(hmac_sha256(&digest, &[b"naru mock secrets"])))
    }

    /// A stable choice below `len` for this user, so that unknown users spread over the forms that known users have.
    pub(crate) fn pick(&self, user: &str, len: usize) -> Option<usize> {
        let mac = hmac_sha256(&self.0, &[b"pick\0", user.as_bytes()]);
        let number = mac.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let index = number.checked_rem(u64::try_from(len).ok()?)?;
        usize::try_from(index).ok()
    }

    /// A SCRAM secret that no password opens, with a salt that stays the same for this user.
    pub(crate) fn scram_secret(&self, user: &str, shape: ScramShape) -> ScramSecret {
        let mut salt = Vec::with_capacity(shape.salt_bytes + 32);
        let mut block = 0_u32;
        while salt.len() < shape.salt_bytes {
            salt.extend(hmac_sha256(&self.0, &[b"salt\0", &block.to_be_bytes(), user.as_bytes()]));
            block = block.wrapping_add(1);
        }
        salt.truncate(shape.salt_bytes);
        let stored_key = hmac_sha256(&self.0, &[b"stored\0", user.as_bytes()]);
        let server_key = hmac_sha256(&self.0, &[b"server\0", user.as_bytes()]);
        ScramSecret::from_parts(shape.iterations, salt, stored_key, server_key)
    }
}

impl fmt::Debug for MockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn salt_is_stable_per_user_and_key_and_has_the_asked_length() {
        let key = MockKey::derived_from(&Secret::new("shared"));
        let same_key = MockKey::derived_from(&Secret::new("shared"));
        let shape = ScramShape { iterations: 4096, salt_bytes: 40 };
        let salt = key.scram_secret("ann", shape).salt().to_vec();
        assert_eq!(salt.len(), 40);
        assert_eq!(same_key.scram_secret("ann", shape).salt(), salt);
        assert_ne!(key.scram_secret("bob", shape).salt(), salt);
        assert_ne!(MockKey::random().scram_secret("ann", shape).salt(), salt);
    }

    #[test]
    fn pick_is_stable_and_in_range() {
        let key = MockKey::random();
        assert_eq!(key.pick("ann", 0), None);
        assert_eq!(key.pick("ann", 1), Some(0));
        let pick = key.pick("ann", 5).unwrap();
        assert!(pick < 5);
        assert_eq!(key.pick("ann", 5), Some(pick));
    }
}
