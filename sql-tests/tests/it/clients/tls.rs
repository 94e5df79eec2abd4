//! The clients over TLS: they trust one authority only, and find out when they talk to another.

use super::{java, python};
use naru_sql_tests::configuration::{Authority, Configuration};
use naru_sql_tests::naru::Naru;
use naru_sql_tests::tool::{self, Finished};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// A `naru` that requires TLS, and the certificate files of its authority and of a stranger.
struct World {
    naru: Naru,
    _configuration: Configuration,
    _folder: tempfile::TempDir,
    ca: PathBuf,
    wrong: PathBuf,
}

impl World {
    /// With TLS at the PostgreSQL door.
    fn pg() -> Self {
        Self::new(|configuration, authority| configuration.with_tls(authority, true))
    }

    /// With TLS at the Flight SQL door.
    fn flight() -> Self {
        Self::new(Configuration::with_flight_tls)
    }

    fn new(with_tls: impl FnOnce(Configuration, &Authority) -> Configuration) -> Self {
        let authority = Authority::new("naru test");
        let configuration = with_tls(Configuration::new(), &authority);
        let naru = Naru::serve(configuration.folder());
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, authority: &Authority| {
            let file = folder.path().join(name);
            std::fs::write(&file, authority.pem()).unwrap();
            file
        };
        // Of the same name, so that only the signature tells them apart.
        let (ca, wrong) = (written("ca.pem", &authority), written("wrong.pem", &Authority::new("naru test")));
        Self { naru, _configuration: configuration, _folder: folder, ca, wrong }
    }

    fn files(&self) -> [&Path; 2] {
        [&self.ca, &self.wrong]
    }
}

macro_rules! cases {
    ($module:ident, $client:ident, $program:literal, $door:ident: $($case:ident),*) => {
        mod $module { $(
            #[tokio::test]
            async fn $case() {
                let world = super::World::$door();
                super::$client::case($program, stringify!($case), world.naru.$door(), &world.files()).await;
            }
        )* }
    };
}

cases!(psycopg, python, "psycopg_cases.py", pg: tls, tls_at_once, channel_binding, cancel_inside_tls);
cases!(pgjdbc, java, "PgJdbc", pg: tls, tls_at_once, channel_binding, cancel_beside_tls);
cases!(adbc, python, "adbc_cases.py", flight: tls);
cases!(flight_jdbc, java, "FlightJdbc", flight: tls);

async fn psql(world: &World, options: &str) -> Finished {
    let mut command = Command::new("psql");
    let connection = format!("host=127.0.0.1 port={} user=bob dbname=tpch {options}", world.naru.pg());
    command.args(["-X", "-A", "-t", "-c", "select current_user", &connection]).env("PGPASSWORD", "demo");
    tool::run(command, "").await
}

#[tokio::test]
async fn psql_verifies_whom_it_talks_to_and_binds_its_login_to_the_channel() {
    let world = World::pg();
    let verified = format!("sslmode=verify-full sslrootcert={}", world.ca.display());
    assert_eq!(psql(&world, &verified).await.success(), "bob\n");
    assert_eq!(psql(&world, &format!("{verified} channel_binding=require")).await.success(), "bob\n");
    for (options, expected) in [
        (format!("sslmode=verify-full sslrootcert={}", world.wrong.display()), "certificate verify failed"),
        ("sslmode=disable".to_owned(), "accepts only connections with TLS"),
        (format!("{verified} gssencmode=require"), "GSS"),
    ] {
        let finished = psql(&world, &options).await;
        assert_eq!(finished.code, Some(2), "{options}");
        assert!(finished.stderr.contains(expected), "{options}: {}", finished.stderr);
    }
}
