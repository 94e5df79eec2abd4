//! The gateway in this process: sessions of the demo's users over generated data, and its Flight SQL and HTTP doors.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "it/attacks.rs"]
mod attacks;
#[path = "it/audit.rs"]
mod audit;
#[path = "it/catalog_settings.rs"]
mod catalog_settings;
#[path = "it/cli.rs"]
mod cli;
#[path = "it/codec.rs"]
mod codec;
#[path = "it/columns.rs"]
mod columns;
#[path = "it/copy.rs"]
mod copy;
#[path = "it/cursors.rs"]
mod cursors;
#[path = "it/dynamic_filters.rs"]
mod dynamic_filters;
#[path = "it/explain.rs"]
mod explain;
#[path = "it/files.rs"]
mod files;
#[path = "it/flight.rs"]
mod flight;
#[path = "it/flight_client.rs"]
mod flight_client;
#[path = "it/flight_endpoints.rs"]
mod flight_endpoints;
#[path = "it/flight_metadata.rs"]
mod flight_metadata;
#[path = "it/flight_sessions.rs"]
mod flight_sessions;
#[path = "it/flight_statements.rs"]
mod flight_statements;
#[path = "it/functions.rs"]
mod functions;
#[path = "it/governed.rs"]
mod governed;
#[path = "it/guards.rs"]
mod guards;
#[path = "it/http.rs"]
mod http;
#[path = "it/joins.rs"]
mod joins;
#[path = "it/limits.rs"]
mod limits;
#[path = "it/matrix.rs"]
mod matrix;
#[path = "it/panics.rs"]
mod panics;
#[path = "it/pg_catalog.rs"]
mod pg_catalog;
#[path = "it/plan_cache.rs"]
mod plan_cache;
#[path = "it/policy_expressions.rs"]
mod policy_expressions;
#[path = "it/probe.rs"]
mod probe;
#[path = "it/query_function.rs"]
mod query_function;
#[path = "it/reload.rs"]
mod reload;
#[path = "it/runtime.rs"]
mod runtime;
#[path = "it/warnings.rs"]
mod warnings;
#[path = "it/world.rs"]
mod world;
