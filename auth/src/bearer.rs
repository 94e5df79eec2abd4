//! Bearer tokens: a login that stands for a while, for protocols whose calls each prove who they are (Flight's handshake).
//!
//! A token is self-contained: version, expiry, session id and user under a signature, in URL-safe base64. It names the user and not
//! their groups, which are looked up each time: leaving a group takes effect at once. What is checked when one comes back is in
//! [`Login::bearer`](crate::Login::bearer).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{Identity, SigningKey, signing::Use};

const VERSION: u8 = 1;
/// Longer ones are not looked at.
const MOST_CHARACTERS: usize = 4096;

/// Makes and reads bearer tokens.
#[derive(Clone, Debug)]
pub struct BearerTokens {
    key: SigningKey,
    lifetime: Duration,
}

/// What a token says beside the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BearerClaims {
    /// Chosen at random for each token: one session of its user.
    pub session: [u8; 16],
    /// From when on the token is refused.
    pub expires: SystemTime,
}

impl BearerTokens {
    /// Tokens under `key` that are good for `lifetime`.
    pub fn new(key: SigningKey, lifetime: Duration) -> Self {
        Self { key, lifetime }
    }

    /// A new token of somebody who has logged in.
    pub fn issue(&self, identity: &Identity, now: SystemTime) -> (String, BearerClaims) {
        // Whole seconds, as they are written.
        let expires = seconds(now).saturating_add(self.lifetime.as_secs());
        let session: [u8; 16] = rand::random();
        let mut payload = vec![VERSION];
        payload.extend(expires.to_be_bytes());
        payload.extend(session);
        payload.extend(identity.user().as_bytes());
        let token = BASE64_URL_SAFE_NO_PAD.encode(self.key.seal_for(Use::BearerToken, &payload));
        (token, BearerClaims { session, expires: UNIX_EPOCH + Duration::from_secs(expires) })
    }

    /// The user and claims of a token that is genuine and has not expired.
    pub(crate) fn read(&self, token: &str, now: SystemTime) -> Option<(String, BearerClaims)> {
        if token.len() > MOST_CHARACTERS {
            return None;
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let payload = self.key.open_for(Use::BearerToken, &sealed)?;
        let (version, payload) = payload.split_first()?;
        let (expires, payload) = payload.split_first_chunk()?;
        let (session, user) = payload.split_first_chunk()?;
        let expires = u64::from_be_bytes(*expires);
        let user = std::str::from_utf8(user).ok()?;
        if *version != VERSION || seconds(now) >= expires || user.is_empty() {
            return None;
        }
        let claims = BearerClaims { session: *session, expires: UNIX_EPOCH + Duration::from_secs(expires) };
        Some((user.to_owned(), claims))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
