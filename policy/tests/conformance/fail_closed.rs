//! What can't be evaluated gives less: per direction, and for whole documents.

use naru_policy::model::ServiceDef;
use naru_policy::{
    EngineOptions, MaskDecision, PolicyEngine, PolicyError, Request, Resource, RowFilterDecision, Severity, load_files,
};
use serde_json::{Value, json};

use super::rules::{ask, at, engine, item, noon, resources};

fn with_unknown_condition(mut item: Value) -> Value {
    item["conditions"] = json!([{"type": "from-space", "values": ["x"]}]);
    item
}

fn mask_item(users: &str, mask_type: &str) -> Value {
    let mut item = item(users, "select");
    item["dataMaskInfo"] = json!({"dataMaskType": mask_type});
    item
}

fn filter_item(users: &str, expr: &str) -> Value {
    let mut item = item(users, "select");
    item["rowFilterInfo"] = json!({"filterExpr": expr});
    item
}

#[test]
fn an_unknown_condition_never_grants_and_never_stops_a_deny() {
    let engine = engine(json!([
        {"id": 1, "name": "allow", "resources": resources("hive.a"), "policyItems": [with_unknown_condition(item("ann", "select"))]},
        {"id": 2, "name": "deny", "resources": resources("hive.b"), "policyItems": [item("ann", "select")], "denyPolicyItems": [with_unknown_condition(item("ann", "select"))]},
        {"id": 3, "name": "deny exception", "resources": resources("hive.c"), "denyPolicyItems": [item("ann", "select")], "denyExceptions": [with_unknown_condition(item("ann", "select"))]},
        {"id": 4, "name": "allow exception", "resources": resources("hive.d"), "policyItems": [item("ann", "select")], "allowExceptions": [with_unknown_condition(item("ann", "select"))]},
        {"id": 5, "name": "policy level", "conditions": [{"type": "from-space"}], "resources": resources("hive.e"), "policyItems": [item("ann", "select")]},
        {"id": 6, "name": "policy level deny", "conditions": [{"type": "from-space"}], "resources": resources("hive.f"), "denyPolicyItems": [item("ann", "select")]},
        {"id": 7, "name": "f", "resources": resources("hive.f"), "policyItems": [item("ann", "select")]},
        {"id": 8, "name": "bad schedule", "validitySchedules": [{"startTime": "tomorrow"}], "resources": resources("hive.g"), "policyItems": [item("ann", "select")]},
    ]));
    for (path, policy) in
        [("hive.a", -1), ("hive.b", 2), ("hive.c", 3), ("hive.d", -1), ("hive.e", -1), ("hive.f", 6), ("hive.g", -1)]
    {
        let decision = engine.access(&ask("ann", "select", path));
        assert_eq!((decision.allowed, decision.policy_id), (false, policy), "{path}");
    }
    let reported: Vec<_> =
        engine.issues().iter().filter(|issue| issue.severity == Severity::Error).map(|issue| issue.policy_id).collect();
    assert_eq!(reported, [1, 2, 3, 4, 5, 6, 8].map(Some));
    assert_eq!(
        engine.issues()[0].to_string(),
        "test.json: error: policy 1 (allow): allow item 1: condition \"from-space\" is not in the service definition; it never matches"
    );
}

#[test]
fn a_doubtful_mask_is_null_and_a_doubtful_mask_none_is_not_taken() {
    let engine = engine(json!([
        {"id": 1, "name": "mask", "policyType": 1, "resources": resources("hive.hr.t.a"), "dataMaskPolicyItems": [with_unknown_condition(mask_item("ann", "MASK"))]},
        {"id": 2, "name": "none", "policyType": 1, "resources": resources("hive.hr.t.b"),
         "dataMaskPolicyItems": [with_unknown_condition(mask_item("ann", "MASK_NONE")), mask_item("{USER}", "MASK_HASH")]},
        {"id": 3, "name": "unknown type", "policyType": 1, "resources": resources("hive.hr.t.c"), "dataMaskPolicyItems": [mask_item("ann", "MASK_PRETTY")]},
        {"id": 4, "name": "no info", "policyType": 1, "resources": resources("hive.hr.t.d"), "dataMaskPolicyItems": [item("ann", "select")]},
    ]));
    let mask = |path| engine.data_mask(&ask("ann", "select", path));
    for (path, policy) in [("hive.hr.t.a", 1), ("hive.hr.t.c", 3), ("hive.hr.t.d", 4)] {
        assert!(
            matches!(mask(path), MaskDecision::Null { policy_id, .. } if policy_id == policy),
            "{path}: {:?}",
            mask(path)
        );
    }
    assert!(matches!(mask("hive.hr.t.b"), MaskDecision::Mask { mask_type, .. } if mask_type == "MASK_HASH"));
    assert!(engine.issues().iter().any(|issue| issue.policy_id == Some(3) && issue.what.contains("MASK_PRETTY")));
}

