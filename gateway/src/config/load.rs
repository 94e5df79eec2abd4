//! From a folder to validated values: everything is read and checked here, so that a wrong file never half starts a server.
//! All that is wrong is reported at once.

use super::catalogs::{self, Configured};
use super::document::{Document, Values};
use super::keys::SECTIONS;
use super::listeners::{self, FlightListener, HttpListener, PgListener};
use super::problem::{Problem, Problems};
use super::reload::digest;
use super::tls::ServerCertificate;
use crate::audit::{AuditLog, AuditOptions, Literals, OnFailure};
use crate::catalog::{Catalogs, DeniedColumns, Snapshot};
use crate::error::Error;
use crate::exec::ExecLimits;
use crate::session::SessionTimeouts;
use naru_auth::{FailedLoginLimits, FailedLogins, FileError, GroupsFile, HashWorkers, Login, MockKey, PasswordFile};
use naru_connector::Parameters;
use naru_policy::{EngineOptions, PolicyEngine, PolicyError};
use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A validated configuration.
pub struct Configuration {
    /// The PostgreSQL listener, if one is configured.
    pub postgresql: Option<PgListener>,
    /// The Flight SQL listener, if one is configured.
    pub flight: Option<FlightListener>,
    /// The HTTP listener, if one is configured.
    pub http: Option<HttpListener>,
    /// Catalogs and policies.
    pub snapshot: Snapshot,
    /// Who may log in.
    pub login: Login,
    /// Limits of the process.
    pub limits: ExecLimits,
    /// Where audit records go.
    pub audit: AuditLog,
    /// The folder it came from, if it can be loaded again.
    pub origin: Option<Origin>,
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Configuration")
            .field("postgresql", &self.postgresql)
            .field("flight", &self.flight)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// A configuration folder, and what of the last load the next one goes on with.
#[derive(Debug)]
pub struct Origin {
    folder: PathBuf,
    catalogs: Vec<Configured>,
    logins: Logins,
    /// What a reload can't change.
    fixed: BTreeMap<&'static str, Parameters>,
    /// Files and folders that were read.
    inputs: Vec<PathBuf>,
    /// What they contained.
    contents: Vec<u8>,
}

/// What outlives a change of the users file: else a reload would forget who has been guessing.
#[derive(Debug, Clone)]
struct Logins {
    failures: Arc<FailedLogins>,
    key: MockKey,
    workers: Arc<HashWorkers>,
}

/// What a reload swaps.
pub(super) struct Live {
    pub(super) snapshot: Snapshot,
    pub(super) login: Login,
    /// By the section that names its files.
    pub(super) certificates: BTreeMap<&'static str, ServerCertificate>,
}

/// Sections that take effect at start only.
const FIXED: &[&str] = &["postgresql", "postgresql.tls", "flight", "flight.tls", "http", "limits", "audit"];

/// Loads a folder: `naru.toml`, `catalogs/*.toml`, and the files they name.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(folder: &Path) -> Result<Configuration, Problems> {
    load_with(folder, AuditLog::to_file)
}

/// The same without opening the audit file: for a look at a configuration that another process runs by.
///
/// # Errors
/// Everything that is wrong with it.
pub fn examine(folder: &Path) -> Result<Configuration, Problems> {
    let has_folder = |path: &Path| match path.parent() {
        Some(folder) if !folder.is_dir() => Err(Error::internal(format!("{} is no folder", folder.display()))),
        _ => Ok(AuditLog::to_log()),
    };
    load_with(folder, has_folder)
}

fn load_with(folder: &Path, open_audit: fn(&Path) -> Result<AuditLog, Error>) -> Result<Configuration, Problems> {
    let (sections, live, origin) = read_folder(folder, None)?;
    let file = folder.join(FILE);
    let mut problems = Problems::default();
    let doors = problems.note(listeners::all(&file, &sections, &live.certificates));
    let audit = problems.note(audit(&file, &sections, open_audit));
    let limits = sections.get("limits").map(|values| &values.parameters);
    let ((postgresql, flight, http), audit) = problems.none_or(doors.zip(audit))?;
    Ok(Configuration {
        postgresql,
        flight,
        http,
        snapshot: live.snapshot,
        login: live.login,
        limits: limits.map(exec_limits).unwrap_or_default(),
        audit,
        origin: Some(origin),
    })
}

impl Origin {
    /// Loads the folder again; catalogs that are configured as before are kept.
    pub(super) fn reload(&self) -> Result<(Live, Self), Problems> {
        let (_, live, origin) = read_folder(&self.folder, Some(self))?;
        Ok((live, origin))
    }

