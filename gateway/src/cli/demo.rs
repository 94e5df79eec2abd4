//! `naru demo`: everything in one process, nothing but the binary needed.

use crate::audit::AuditLog;
use crate::catalog::{Catalog, Catalogs, DeniedColumns, Snapshot};
use crate::config::{Configuration, FlightListener, HttpListener, PgListener};
use crate::demo;
use crate::error::{Error, Result};
use crate::exec::ExecLimits;
use crate::service;
use clap::Args;
use naru_auth::{
    FailedLoginLimits, FailedLogins, GroupsFile, HashForm, HashWorkers, Login, MockKey, PasswordFile, Secret,
};
use naru_connector::{ConnectorFactory, ParameterValue, Parameters};
use naru_policy::{EngineOptions, PolicyEngine};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const POLICIES: &str = include_str!("../../../conf/policies/demo.json");
const GROUPS: &str = include_str!("../../../conf/groups");
const USERS: [&str; 3] = ["alice", "bob", "carol"];
const PASSWORD: &str = "demo";

/// Arguments of `naru demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the PostgreSQL door listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:55432")]
    pg: SocketAddr,
    /// Where the Flight SQL door listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:55815")]
    flight: SocketAddr,
    /// Where health and metrics are served over HTTP.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:58080")]
    http: SocketAddr,
    /// Where audit records go; without it, to the log.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Only writes the files of the catalog `lake` below this folder, for a service to read.
    #[arg(long, value_name = "DIR", exclusive = true)]
    write_lake: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<()> {
        if let Some(folder) = self.write_lake {
            return demo::write_lake(&folder);
        }
        let audit = self.audit.as_deref().map_or_else(|| Ok(AuditLog::to_log()), AuditLog::to_file)?;
        let lake = tempfile::Builder::new()
            .prefix("naru-demo-lake-")
            .tempdir()
            .map_err(|error| Error::internal(format!("no temporary folder for the demo: {error}")))?;
        demo::write_lake(lake.path())?;
        let configuration = Configuration {
            postgresql: Some(PgListener::plain(self.pg)),
            flight: Some(FlightListener::plain(self.flight)),
            http: Some(HttpListener { address: self.http }),
            snapshot: snapshot(lake.path())?,
            login: login()?,
            limits: ExecLimits::default(),
            audit,
            origin: None,
        };
        service::run(configuration, greet)
    }
}

#[allow(clippy::print_stdout, reason = "the lines to paste are what the demo is for")]
fn greet(opened: &service::Opened) {
    println!("naru demo is ready. Users alice (admin), bob (analyst) and carol (no rights); password: {PASSWORD}");
    if let Some(pg) = opened.postgresql {
        println!("  PGPASSWORD={PASSWORD} psql -h {} -p {} -U bob tpch", pg.ip(), pg.port());
        println!("    then: select c_custkey, c_name, c_phone, c_mktsegment from customer limit 5;");
    }
    if let Some(flight) = opened.flight {
        println!("  JDBC: jdbc:arrow-flight-sql://{flight}?useEncryption=false&user=bob&password={PASSWORD}");
        println!("  Python, after pip install adbc-driver-flightsql pyarrow:");
        println!("    import adbc_driver_flightsql.dbapi as flight");
        println!("    with flight.connect('grpc://{flight}', {{'username': 'bob', 'password': '{PASSWORD}'}}) as c:");
        println!(
            "        k = c.cursor(); k.execute('select c_name, c_phone from customer limit 5'); print(k.fetchall())"
        );
    }
    if let Some(http) = opened.http {
        println!("  curl http://{http}/metrics");
    }
}

fn snapshot(lake: &Path) -> Result<Snapshot> {
    let connector = naru_tpch::TpchFactory.create("tpch", &Parameters::default())?;
    let tpch = Catalog { name: "tpch".into(), connector, default_schema: "tiny".to_owned() };
    let parameters = Parameters::new(BTreeMap::from([
        ("metastore", ParameterValue::Text("directory".to_owned())),
        ("root", ParameterValue::Path(lake.to_owned())),
    ]));
    let connector = naru_hive::HiveFactory.create("lake", &parameters)?;
    let lake = Catalog { name: "lake".into(), connector, default_schema: "mydata".to_owned() };
    let document =
        naru_policy::load_files(&[(PathBuf::from("demo.json"), POLICIES.to_owned())]).map_err(Error::internal)?;
    let policies = PolicyEngine::new(document, EngineOptions::default()).map_err(Error::internal)?;
    Ok(Snapshot {
        catalogs: Arc::new(Catalogs::new(vec![tpch, lake], "tpch")?),
        policies: Arc::new(policies),
        denied_columns: DeniedColumns::Error,
    })
}

fn login() -> Result<Login> {
    let key = MockKey::random();
    let workers = Arc::new(HashWorkers::new(NonZeroUsize::MIN));
    let secret = naru_auth::hash_password(HashForm::Scram, &Secret::new(PASSWORD)).map_err(Error::internal)?;
    let users: String = USERS.iter().map(|user| format!("{user}:{secret}\n")).collect();
    let users = PasswordFile::parse(&users, Path::new("demo users"), key.clone(), workers).map_err(Error::internal)?;
    let groups = GroupsFile::parse(GROUPS, Path::new("demo groups")).map_err(Error::internal)?;
    let failures = Arc::new(FailedLogins::new(FailedLoginLimits::default()));
    Ok(Login::new(vec![Arc::new(users)], Arc::new(groups), failures, key))
}
