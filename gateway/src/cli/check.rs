//! `naru check`

use super::{Failure, say};
use crate::catalog::Catalog;
use crate::config;
use crate::error::Error;
use crate::govern::review;
use clap::Args;
use naru_connector::{ConnectorError, ErrorKind, QueryContext};
use naru_policy::Severity;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle};

/// How long a source may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `naru check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The configuration folder.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let configuration = config::examine(&self.config)?;
        let policies = &configuration.snapshot.policies;
        let issues = [policies.issues(), &review(policies)].concat();
        for issue in &issues {
            say(issue);
        }
        let mut wrong = issues.iter().any(|issue| issue.severity == Severity::Error);
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(Error::internal)?;
        for catalog in configuration.snapshot.catalogs.iter() {
            let file = configuration.origin.as_ref().and_then(|origin| origin.file_of_catalog(&catalog.name));
            let file = file.map(|file| file.display().to_string()).unwrap_or_default();
            let (reached, warnings) = runtime.block_on(reach(catalog));
            for warning in warnings {
                say(format_args!("{file}: warning: catalog {}: {warning}", catalog.name));
            }
            match reached {
                Ok(()) => say(format_args!("{file}: catalog {} answers", catalog.name)),
                Err(error) => {
                    wrong = true;
                    let detail = error.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
                    say(format_args!("{file}: error: catalog {}: {}{detail}", catalog.name, error.message));
                }
            }
        }
        if wrong {
            return Err(Failure::Found);
        }
        say("the configuration is sound");
        Ok(())
    }
}

/// Does it answer, and what else is there to say?
async fn reach(catalog: &Catalog) -> (Result<(), ConnectorError>, Vec<String>) {
    let mut ctx = QueryContext::system(Handle::current());
    ctx.deadline = Some(Instant::now() + PATIENCE);
    let reached = tokio::time::timeout(PATIENCE, catalog.connector.check(&ctx)).await.unwrap_or_else(|_| {
        let text = format!("no answer within {} s", PATIENCE.as_secs());
        Err(ConnectorError::new(ErrorKind::Unavailable, text))
    });
    (reached, ctx.warnings.take())
}