#[test]
fn a_doubtful_filter_leaves_no_rows_and_a_doubtful_empty_one_is_not_taken() {
    let engine = engine(json!([
        {"id": 1, "name": "filter", "policyType": 2, "resources": resources("hive.hr.a"), "rowFilterPolicyItems": [with_unknown_condition(filter_item("ann", "x = 1"))]},
        {"id": 2, "name": "empty", "policyType": 2, "resources": resources("hive.hr.b"),
         "rowFilterPolicyItems": [with_unknown_condition(filter_item("ann", "")), filter_item("{USER}", "x = 2")]},
        {"id": 3, "name": "expression", "policyType": 2, "resources": resources("hive.hr.c"), "rowFilterPolicyItems": [filter_item("ann", "d = '${{USER.dept}}'")]},
    ]));
    let filter = |path| engine.row_filter(&ask("ann", "select", path));
    assert!(matches!(filter("hive.hr.a"), RowFilterDecision::NoRows { policy_id: 1, .. }));
    assert!(matches!(filter("hive.hr.b"), RowFilterDecision::Filter { policy_id: 2, .. }));
    assert!(matches!(filter("hive.hr.c"), RowFilterDecision::NoRows { policy_id: 3, .. }), "no user store");
}

#[test]
fn a_question_about_a_resource_that_fits_nothing_shows_nothing() {
    let engine = engine(json!([]));
    let odd = || Request::new(Resource::new().with("database", "hr"), "select", "ann", noon());
    assert!(!engine.access(&odd()).allowed);
    assert!(matches!(engine.data_mask(&odd()), MaskDecision::Null { policy_id: -1, .. }));
    assert!(matches!(engine.row_filter(&odd()), RowFilterDecision::NoRows { policy_id: -1, .. }));
    let column = engine.row_filter(&Request::new(at("hive.hr.t.c"), "select", "ann", noon()));
    assert!(matches!(column, RowFilterDecision::NoRows { .. }), "row filters are about tables");
}

#[test]
fn an_unsupported_expression_in_a_resource_grants_nothing_and_denies_all_it_could_mean() {
    let with_expression = |prefix: &str| json!({"catalog": {"values": ["hive"]}, "schema": {"values": [format!("{prefix}${{{{TAG.x}}}}")]}});
    let engine = engine(json!([
        {"id": 1, "name": "allow", "resources": with_expression("a_"), "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "all", "resources": resources("hive.*"), "policyItems": [item("ann", "insert")]},
        {"id": 3, "name": "deny", "resources": with_expression("b_"), "denyPolicyItems": [item("ann", "insert")]},
    ]));
    let access = |access, path| engine.access(&ask("ann", access, path)).allowed;
    assert!(!access("select", "hive.a_1"));
    assert!(access("insert", "hive.a_1") && !access("insert", "hive.b_1"));
    assert_eq!(engine.issues().iter().map(|issue| issue.policy_id).collect::<Vec<_>>(), [Some(1), Some(3)]);
}

#[test]
fn issues_name_policies_that_can_not_do_what_they_say() {
    let engine = engine(json!([
        {"id": 1, "name": "gap", "resources": {"catalog": {"values": ["hive"]}, "table": {"values": ["t"]}}, "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "typo", "resources": resources("hive.a"), "policyItems": [item("ann", "selct")]},
        {"id": 3, "name": "filter on columns", "policyType": 2, "resources": resources("hive.a.b.c"), "rowFilterPolicyItems": [filter_item("ann", "x = 1")]},
        {"id": 5, "name": "tag filter", "policyType": 2, "resources": resources("hive.a.b"), "rowFilterPolicyItems": [filter_item("ann", "x = '${{TAG.x}}'")]},
        {"id": 4, "name": "what", "policyType": 9},
        {"id": 4, "name": "twice", "resources": resources("hive.a")},
    ]));
    let has =
        |id, text: &str| engine.issues().iter().any(|issue| issue.policy_id == Some(id) && issue.what.contains(text));
    assert!(
        has(1, "fit no hierarchy")
            && has(2, "\"selct\"")
            && has(3, "fit no hierarchy")
            && has(5, "${{TAG.x}}")
            && has(4, "policyType 9")
            && has(4, "same id")
    );
}

fn refused(document: &Value) -> String {
    let loaded = load_files(&[("test.json".into(), document.to_string())]).expect("document");
    match PolicyEngine::new(loaded, EngineOptions::default()) {
        Err(PolicyError::Unsupported(what)) => what,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn documents_with_parts_that_are_not_evaluated_are_refused() {
    let policy = |extra: Value| {
        let mut policy =
            json!({"id": 1, "name": "p", "resources": resources("hive.a"), "policyItems": [item("ann", "select")]});
        policy.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!([policy])
    };
    let zones = json!({"policies": policy(json!({})), "securityZones": {"z": {"resources": [{"catalog": ["hive"]}]}}});
    assert!(refused(&zones).contains("security zones (\"z\")"));
    let tags = json!({"policies": policy(json!({})), "tagPolicies": {"serviceName": "tags", "policies": [{"id": 2}]}});
    assert!(refused(&tags).contains("tag policies"));
    let deltas = json!({"policies": policy(json!({})), "policyDeltas": [{"changeType": 0, "policy": {"id": 5}}]});
    assert!(refused(&deltas).contains("deltas"));
    assert!(refused(&json!({"policies": policy(json!({"zoneName": "z"}))})).contains("zone \"z\""));
    assert!(refused(&json!({"policies": policy(json!({"serviceType": "tag"}))})).contains("\"tag\" service"));
    let mut def = serde_json::to_value(ServiceDef::builtin_trino().unwrap()).unwrap();
    def["resources"][1]["matcher"] = json!("com.example.PrettyMatcher");
    assert!(refused(&json!({"policies": policy(json!({})), "serviceDef": def})).contains("PrettyMatcher"));
}
