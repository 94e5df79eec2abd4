//! A gateway over `tpch` under the demo's policies, and its three users.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use naru_auth::{
    FailedLoginLimits, FailedLogins, GroupsFile, HashForm, HashWorkers, Login, MockKey, PasswordFile, Secret,
};
use naru_connector::{ConnectorFactory, ParameterValue, Parameters};
use naru_gateway::audit::AuditLog;
use naru_gateway::catalog::{Catalog, Catalogs, DeniedColumns, Snapshot};
use naru_gateway::error::{Error, Result};
use naru_gateway::exec::{ExecLimits, Executor};
use naru_gateway::session::api::{Client, Door, Outcome};
use naru_gateway::session::{Gateway, GatewayParts, Session};
use naru_policy::{EngineOptions, PolicyEngine};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A gateway and the folder its audit file lies in.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    folder: tempfile::TempDir,
}

pub(crate) fn policies(text: &str) -> PolicyEngine {
    let document = naru_policy::load_files(&[(PathBuf::from("test.json"), text.to_owned())]).unwrap();
    PolicyEngine::new(document, EngineOptions::default()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_policies(include_str!("../../../conf/policies/demo.json"))
    }

    pub(crate) fn with_policies(text: &str) -> Self {
        Self::with(text, DeniedColumns::Error)
    }

    pub(crate) fn with_limits(limits: ExecLimits) -> Self {
        Self::with_all(include_str!("../../../conf/policies/demo.json"), DeniedColumns::Error, limits)
    }

    pub(crate) fn with(text: &str, denied_columns: DeniedColumns) -> Self {
        Self::with_all(text, denied_columns, ExecLimits::default())
    }

    fn with_all(text: &str, denied_columns: DeniedColumns, limits: ExecLimits) -> Self {
        Self::with_parts(text, denied_columns, limits, Vec::new())
    }

    fn with_parts(text: &str, denied_columns: DeniedColumns, limits: ExecLimits, more: Vec<Catalog>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        naru_gateway::demo::write_lake(folder.path()).unwrap();
        let parts = GatewayParts {
            snapshot: snapshot_with(folder.path(), policies(text), denied_columns, more),
            login: login(),
            executor: Executor::new(Handle::current(), limits).unwrap(),
            audit: AuditLog::to_file(&folder.path().join("audit.jsonl")).unwrap(),
        };
        Self { gateway: Gateway::new(parts), folder }
    }

    /// With further catalogs.
    pub(crate) fn with_catalogs(text: &str, more: Vec<Catalog>) -> Self {
        Self::with_parts(text, DeniedColumns::Error, ExecLimits::default(), more)
    }

    pub(crate) async fn session(&self, user: &str) -> Session {
        let identity = self.gateway.login().password(user, &Secret::new("demo"), LOCAL).await.unwrap();
        let client = Client { door: Door::Postgres, address: LOCAL, application: "test".to_owned() };
        Session::open(Arc::clone(&self.gateway), identity, client, None).unwrap()
    }

    /// The folder of the audit file and of catalog `lake`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn audit(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn snapshot(lake: &Path, policies: PolicyEngine, denied_columns: DeniedColumns) -> Snapshot {
    snapshot_with(lake, policies, denied_columns, Vec::new())
}

fn snapshot_with(lake: &Path, policies: PolicyEngine, denied_columns: DeniedColumns, more: Vec<Catalog>) -> Snapshot {
    let connector = naru_tpch::TpchFactory.create("tpch", &Parameters::default()).unwrap();
    let tpch = Catalog { name: "tpch".into(), connector, default_schema: "tiny".to_owned() };
    let parameters = Parameters::new(BTreeMap::from([
        ("metastore", ParameterValue::Text("directory".to_owned())),
        ("root", ParameterValue::Path(lake.to_owned())),
    ]));
    let connector = naru_hive::HiveFactory.create("lake", &parameters).unwrap();
    let lake = Catalog { name: "lake".into(), connector, default_schema: "mydata".to_owned() };
    let all = [tpch, lake].into_iter().chain(more).collect();
    let catalogs = Arc::new(Catalogs::new(all, "tpch").unwrap());
    Snapshot { catalogs, policies: Arc::new(policies), denied_columns }
}

fn login() -> Login {
    let key = MockKey::random();
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::new(2).unwrap()));
    let secret = naru_auth::hash_password(HashForm::Scram, &Secret::new("demo")).unwrap();
    let users = format!("alice:{secret}\nbob:{secret}\ncarol:{secret}\n");
    let users = PasswordFile::parse(&users, Path::new("users"), key.clone(), workers).unwrap();
    let groups = GroupsFile::parse(include_str!("../../../conf/groups"), Path::new("groups")).unwrap();
    Login::new(vec![Arc::new(users)], Arc::new(groups), Arc::new(FailedLogins::new(FailedLoginLimits::default())), key)
}

/// Runs one statement to its end: rows as text, NULL as `NULL`.
pub(crate) async fn rows(session: &mut Session, sql: &str) -> Result<Vec<Vec<String>>> {
    session.begin_statement(&tokio_util::sync::CancellationToken::new());
    let mut all = Vec::new();
    for parsed in naru_gateway::plan::parse(sql)? {
        let Outcome::Rows { stream, .. } = session.execute(&parsed, Vec::new()).await? else { continue };
        let batches: Vec<_> = stream.try_collect().await?;
        all.extend(batches.iter().flat_map(text_rows));
    }
    Ok(all)
}

/// Rows as text, NULL as `NULL`.
pub(crate) fn text_rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |i| columns.iter().map(|column| column.value(i).to_string()).collect();
    (0..batch.num_rows()).map(row).collect()
}

pub(crate) async fn error(session: &mut Session, sql: &str) -> Error {
    match rows(session, sql).await {
        Err(error) => error,
        Ok(rows) => panic!("{sql} gave {} rows instead of an error", rows.len()),
    }
}
