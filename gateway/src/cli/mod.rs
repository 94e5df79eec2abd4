//! The command line: one file a subcommand.

mod demo;
mod hash_password;
mod serve;

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
    /// Reads a password from standard input and prints one value for the users file.
    HashPassword(hash_password::HashPassword),
}

impl Cli {
    /// Runs the command: 0 is a clean end, 1 a failure at run time, 2 a wrong configuration.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let result = match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Demo(demo) => demo.run(),
            Command::HashPassword(hash) => hash.run(),
        };
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                report(&error);
                let wrong_configuration =
                    matches!(error.code, ErrorCode::InvalidParameter | ErrorCode::UndefinedCatalog);
                ExitCode::from(if wrong_configuration { 2 } else { 1 })
            }
        }
    }
}

#[allow(clippy::print_stderr, reason = "the command line's own words to its user")]
fn report(error: &Error) {
    eprintln!("naru: {error}");
    for more in [&error.hint, &error.detail].into_iter().flatten() {
        eprintln!("  {more}");
    }
}
