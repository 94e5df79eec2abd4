//! From a folder to validated values: everything is read and checked here, so that a wrong file never half starts a server.

use super::catalogs;
use super::raw::RawConfig;
use crate::audit::AuditLog;
use crate::catalog::{Catalogs, Snapshot};
use crate::error::{Error, ErrorCode, Result};
use crate::exec::ExecLimits;
use crate::server::pg::PgLoginMethod;
use naru_auth::{FailedLoginLimits, FailedLogins, GroupsFile, HashWorkers, Login, MockKey, PasswordFile};
use naru_policy::{EngineOptions, PolicyEngine};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The PostgreSQL listener.
#[derive(Debug, Clone)]
pub struct PgListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// How clients log in.
    pub login: PgLoginMethod,
    /// Connections at the same time.
    pub max_connections: usize,
}

/// A validated configuration.
pub struct Configuration {
    /// The PostgreSQL listener, if one is configured.
    pub postgresql: Option<PgListener>,
    /// Catalogs and policies.
    pub snapshot: Snapshot,
    /// Who may log in.
    pub login: Login,
    /// Limits of the process.
    pub limits: ExecLimits,
    /// Where audit records go.
    pub audit: AuditLog,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration").field("postgresql", &self.postgresql).finish_non_exhaustive()
    }
}

/// Loads a folder: `naru.toml`, `catalogs/*.toml`, and the files they name.
pub fn load(folder: &Path) -> Result<Configuration> {
    let path = folder.join("naru.toml");
    let raw: RawConfig = toml::from_str(&read(&path)?).map_err(|error| wrong(&path, &error))?;
    let catalogs = Catalogs::new(catalogs::load(folder)?, &raw.default_catalog)?;
    let policies = naru_policy::load_dir(&folder.join(&raw.policies.folder)).map_err(configuration)?;
    let policies = PolicyEngine::new(policies, EngineOptions::default()).map_err(configuration)?;
    let snapshot = Snapshot {
        catalogs: Arc::new(catalogs),
        policies: Arc::new(policies),
        denied_columns: raw.denied_columns.into(),
    };
    let postgresql = raw
        .postgresql
        .map(|pg| {
            if PgLoginMethod::from(pg.login) == PgLoginMethod::Password && !pg.listen.ip().is_loopback() {
                let text = "postgresql.login = \"password\" needs TLS or a loopback address";
                return Err(Error::new(ErrorCode::InvalidParameter, format!("{}: {text}", path.display())));
            }
            Ok(PgListener { address: pg.listen, login: pg.login.into(), max_connections: pg.max_connections })
        })
        .transpose()?;
    let defaults = ExecLimits::default();
    let limits = ExecLimits {
        memory: raw.limits.memory.and_then(|bytes| usize::try_from(bytes.0).ok()).unwrap_or(defaults.memory),
        spill: raw.limits.spill.map_or(defaults.spill, |bytes| bytes.0),
        spill_folder: raw.limits.spill_folder.map(|path| folder.join(path)),
        running_queries: raw.limits.running_queries.unwrap_or(defaults.running_queries),
        queue_time: raw.limits.queue_time.map_or(defaults.queue_time, |span| span.0),
        query_memory: defaults.query_memory,
    };
    let audit = match &raw.audit.file {
        Some(file) => AuditLog::to_file(&folder.join(file))?,
        None => AuditLog::to_log(),
    };
    let groups = raw.users.groups.map(|groups| folder.join(groups));
    let login = login(&folder.join(&raw.users.file), groups.as_deref())?;
    Ok(Configuration { postgresql, snapshot, login, limits, audit })
}

fn login(users: &Path, groups: Option<&Path>) -> Result<Login> {
    let key = MockKey::random();
    let at_once = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let users = PasswordFile::load(users, key.clone(), Arc::new(HashWorkers::new(at_once))).map_err(configuration)?;
    let groups = groups.map_or_else(|| Ok(GroupsFile::default()), GroupsFile::load).map_err(configuration)?;
    let failures = Arc::new(FailedLogins::new(FailedLoginLimits::default()));
    Ok(Login::new(vec![Arc::new(users)], Arc::new(groups), failures, key))
}

pub(super) fn read(path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Error::new(ErrorCode::InvalidParameter, format!("{} can't be read: {error}", path.display())))
}

/// The parser's own text has line, column, the offending line and, for an unknown key, the known ones.
pub(super) fn wrong(path: &Path, error: &toml::de::Error) -> Error {
    Error::new(ErrorCode::InvalidParameter, format!("{}: {}", path.display(), error.to_string().trim_end()))
}

fn configuration(error: impl fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidParameter, error.to_string())
}