    /// Did something change that only a new start brings into effect?
    pub(super) fn needs_restart(&self, newer: &Self) -> Vec<&'static str> {
        FIXED.iter().copied().filter(|name| self.fixed.get(name) != newer.fixed.get(name)).collect()
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Files and folders that were read.
    pub(super) fn inputs(&self) -> &[PathBuf] {
        &self.inputs
    }

    /// A digest of what was read.
    pub(super) fn contents(&self) -> &[u8] {
        &self.contents
    }

    /// The file that configures a catalog.
    #[must_use]
    pub fn file_of_catalog(&self, name: &str) -> Option<&Path> {
        self.catalogs.iter().find(|configured| *configured.catalog.name == *name).map(|c| c.file.as_path())
    }
}

const FILE: &str = "naru.toml";

type Sections = BTreeMap<&'static str, Values>;

fn read_folder(folder: &Path, before: Option<&Origin>) -> Result<(Sections, Live, Origin), Problems> {
    let file = folder.join(FILE);
    let text = read(&file)?;
    let document = Document::parse(&file, &text)?;
    let mut problems = Problems::default();
    let sections = document.sections(SECTIONS, &mut problems);
    let catalog_folder = folder.join("catalogs");
    let configured = catalogs::load(&catalog_folder, before.map_or(&[], |old| &old.catalogs), &mut problems);
    let mut inputs = vec![file.clone(), catalog_folder];
    inputs.extend(sections.values().flat_map(|values| values.secret_files.iter().cloned()));
    inputs.extend(configured.iter().flat_map(|one| one.secret_files.iter().cloned()));

    let top = sections.get("");
    let catalogs = top.and_then(|top| {
        let name = top.parameters.text("default_catalog")?;
        let all = configured.iter().map(|configured| configured.catalog.clone()).collect();
        // An unknown catalog may be one that could not be loaded: that is said already.
        let made = Catalogs::new(all, name).map_err(|error| top.problem(&file, "default_catalog", error.message));
        if problems.0.is_empty() { problems.note(made) } else { None }
    });
    let policies = sections.get("policies").and_then(|values| {
        let folder = values.parameters.path("folder")?;
        inputs.push(folder.to_owned());
        problems.note(load_policies(folder))
    });
    let users = sections.get("users").filter(|values| values.parameters.path("file").is_some());
    let login = users.and_then(|values| {
        let parameters = &values.parameters;
        inputs.extend(["file", "groups"].iter().filter_map(|key| parameters.path(key)).map(Path::to_owned));
        let logins = before.map_or_else(|| Logins::new(parameters), |old| old.logins.clone());
        problems.note(login(parameters, &logins)).map(|login| (login, logins))
    });
    let certificates = certificates(&sections, &mut inputs, &mut problems);
    let denied_columns = match top.and_then(|top| top.parameters.text("denied_columns")) {
        Some("hide") => DeniedColumns::Hide,
        _ => DeniedColumns::Error,
    };
    let parts = catalogs.zip(policies).zip(login);
    let ((catalogs, policies), (login, logins)) = problems.none_or(parts)?;
    let snapshot = Snapshot { catalogs: Arc::new(catalogs), policies: Arc::new(policies), denied_columns };
    let fixed = FIXED.iter().filter_map(|name| Some((*name, sections.get(name)?.parameters.clone()))).collect();
    let contents = digest(&inputs);
    let origin = Origin { folder: folder.to_owned(), catalogs: configured, logins, fixed, inputs, contents };
    Ok((sections, Live { snapshot, login, certificates }, origin))
}

/// Reads a folder of policies and compiles them.
fn load_policies(folder: &Path) -> Result<PolicyEngine, Problem> {
    let document = naru_policy::load_dir(folder).map_err(|error| policy_problem(folder, &error))?;
    PolicyEngine::new(document, EngineOptions::default()).map_err(|error| policy_problem(folder, &error))
}

/// Reads one policy file and compiles it alone.
pub(crate) fn load_policy_file(file: &Path) -> Result<PolicyEngine, Problem> {
    let text = read(file)?;
    let document = naru_policy::load_files(&[(file.to_owned(), text)]).map_err(|error| policy_problem(file, &error))?;
    PolicyEngine::new(document, EngineOptions::default()).map_err(|error| policy_problem(file, &error))
}

fn policy_problem(folder: &Path, error: &PolicyError) -> Problem {
    match error {
        PolicyError::Read { path, source } => Problem::of(path, format!("can't be read: {source}")),
        PolicyError::Parse { path, line, what, .. } => Problem { line: Some(*line), ..Problem::of(path, what) },
        PolicyError::Document { path, what } => Problem::of(path, what),
        other => Problem::of(folder, other.to_string()),
    }
}

