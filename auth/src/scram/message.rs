//! Reads the client's two SCRAM messages (RFC 5802 section 7). Only syntax: what a value has to be is the exchange's business.
//!
//! Everything here comes from somebody who has not logged in. No index, no slice by number: a message that does not fit is
//! a [`ProtocolError`].

use base64::{Engine, prelude::BASE64_STANDARD};

use super::Key;

/// What is wrong with a message. The text is for the client and does not depend on the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProtocolError(pub(crate) &'static str);

const MALFORMED: ProtocolError = ProtocolError("malformed SCRAM message");
const EXTENSION: ProtocolError = ProtocolError("client requires an unsupported SCRAM extension");

/// The client's gs2 flag: what it says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BindingFlag {
    /// `n`: the client can't.
    Unsupported,
    /// `y`: the client can, and believes that the server can't.
    NotOffered,
    /// `p=tls-server-end-point`: the client does it.
    Used,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    pub(super) flag: BindingFlag,
    /// The start of the message up to and with its second comma.
    pub(super) gs2_header: &'a str,
    /// The rest, which is part of what the proof signs.
    pub(super) bare: &'a str,
    pub(super) nonce: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    /// The `c=` value as sent.
    pub(super) binding: &'a str,
    pub(super) nonce: &'a str,
    /// All before `,p=`: part of what the proof signs.
    pub(super) without_proof: &'a str,
    pub(super) proof: Key,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ProtocolError> {
        let text = text(message)?;
        let (flag_text, after_flag) = text.split_once(',').ok_or(MALFORMED)?;
        let (authorization, bare) = after_flag.split_once(',').ok_or(MALFORMED)?;
        let gs2_header = text.strip_suffix(bare).ok_or(MALFORMED)?;
        let flag = match flag_text {
            "n" => BindingFlag::Unsupported,
            "y" => BindingFlag::NotOffered,
            "p=tls-server-end-point" => BindingFlag::Used,
            other if other.starts_with("p=") => {
                return Err(ProtocolError("unsupported SCRAM channel-binding type"));
            }
            _ => return Err(MALFORMED),
        };
        if authorization.starts_with("a=") {
            return Err(ProtocolError("client uses an authorization identity, but that is not supported"));
        }
        if !authorization.is_empty() {
            return Err(MALFORMED);
        }

        let mut attributes = bare.split(',');
        let name = attributes.next().ok_or(MALFORMED)?;
        if name.starts_with("m=") {
            return Err(EXTENSION);
        }
        // The user is the one of the start-up packet, as in PostgreSQL: libpq sends an empty name here, pgjdbc a star.
        name.strip_prefix("n=").ok_or(MALFORMED)?;
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r=")).ok_or(MALFORMED)?;
        if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MALFORMED);
        }
        attributes.try_for_each(check_extension)?;
        Ok(Self { flag, gs2_header, bare, nonce })
    }
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<Self, ProtocolError> {
        let text = text(message)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(MALFORMED)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|part| part.strip_prefix("c=")).ok_or(MALFORMED)?;
        let nonce = attributes.next().and_then(|part| part.strip_prefix("r=")).ok_or(MALFORMED)?;
        attributes.try_for_each(check_extension)?;
        // Exactly 32 bytes, in base64's one canonical form: a longer proof whose head is right must not pass.
        let proof = BASE64_STANDARD.decode(proof).map_err(|_| MALFORMED)?;
        let proof = proof.try_into().map_err(|_| MALFORMED)?;
        Ok(Self { binding, nonce, without_proof, proof })
    }
}

fn text(message: &[u8]) -> Result<&str, ProtocolError> {
    let text = std::str::from_utf8(message).map_err(|_| MALFORMED)?;
    if text.contains('\0') { Err(MALFORMED) } else { Ok(text) }
}

