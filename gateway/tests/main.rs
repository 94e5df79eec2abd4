//! The gateway without its doors: sessions of the demo's users over generated data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "it/columns.rs"]
mod columns;
#[path = "it/functions.rs"]
mod functions;
#[path = "it/governed.rs"]
mod governed;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/pg_catalog.rs"]
mod pg_catalog;
#[path = "it/world.rs"]
mod world;
