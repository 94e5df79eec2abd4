//! `naru.toml` as it is written.

use super::units::{Bytes, Span};
use crate::catalog::DeniedColumns;
use crate::server::pg::PgLoginMethod;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    pub(super) default_catalog: String,
    #[serde(default)]
    pub(super) denied_columns: RawDeniedColumns,
    pub(super) postgresql: Option<RawPostgresql>,
    pub(super) users: RawUsers,
    pub(super) policies: RawPolicies,
    #[serde(default)]
    pub(super) audit: RawAudit,
    #[serde(default)]
    pub(super) limits: RawLimits,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDeniedColumns {
    #[default]
    Error,
    Hide,
}

impl From<RawDeniedColumns> for DeniedColumns {
    fn from(raw: RawDeniedColumns) -> Self {
        match raw {
            RawDeniedColumns::Error => Self::Error,
            RawDeniedColumns::Hide => Self::Hide,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPostgresql {
    pub(super) listen: SocketAddr,
    #[serde(default)]
    pub(super) login: RawLoginMethod,
    #[serde(default = "default_connections")]
    pub(super) max_connections: usize,
}

/// How clients of the listener log in: one method, whatever secrets users have.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLoginMethod {
    /// The password never crosses the wire.
    #[default]
    Scram,
    /// The password in clear: only inside TLS or on loopback.
    Password,
}

impl From<RawLoginMethod> for PgLoginMethod {
    fn from(raw: RawLoginMethod) -> Self {
        match raw {
            RawLoginMethod::Scram => Self::ScramSha256,
            RawLoginMethod::Password => Self::Password,
        }
    }
}

fn default_connections() -> usize {
    500
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUsers {
    pub(super) file: PathBuf,
    pub(super) groups: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicies {
    pub(super) folder: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    pub(super) file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) memory: Option<Bytes>,
    pub(super) spill: Option<Bytes>,
    pub(super) spill_folder: Option<PathBuf>,
    pub(super) running_queries: Option<usize>,
    pub(super) queue_time: Option<Span>,
}
