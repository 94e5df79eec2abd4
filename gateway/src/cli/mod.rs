//! The command line: one file a subcommand.

mod check;
mod demo;
mod hash_password;
mod policy;
mod serve;

use crate::config::{self, Problems};
use crate::error::{Error, ErrorCode};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Naru: one door to data that lives in many stores.
#[derive(Debug, Parser)]
#[command(name = "naru", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service until SIGTERM or Ctrl-C.
    Serve(serve::Serve),
    /// Runs the embedded demo in the foreground.
    Demo(demo::Demo),
    /// Loads a configuration, connects to every catalog, and says what is wrong in which file and line.
    Check(check::Check),
    /// Validates policies, and says which of them decides what, and why.
    Policy(policy::Policy),
    /// Reads a password from standard input and prints one value for the users file.
    HashPassword(hash_password::HashPassword),
    /// Prints docs/configuration.md.
    #[command(hide = true)]
    Reference,
}

/// Why a command did not come to a good end.
#[derive(Debug)]
enum Failure {
    /// The configuration is wrong, in ways that name file and line.
    Configuration(Problems),
    /// What was looked at is wrong, and the user was told in what way.
    Found,
    /// Something else.
    Other(Error),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Configuration(problems)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Cli {
    /// Runs the command: 0 is a clean end, 1 a failure at run time, 2 a wrong configuration.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Demo(demo) => demo.run().map_err(Failure::from),
            Command::Check(check) => check.run(),
            Command::Policy(policy) => policy.run(),
            Command::HashPassword(hash) => hash.run().map_err(Failure::from),
            Command::Reference => {
                say(config::reference::markdown().trim_end());
                Ok(())
            }
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }
}

impl Failure {
    #[allow(clippy::print_stderr, reason = "the command line's own words to its user")]
    fn report(&self) -> ExitCode {
        match self {
            Self::Configuration(problems) => {
                eprintln!("{problems}");
                ExitCode::from(2)
            }
            Self::Found => ExitCode::from(2),
            Self::Other(error) => {
                eprintln!("naru: {error}");
                for more in [&error.hint, &error.detail].into_iter().flatten() {
                    eprintln!("  {more}");
                }
                let wrong_input = matches!(error.code, ErrorCode::InvalidParameter | ErrorCode::SyntaxError);
                ExitCode::from(if wrong_input { 2 } else { 1 })
            }
        }
    }
}

/// A line of a command's result.
#[allow(clippy::print_stdout, reason = "the result is what the command is for")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