fn certificates(
    sections: &Sections,
    inputs: &mut Vec<PathBuf>,
    problems: &mut Problems,
) -> BTreeMap<&'static str, ServerCertificate> {
    let mut found = BTreeMap::new();
    for (name, values) in sections {
        let Some(files) = listeners::tls_files(&values.parameters) else { continue };
        inputs.extend([files.certificate.clone(), files.key.clone()]);
        if let Some(certificate) = problems.note(ServerCertificate::load(&files)) {
            found.insert(*name, certificate);
        }
    }
    found
}

impl Logins {
    fn new(parameters: &Parameters) -> Self {
        let at_once = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let defaults = FailedLoginLimits::default();
        let count = |key: &str, default| {
            let count = parameters.integer(key).and_then(|count| u32::try_from(count).ok()).and_then(NonZeroU32::new);
            count.unwrap_or(default)
        };
        let limits = FailedLoginLimits {
            window: parameters.duration("failure_window").unwrap_or(defaults.window),
            per_user_and_address: count("failures_per_user", defaults.per_user_and_address),
            per_address: count("failures_per_address", defaults.per_address),
            remembered: defaults.remembered,
        };
        Self {
            failures: Arc::new(FailedLogins::new(limits)),
            key: MockKey::random(),
            workers: Arc::new(HashWorkers::new(at_once)),
        }
    }
}

fn login(parameters: &Parameters, logins: &Logins) -> Result<Login, Problem> {
    let file = parameters.path("file").unwrap_or(Path::new(""));
    let users = PasswordFile::load(file, logins.key.clone(), Arc::clone(&logins.workers)).map_err(file_problem)?;
    let groups = parameters.path("groups").map_or_else(|| Ok(GroupsFile::default()), GroupsFile::load);
    let groups = groups.map_err(file_problem)?;
    Ok(Login::new(vec![Arc::new(users)], Arc::new(groups), Arc::clone(&logins.failures), logins.key.clone()))
}

fn file_problem(error: FileError) -> Problem {
    match error {
        FileError::Line { path, line, problem } => Problem { line: Some(line), ..Problem::of(&path, problem) },
        FileError::Read { path, source } => Problem::of(&path, format!("can't be read: {source}")),
        other => Problem::of(Path::new(""), other.to_string()),
    }
}

fn exec_limits(parameters: &Parameters) -> ExecLimits {
    let defaults = ExecLimits::default();
    let number = |key: &str| parameters.integer(key);
    ExecLimits {
        memory: number("memory").and_then(|n| usize::try_from(n).ok()).unwrap_or(defaults.memory),
        query_memory: number("query_memory").and_then(|n| usize::try_from(n).ok()).unwrap_or(defaults.query_memory),
        spill: number("spill").and_then(|n| u64::try_from(n).ok()).unwrap_or(defaults.spill),
        spill_folder: parameters.path("spill_folder").map(Path::to_owned),
        running_queries: number("running_queries")
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(defaults.running_queries),
        queue_time: parameters.duration("queue_time").unwrap_or(defaults.queue_time),
        session_timeouts: SessionTimeouts {
            statement: parameters.duration("statement_timeout"),
            idle_session: parameters.duration("idle_session_timeout"),
            idle_in_transaction: parameters.duration("idle_in_transaction_session_timeout"),
        },
    }
}

fn audit(file: &Path, sections: &Sections, open: fn(&Path) -> Result<AuditLog, Error>) -> Result<AuditLog, Problem> {
    let Some(values) = sections.get("audit") else { return Ok(AuditLog::to_log()) };
    let parameters = &values.parameters;
    let options = AuditOptions {
        literals: match parameters.text("literals") {
            Some("hash") => parameters
                .secret("hash_key")
                .map_or_else(Literals::hash_by_random_key, |key| Literals::Hash(key.expose().as_bytes().into())),
            Some("drop") => Literals::Drop,
            _ => Literals::Keep,
        },
        on_failure: if parameters.text("on_failure") == Some("log") { OnFailure::Log } else { OnFailure::Fatal },
    };
    let log = match parameters.path("file") {
        Some(path) => {
            open(path).map_err(|error| values.problem(file, "file", error.detail.unwrap_or(error.message)))?
        }
        None => AuditLog::to_log(),
    };
    Ok(log.with_options(options))
}

pub(super) fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| Problem::of(path, format!("can't be read: {error}")))
}
