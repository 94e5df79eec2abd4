//! The server's two steps, without I/O: `start` takes client-first and gives a [`Challenge`], whose `finish` takes client-final.
//! Each step consumes the one before, so an exchange can't be replayed, skipped or continued out of order.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    ScramSecret, hmac_sha256,
    message::{BindingFlag, ClientFinal, ClientFirst, ProtocolError},
};

/// Which of the two mechanisms the client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    Plain,
    Plus,
}

/// The first step is done: the server's challenge is out.
#[derive(Debug)]
pub(crate) struct Challenge {
    secret: Arc<ScramSecret>,
    mechanism: Mechanism,
    /// What `c=` must be.
    binding: String,
    nonce: String,
    client_first_bare: String,
    server_first: String,
}

/// What the client's proof was worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client knows the password; these bytes prove to it that the server knows the secret.
    Proven(Vec<u8>),
    WrongProof,
}

/// The mechanisms to offer, the preferred one first.
pub(crate) fn mechanisms(binding_data: Option<&[u8]>) -> &'static [&'static str] {
    match binding_data {
        Some(_) => &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
        None => &["SCRAM-SHA-256"],
    }
}

/// A nonce as PostgreSQL makes it: 18 random bytes in base64.
pub(crate) fn server_nonce() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 18]>())
}

/// Answers client-first.
pub(crate) fn start(
    secret: Arc<ScramSecret>,
    binding_data: Option<&[u8]>,
    mechanism: &str,
    client_first: &[u8],
) -> Result<Challenge, ProtocolError> {
    start_with_nonce(secret, binding_data, mechanism, client_first, &server_nonce())
}

fn start_with_nonce(
    secret: Arc<ScramSecret>,
    binding_data: Option<&[u8]>,
    mechanism: &str,
    client_first: &[u8],
    server_nonce: &str,
) -> Result<Challenge, ProtocolError> {
    let mechanism = match (mechanism, binding_data) {
        ("SCRAM-SHA-256", _) => Mechanism::Plain,
        ("SCRAM-SHA-256-PLUS", Some(_)) => Mechanism::Plus,
        _ => return Err(ProtocolError("client selected an invalid SASL authentication mechanism")),
    };
    let first = ClientFirst::parse(client_first)?;
    check_negotiation(mechanism, first.flag, binding_data.is_some())?;

    let mut bound = first.gs2_header.as_bytes().to_vec();
    if first.flag == BindingFlag::Used {
        bound.extend_from_slice(binding_data.unwrap_or_default());
    }
    let nonce = format!("{}{server_nonce}", first.nonce);
    let salt = BASE64_STANDARD.encode(secret.salt());
    let server_first = format!("r={nonce},s={salt},i={}", secret.iterations());
    Ok(Challenge {
        secret,
        mechanism,
        binding: BASE64_STANDARD.encode(bound),
        nonce,
        client_first_bare: first.bare.to_owned(),
        server_first,
    })
}

/// Do the mechanism and the client's flag fit together (RFC 5802 section 6)? If not, somebody may sit between.
fn check_negotiation(mechanism: Mechanism, flag: BindingFlag, offered: bool) -> Result<(), ProtocolError> {
    match (mechanism, flag) {
        (Mechanism::Plus, BindingFlag::Used) | (Mechanism::Plain, BindingFlag::Unsupported) => Ok(()),
        (Mechanism::Plain, BindingFlag::NotOffered) if !offered => Ok(()),
        // The client says we did not offer what we did offer: our list of mechanisms was changed on its way.
        (Mechanism::Plain, BindingFlag::NotOffered) => Err(ProtocolError(
            "SCRAM channel binding negotiation error: the client supports channel binding but thinks the server does not",
        )),
        (Mechanism::Plain, BindingFlag::Used) => Err(ProtocolError(
            "the client selected SCRAM-SHA-256 without channel binding, but its message includes channel binding data",
        )),
        (Mechanism::Plus, _) => Err(ProtocolError(
            "the client selected SCRAM-SHA-256-PLUS, but its message does not include channel binding data",
        )),
    }
}

impl Challenge {
    pub(crate) fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The server-first message.
    pub(crate) fn server_first(&self) -> &[u8] {
        self.server_first.as_bytes()
    }

    /// Checks client-final.
    pub(crate) fn finish(self, client_final: &[u8]) -> Result<Outcome, ProtocolError> {
        let last = ClientFinal::parse(client_final)?;
        if last.binding != self.binding {
            return Err(ProtocolError("SCRAM channel binding check failed"));
        }
        if last.nonce != self.nonce {
            return Err(ProtocolError("invalid SCRAM response: nonce does not match"));
        }

        let signed = [&self.client_first_bare, ",", &self.server_first, ",", last.without_proof].concat();
        let client_signature = hmac_sha256(self.secret.stored_key(), &[signed.as_bytes()]);
        let mut client_key = last.proof;
        client_key.iter_mut().zip(client_signature).for_each(|(byte, signature)| *byte ^= signature);
        let presented = Sha256::digest(client_key);
        if !bool::from(presented.as_slice().ct_eq(self.secret.stored_key().as_slice())) {
            return Ok(Outcome::WrongProof);
        }
        let server_signature = hmac_sha256(self.secret.server_key(), &[signed.as_bytes()]);
        Ok(Outcome::Proven(format!("v={}", BASE64_STANDARD.encode(server_signature)).into_bytes()))
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
