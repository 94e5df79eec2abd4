//! Real servers for tests, benches and `make stack`: installed by the package clients, started in private folders on free
//! loopback ports, ended with their parent.
//!
//! One file a kind of server ([`mariadb`], [`mysql55`], [`toxiproxy`]) and one line in [`service`]; what they share is [`process`] (a child that can't outlive us) and
//! [`install`] (packages). Nothing here knows of naru: tests bring their own schemas and statements.
//!
//! A server that can't be had is an error, and so a failed test. Nothing is ever skipped.

pub mod error;
pub mod install;
pub mod mariadb;
pub mod mysql55;
pub mod process;
pub mod service;
pub mod toxiproxy;

pub use error::{Result, ServiceError};
pub use mariadb::{Mariadb, MariadbOptions};
pub use mysql55::Mysql55;
pub use toxiproxy::Toxiproxy;
