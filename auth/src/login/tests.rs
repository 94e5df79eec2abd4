//! The whole way from a client's bytes to an identity, and the ways that must not lead there.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    net::Ipv4Addr,
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;

use super::*;
use crate::{
    AuthError, FailedLoginLimits, GroupsFile, HashWorkers, PasswordFile, SigningKey,
    scram::test_client::{BOUND, NO_BINDING, client_final, client_first},
};

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PLAIN: &str = "SCRAM-SHA-256";
/// ann has a SCRAM secret, bob a bcrypt one; both passwords are 'demo'.
const USERS: &str = "ann:SCRAM-SHA-256$4096:QLOp1HpcoxB5lAAEhuGq2g==$7LkC9ANNj1mx6VQAGqJp8/wsqzaq4B3j+PEZRV5cPbY=:viLoyk6TDUpmkfA75SDmsgxqWhqeLruTCGYLdphbFCM=\nbob:$2y$08$abcdefghijklmnopqrstuu4t33Bj1uCG46q1Hn8g/qqNBCvOosjX6\n";
const GROUPS: &str = "analysts:ann,bob\nadmins:ann\n";

fn key() -> MockKey {
    MockKey::derived_from(&Secret::new("shared by all gateways"))
}

fn users() -> Arc<dyn Authenticator> {
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
    Arc::new(PasswordFile::parse(USERS, Path::new("users"), key(), workers).unwrap())
}

fn failures(most: u32) -> Arc<FailedLogins> {
    let per_user_and_address = NonZeroU32::new(most).unwrap();
    Arc::new(FailedLogins::new(FailedLoginLimits { per_user_and_address, ..FailedLoginLimits::default() }))
}

fn login_with(chain: Vec<Arc<dyn Authenticator>>, failures: Arc<FailedLogins>) -> Login {
    let groups = GroupsFile::parse(GROUPS, Path::new("groups")).unwrap();
    Login::new(chain, Arc::new(groups), failures, key())
}

fn login() -> Login {
    login_with(vec![users()], failures(100))
}

async fn password(login: &Login, user: &str, password: &str) -> Result<Identity, LoginError> {
    login.password(user, &Secret::new(password), PEER).await
}

/// A whole exchange without channel binding; also gives what the client saw of salt and iterations.
async fn scram(login: &Login, user: &str, password: &str) -> (String, Result<Identity, LoginError>) {
    let exchange = login.scram(user, PEER, None).unwrap();
    let (server_first, next) = exchange.start(PLAIN, client_first(NO_BINDING).as_bytes()).unwrap();
    let (last, expected_final) = client_final(password, NO_BINDING, b"", &server_first);
    let shown = String::from_utf8(server_first).unwrap().split_once(",s=").unwrap().1.to_owned();
    let result = next.finish(last.as_bytes()).await.map(|(server_final, identity)| {
        assert_eq!(server_final, expected_final.as_bytes());
        identity
    });
    (shown, result)
}

/// A link that answers everybody the same, and counts how often it was asked.
struct Fixed(Result<Verdict, AuthError>, AtomicUsize);

impl Fixed {
    fn new(answer: Result<Verdict, AuthError>) -> Arc<Self> {
        Arc::new(Self(answer, AtomicUsize::new(0)))
    }
}

#[async_trait]
impl Authenticator for Fixed {
    fn name(&self) -> &str {
        "fixed"
    }

    async fn password(&self, _attempt: &PasswordAttempt<'_>) -> Result<Verdict, AuthError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.clone()
    }
}

#[tokio::test]
async fn right_password_gives_the_user_with_groups() {
    let identity = password(&login(), "ann", "demo").await.unwrap();
    assert_eq!(identity.user(), "ann");
    assert_eq!(identity.groups().iter().collect::<Vec<_>>(), ["admins", "analysts"]);
    assert!(identity.roles().is_empty());
    assert_eq!(identity.method(), LoginMethod::Password);
    assert_eq!(password(&login(), "bob", "demo").await.unwrap().groups().len(), 1);
}

#[tokio::test]
async fn supposing_a_user_closes_the_way_in() {
    let (ann, closed) = login().suppose("ann").await.unwrap();
    assert_eq!(ann.groups().iter().collect::<Vec<_>>(), ["admins", "analysts"]);
    assert_eq!(ann.method().as_str(), "supposed");
    assert!(matches!(password(&closed, "ann", "demo").await, Err(LoginError::Failed(_))));
    assert!(scram(&closed, "ann", "demo").await.1.is_err());
}

