//! The gateway's configuration folder: the example's policies, users and catalogs, with our servers in `mydata`.

use super::{Layout, Shards};
use crate::workspace;
use naru_services::mariadb;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Doors on free ports of the loopback address.
const NARU: &str = r#"default_catalog = "tpch"
users = { file = "users", groups = "groups" }
audit = { file = "audit.jsonl" }
postgresql = { address = "127.0.0.1:0" }
flight = { address = "127.0.0.1:0" }
http = { address = "127.0.0.1:0" }
"#;

/// What the example has as it must be here.
const SAME: [&str; 6] =
    ["users", "groups", "catalogs/tpch.toml", "catalogs/lake.toml", "policies/demo.json", "policies/mydata.json"];

pub(super) fn write(binary: &Path, shards: &Shards) -> TempDir {
    let folder = tempfile::Builder::new().prefix("naru-stack-").tempdir().expect("a temporary folder");
    let example = workspace().join("conf");
    for part in ["catalogs", "policies"] {
        fs::create_dir(folder.path().join(part)).expect("a new folder");
    }
    for file in SAME {
        fs::copy(example.join(file), folder.path().join(file)).unwrap_or_else(|error| panic!("conf/{file}: {error}"));
    }
    let texts = [
        ("naru.toml", NARU.to_owned()),
        ("mysql-password", mariadb::PASSWORD.to_owned()),
        ("catalogs/mydata.toml", catalog(shards)),
    ];
    for (file, text) in texts {
        fs::write(folder.path().join(file), text).expect("a new file");
    }
    let lake = folder.path().join("lake");
    let status = Command::new(binary).args(["demo", "--write-lake"]).arg(lake).status();
    assert!(status.expect("naru can be started").success(), "the lake can't be written");
    folder
}

pub(super) fn catalog(shards: &Shards) -> String {
    let hosts: Vec<String> = shards.servers().iter().map(|server| format!("\"{}\"", server.address())).collect();
    format!(
        "connector = \"mysql\"\ndefault_schema = \"mydata\"\nhosts = [{}]\nuser = \"{}\"\n\
         password = \"${{file:mysql-password}}\"\ntls = \"disable\"\n{}",
        hosts.join(", "),
        mariadb::USER,
        tables(shards.layout())
    )
}

/// The logical tables, which are the same wherever the servers are.
fn tables(layout: &Layout) -> String {
    let table = |name: &str| {
        let physical = match layout.tables_per_server {
            1 => String::new(),
            many => format!("tables = \"{name}_{{0..{}}}\"\n", many - 1),
        };
        format!(
            "\n[[tables]]\nschema = \"mydata\"\nname = \"{name}\"\n{physical}key = \"user_id\"\n\
             routing = {{ function = \"modulo\" }}\n"
        )
    };
    ["api_request", "users"].map(table).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_has_the_same_logical_tables() {
        let example = fs::read_to_string(workspace().join("conf/catalogs/mydata.toml")).unwrap();
        let tables = tables(&Layout::default());
        assert!(example.ends_with(&tables), "{example}\ndoes not end with\n{tables}");
    }
}
