//! Engine suites: one document, many independent requests. Compared is what Ranger's own runner compares: allowed and
//! audited; mask type, value, condition and policy; filter and policy. (The policy id of an access result is
//! informational there, several are stale.)

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use naru_policy::model::{PolicyDelta, ServicePolicies};
use naru_policy::{
    EngineOptions, MaskDecision, PolicyDocument, PolicyEngine, Request, Resource, RowFilterDecision, Scope,
};
use serde::Deserialize;
use serde_json::Value;

use super::{read, report};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    #[serde(flatten)]
    policies: Value,
    #[serde(default)]
    super_users: Vec<String>,
    #[serde(default)]
    super_groups: Vec<String>,
    tests: Vec<Case>,
    updated_policies: Option<Updated>,
    #[serde(default)]
    updated_tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    policy_deltas: Vec<PolicyDelta>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    request: RawRequest,
    result: Option<AccessResult>,
    data_mask_result: Option<InfoResult>,
    row_filter_result: Option<InfoResult>,
    #[serde(default)]
    user_attributes: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRequest {
    resource: RawResource,
    #[serde(default)]
    access_type: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    user_groups: Vec<String>,
    #[serde(default)]
    user_roles: Vec<String>,
    #[serde(default)]
    resource_matching_scope: String,
    access_time: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawResource {
    #[serde(default)]
    elements: BTreeMap<String, OneOrMany>,
    owner_user: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessResult {
    is_allowed: bool,
    is_audited: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InfoResult {
    additional_info: Info,
    policy_id: i64,
}

#[derive(Deserialize, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Info {
    mask_type: Option<String>,
    mask_condition: Option<String>,
    masked_value: Option<String>,
    filter_expr: Option<String>,
}

impl RawResource {
    pub(super) fn resource(&self) -> Resource {
        let resource = self.elements.iter().fold(Resource::new(), |resource, (name, values)| match values {
            OneOrMany::One(value) => resource.with(name, value),
            OneOrMany::Many(values) => resource.with_values(name, values.clone()),
        });
        match &self.owner_user {
            Some(owner) => resource.owned_by(owner),
            None => resource,
        }
    }
}

fn request(case: &Case) -> Request {
    let raw = &case.request;
    let time = raw.access_time.as_deref().map_or_else(Utc::now, |text| {
        DateTime::parse_from_str(text, "%Y%m%d-%H:%M:%S%.3f%z").expect("access time").with_timezone(&Utc)
    });
    let mut request = Request::new(raw.resource.resource(), &raw.access_type, &raw.user, time)
        .groups(&raw.user_groups)
        .roles(&raw.user_roles);
    if raw.resource_matching_scope == "SELF_OR_DESCENDANTS" {
        request = request.scope(Scope::SelfOrDescendants);
    }
    if let Some(groups) = raw.context.get("ALLACCESSTYPEGROUPS") {
        request = request.access_type_groups(serde_json::from_value(groups.clone()).expect("access type groups"));
    }
    if let Some(attributes) = case.user_attributes.get(&raw.user) {
        request = request.user_attributes(attributes.clone());
    }
    request
}

fn failure(engine: &PolicyEngine, case: &Case) -> Option<String> {
    let request = request(case);
    let mut wrong = Vec::new();
    if let Some(expected) = &case.result {
        let actual = engine.access(&request);
        if (actual.allowed, actual.is_audited) != (expected.is_allowed, expected.is_audited) {
            let expected = (expected.is_allowed, expected.is_audited);
            wrong.push(format!("expected (allowed, audited) {expected:?}\n{}", engine.explain(&request)));
        }
    }
    if let Some(expected) = &case.data_mask_result {
        let actual = match engine.data_mask(&request) {
            MaskDecision::None { policy_id } => (Info::default(), policy_id),
            MaskDecision::Mask { mask_type, value_expr, condition_expr, policy_id, .. } => {
                let info = Info {
                    mask_type: Some(mask_type),
                    mask_condition: condition_expr,
                    masked_value: value_expr,
                    ..Info::default()
                };
                (info, policy_id)
            }
            MaskDecision::Null { reason, policy_id } => {
                (Info { mask_type: Some(format!("NULL: {reason}")), ..Info::default() }, policy_id)
            }
        };
        if (&actual.0, actual.1) != (&expected.additional_info, expected.policy_id) {
            wrong.push(format!("mask {actual:?}"));
        }
    }
    if let Some(expected) = &case.row_filter_result {
        let actual = match engine.row_filter(&request) {
            RowFilterDecision::None { policy_id } => (None, policy_id),
            RowFilterDecision::Filter { expr, policy_id, .. } => (Some(expr), policy_id),
            RowFilterDecision::NoRows { reason, policy_id } => (Some(format!("no rows: {reason}")), policy_id),
        };
        if (&actual.0, actual.1) != (&expected.additional_info.filter_expr, expected.policy_id) {
            wrong.push(format!("row filter {actual:?}"));
        }
    }
    (!wrong.is_empty()).then(|| format!("{}: {}", case.name, wrong.join("; ")))
}

/// Runs a suite; every case must assert something.
fn run(name: &str, expected_cases: usize) {
    let suite: Suite = read(&format!("policyengine/test_policyengine_{name}.json"));
    let policies: ServicePolicies = serde_json::from_value(suite.policies.clone()).expect("policies");
    let document = PolicyDocument::from(policies);
    let options = || EngineOptions {
        super_users: suite.super_users.clone(),
        super_groups: suite.super_groups.clone(),
        ..EngineOptions::default()
    };
    let engine = PolicyEngine::new(document.clone(), options()).expect("engine");
    let mut failures: Vec<String> = suite.tests.iter().filter_map(|case| failure(&engine, case)).collect();
    if let Some(updated) = &suite.updated_policies {
        let document = document.with_deltas(&updated.policy_deltas).expect("deltas");
        let engine = PolicyEngine::new(document, options()).expect("updated engine");
        failures.extend(suite.updated_tests.iter().filter_map(|case| failure(&engine, case)));
    }
    let cases = || suite.tests.iter().chain(&suite.updated_tests);
    for case in cases() {
        let asserts = case.result.is_some() || case.data_mask_result.is_some() || case.row_filter_result.is_some();
        assert!(asserts, "{name}: case {:?} asserts nothing", case.name);
    }
    report(name, cases().count(), expected_cases, &failures);
}

#[test]
fn hive() {
    run("hive", 48);
}

#[test]
fn hive_mask_filter() {
    run("hive_mask_filter", 16);
}

#[test]
fn marker_access_types() {
    run("marker_access_types", 46);
}

#[test]
fn super_user_groups() {
    run("super_user_groups", 10);
}

#[test]
fn owner() {
    run("owner", 11);
}

#[test]
fn policy_with_additional_resources() {
    run("policy_with_additional_resources", 7);
}

#[test]
fn hdfs_multiple_accesses() {
    run("hdfs_multiple_accesses", 8);
}

#[test]
fn resource_with_req_expressions() {
    run("resource_with_req_expressions", 9);
}

#[test]
fn hbase_multiple_matching_policies() {
    run("hbase_multiple_matching_policies", 4);
}

#[test]
fn policylevel_conditions() {
    run("policylevel_conditions", 4);
}

#[test]
fn hive_incremental_add() {
    run("hive_incremental_add", 35);
}

#[test]
fn hive_incremental_update() {
    run("hive_incremental_update", 35);
}
