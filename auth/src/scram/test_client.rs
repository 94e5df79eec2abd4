//! The client's side, for tests: written from RFC 5802 and apart from the server's code except for the hashes.

use base64::{Engine, prelude::BASE64_STANDARD};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha256};

use super::hmac_sha256;

/// The gs2 header of a client without channel binding.
pub(crate) const NO_BINDING: &str = "n,,";
/// The gs2 header of a client with it.
pub(crate) const BOUND: &str = "p=tls-server-end-point,,";

pub(crate) fn client_first(gs2_header: &str) -> String {
    format!("{gs2_header}n=,r=clientnonce")
}

/// client-final for a server-first message, and the server-final that the client would accept.
pub(crate) fn client_final(password: &str, gs2_header: &str, binding: &[u8], server_first: &[u8]) -> (String, String) {
    let server_first = String::from_utf8_lossy(server_first).into_owned();
    let value = |name: &str| {
        let found = server_first.split(',').find_map(|part| part.strip_prefix(name));
        found.unwrap_or_default().to_owned()
    };
    let salt = BASE64_STANDARD.decode(value("s=")).unwrap_or_default();
    let iterations = value("i=").parse().unwrap_or(1);
    let mut salted_password = [0_u8; 32];
    pbkdf2_hmac::<Sha256>(password.as_bytes(), &salt, iterations, &mut salted_password);
    let client_key = hmac_sha256(&salted_password, &[b"Client Key"]);
    let stored_key = Sha256::digest(client_key).into();
    let server_key = hmac_sha256(&salted_password, &[b"Server Key"]);

    let bound = [gs2_header.as_bytes(), binding].concat();
    let without_proof = format!("c={},r={}", BASE64_STANDARD.encode(bound), value("r="));
    let signed = format!("n=,r=clientnonce,{server_first},{without_proof}");
    let mut proof = hmac_sha256(&stored_key, &[signed.as_bytes()]);
    proof.iter_mut().zip(client_key).for_each(|(byte, key)| *byte ^= key);
    let signature = hmac_sha256(&server_key, &[signed.as_bytes()]);
    let client_final = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
    (client_final, format!("v={}", BASE64_STANDARD.encode(signature)))
}
