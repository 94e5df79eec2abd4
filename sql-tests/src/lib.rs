//! Tests of the whole: a real naru process, real clients.
//!
//! [`process`] runs a program that ends with the test, [`naru`] is one running `naru`, [`postgresql`] the oracle for SQL
//! semantics, [`stack`] a gateway over sharded MySQL, [`tool`] a client program, [`slt`] the sqllogictest runner over every
//! protocol, [`configuration`] a folder for `naru serve`, [`pg_wire`] a PostgreSQL client of bytes, [`vitals`] what a process
//! uses. Nothing here knows the gateway's code: it sees what a client sees.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness: whatever fails here fails the test that called it"
)]

pub mod configuration;
pub mod naru;
pub mod pg_wire;
pub mod postgresql;
pub mod process;
pub mod slt;
pub mod stack;
pub mod tool;
pub mod vitals;

use std::path::{Path, PathBuf};

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("sql-tests lies in the workspace").to_owned()
}

/// Cargo's target folder in the caller's environment: where everything goes that is built or fetched.
#[must_use]
pub fn target_folder() -> PathBuf {
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(workspace()).no_deps().exec();
    metadata.expect("cargo metadata").target_directory.into_std_path_buf()
}
