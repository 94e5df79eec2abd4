//! The MySQL connector against four real MariaDB servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod accounts;
mod aggregation;
mod connections;
mod metadata;
mod mysql55;
mod pass_through;
mod predicates;
mod settings;
mod sharding;
mod stopping;
mod types;
mod world;
