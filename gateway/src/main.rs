//! The `naru` program: flags in, exit code out.

use clap::Parser;
use naru_gateway::cli::Cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two providers are compiled in (object_store brings ring): without a choice, the first handshake would panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    naru_gateway::telemetry::log_to_stderr();
    Cli::parse().run()
}