/// An optional extension is a letter, `=` and a value. They are skipped as in PostgreSQL; `m=` says "refuse me if you don't
/// know this", and a proof is no extension.
fn check_extension(attribute: &str) -> Result<(), ProtocolError> {
    let (name, value) = attribute.split_once('=').ok_or(MALFORMED)?;
    match name {
        "m" => Err(EXTENSION),
        "p" => Err(MALFORMED),
        _ if name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic()) && !value.is_empty() => Ok(()),
        _ => Err(MALFORMED),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn client_first_of_each_driver_is_read() {
        let libpq = ClientFirst::parse(b"n,,n=,r=abc").unwrap();
        assert_eq!((libpq.flag, libpq.gs2_header, libpq.bare), (BindingFlag::Unsupported, "n,,", "n=,r=abc"));
        let jdbc = ClientFirst::parse(b"y,,n=*,r=abc,x=later").unwrap();
        assert_eq!((jdbc.flag, jdbc.nonce), (BindingFlag::NotOffered, "abc"));
        let bound = ClientFirst::parse(b"p=tls-server-end-point,,n=u,r=abc").unwrap();
        assert_eq!((bound.flag, bound.gs2_header), (BindingFlag::Used, "p=tls-server-end-point,,"));
    }

    #[test]
    fn malformed_client_first_is_refused() {
        let cases: [&[u8]; 16] = [
            b"",
            b"n",
            b"n,",
            b"n,,",
            b"n,,n=",
            b"n,,r=abc",
            b"n,,n=,r=",
            b"n,,n=,r=a c",
            b"n,x,n=,r=abc",
            b"x,,n=,r=abc",
            b"N,,n=,r=abc",
            b"n,,n=,r=abc,",
            b"n,,n=,r=abc,1=x",
            b"n,,n=,r=abc,p=x",
            b"n,,n=,r=abc\0",
            b"n,,n=\xff,r=abc",
        ];
        for message in cases {
            assert_eq!(ClientFirst::parse(message), Err(MALFORMED), "{}", message.escape_ascii());
        }
        assert_eq!(ClientFirst::parse(b"n,,m=x,n=,r=abc"), Err(EXTENSION));
        assert_eq!(ClientFirst::parse(b"n,,n=,r=abc,m=x"), Err(EXTENSION));
        assert!(ClientFirst::parse(b"n,a=root,n=,r=abc").unwrap_err().0.contains("authorization identity"));
        assert!(ClientFirst::parse(b"p=tls-unique,,n=,r=abc").unwrap_err().0.contains("channel-binding type"));
    }

    #[test]
    fn malformed_client_final_is_refused() {
        let proof = BASE64_STANDARD.encode([7_u8; 32]);
        assert_eq!(ClientFinal::parse(format!("c=biws,r=abc,p={proof}").as_bytes()).unwrap().proof, [7_u8; 32]);
        let longer = BASE64_STANDARD.encode([7_u8; 33]);
        let shorter = BASE64_STANDARD.encode([7_u8; 31]);
        let unpadded = proof.trim_end_matches('=');
        let cases = [
            String::new(),
            "c=biws,r=abc".to_owned(),
            "c=biws,r=abc,p=".to_owned(),
            format!("r=abc,c=biws,p={proof}"),
            format!("c=biws,p={proof}"),
            format!("c=biws,r=abc,p={longer}"),
            format!("c=biws,r=abc,p={shorter}"),
            format!("c=biws,r=abc,p={unpadded}"),
            format!("c=biws,r=abc,p={proof}=="),
            format!("c=biws,r=abc,p={proof},x=y"),
            format!("c=biws,r=abc,p={proof},p={proof}"),
            format!("c=biws,r=abc,p={proof} "),
            format!("c=biws,r=abc,p={proof}\0"),
        ];
        for message in cases {
            assert_eq!(ClientFinal::parse(message.as_bytes()), Err(MALFORMED), "{message}");
        }
        let mandatory = format!("c=biws,r=abc,m=x,p={proof}");
        assert_eq!(ClientFinal::parse(mandatory.as_bytes()), Err(EXTENSION));
    }
}
