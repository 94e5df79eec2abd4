//! `naru policy`: what an administrator asks before and after changing policies.

use super::{Failure, say};
use crate::catalog::{Catalogs, SearchPath};
use crate::config::{self, Configuration, Problem, Problems};
use crate::error::{Error, ErrorCode, Result};
use crate::govern::review;
use crate::plan;
use chrono::Utc;
use clap::{Args, Subcommand};
use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::resolve::resolve_table_references;
use naru_auth::{GroupProvider, GroupsFile};
use naru_connector::QueryContext;
use naru_policy::{ANY_ACCESS, Explanation, MaskDecision, PolicyEngine, Request, Resource, Scope, Severity};
use std::path::PathBuf;
use tokio::runtime::{Builder, Handle};

/// Arguments of `naru policy`.
#[derive(Debug, Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Lists what is doubtful in the policies of a configuration, or in one file.
    Check(Check),
    /// Says which policies decide what a user sees of a table, or of the tables of a query, and why.
    Explain(Explain),
}

#[derive(Debug, Args)]
struct Check {
    /// The configuration folder.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// One policy file, instead of the configuration's own.
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Explain {
    /// The configuration folder.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Whose rights.
    #[arg(long)]
    user: String,
    #[command(flatten)]
    about: About,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct About {
    /// `[[CATALOG.]SCHEMA.]TABLE`
    #[arg(long)]
    table: Option<String>,
    /// A query; each of its tables is explained.
    #[arg(long)]
    sql: Option<String>,
}

impl Policy {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            PolicyCommand::Check(check) => check.run(),
            PolicyCommand::Explain(explain) => explain.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), Failure> {
        let alone = self.file.as_deref().map(config::load_policy_file).transpose().map_err(Problems::from)?;
        let whole = match alone {
            Some(_) => None,
            None => Some(config::examine(&self.config)?.snapshot.policies),
        };
        let Some(engine) = alone.as_ref().or(whole.as_deref()) else { return Ok(()) };
        let issues = [engine.issues(), &review(engine)].concat();
        for issue in &issues {
            say(issue);
        }
        if issues.iter().any(|issue| issue.severity == Severity::Error) {
            return Err(Failure::Found);
        }
        say(format_args!("{} warnings, no errors", issues.len()));
        Ok(())
    }
}

impl Explain {
    fn run(self) -> Result<(), Failure> {
        let configuration = config::examine(&self.config)?;
        let catalogs = &configuration.snapshot.catalogs;
        let tables = self.about.tables()?;
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
        runtime.block_on(async {
            let groups = groups_of(&configuration, &self.user).await?;
            say(format_args!("{} is in the groups: {}", self.user, groups.join(", ")));
            let asking = Asking { engine: &configuration.snapshot.policies, user: &self.user, groups };
            for table in tables {
                asking.explain(&complete(&table, catalogs)?, catalogs).await?;
            }
            Ok(())
        })
    }
}

impl About {
    fn tables(&self) -> Result<Vec<TableReference>> {
        if let Some(table) = &self.table {
            return Ok(vec![TableReference::parse_str(table)]);
        }
        let mut tables = Vec::new();
        for parsed in plan::parse(self.sql.as_deref().unwrap_or_default())? {
            let Some(statement) = parsed.statement else { continue };
            let statement = DfStatement::Statement(Box::new((*statement).clone()));
            tables.extend(resolve_table_references(&statement, true)?.0);
        }
        Ok(tables)
    }
}

/// Names without catalog or schema are those of a session that has just connected.
fn complete(table: &TableReference, catalogs: &Catalogs) -> Result<(SearchPath, String)> {
    let catalog = table.catalog().unwrap_or(catalogs.default_catalog());
    let unknown = || Error::new(ErrorCode::UndefinedCatalog, format!("catalog \"{catalog}\" does not exist"));
    let known = catalogs.get(catalog).ok_or_else(unknown)?;
    let schema = table.schema().unwrap_or(&known.default_schema).to_owned();
    Ok((SearchPath { catalog: catalog.to_owned(), schema }, table.table().to_owned()))
}

async fn groups_of(configuration: &Configuration, user: &str) -> Result<Vec<String>, Failure> {
    let Some(file) = configuration.origin.as_ref().and_then(|origin| origin.groups_file()) else {
        return Ok(Vec::new());
    };
    let wrong = |error: &dyn std::fmt::Display| Problems::from(Problem::of(file, error.to_string()));
    let groups = GroupsFile::load(file).map_err(|error| wrong(&error))?;
    Ok(groups.groups(user).await.map_err(|error| wrong(&error))?.into_iter().collect())
}

/// Whose rights, under which policies.
struct Asking<'a> {
    engine: &'a PolicyEngine,
    user: &'a str,
    groups: Vec<String>,
}

impl Asking<'_> {
    async fn explain(&self, (path, table): &(SearchPath, String), catalogs: &Catalogs) -> Result<()> {
        let resource =
            || Resource::new().with("catalog", &path.catalog).with("schema", &path.schema).with("table", table);
        say("");
        say(self.ask(resource(), ANY_ACCESS, Scope::SelfOrDescendants).to_string().trim_end());
        let Some(catalog) = catalogs.get(&path.catalog) else { return Ok(()) };
        let ctx = QueryContext::system(Handle::current());
        match catalog.connector.table(&ctx, &path.schema, table).await? {
            Some(found) => {
                for column in found.columns() {
                    let why = self.ask(resource().with("column", column.name()), "select", Scope::Self_);
                    say(format_args!("  column {}: {}", column.name(), in_one_line(&why)));
                }
            }
            None => say("  the source has no such table"),
        }
        Ok(())
    }

    fn ask(&self, resource: Resource, access: &str, scope: Scope) -> Explanation {
        let request = Request::new(resource, access, self.user, Utc::now()).groups(self.groups.iter().cloned());
        self.engine.explain(&request.scope(scope))
    }
}

fn in_one_line(why: &Explanation) -> String {
    if !why.access.allowed {
        return format!("DENIED ({})", why.access.reason);
    }
    let mask = match &why.mask {
        None | Some(MaskDecision::None { .. }) => String::new(),
        Some(MaskDecision::Mask { mask_type, policy_id, .. }) => format!(", masked {mask_type} by policy {policy_id}"),
        Some(MaskDecision::Null { reason, policy_id }) => format!(", NULL by policy {policy_id} ({reason})"),
    };
    format!("allowed ({}){mask}", why.access.reason)
}
