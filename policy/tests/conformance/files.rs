//! Loading: both forms of a document, merging, and errors that say where.

use std::path::PathBuf;

use naru_policy::model::ServicePolicies;
use naru_policy::{EngineOptions, MaskDecision, PolicyDocument, PolicyEngine, PolicyError, load_dir, load_files};
use serde_json::json;

use super::rules::{ask, item, resources};
use super::{data, read};

fn file(name: &str, text: impl ToString) -> (PathBuf, String) {
    (name.into(), text.to_string())
}

fn policy(id: i64, path: &str) -> serde_json::Value {
    json!({"id": id, "name": format!("p{id}"), "resources": resources(path), "policyItems": [item("ann", "select")]})
}

#[test]
fn the_trino_sample_loads_and_decides() {
    let text = std::fs::read_to_string(data("samples/trino-policies.json")).unwrap();
    let document = load_files(&[file("trino-policies.json", text)]).expect("document");
    let engine = PolicyEngine::new(document, EngineOptions::default()).expect("engine");
    assert_eq!(engine.service_name(), "cl1_trino");
    assert!(engine.access(&ask("anybody", "select", "open-to-all")).allowed);
    assert!(engine.access(&ask("alice", "insert", "alice-catalog.schema.table")).allowed);
    assert!(!engine.access(&ask("bob", "insert", "alice-catalog.schema.table")).allowed);
    let mask = engine.data_mask(&ask("bob", "select", "alice-catalog.schema.table.cast_me"));
    assert!(matches!(mask, MaskDecision::Mask { value_expr: Some(sql), .. } if sql == "cast {col} as {type}"));
    let repeated = engine.issues().iter().filter(|issue| issue.what == "another policy has the same id").count();
    assert_eq!(engine.issues().len(), repeated, "{:?}", engine.issues());
    assert_eq!(repeated, 2);
}

#[test]
fn the_hive_sample_loads_although_one_policy_names_an_unknown_resource() {
    let mut policies: ServicePolicies = read("samples/hive-policies.json");
    policies.tag_policies = None;
    let engine = PolicyEngine::new(policies, EngineOptions::default()).expect("engine");
    assert!(engine.issues().iter().any(|issue| issue.what.contains("(uri) fit no hierarchy")), "{:?}", engine.issues());
}

#[test]
fn all_service_definitions_of_the_samples_parse() {
    for name in ["hive", "tag", "trino"] {
        let def: naru_policy::model::ServiceDef = read(&format!("service-defs/ranger-servicedef-{name}.json"));
        assert_eq!(def.name, name);
    }
}

#[test]
fn a_folder_is_one_set_read_in_order() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("b.json"),
        json!({"metaDataInfo": {}, "policies": [policy(2, "hive.b")]}).to_string(),
    )
    .unwrap();
    std::fs::write(
        dir.path().join("a.json"),
        json!({"policyVersion": 4, "policies": [policy(1, "hive.a")]}).to_string(),
    )
    .unwrap();
    std::fs::write(dir.path().join("notes.txt"), "no policies").unwrap();
    let document = load_dir(dir.path()).expect("document");
    let ids: Vec<_> = document.policies().policies.iter().map(|policy| policy.id).collect();
    assert_eq!(ids, [Some(1), Some(2)]);
    assert_eq!(document.policy_version(), Some(4));
    let engine = PolicyEngine::new(document, EngineOptions::default()).expect("engine");
    assert!(
        engine.access(&ask("ann", "select", "hive.a")).allowed
            && engine.access(&ask("ann", "select", "hive.b")).allowed
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(load_dir(empty.path()), Err(PolicyError::Document { .. })));
    assert!(matches!(load_dir(&empty.path().join("none")), Err(PolicyError::Read { .. })));
}

#[test]
fn the_version_follows_the_content_not_the_layout() {
    let version = |text: String| load_files(&[file("a.json", text)]).expect("document").version().to_owned();
    let value = json!({"policyVersion": 3, "policies": [policy(1, "hive.a")]});
    let compact = version(value.to_string());
    assert_eq!(compact, version(serde_json::to_string_pretty(&value).unwrap()));
    assert!(compact.starts_with("3-"), "{compact}");
    assert_ne!(compact, version(json!({"policyVersion": 3, "policies": [policy(1, "hive.b")]}).to_string()));
    let downloaded: ServicePolicies = serde_json::from_value(value).unwrap();
    assert!(PolicyDocument::from(downloaded).version().starts_with("3-"));
}

#[test]
fn errors_say_file_line_and_column() {
    let error = |files: &[(PathBuf, String)]| load_files(files).unwrap_err().to_string();
    assert_eq!(
        error(&[file("conf/p.json", "{\"policies\": [\n  {\"id\": \"x\"}]}")]),
        "conf/p.json:2:12: invalid type: string \"x\", expected i64"
    );
    assert!(error(&[file("p.json", "{\"policies\": [")]).starts_with("p.json:1:14: EOF"));
    assert!(error(&[file("p.json", "{\"policy\": []}")]).starts_with("p.json: neither a policy download"));
    assert!(error(&[file("p.json", json!({"policies": [{"name": "nameless"}]}))]).contains("\"nameless\" has no id"));
}

#[test]
fn files_that_contradict_each_other_are_refused_by_name() {
    let error = |second: serde_json::Value| {
        let mut first =
            json!({"policies": [policy(1, "hive.a")], "auditMode": "audit-all", "serviceConfig": {"k": "v"}});
        first["serviceDef"] = json!({"name": "hive"});
        load_files(&[file("a.json", first), file("b.json", second)]).unwrap_err().to_string()
    };
    let def = json!({"name": "hive"});
    assert!(
        error(json!({"policies": [policy(1, "hive.b")], "serviceDef": def}))
            .starts_with("a.json and b.json: both have a policy with id 1")
    );
    assert!(error(json!({"policies": [policy(2, "hive.b")]})).contains("without serviceDef, for \"trino\""));
    assert!(error(json!({"serviceDef": {"name": "trino"}})).contains("different service definition"));
    assert!(error(json!({"serviceDef": def, "auditMode": "audit-none"})).contains("different audit mode"));
    assert!(error(json!({"serviceDef": def, "serviceConfig": {"k": "w"}})).contains("\"k\""));
}
