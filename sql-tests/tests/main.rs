//! The whole, from outside.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "it/clients/mod.rs"]
mod clients;
#[path = "it/docs.rs"]
mod docs;
#[path = "it/door/mod.rs"]
mod door;
#[path = "it/layers.rs"]
mod layers;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/policy.rs"]
mod policy;
#[path = "it/slt.rs"]
mod slt;
#[path = "it/stack/mod.rs"]
mod stack;
