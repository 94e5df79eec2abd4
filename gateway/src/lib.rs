//! Naru: one governed query path behind the PostgreSQL and Flight SQL doors.
//!
//! `docs/architecture.md` has the map. A query goes wire -> session -> parse -> bind -> optimise -> verify -> run -> encode.

pub mod audit;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod demo;
pub mod error;
pub mod exec;
pub mod functions;
pub mod govern;
pub mod plan;
pub mod server;
pub mod service;
pub mod session;
pub mod telemetry;
