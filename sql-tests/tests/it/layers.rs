//! Rules of the workspace over `cargo metadata`: who may depend on whom, one version of what must be one, licences.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use naru_sql_tests::workspace;
use std::collections::{BTreeMap, BTreeSet};

fn metadata() -> Metadata {
    // Not offline: a build fetches the crates of its own platform only, and these rules are for all.
    let options = vec!["--locked".to_owned()];
    MetadataCommand::new().current_dir(workspace()).other_options(options).exec().unwrap()
}

/// What a crate of ours is built from (its tests may use more).
fn dependencies(package: &Package) -> BTreeSet<&str> {
    let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.as_str()).collect()
}

/// A crate's folder below the workspace's root, such as `connectors/mysql`.
fn folder(package: &Package) -> String {
    let folder = package.manifest_path.parent().unwrap();
    folder.strip_prefix(workspace().to_str().unwrap()).unwrap().to_string()
}

#[test]
fn dependencies_point_down() {
    let metadata = metadata();
    let ours: BTreeMap<&str, String> =
        metadata.workspace_packages().into_iter().map(|package| (package.name.as_str(), folder(package))).collect();
    let connectors: Vec<&str> =
        ours.iter().filter(|(_, folder)| folder.starts_with("connectors/")).map(|(&name, _)| name).collect();
    for package in metadata.workspace_packages() {
        let (name, folder) = (package.name.as_str(), folder(package));
        let allowed: BTreeSet<&str> = match folder.as_str() {
            "gateway" => connectors.iter().copied().chain(["naru-auth", "naru-policy"]).collect(),
            // Tests of connectors, and of the whole.
            "connectors/testkit" => ["naru-connector"].into(),
            "sql-tests" | "sql-tests/services" => ours.keys().copied().collect(),
            "auth" | "policy" | "connectors/api" => BTreeSet::new(),
            connector if connector.starts_with("connectors/") => ["naru-connector"].into(),
            other => panic!("{other}: say in this test what a crate there may depend on"),
        };
        let above: Vec<&str> = dependencies(package)
            .into_iter()
            .filter(|name| ours.contains_key(name) && !allowed.contains(name))
            .collect();
        assert!(above.is_empty(), "{name} must not depend on {above:?}");
    }
}

#[test]
fn login_and_policies_know_no_engine() {
    let metadata = metadata();
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let nodes: BTreeMap<_, _> = metadata.resolve.as_ref().unwrap().nodes.iter().map(|node| (&node.id, node)).collect();
    for package in metadata.workspace_packages() {
        if !matches!(folder(package).as_str(), "auth" | "policy") {
            continue;
        }
        let (mut waiting, mut seen) = (vec![&package.id], BTreeSet::new());
        while let Some(id) = waiting.pop() {
            let normal = |dependency: &&cargo_metadata::NodeDep| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            };
            if seen.insert(id) {
                waiting.extend(nodes[id].deps.iter().filter(normal).map(|dependency| &dependency.pkg));
            }
        }
        let engine =
            seen.iter().map(|id| names[id]).find(|name| name.starts_with("datafusion") || name.starts_with("arrow"));
        assert_eq!(engine, None, "{} reaches it", package.name);
    }
}

#[test]
fn the_harness_knows_the_gateway_from_outside_only() {
    let metadata = metadata();
    let harness = metadata.workspace_packages().into_iter().find(|package| package.name == "naru-sql-tests").unwrap();
    assert!(!dependencies(harness).contains("naru-gateway"));
}

/// Whoever supposes an identity asks nobody for proof.
#[test]
fn identities_are_supposed_by_one_command_only() {
    let mut waiting = vec![workspace().join("gateway/src")];
    let mut supposing = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("suppose(")) {
                supposing.push(path);
            }
        }
    }
    assert_eq!(supposing, [workspace().join("gateway/src/cli/policy/explain.rs")]);
}

#[test]
fn one_version_of_what_crosses_crates() {
    let metadata = metadata();
    for name in [
        "arrow",
        "arrow-array",
        "arrow-schema",
        "arrow-flight",
        "datafusion",
        "object_store",
        "parquet",
        "sqlparser",
        "tonic",
    ] {
        let versions: BTreeSet<_> =
            metadata.packages.iter().filter(|package| package.name == name).map(|package| &package.version).collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

/// Permissive licences; deny.toml says the same to those who have cargo-deny.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Is an SPDX expression granted by the allowed licences alone? `/` is an old form of OR.
fn permitted(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    // No crate of ours nests AND inside OR but in brackets whose parts are all allowed.
    let any = |clause: &str| clause.split(" OR ").any(|licence| LICENCES.contains(&licence.trim()));
    expression.split(" AND ").all(any)
}

#[test]
fn licences_are_permissive() {
    assert!(permitted("MIT/Apache-2.0") && permitted("(MIT OR GPL-3.0-only) AND ISC"));
    assert!(!permitted("GPL-3.0-only") && !permitted("MIT AND GPL-2.0-only"));
    for package in metadata().packages {
        let licence = package.license.as_deref().unwrap_or("none named");
        assert!(permitted(licence), "{} {}: {licence}", package.name, package.version);
    }
}

#[test]
fn deny_toml_allows_the_same_licences() {
    let text = std::fs::read_to_string(workspace().join("deny.toml")).unwrap();
    for licence in LICENCES.iter().filter(|licence| !licence.contains(" WITH ")) {
        assert!(text.contains(&format!("\"{licence}\"")), "{licence}");
    }
}
