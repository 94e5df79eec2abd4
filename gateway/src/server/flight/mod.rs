//! The Flight SQL door: Arrow Flight over gRPC, with the Flight SQL commands that ADBC and the JDBC driver send.
//!
//! It translates calls to those of a [`Session`](crate::session::Session) and batches to messages, and decides nothing: what a
//! statement may do and who may see what is the session's. Dispatch is our own: arrow-flight's `FlightSqlService` has neither
//! GetSchema nor the session messages (apache/arrow-rs#6346), and it would leave the proof of who calls to each command.
//!
//! A call's way: [`listener`] accepts, [`auth`] finds out who calls, [`service`] picks the command's file ([`statement`],
//! [`prepared`], [`metadata`], [`actions`]), [`wire`] and [`encode`] make messages of what comes back. There is no connection to keep
//! things on: a ticket and a prepared statement are signed values in the client's hands ([`sealed`]). Kept here are changed settings
//! ([`sessions`]), cancelled tickets ([`running`]) and which endpoints of a result were read ([`shared`]).

mod actions;
mod auth;
mod door;
mod encode;
mod keys;
mod listener;
mod metadata;
mod options;
mod parameters;
mod prepared;
mod running;
mod sealed;
mod service;
mod session_options;
mod sessions;
mod shared;
mod sql_info;
mod statement;
mod status;
mod table_schema;
mod wire;
mod xdbc;

pub use listener::serve;
pub use options::{FlightOptions, FlightTls};
pub use status::{SQLSTATE_HEADER, WARNING_HEADER};
