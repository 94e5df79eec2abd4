//! Values that leave the gateway and come back unchanged: signed, not hidden.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Secret, scram::hmac_sha256};

/// Bytes of the signature in front of a sealed value.
const MAC_BYTES: usize = 32;

/// The key that signs tokens, tickets and handles.
///
/// Gateways behind one balancer share it, so that each accepts what another signed. What this crate signs for itself (bearer
/// tokens) is kept apart from what others [`seal`](Self::seal): no purpose of theirs leads to a token.
#[derive(Clone)]
pub struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// A key for this process alone: what it signed is worth nothing after a restart.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The key that all gateways with the same `shared` secret compute.
    pub fn derived_from(shared: &Secret) -> Self {
        let digest: [u8; 32] = Sha256::digest(shared.expose_bytes()).into();
        Self(Zeroizing::new(hmac_sha256(&digest, &[b"naru signed values"])))
    }

    /// `payload` with its signature. Whoever holds the result can read it; nobody without the key can change it. A value that was
    /// sealed for one `purpose` does not open for another.
    pub fn seal(&self, purpose: &'static str, payload: &[u8]) -> Vec<u8> {
        self.seal_for(Use::Others(purpose), payload)
    }

    /// The payload of what [`seal`](Self::seal) gave for the same purpose, or `None` for anything else.
    pub fn open<'a>(&self, purpose: &'static str, sealed: &'a [u8]) -> Option<&'a [u8]> {
        self.open_for(Use::Others(purpose), sealed)
    }

    pub(crate) fn seal_for(&self, purpose: Use, payload: &[u8]) -> Vec<u8> {
        let mut sealed = self.mac(purpose, payload).to_vec();
        sealed.extend_from_slice(payload);
        sealed
    }

    pub(crate) fn open_for<'a>(&self, purpose: Use, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (mac, payload) = sealed.split_at_checked(MAC_BYTES)?;
        bool::from(self.mac(purpose, payload).ct_eq(mac)).then_some(payload)
    }

    fn mac(&self, purpose: Use, payload: &[u8]) -> [u8; MAC_BYTES] {
        let (whose, name) = match purpose {
            Use::BearerToken => (&b"auth\0"[..], "bearer token"),
            Use::Others(name) => (&b"others\0"[..], name),
        };
        hmac_sha256(&self.0, &[whose, name.as_bytes(), b"\0", payload])
    }
}

/// What a signature is for.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// A login that stands for a while: see [`BearerTokens`](crate::BearerTokens).
    BearerToken,
    /// A listener's own.
    Others(&'static str),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let key = SigningKey::derived_from(&Secret::new("shared"));
        let sealed = key.seal("ticket", b"payload");
        assert_eq!(key.open("ticket", &sealed), Some(&b"payload"[..]));
        assert_eq!(SigningKey::derived_from(&Secret::new("shared")).open("ticket", &sealed), Some(&b"payload"[..]));

        assert_eq!(key.open("handle", &sealed), None);
        assert_eq!(key.open_for(Use::BearerToken, &key.seal("bearer token", b"x")), None);
        assert_eq!(SigningKey::random().open("ticket", &sealed), None);
        assert_eq!(key.open("ticket", &sealed[..sealed.len() - 1]), None);
        assert_eq!(key.open("ticket", b"short"), None);
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(key.open("ticket", &changed), None, "byte {position}");
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(format!("{:?}", SigningKey::random()), "***");
    }
}
