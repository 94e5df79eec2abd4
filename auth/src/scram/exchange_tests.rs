//! The exchange against RFC 7677's example, a client of our own, and whatever a hostile client may send.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::*;
use crate::scram::test_client::{BOUND, NO_BINDING, client_final, client_first};

const PLAIN: &str = "SCRAM-SHA-256";
const PLUS: &str = "SCRAM-SHA-256-PLUS";
const BINDING: &[u8] = b"hash of the certificate";

fn secret() -> Arc<ScramSecret> {
    Arc::new(ScramSecret::derive(b"demo", b"0123456789abcdef", 4096))
}

fn begin(mechanism: &str, gs2_header: &str, binding: Option<&[u8]>) -> Result<Challenge, ProtocolError> {
    start(secret(), binding, mechanism, client_first(gs2_header).as_bytes())
}

#[test]
fn rfc_7677_example() {
    let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let secret = Arc::new(ScramSecret::derive(b"pencil", &salt, 4096));
    let nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let challenge = start_with_nonce(secret, None, PLAIN, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", nonce).unwrap();
    assert_eq!(
        challenge.server_first.as_str(),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let outcome = challenge.finish(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    );
    assert_eq!(outcome, Ok(Outcome::Proven(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_vec())));
}

#[test]
fn right_password_is_proven_and_the_server_proves_itself() {
    let cases = [
        (PLAIN, NO_BINDING, None, &b""[..]),
        (PLAIN, "y,,", None, b""),
        (PLAIN, NO_BINDING, Some(BINDING), b""),
        (PLUS, BOUND, Some(BINDING), BINDING),
    ];
    for (mechanism, gs2_header, offered, bound) in cases {
        let challenge = begin(mechanism, gs2_header, offered).unwrap();
        let (last, server_final) = client_final("demo", gs2_header, bound, challenge.server_first());
        assert_eq!(challenge.finish(last.as_bytes()), Ok(Outcome::Proven(server_final.into_bytes())), "{gs2_header}");
    }
}

#[test]
fn wrong_password_is_not_proven() {
    for password in ["", "Demo", "demo "] {
        let challenge = begin(PLAIN, NO_BINDING, None).unwrap();
        let (last, _) = client_final(password, NO_BINDING, b"", challenge.server_first());
        assert_eq!(challenge.finish(last.as_bytes()), Ok(Outcome::WrongProof));
    }
}

#[test]
fn downgrade_attempts_are_refused() {
    assert_eq!(mechanisms(Some(BINDING)), [PLUS, PLAIN]);
    assert_eq!(mechanisms(None), [PLAIN]);
    let refused = [
        // The offer of PLUS was stripped on its way to a client that can do it.
        (PLAIN, "y,,", Some(BINDING), "thinks the server does not"),
        // Mechanism and message disagree.
        (PLAIN, BOUND, Some(BINDING), "without channel binding"),
        (PLAIN, BOUND, None, "without channel binding"),
        (PLUS, "n,,", Some(BINDING), "does not include channel binding"),
        (PLUS, "y,,", Some(BINDING), "does not include channel binding"),
        // Not offered, or no such thing.
        (PLUS, BOUND, None, "invalid SASL"),
        ("SCRAM-SHA-1", NO_BINDING, None, "invalid SASL"),
        ("scram-sha-256", NO_BINDING, None, "invalid SASL"),
        ("", NO_BINDING, None, "invalid SASL"),
    ];
    for (mechanism, gs2_header, offered, expected) in refused {
        let problem = begin(mechanism, gs2_header, offered).unwrap_err().0;
        assert!(problem.contains(expected), "{mechanism} {gs2_header}: {problem}");
    }
}

#[test]
fn channel_binding_of_another_certificate_is_refused_even_with_the_right_password() {
    let other: [(&str, &[u8]); 3] = [(BOUND, b"another certificate"), (BOUND, b""), (NO_BINDING, b"")];
    for (gs2_header, bound) in other {
        let challenge = begin(PLUS, BOUND, Some(BINDING)).unwrap();
        let (last, _) = client_final("demo", gs2_header, bound, challenge.server_first());
        let problem = challenge.finish(last.as_bytes()).unwrap_err().0;
        assert_eq!(problem, "SCRAM channel binding check failed");
    }
    // A client that said `n` must repeat exactly that.
    let challenge = begin(PLAIN, NO_BINDING, None).unwrap();
    let (last, _) = client_final("demo", "y,,", b"", challenge.server_first());
    assert!(challenge.finish(last.as_bytes()).is_err());
}

#[test]
fn proof_of_another_exchange_is_refused() {
    let observed = begin(PLAIN, NO_BINDING, None).unwrap();
    let (replayed, _) = client_final("demo", NO_BINDING, b"", observed.server_first());
    let problem = begin(PLAIN, NO_BINDING, None).unwrap().finish(replayed.as_bytes()).unwrap_err().0;
    assert!(problem.contains("nonce does not match"), "{problem}");
}

#[test]
fn mutated_messages_neither_pass_nor_panic() {
    let mut random = StdRng::seed_from_u64(7677);
    let secret = secret();
    let first = client_first(BOUND).into_bytes();
    for _ in 0..20_000 {
        let mutated = mutate(&first, &mut random);
        if let Ok(challenge) = start(Arc::clone(&secret), Some(BINDING), PLUS, &mutated) {
            assert_eq!(challenge.mechanism(), Mechanism::Plus);
            assert!(mutated.starts_with(BOUND.as_bytes()));
        }
    }

    let nonce = "fixed";
    let begin = || start_with_nonce(Arc::clone(&secret), Some(BINDING), PLUS, &first, nonce).unwrap();
    let (last, _) = client_final("demo", BOUND, BINDING, begin().server_first());
    for _ in 0..20_000 {
        let mutated = mutate(last.as_bytes(), &mut random);
        if mutated == last.as_bytes() {
            continue;
        }
        if let Ok(Outcome::Proven(_)) = begin().finish(&mutated) {
            panic!("accepted {}", mutated.escape_ascii());
        }
    }
}

fn mutate(message: &[u8], random: &mut StdRng) -> Vec<u8> {
    const ODD: &[u8] = b",=\0mnpry/+ \xff\xc3A";
    let mut mutated = message.to_vec();
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..=mutated.len());
        let odd = ODD[random.random_range(0..ODD.len())];
        match random.random_range(0..5) {
            0 => mutated.insert(at, odd),
            1 => mutated.truncate(at),
            2 if at < mutated.len() => mutated[at] = odd,
            3 if at < mutated.len() => mutated[at] ^= 1 << random.random_range(0..8),
            4 if at < mutated.len() => drop(mutated.remove(at)),
            _ => mutated.push(odd),
        }
    }
    mutated
}
