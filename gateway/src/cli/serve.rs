//! `naru serve`

use super::Failure;
use crate::config;
use crate::govern::review;
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
    pub(super) fn run(self) -> Result<(), Failure> {
        let configuration = config::load(&self.config)?;
        let policies = &configuration.snapshot.policies;
        for issue in policies.issues().iter().chain(&review(policies)) {
            tracing::warn!("{issue}");
        }
        service::run(configuration, |opened| tracing::info!(?opened, "naru is ready"))?;
        Ok(())
    }
}
