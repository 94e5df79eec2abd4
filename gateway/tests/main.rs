//! The gateway without its doors: sessions of the demo's users over generated data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "it/audit.rs"]
mod audit;
#[path = "it/cli.rs"]
mod cli;
#[path = "it/columns.rs"]
mod columns;
#[path = "it/flight.rs"]
mod flight;
#[path = "it/flight_client.rs"]
mod flight_client;
#[path = "it/functions.rs"]
mod functions;
#[path = "it/governed.rs"]
mod governed;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/policy_expressions.rs"]
mod policy_expressions;
#[path = "it/reload.rs"]
mod reload;
#[path = "it/runtime.rs"]
mod runtime;
#[path = "it/world.rs"]
mod world;
