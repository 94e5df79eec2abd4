//! The users file: who is let in, what unknown users cost, and what a broken file says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroUsize,
};

use super::*;
use crate::Secret;

const BCRYPT: &str = "$2y$08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjX6";
const PBKDF2: &str = "1000:00112233:28dffb0c9dcf43db659dcdf60004f1ae661a918c";
const ARGON2: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const SCRAM: &str = "SCRAM-SHA-256$4096:QLOp1HpcoxB5lAAEhuGq2g==$7LkC9ANNj1mx6VQAGqJp8/wsqzaq4B3j+PEZRV5cPbY=:viLoyk6TDUpmkfA75SDmsgxqWhqeLruTCGYLdphbFCM=";

fn parse(text: &str) -> Result<PasswordFile, FileError> {
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
    PasswordFile::parse(text, Path::new("conf/users"), MockKey::derived_from(&Secret::new("key")), workers)
}

fn each_form() -> PasswordFile {
    parse(&format!("# users\n\nb:{BCRYPT}\np:{PBKDF2}\r\n  a:{ARGON2}  \ns:{SCRAM}\n")).unwrap()
}

async fn verdict(file: &PasswordFile, user: &str, password: &str) -> Verdict {
    let password = Secret::new(password);
    let attempt = PasswordAttempt { user, password: &password, peer: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    file.password(&attempt).await.unwrap()
}

#[tokio::test]
async fn each_form_lets_its_user_in_and_nobody_else() {
    let file = each_form();
    for (user, password) in [("b", "demo"), ("p", "demo"), ("a", "password"), ("s", "demo")] {
        assert_eq!(verdict(&file, user, password).await, Verdict::Accepted(user.to_owned()));
        assert_eq!(verdict(&file, user, "wrong").await, Verdict::Rejected);
    }
    for user in ["B", "b ", "", "nobody"] {
        assert_eq!(verdict(&file, user, "demo").await, Verdict::Unknown, "{user}");
    }
}

#[tokio::test]
async fn an_unknown_user_is_not_let_in_by_the_password_of_the_secret_they_are_checked_against() {
    let file = parse(&format!("s:{SCRAM}")).unwrap();
    let (secret, known) = file.secret_for("nobody").unwrap();
    assert!(!known && secret.matches(b"demo").unwrap());
    assert_eq!(verdict(&file, "nobody", "demo").await, Verdict::Unknown);
}

#[test]
fn unknown_users_are_checked_against_a_stable_secret_and_spread_over_all_forms() {
    let file = each_form();
    let mut seen = [false; 4];
    for number in 0..200 {
        let user = format!("nobody{number}");
        let (secret, known) = file.secret_for(&user).unwrap();
        assert!(!known);
        assert!(Arc::ptr_eq(&secret, &file.secret_for(&user).unwrap().0), "stable");
        let index = file.secrets.iter().position(|other| Arc::ptr_eq(other, &secret)).unwrap();
        seen[index] = true;
    }
    assert_eq!(seen, [true; 4]);
    assert!(parse("# nobody\n").unwrap().secret_for("ann").is_none());
}

#[test]
fn scram_secrets_are_found_and_others_are_told_apart() {
    let file = each_form();
    assert!(matches!(file.scram_secret("s"), ScramLookup::Secret(_)));
    assert!(matches!(file.scram_secret("b"), ScramLookup::OtherForm));
    assert!(matches!(file.scram_secret("nobody"), ScramLookup::Unknown));
    assert_eq!(file.scram_shape("nobody"), Some(ScramShape { iterations: 4096, salt_bytes: 16 }));
    assert_eq!(parse(&format!("b:{BCRYPT}")).unwrap().scram_shape("nobody"), None);
}

#[test]
fn errors_name_file_and_line_and_no_secret() {
    let cases = [
        ("# c\n\nhunter2".to_owned(), "conf/users:3: no colon: a line is name:secret"),
        (":hunter2".to_owned(), "conf/users:1: the user name is empty"),
        (format!("ann :{BCRYPT}"), "conf/users:1: blanks around the user name"),
        (format!("a\u{7}b:{BCRYPT}"), "conf/users:1: a control character in the user name"),
        ("ann:".to_owned(), "conf/users:1: the secret is empty"),
        (
            "ann:hunter2".to_owned(),
            "conf/users:1: the secret is neither bcrypt, argon2id, PBKDF2 nor SCRAM-SHA-256; try naru hash-password",
        ),
        (format!("ann:{BCRYPT}\nbob:{PBKDF2}\nann:{SCRAM}"), "conf/users:3: user \"ann\" is in this file twice"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(&text).unwrap_err().to_string(), expected);
    }
    let shown = format!("{:?}", each_form());
    assert_eq!(shown, r#"PasswordFile { name: "password file conf/users", users: 4, .. }"#);
}

#[test]
fn a_file_that_is_not_utf_8_names_the_line() {
    let path = std::env::temp_dir().join(format!("naru-auth-users-{}", std::process::id()));
    std::fs::write(&path, b"# one\nann:\xff\n").unwrap();
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
    let error = PasswordFile::load(&path, MockKey::random(), workers).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(error, format!("{}:2: not UTF-8", path.display()));
}
