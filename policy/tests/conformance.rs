//! Apache Ranger's own test data against this engine. The data lies in `tests/ranger/` (its README names the origin);
//! each submodule runs one format, and counts the cases so that none gets lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failing test should stop at the line")]

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

#[path = "conformance/engine.rs"]
mod engine;
#[path = "conformance/fail_closed.rs"]
mod fail_closed;
#[path = "conformance/files.rs"]
mod files;
#[path = "conformance/resources.rs"]
mod resources;
#[path = "conformance/rules.rs"]
mod rules;
#[path = "conformance/scale.rs"]
mod scale;
#[path = "conformance/validity.rs"]
mod validity;

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ranger").join(path)
}

fn read<T: DeserializeOwned>(path: &str) -> T {
    let text = std::fs::read_to_string(data(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All failures of a suite at once, then the number of cases that ran.
fn report(suite: &str, cases: usize, expected: usize, failures: &[String]) {
    assert!(failures.is_empty(), "{suite}: {} of {cases} cases fail:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(cases, expected, "{suite}: number of cases");
}
