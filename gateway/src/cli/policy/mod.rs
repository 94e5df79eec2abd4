//! `naru policy`: what an administrator asks before and after changing policies.

mod explain;

use super::{Failure, say};
use crate::config::{self, Problems};
use crate::govern::review;
use clap::{Args, Subcommand};
use explain::Explain;
use naru_policy::Severity;
use std::path::PathBuf;

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
    /// Says which policies decide what a user sees of a table, or what becomes of a statement, and why.
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
