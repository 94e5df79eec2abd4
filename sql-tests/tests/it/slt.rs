//! Every file of `slt/` over every protocol, and the oracle's word that its expectations are right.

use naru_sql_tests::naru::Naru;
use naru_sql_tests::postgresql::Postgresql;
use naru_sql_tests::slt::{self, Protocol, Server};
use std::path::{Path, PathBuf};

/// The files of a folder of `slt/`, by name. What guards against known bugs of the engine lies in a folder of its own.
fn files(folder: &str) -> Vec<PathBuf> {
    let above = if folder == "guards" { "" } else { "slt" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(above).join(folder);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "slt"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no files", folder.display());
    files
}

async fn all_hold(folder: &str, server: Server<'_>, protocol: Protocol) {
    let mut failures = Vec::new();
    for file in files(folder) {
        // Transactions, and what one statement leaves to the next, are the PostgreSQL protocol's.
        let stateful = folder == "postgresql" && file.ends_with("sessions.slt");
        if protocol == Protocol::Flight && stateful {
            continue;
        }
        failures.extend(slt::run(&file, server, protocol).await.err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

macro_rules! over_every_protocol {
    ($($folder:ident),*) => { $(
        mod $folder {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn simple() {
                all_hold(stringify!($folder), Server::Naru(Naru::shared()), Protocol::Simple).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn extended_in_binary() {
                all_hold(stringify!($folder), Server::Naru(Naru::shared()), Protocol::Extended).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn flight() {
                all_hold(stringify!($folder), Server::Naru(Naru::shared()), Protocol::Flight).await;
            }
        }
    )* };
}

over_every_protocol!(postgresql, tpch, naru, guards);

/// `NARU_BLESS=1 cargo test -p naru-sql-tests the_oracle` writes what PostgreSQL answers into `slt/postgresql`.
#[tokio::test(flavor = "multi_thread")]
async fn the_oracle_answers_as_the_files_say() {
    let oracle = Postgresql::start();
    if std::env::var_os("NARU_BLESS").is_some() {
        for file in files("postgresql") {
            slt::write_expectations(&file, &oracle).await.unwrap();
        }
    }
    for folder in ["postgresql", "guards"] {
        all_hold(folder, Server::Postgresql(&oracle), Protocol::Simple).await;
        all_hold(folder, Server::Postgresql(&oracle), Protocol::Extended).await;
    }
}
