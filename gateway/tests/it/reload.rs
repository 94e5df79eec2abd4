//! A configuration folder that changes while the gateway runs.

use crate::world::{error, rows, text_rows};
use arc_swap::ArcSwap;
use futures::TryStreamExt;
use naru_auth::{HashForm, Secret};
use naru_gateway::config::{self, Configuration, Reloader, Renewal};
use naru_gateway::error::ErrorCode;
use naru_gateway::exec::Executor;
use naru_gateway::server::flight::FlightTls;
use naru_gateway::session::api::{Client, Door, Outcome};
use naru_gateway::session::{Gateway, GatewayParts, Session};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const POLICIES: &str = include_str!("../../../conf/policies/demo.json");
const PHONE: &str = "select c_phone from customer where c_custkey = 1";

struct Running {
    folder: tempfile::TempDir,
    gateway: Arc<Gateway>,
    reloader: Arc<Reloader>,
    /// What the Flight door shows to clients.
    tls: Arc<ArcSwap<FlightTls>>,
}

impl Running {
    fn new() -> Self {
        // Another test of this process may have done so.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
        std::fs::create_dir(folder.path().join("catalogs")).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        write(
            "naru.toml",
            "default_catalog = \"tpch\"\nusers = { file = \"users\", groups = \"groups\" }\n\
             [flight]\naddress = \"127.0.0.1:0\"\ntls = { certificate = \"tls.crt\", key = \"tls.key\" }\n\
             [audit]\nfile = \"audit.jsonl\"\n",
        );
        write("catalogs/tpch.toml", "connector = \"tpch\"\ndefault_schema = \"tiny\"\n");
        write("policies/demo.json", POLICIES);
        write("groups", "analysts:bob\n");
        write("users", &user("bob"));
        write("tls.crt", include_str!("../../src/config/testdata/one.crt"));
        write("tls.key", include_str!("../../src/config/testdata/one.key"));
        let Configuration { snapshot, login, limits, audit, origin, flight, .. } = config::load(folder.path()).unwrap();
        let executor = Executor::new(Handle::current(), limits).unwrap();
        let gateway = Gateway::new(GatewayParts { snapshot, login, executor, audit });
        let tls = flight.unwrap().options.tls.unwrap();
        let renewal = Renewal::flight(Arc::clone(&tls));
        let reloader = Arc::new(Reloader::new(Arc::clone(&gateway), origin.unwrap(), vec![renewal]));
        Self { folder, gateway, reloader, tls }
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.path().join(file)
    }

    async fn session(&self, user: &str) -> Session {
        let identity = self.gateway.login().password(user, &Secret::new("demo"), LOCAL).await.unwrap();
        let client = Client { door: Door::Postgres, address: LOCAL, application: "test".to_owned() };
        Session::open(Arc::clone(&self.gateway), identity, client, None).unwrap()
    }

