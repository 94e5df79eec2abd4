//! One connection's state, and the calls a door may make on it. Every protocol and every statement kind comes through
//! [`Session::describe`] and [`Session::execute`].

pub mod api;
mod catalog_settings;
mod copy;
mod cursor;
mod describe;
mod explain;
mod gateway;
mod namespace;
mod parameters;
mod plan_cache;
mod prepared;
mod query;
mod reads;
mod registry;
mod running;
mod scope;
mod scroll;
mod search_path;
mod settings;
mod show;
mod statement;
mod tickets;

pub use cursor::OpenCursor;
pub use gateway::{Gateway, GatewayParts};
pub use namespace::{TableEntry, TableFilter};
pub use query::{Session, SessionVariables};
pub use registry::{QueryState, Registration, Registry, RunningQuery};
pub use settings::{SERVER_VERSION, SessionTimeouts, SettingKind, Settings};
