//! The MySQL connector against four real MariaDB servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod aggregation;
mod connections;
mod drawn;
mod metadata;
mod predicates;
mod ranges;
mod sharding;
mod stopping;
mod types;
mod world;
