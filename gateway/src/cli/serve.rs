//! `naru serve`

use crate::config;
use crate::error::Result;
use crate::service;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `naru serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration folder.
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
}

impl Serve {
    pub(super) fn run(self) -> Result<()> {
        service::run(config::load(&self.config)?, |opened| {
            tracing::info!(postgresql = ?opened.postgresql, flight = ?opened.flight, http = ?opened.http, "naru is ready");
        })
    }
}
