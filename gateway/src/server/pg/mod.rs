//! The PostgreSQL door: wire protocol 3.0 and 3.2 over TCP and TLS.
//!
//! It translates messages to calls of a [`backend::BackendSession`] and results to messages, and decides nothing: what a statement
//! may do, who may see what, how a transaction goes is the session's. pgwire is used for the layout of what we send only; what
//! comes in is read by [`frontend`] with checked bounds.
//!
//! A connection's way: [`listener`] accepts, [`startup`] settles TLS and version, [`login`] asks who it is, [`connection`] runs the
//! commands ([`simple`], [`extended`]), [`rows`] streams results through [`encode`], [`cancel`] stops them.

pub mod backend;
mod cancel;
pub mod catalog;
mod connection;
mod encode;
mod extended;
mod frontend;
mod gateway;
mod listener;
mod login;
mod objects;
mod options;
pub mod parameter;
mod respond;
mod rows;
mod simple;
mod slots;
mod sqlstate;
mod startup;
pub mod types;
mod wire;

pub use gateway::{GatewayBackend, PgSession};
pub use listener::serve;
pub use options::{PgLoginMethod, PgOptions, PgTls};
pub use sqlstate::sqlstate;

#[cfg(test)]
mod tests;
