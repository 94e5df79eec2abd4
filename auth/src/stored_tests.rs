//! Each form against values that other programs made, and what is refused when a file is read.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn matches(secret: &str, password: &str) -> bool {
    StoredSecret::parse(secret).unwrap().matches(password.as_bytes()).unwrap()
}

fn problem(secret: &str) -> String {
    StoredSecret::parse(secret).unwrap_err().to_string()
}

// Made by libxcrypt's crypt(3) with one salt: password 'demo', then 'pässwörd'.
const BCRYPT_TAIL: &str = "08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjX6";
const BCRYPT_NON_ASCII_TAIL: &str = "08$abcdefghijklmnopqrstuuUdB7CElZFPwft4neCfTOCo3DIZqT.u.";
// From Trino's manual, "Password file authentication".
const TRINO_PBKDF2: &str = "1000:5b4240333032306164:f38d165fce8ce42f59d366139ef5d9e1ca1247f0e06e503ee1a611dd9ec40876bb5edb8409f5abe5504aab6628e70cfb3d3a18e99d70357d295002c3d0a308a0";
// Made by Python's hashlib.pbkdf2_hmac('sha1', b'demo', bytes.fromhex('00112233'), 1000, 20).
const PBKDF2: &str = "1000:00112233:28dffb0c9dcf43db659dcdf60004f1ae661a918c";
// From the tests of the reference implementation: password 'password', salt 'somesalt'.
const ARGON2: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const ARGON2_TWO_LANES: &str = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

#[test]
fn bcrypt_with_each_prefix() {
    for prefix in ["$2a$", "$2b$", "$2y$"] {
        let secret = format!("{prefix}{BCRYPT_TAIL}");
        assert!(matches(&secret, "demo"));
        assert!(!matches(&secret, "Demo"));
        assert!(!matches(&secret, "demo\0demo"), "bcrypt repeats the password with its NUL");
        assert!(matches(&format!("{prefix}{BCRYPT_NON_ASCII_TAIL}"), "pässwörd"));
    }
}

#[test]
fn bcrypt_does_not_accept_a_password_by_its_first_72_bytes() {
    let long = "x".repeat(72);
    let secret = bcrypt::hash(&long, 8).unwrap();
    assert!(matches(&secret, &long));
    assert!(!matches(&secret, &format!("{long}y")));
}

#[test]
fn pbkdf2_as_in_trino() {
    assert!(matches(PBKDF2, "demo"));
    assert!(!matches(PBKDF2, "dem"));
    assert!(matches!(
        StoredSecret::parse(TRINO_PBKDF2).unwrap(),
        StoredSecret::Pbkdf2 { iterations: 1000, salt, hash } if salt == b"[B@3020ad" && hash.len() == 64
    ));
}

#[test]
fn argon2id_phc_strings() {
    for secret in [ARGON2, ARGON2_TWO_LANES] {
        assert!(matches(secret, "password"));
        assert!(!matches(secret, "Password"));
    }
}

#[test]
fn scram_secret_checks_a_plain_password() {
    let secret = crate::ScramSecret::generate(&crate::Secret::new("demo")).encode();
    assert!(matches(&secret, "demo"));
    assert!(!matches(&secret, "demo2"));
}

#[test]
fn weak_or_endless_parameters_are_refused() {
    // Trino's own test vector for a cost of 7.
    assert_eq!(
        problem("$2y$07$XxMSjoWesbX9s9LCD5Kp1OaFD/bcLUq0zoRCTsTNwjF6N/nwHVCVm"),
        "bcrypt cost 7 is not in 8 to 16"
    );
    assert!(problem(&format!("$2y$31{}", &BCRYPT_TAIL[2..])).contains("bcrypt cost 31"));
    assert!(problem(&TRINO_PBKDF2.replace("1000:", "100:")).contains("PBKDF2 iteration count 100 is not in 1000"));
    assert!(problem(&TRINO_PBKDF2.replace("1000:", "4000000000:")).contains("is not in 1000"));
    assert!(problem(&ARGON2.replace("m=256", "m=4000000")).contains("more than 1048576 KiB"));
    assert!(problem(&ARGON2.replace("t=2", "t=65")).contains("64 passes"));
}

#[test]
fn malformed_secrets_are_refused_without_repeating_them() {
    let cases = [
        ("", "is empty"),
        ("hunter2", "neither bcrypt"),
        ("{SHA}hunter2", "neither bcrypt"),
        ("$1$hunter2", "neither bcrypt"),
        ("$2x$08$hunter2", "does not start with $2y$"),
        ("$2y$08$hunter2", "22 characters salt"),
        ("$2y$8$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjX6", "2 digits"),
        ("$2y$$08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjX6", "2 digits"),
        ("$2y$08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g=qqNBCvOosjX6", "22 characters salt"),
        ("$2y$08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjé", "22 characters salt"),
        ("1000:00:", "hash is not 16 to 128 bytes"),
        ("1000::00112233445566778899aabbccddeeff", "salt is empty"),
        ("1000:zz:00", "salt is not hexadecimal"),
        ("1000:00:zz", "hash is not hexadecimal"),
        ("1000:00", "iterations:hexsalt:hexhash"),
        ("1000:00:00:00", "iterations:hexsalt:hexhash"),
        ("$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "only argon2id"),
        ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ", "is not $argon2id$"),
        ("$argon2id$v=19$m=256,t=2,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "shorter than 8 bytes"),
        ("$argon2id$v=7$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "is not $argon2id$"),
        ("$argon2id$hunter2", "is not $argon2id$"),
        ("SCRAM-SHA-256$4096:hunter2", "is not SCRAM-SHA-256$"),
    ];
    for (secret, expected) in cases {
        let problem = problem(secret);
        assert!(problem.contains(expected), "{secret}: {problem}");
        assert!(!problem.contains("hunter2") && !problem.contains("abcdefgh"), "{problem}");
    }
    assert_eq!(format!("{:?}", StoredSecret::parse(ARGON2).unwrap()), "***");
}
