//! `naru policy explain`: a table or a statement as a user would find it, and the policies that make it so.

use crate::audit::{AuditLog, AuditedTable};
use crate::catalog::Catalogs;
use crate::cli::{Failure, say};
use crate::config::{self, Configuration};
use crate::error::{Error, Result};
use crate::exec::{ExecLimits, Executor};
use crate::govern::Rights;
use crate::plan;
use crate::server::pg::sqlstate;
use crate::session::api::{Client, Door, Parsed};
use crate::session::{Gateway, GatewayParts, Session};
use clap::Args;
use datafusion::common::TableReference;
use naru_connector::{Column, QueryContext};
use naru_policy::{Explanation, MaskDecision};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Handle};

/// Arguments of `naru policy explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The configuration folder.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Whose rights.
    #[arg(long)]
    user: String,
    /// From where: policies may have conditions on that.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    #[command(flatten)]
    about: About,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct About {
    /// `[[CATALOG.]SCHEMA.]TABLE`
    #[arg(long)]
    table: Option<String>,
    /// Statements; each is bound as the user, and its tables are explained. USE and SET take effect for those after them.
    #[arg(long)]
    sql: Option<String>,
}

impl Explain {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Configuration { snapshot, login, .. } = config::examine(&self.config)?;
        let runtime = Builder::new_multi_thread()
            .thread_stack_size(crate::service::STACK_BYTES)
            .enable_all()
            .build()
            .map_err(Error::internal)?;
        let _entered = runtime.enter();
        let supposed = runtime.block_on(login.suppose(&self.user));
        let (identity, login) = supposed.map_err(|error| Error::internal(error.log_detail().text()))?;
        let groups: Vec<&str> = identity.groups().iter().map(String::as_str).collect();
        say(format_args!("{} is in the groups: {}", self.user, groups.join(", ")));
        let catalogs = Arc::clone(&snapshot.catalogs);
        // Nothing runs: the configured limits, and the folder that a running service spills to, are none of its business.
        let executor = Executor::new(Handle::current(), ExecLimits::default())?;
        let gateway = Gateway::new(GatewayParts { snapshot, login, executor, audit: AuditLog::to_log() });
        let client =
            Client { door: Door::Postgres, address: self.address, application: "naru policy explain".to_owned() };
        let mut session = Session::open(gateway, identity, client, None)?;
        runtime.block_on(async {
            match (&self.about.table, &self.about.sql) {
                (Some(table), _) => {
                    let reference = TableReference::parse_str(table);
                    explain(&session.rights(), &catalogs, session.search_path().complete(&reference), None).await
                }
                (None, sql) => statements(&mut session, &catalogs, sql.as_deref().unwrap_or_default()).await,
            }
        })?;
        Ok(())
    }
}

/// The tables that a statement names.
fn named(parsed: &Parsed) -> Result<Vec<TableReference>> {
    let Some(statement) = &parsed.statement else { return Ok(Vec::new()) };
    let kind = plan::classify(statement)?;
    Ok(kind.query().map(plan::tables_of).transpose()?.unwrap_or_default())
}

/// Each statement as the user: what it reads or why it is refused, and then why.
async fn statements(session: &mut Session, catalogs: &Catalogs, sql: &str) -> Result<()> {
    for parsed in plan::parse(sql)? {
        let path = session.search_path().clone();
        let reads = session.reads(&parsed).await;
        if parsed.statement.is_none() {
            continue;
        }
        say("");
        say(format_args!("{}", parsed.sql.trim()));
        say_what_is_read(&reads);
        for reference in named(&parsed).unwrap_or_default() {
            if session.is_system_table(&reference) {
                say(format_args!("\n{reference} shows each user what exists for that user"));
                continue;
            }
            let (catalog, schema, table) = path.complete(&reference);
            let name = format!("{catalog}.{schema}.{table}");
            let read = reads.as_ref().ok().and_then(|tables| tables.iter().find(|table| table.name == name));
            explain(&session.rights(), catalogs, (catalog, schema, table), read).await?;
        }
    }
    Ok(())
}

/// Why a table is as it is: of all its columns, or of those that a statement reads.
async fn explain(
    rights: &Rights,
    catalogs: &Catalogs,
    (catalog, schema, table): (&str, &str, &str),
    read: Option<&AuditedTable>,
) -> Result<()> {
    say("");
    say(rights.explain_table(catalog, schema, table).to_string().trim_end());
    let Some(known) = catalogs.get(catalog) else {
        say("  there is no such catalog");
        return Ok(());
    };
    let ctx = QueryContext::system(Handle::current());
    let Some(found) = known.connector.table(&ctx, schema, table).await? else {
        say("  the source has no such table");
        return Ok(());
    };
    let shown = |name: &str| read.is_none_or(|read| read.columns.iter().any(|column| column == name));
    for column in found.columns().iter().map(Column::name).filter(|name| shown(name)) {
        let why = rights.explain_column(catalog, schema, table, column);
        say(format_args!("  column {column}: {}", in_one_line(&why)));
    }
    Ok(())
}

/// What the user would be told, or what the statement would read.
fn say_what_is_read(reads: &Result<Vec<AuditedTable>>) {
    match reads {
        Ok(tables) if tables.is_empty() => say("  reads no table of a source"),
        Ok(tables) => {
            for table in tables {
                let filtered = if table.row_filter { ", rows filtered" } else { "" };
                let masked: Vec<&str> =
                    table.masked.iter().filter(|name| table.columns.contains(name)).map(String::as_str).collect();
                let masked = if masked.is_empty() { String::new() } else { format!(", masked: {}", masked.join(", ")) };
                say(format_args!("  reads {} ({}){filtered}{masked}", table.name, table.columns.join(", ")));
            }
        }
        Err(error) => {
            say(format_args!("  is refused with {}: {}", sqlstate(error.code), error.message));
            for more in [&error.hint, &error.detail].into_iter().flatten() {
                say(format_args!("    {more}"));
            }
        }
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
