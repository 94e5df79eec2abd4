//! The doors: each translates one wire protocol to calls of a session, and decides nothing.

pub mod flight;
pub mod http;
pub mod pg;
