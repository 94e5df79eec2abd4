//! Resource matching: one value against one level, and whole resources against whole policies.

use std::collections::BTreeMap;

use naru_policy::Truth;
use naru_policy::matching::{ElementMatcher, Hierarchies, MatchType, PolicyResourceMatcher, Requested, Tokens};
use naru_policy::model::{PolicyResource, PolicyResources, ResourceDef, ServiceDef};
use serde::Deserialize;

use super::engine::RawResource;
use super::{read, report};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Elements {
    test_cases: Vec<ElementCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ElementCase {
    name: String,
    resource_def: ResourceDef,
    policy_resource: PolicyResource,
    tests: Vec<ElementTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ElementTest {
    name: String,
    input: String,
    #[serde(default)]
    eval_context: BTreeMap<String, String>,
    result: bool,
}

fn elements(file: &str, expected: usize) {
    let suite: Elements = read(&format!("resourcematcher/{file}.json"));
    let (mut cases, mut failures) = (0, Vec::new());
    for case in suite.test_cases {
        let matcher = ElementMatcher::new(&case.resource_def, &case.policy_resource).expect("matcher");
        for test in case.tests {
            cases += 1;
            let tokens = Tokens { context: Some(&test.eval_context), ..Tokens::default() };
            let actual = matcher.matches(Some(&Requested::new(&[&test.input])), &tokens);
            if actual != Truth::from(test.result) {
                failures.push(format!("{} / {} {:?}: {actual:?}", case.name, test.name, test.input));
            }
        }
    }
    report(file, cases, expected, &failures);
}

#[test]
fn resourcematcher_default() {
    elements("test_resourcematcher_default", 191);
}

#[test]
fn resourcematcher_dynamic() {
    elements("test_resourcematcher_dynamic", 17);
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policies {
    service_def: ServiceDef,
    test_cases: Vec<PolicyCase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyCase {
    name: String,
    policy_resources: PolicyResources,
    tests: Vec<PolicyTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicyTest {
    name: String,
    r#type: String,
    resource: RawResource,
    #[serde(default)]
    eval_context: BTreeMap<String, String>,
    result: bool,
}

fn in_scope(scope: &str, found: MatchType) -> bool {
    let exact = matches!(found, MatchType::SelfMatch | MatchType::SelfAndAllDescendants);
    match scope {
        "exactMatch" => exact,
        "descendantMatch" => found == MatchType::Descendant,
        "selfOrDescendantMatch" => exact || found == MatchType::Descendant,
        "ancestorMatch" => found == MatchType::Ancestor,
        "selfOrAncestorMatch" => exact || found == MatchType::Ancestor,
        "selfAndAllDescendants" | "anyMatch" => found != MatchType::None,
        other => panic!("unknown scope {other}"),
    }
}

fn policies(file: &str, expected: usize) {
    let suite: Policies = read(&format!("resourcematcher/{file}.json"));
    let hierarchies = Hierarchies::access(&suite.service_def);
    let (mut cases, mut failures) = (0, Vec::new());
    for case in suite.test_cases {
        let matcher = PolicyResourceMatcher::new(&hierarchies, &case.policy_resources).expect("matcher");
        for test in case.tests {
            cases += 1;
            let tokens = Tokens { context: Some(&test.eval_context), ..Tokens::default() };
            let found = hierarchies
                .target(&test.resource.resource())
                .map_or(MatchType::None, |target| matcher.match_type(&target, &tokens).0);
            if in_scope(&test.r#type, found) != test.result {
                failures.push(format!("{} / {} ({}): {found:?}", case.name, test.name, test.r#type));
            }
        }
    }
    report(file, cases, expected, &failures);
}

#[test]
fn defaultpolicyresourcematcher() {
    policies("test_defaultpolicyresourcematcher", 71);
}

#[test]
fn defaultpolicyresourcematcher_quoted() {
    policies("test_defaultpolicyresourcematcher_quoted", 77);
}
