//! The whole, from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "it/clients/mod.rs"]
mod clients;
#[path = "it/slt.rs"]
mod slt;
