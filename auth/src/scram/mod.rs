//! SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677) as PostgreSQL speaks it: the server's side, without sockets, clocks or users.
//!
//! [`secret`] is what the server stores, [`message`] reads the client's bytes, [`exchange`] is the protocol. Who the user is,
//! and what a failed proof means for the login, is [`crate::login`]'s business.

mod exchange;
mod message;
mod secret;
#[cfg(test)]
pub(crate) mod test_client;

pub(crate) use exchange::{Challenge, Mechanism, Outcome, mechanisms, start};
use hmac::{Hmac, Mac, digest::KeyInit};
pub(crate) use message::ProtocolError;
pub use secret::ScramSecret;
pub(crate) use secret::{DEFAULT_ITERATIONS, SALT_BYTES};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A SHA-256 digest, and every key of SCRAM-SHA-256.
pub(crate) type Key = [u8; 32];

/// HMAC-SHA-256 of the concatenated parts.
pub(crate) fn hmac_sha256(key: &Key, parts: &[&[u8]]) -> Key {
    // A key shorter than the block is padded with zeros (RFC 2104); done here, because the constructor that takes a whole
    // block can't fail.
    let mut block = Zeroizing::new([0_u8; 64]);
    block.iter_mut().zip(key).for_each(|(padded, byte)| *padded = *byte);
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_pads_a_short_key_as_the_slice_constructor_does() {
        let key = [7_u8; 32];
        let expected: Option<Key> = <Hmac<Sha256> as Mac>::new_from_slice(&key)
            .ok()
            .map(|mac| mac.chain_update(b"one").chain_update(b"two").finalize().into_bytes().into());
        assert_eq!(Some(hmac_sha256(&key, &[b"one", b"two"])), expected);
    }
}