#[tokio::test]
async fn wrong_password_and_unknown_user_read_the_same_but_not_in_the_log() {
    let login = login();
    let wrong = password(&login, "ann", "Demo").await.unwrap_err();
    let unknown = password(&login, "nobody", "demo").await.unwrap_err();
    assert_eq!(wrong.to_string(), "password authentication failed");
    assert_eq!(wrong.to_string(), unknown.to_string());
    assert_eq!(wrong.log_detail().text(), "wrong password (password file users)");
    assert_eq!(unknown.log_detail().text(), "unknown user");
    for (_, result) in [scram(&login, "ann", "Demo").await, scram(&login, "nobody", "demo").await] {
        assert_eq!(result.unwrap_err().to_string(), wrong.to_string());
    }
}

#[tokio::test]
async fn empty_passwords_and_users_never_log_in_whoever_would_accept_them() {
    let generous = Fixed::new(Ok(Verdict::Accepted("ann".to_owned())));
    let login = login_with(vec![Arc::clone(&generous) as Arc<dyn Authenticator>], failures(100));
    assert!(matches!(password(&login, "ann", "").await, Err(LoginError::Failed(_))));
    assert!(matches!(password(&login, "", "demo").await, Err(LoginError::Failed(_))));
    assert_eq!(generous.1.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_unknown_passes_the_question_on() {
    let accepting = || Fixed::new(Ok(Verdict::Accepted("ann@corp".to_owned()))) as Arc<dyn Authenticator>;
    let chain = |first: Arc<dyn Authenticator>| login_with(vec![first, accepting()], failures(100));

    let unknown = chain(Fixed::new(Ok(Verdict::Unknown)));
    assert_eq!(password(&unknown, "ann", "x").await.unwrap().user(), "ann@corp");
    let rejected = chain(Fixed::new(Ok(Verdict::Rejected)));
    assert!(matches!(password(&rejected, "ann", "x").await, Err(LoginError::Failed(_))));

    let broken = chain(Fixed::new(Err(AuthError::new("ldap://corp: connection refused"))));
    let error = password(&broken, "ann", "x").await.unwrap_err();
    assert!(matches!(error, LoginError::Unavailable(_)));
    assert!(!error.to_string().contains("ldap"), "{error}");
    assert_eq!(error.log_detail().text(), "fixed: ldap://corp: connection refused");
}

#[tokio::test]
async fn nobody_logs_in_without_their_groups() {
    struct Broken;
    #[async_trait]
    impl GroupProvider for Broken {
        async fn groups(&self, _user: &str) -> Result<BTreeSet<String>, AuthError> {
            Err(AuthError::new("no answer"))
        }
    }
    let login = Login::new(vec![users()], Arc::new(Broken), failures(100), key());
    assert!(matches!(password(&login, "ann", "demo").await, Err(LoginError::Unavailable(_))));
    assert!(matches!(scram(&login, "ann", "demo").await.1, Err(LoginError::Unavailable(_))));
}

#[tokio::test]
async fn scram_gives_the_user_with_groups_and_the_method() {
    let identity = scram(&login(), "ann", "demo").await.1.unwrap();
    assert_eq!((identity.user(), identity.groups().len()), ("ann", 2));
    assert_eq!(identity.method(), LoginMethod::ScramSha256);

    let exchange = login().scram("ann", PEER, Some(b"certificate".to_vec())).unwrap();
    assert_eq!(exchange.mechanisms(), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    let (server_first, next) = exchange.start("SCRAM-SHA-256-PLUS", client_first(BOUND).as_bytes()).unwrap();
    let (last, _) = client_final("demo", BOUND, b"certificate", &server_first);
    let (_, identity) = next.finish(last.as_bytes()).await.unwrap();
    assert_eq!(identity.method(), LoginMethod::ScramSha256Plus);
}

#[tokio::test]
async fn unknown_users_see_an_exchange_of_the_same_shape_with_a_stable_salt() {
    let (known, _) = scram(&login(), "ann", "x").await;
    let (unknown, _) = scram(&login(), "nobody", "x").await;
    let (other, _) = scram(&login(), "somebody", "x").await;
    assert_eq!((known.len(), &known[24..]), (unknown.len(), &unknown[24..]), "salt length and iterations");
    assert_eq!(unknown, scram(&login(), "nobody", "y").await.0, "another gateway with the same key shows the same");
    assert_ne!(unknown, other);
    assert_ne!(unknown, known);
}

#[tokio::test]
async fn a_user_without_a_scram_secret_fails_like_an_unknown_one_and_the_operator_is_warned() {
    let (shown, result) = scram(&login(), "bob", "demo").await;
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "password authentication failed");
    assert_eq!(error.log_detail().level(), LogLevel::Warn);
    assert!(error.log_detail().text().contains("asks for SCRAM"), "{:?}", error.log_detail());
    assert!(shown.ends_with(",i=4096"), "{shown}");
}

#[tokio::test]
async fn broken_messages_are_protocol_errors_and_count_no_failure() {
    let login = login_with(vec![users()], failures(1));
    for _ in 0..3 {
        let exchange = login.scram("ann", PEER, None).unwrap();
        assert!(matches!(exchange.start(PLAIN, b"garbage"), Err(LoginError::Protocol(_))));
        let exchange = login.scram("ann", PEER, None).unwrap();
        let (_, next) = exchange.start(PLAIN, client_first(NO_BINDING).as_bytes()).unwrap();
        assert!(matches!(next.finish(b"garbage").await, Err(LoginError::Protocol(_))));
    }
    assert!(scram(&login, "ann", "demo").await.1.is_ok());
}

#[tokio::test]
async fn failures_of_every_method_count_together_and_survive_a_reload() {
    let shared = failures(2);
    let login = login_with(vec![users()], Arc::clone(&shared));
    assert!(password(&login, "ann", "x").await.is_err());
    assert!(scram(&login, "ann", "x").await.1.is_err());

    let reloaded = login_with(vec![users()], shared);
    let error = password(&reloaded, "ann", "demo").await.unwrap_err();
    let LoginError::TooManyFailures { retry_after } = error else { panic!("{error:?}") };
    assert!(retry_after.as_secs() <= 300);
    assert!(matches!(reloaded.scram("ann", PEER, None), Err(LoginError::TooManyFailures { .. })));
    assert!(password(&reloaded, "bob", "demo").await.is_ok());
}

#[tokio::test]
async fn a_right_proof_begun_before_the_limit_was_reached_is_not_told() {
    let login = login_with(vec![users()], failures(1));
    let (server_first, early) =
        login.scram("ann", PEER, None).unwrap().start(PLAIN, client_first(NO_BINDING).as_bytes()).unwrap();
    assert!(password(&login, "ann", "x").await.is_err());
    let (last, _) = client_final("demo", NO_BINDING, b"", &server_first);
    assert!(matches!(early.finish(last.as_bytes()).await, Err(LoginError::TooManyFailures { .. })));
}

#[tokio::test]
async fn two_hundred_logins_at_once_do_not_disturb_each_other() {
    let login = Arc::new(login());
    let logins = (0..200).map(|number| {
        let login = Arc::clone(&login);
        tokio::spawn(async move {
            let (user, right) = (if number % 3 == 0 { "bob" } else { "ann" }, number % 4 != 1);
            let word = if right { "demo" } else { "wrong" };
            let result = match user {
                "ann" => scram(&login, user, word).await.1,
                _ => password(&login, user, word).await,
            };
            assert_eq!(result.ok().map(|identity| identity.user().to_owned()), right.then(|| user.to_owned()));
        })
    });
    for outcome in logins.collect::<Vec<_>>() {
        outcome.await.unwrap();
    }
}

#[tokio::test]
async fn a_token_stands_for_its_user_until_it_expires() {
    let (login, tokens) = (login(), BearerTokens::new(SigningKey::random(), Duration::from_secs(60)));
    let ann = password(&login, "ann", "demo").await.unwrap();
    let now = SystemTime::now();
    let (token, claims) = tokens.issue(&ann, now);
    let (back, read) = login.bearer(&tokens, &token, now).await.unwrap();
    assert_eq!((back.user(), back.groups(), read), (ann.user(), ann.groups(), claims));
    assert_eq!(back.method(), LoginMethod::BearerToken);
    assert_ne!(tokens.issue(&ann, now).1.session, claims.session);

    let after = now + Duration::from_secs(60);
    assert!(matches!(login.bearer(&tokens, &token, after).await, Err(LoginError::Token(_))));
    let others = BearerTokens::new(SigningKey::random(), Duration::from_secs(60));
    for (tokens, token) in [(&others, token.as_str()), (&tokens, ""), (&tokens, "!"), (&tokens, &token[1..])] {
        assert!(matches!(login.bearer(tokens, token, now).await, Err(LoginError::Token(_))), "{token}");
    }
}

#[tokio::test]
async fn a_token_has_the_groups_of_now_and_dies_with_its_user() {
    let tokens = BearerTokens::new(SigningKey::random(), Duration::from_secs(60));
    let ann = password(&login(), "ann", "demo").await.unwrap();
    let (token, _) = tokens.issue(&ann, SystemTime::now());

    let moved = GroupsFile::parse("others:ann", Path::new("groups")).unwrap();
    let reloaded = Login::new(vec![users()], Arc::new(moved), failures(1), key());
    let (back, _) = reloaded.bearer(&tokens, &token, SystemTime::now()).await.unwrap();
    assert_eq!(back.groups().iter().collect::<Vec<_>>(), ["others"]);

    let bob_only = USERS.lines().find(|line| line.starts_with("bob:")).unwrap();
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
    let bob_only = PasswordFile::parse(bob_only, Path::new("users"), key(), workers).unwrap();
    let without_ann = login_with(vec![Arc::new(bob_only)], failures(1));
    assert!(matches!(without_ann.bearer(&tokens, &token, SystemTime::now()).await, Err(LoginError::Token(_))));
}