    /// Why a reload fails; paths start at the folder.
    fn refusal(&self) -> String {
        let problems = self.reloader.reload().unwrap_err().to_string();
        problems.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn user(name: &str) -> String {
    let secret = naru_auth::hash_password(HashForm::Scram, &Secret::new("demo")).unwrap();
    format!("{name}:{secret}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn new_policies_hold_for_the_next_statement_and_not_for_the_running_one() {
    let running = Running::new();
    let mut bob = running.session("bob").await;
    assert_eq!(rows(&mut bob, PHONE).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    // Many batches of a table that bob sees through a mask and a row filter.
    let table = "tpch.sf1.customer";
    let expected = rows(&mut bob, &format!("select count(*) from {table}")).await.unwrap()[0][0].parse().unwrap();

    bob.begin_statement(&CancellationToken::new());
    let parsed = naru_gateway::plan::parse(&format!("select c_phone from {table}")).unwrap().remove(0);
    let Outcome::Rows { mut stream, .. } = bob.execute(&parsed, Vec::new()).await.unwrap() else { panic!("no rows") };
    let mut shown = text_rows(&stream.try_next().await.unwrap().unwrap());
    assert!(shown.len() < expected, "there is something left to read");
    running.write("policies/demo.json", &POLICIES.replace("\"analysts\"", "\"nobody\""));
    running.reloader.reload().unwrap();
    while let Some(batch) = stream.try_next().await.unwrap() {
        shown.extend(text_rows(&batch));
    }
    assert_eq!(shown.len(), expected);
    assert!(shown.concat().iter().all(|phone| phone.starts_with("XXXXXXXXXXX")), "a phone without its mask");

    assert_eq!(error(&mut bob, PHONE).await.code, ErrorCode::UndefinedTable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_leaves_everything_as_it_was() {
    let running = Running::new();
    let mut bob = running.session("bob").await;
    running.write("users", &format!("{}{}", user("bob"), user("dora")));
    running.write("policies/demo.json", "{\n\"policies\": oops");
    assert!(running.refusal().starts_with("policies/demo.json:2: "), "{}", running.refusal());
    assert_eq!(rows(&mut bob, PHONE).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    assert!(running.gateway.login().password("dora", &Secret::new("demo"), LOCAL).await.is_err());

    running.write("policies/demo.json", POLICIES);
    running.write("catalogs/tpch.toml", "connector = \"tpch\"\ndefault_schema = \"tiny\"\nsplit = 4\n");
    assert!(running.refusal().contains("catalogs/tpch.toml:3: unknown key \"split\"; did you mean \"splits\"?"));
    running.write("catalogs/tpch.toml", "connector = \"tpch\"\ndefault_schema = \"tiny\"\nsplits = 4\n");
    running.reloader.reload().unwrap();
    drop(running.session("dora").await);
    assert_eq!(running.reloader.attempts().borrow().failed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_remembered_through_a_reload() {
    let running = Running::new();
    for _ in 0..10 {
        let refused = running.gateway.login().password("bob", &Secret::new("wrong"), LOCAL).await;
        assert!(refused.is_err());
        running.reloader.reload().unwrap();
    }
    let refused = running.gateway.login().password("bob", &Secret::new("demo"), LOCAL).await.unwrap_err();
    assert!(refused.to_string().contains("too many failed logins"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_that_did_not_change_are_kept() {
    let running = Running::new();
    let connector = || Arc::clone(&running.gateway.snapshot().catalogs.get("tpch").unwrap().connector);
    let before = connector();
    running.reloader.reload().unwrap();
    assert!(Arc::ptr_eq(&before, &connector()));
    running.write("catalogs/tpch.toml", "connector = \"tpch\"\ndefault_schema = \"tiny\"\nsplits = 4\n");
    running.reloader.reload().unwrap();
    assert!(!Arc::ptr_eq(&before, &connector()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_only_with_its_own_key() {
    let running = Running::new();
    let before = running.tls.load_full();
    running.write("tls.crt", include_str!("../../src/config/testdata/other.crt"));
    assert!(running.refusal().starts_with("tls.key: certificate and key do not fit"));
    assert!(Arc::ptr_eq(&before, &running.tls.load()));
    running.write("tls.key", include_str!("../../src/config/testdata/other.key"));
    running.reloader.reload().unwrap();
    assert!(!Arc::ptr_eq(&before, &running.tls.load()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_noticed() {
    let running = Running::new();
    let mut bob = running.session("bob").await;
    let mut attempts = running.reloader.attempts();
    let shutdown = CancellationToken::new();
    let hangups = signal(SignalKind::hangup()).unwrap();
    let watching = tokio::spawn({
        let (reloader, shutdown) = (Arc::clone(&running.reloader), shutdown.clone());
        async move { reloader.run(hangups, shutdown).await }
    });
    // As editors and deployments do it: another file takes the old one's name.
    let policies = running.path("policies/demo.json");
    let replace = |text: &str| {
        // Beside the folder that is watched: half of it is no policy.
        let new = running.path("demo.new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &policies).unwrap();
    };
    let patience = Duration::from_secs(60);
    replace(&POLICIES.replace("\"analysts\"", "\"nobody\""));
    tokio::time::timeout(patience, attempts.wait_for(|attempts| attempts.succeeded > 0)).await.unwrap().unwrap();
    assert_eq!(error(&mut bob, PHONE).await.code, ErrorCode::UndefinedTable);
    replace("{");
    tokio::time::timeout(patience, attempts.wait_for(|attempts| attempts.failed > 0)).await.unwrap().unwrap();
    assert_eq!(error(&mut bob, PHONE).await.code, ErrorCode::UndefinedTable);
    replace(POLICIES);
    tokio::time::timeout(patience, attempts.wait_for(|attempts| attempts.succeeded > 1)).await.unwrap().unwrap();
    assert_eq!(rows(&mut bob, PHONE).await.unwrap(), [["XXXXXXXXXXX2988"]]);
    shutdown.cancel();
    watching.await.unwrap();
}
