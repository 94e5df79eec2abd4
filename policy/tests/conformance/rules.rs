//! The rules of evaluation that Ranger's suites touch little or not at all, on small documents of the `trino` service.

use chrono::{DateTime, TimeZone, Utc};
use naru_policy::{
    AccessDecision, EngineOptions, MaskDecision, PolicyEngine, Request, Resource, RowFilterDecision, Scope, load_files,
};
use serde_json::{Value, json};

pub(super) fn engine_with(policies: Value, options: EngineOptions) -> PolicyEngine {
    let text = json!({"metaDataInfo": {}, "policies": policies}).to_string();
    PolicyEngine::new(load_files(&[("test.json".into(), text)]).expect("document"), options).expect("engine")
}

pub(super) fn engine(policies: Value) -> PolicyEngine {
    engine_with(policies, EngineOptions::default())
}

/// `catalog.schema.table.column` as policy resources.
pub(super) fn resources(path: &str) -> Value {
    let levels = ["catalog", "schema", "table", "column"].into_iter().zip(path.split('.'));
    levels.map(|(level, value)| (level.to_owned(), json!({"values": value.split('|').collect::<Vec<_>>()}))).collect()
}

/// `catalog.schema.table.column`, as far as given, as a request.
pub(super) fn at(path: &str) -> Resource {
    let levels = ["catalog", "schema", "table", "column"].into_iter().zip(path.split('.'));
    levels
        .filter(|(_, value)| !value.is_empty())
        .fold(Resource::new(), |resource, (level, value)| resource.with(level, value))
}

pub(super) fn item(users: &str, accesses: &str) -> Value {
    let accesses: Vec<Value> = accesses.split_whitespace().map(|name| json!({"type": name})).collect();
    json!({"users": users.split_whitespace().collect::<Vec<_>>(), "accesses": accesses})
}

pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap()
}

pub(super) fn ask(user: &str, access: &str, path: &str) -> Request {
    Request::new(at(path), access, user, noon())
}

/// (allowed, policy id)
fn outcome(decision: &AccessDecision) -> (bool, i64) {
    (decision.allowed, decision.policy_id)
}

#[test]
fn deny_beats_allow_and_each_exception_lifts_only_its_own_side() {
    let engine = engine(json!([
        {"id": 1, "name": "all", "resources": resources("hive.*.*.*"), "policyItems": [item("ann bob", "all"), item("cy", "select")]},
        {"id": 2, "name": "no hr", "resources": resources("hive.hr.*.*"), "denyPolicyItems": [item("ann bob dan", "select insert")],
         "denyExceptions": [item("bob dan", "select")]},
        {"id": 3, "name": "but not pay", "resources": resources("hive.*.pay.*"), "policyItems": [item("eve", "select insert")],
         "allowExceptions": [item("eve", "insert")]},
    ]));
    let access = |user, access, path| outcome(&engine.access(&ask(user, access, path)));
    assert_eq!(access("ann", "select", "hive.crm.t.c"), (true, 1));
    assert_eq!(access("ann", "select", "hive.hr.t.c"), (false, 2));
    assert_eq!(access("bob", "select", "hive.hr.t.c"), (true, 1), "the exception lifts the deny");
    assert_eq!(access("bob", "insert", "hive.hr.t.c"), (false, 2), "but only for select");
    assert_eq!(access("dan", "select", "hive.hr.t.c"), (false, -1), "and grants nothing");
    assert_eq!(access("eve", "select", "hive.x.pay.c"), (true, 3));
    assert_eq!(access("eve", "insert", "hive.x.pay.c"), (false, -1));
    assert_eq!(access("nobody", "select", "hive.crm.t.c"), (false, -1), "nothing is granted by itself");
}

#[test]
fn override_priority_beats_normal_either_way() {
    let engine = engine(json!([
        {"id": 1, "name": "deny", "resources": resources("hive.a|b.*.*"), "denyPolicyItems": [item("ann", "select")]},
        {"id": 2, "name": "override allow", "policyPriority": 1, "resources": resources("hive.a.*.*"), "policyItems": [item("ann", "select")]},
        {"id": 3, "name": "allow", "resources": resources("hive.c.*.*"), "policyItems": [item("ann", "select")]},
        {"id": 4, "name": "override deny", "policyPriority": 1, "resources": resources("hive.c.*.*"), "denyPolicyItems": [item("ann", "select")]},
        {"id": 5, "name": "override allow with other denies", "policyPriority": 1, "resources": resources("hive.b.x.*"),
         "policyItems": [item("ann", "select")], "denyPolicyItems": [item("bob", "select")]},
    ]));
    let access = |path| outcome(&engine.access(&ask("ann", "select", path)));
    assert_eq!(access("hive.a.t.c"), (true, 2));
    assert_eq!(access("hive.b.t.c"), (false, 1));
    assert_eq!(access("hive.b.x.c"), (true, 5), "a lower priority is not asked any more");
    assert_eq!(access("hive.c.t.c"), (false, 4));
}

#[test]
fn an_allow_of_a_denying_policy_can_be_overturned_at_the_same_priority() {
    let engine = engine(json!([
        {"id": 1, "name": "a broad", "resources": resources("hive.*.*.*"), "policyItems": [item("ann", "select")], "denyPolicyItems": [item("bob", "select")]},
        {"id": 2, "name": "b narrow", "resources": resources("hive.hr.t.c"), "denyPolicyItems": [item("ann", "select")]},
    ]));
    assert_eq!(outcome(&engine.access(&ask("ann", "select", "hive.hr.t.c"))), (false, 2));
    assert_eq!(outcome(&engine.access(&ask("ann", "select", "hive.hr.t.d"))), (true, 1));
}

#[test]
fn deny_all_else_denies_every_other_user_and_type() {
    let engine = engine(json!([
        {"id": 1, "name": "all", "resources": resources("hive.*.*.*"), "policyItems": [item("ann bob", "all")]},
        {"id": 2, "name": "only ann reads", "isDenyAllElse": true, "resources": resources("hive.hr.*.*"), "policyItems": [item("ann", "select")]},
    ]));
    assert_eq!(outcome(&engine.access(&ask("ann", "select", "hive.hr.t.c"))), (true, 2));
    assert_eq!(outcome(&engine.access(&ask("ann", "insert", "hive.hr.t.c"))), (false, 2));
    assert_eq!(outcome(&engine.access(&ask("bob", "select", "hive.hr.t.c"))), (false, 2));
    assert_eq!(outcome(&engine.access(&ask("bob", "no_such_type", "hive.hr.t.c"))), (false, 2));
}

#[test]
fn grants_reach_exactly_the_levels_they_are_written_for() {
    let engine = engine(json!([
        {"id": 1, "name": "table", "resources": resources("hive.hr.staff"), "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "columns", "resources": resources("hive.hr.pay.*"), "policyItems": [item("ann", "select")]},
        {"id": 3, "name": "two", "resources": resources("hive.crm.z*.*"), "additionalResources": [resources("hive.crm.t")], "policyItems": [item("ann", "select")]},
    ]));
    let allowed = |access, path| engine.access(&ask("ann", access, path)).allowed;
    assert!(
        allowed("select", "hive.hr.staff") && !allowed("select", "hive.hr.staff.name"),
        "a table is not its columns"
    );
    assert!(allowed("select", "hive.hr.pay") && allowed("select", "hive.hr.pay.name"), "all columns are the table");
    assert!(!allowed("select", "hive.hr") && allowed("_any", "hive.hr") && allowed("", "hive") && allowed("", ""));
    assert!(!allowed("_any", "mysql") && !allowed("_any", "hive.ops"));
    let below = engine.access(&ask("ann", "select", "hive").scope(Scope::SelfOrDescendants));
    assert!(below.allowed, "the scope makes parts count");
    assert!(allowed("select", "hive.crm.t") && !allowed("select", "hive.crm.t.c"), "nor in an additional resource set");
    let gap = Resource::new().with("catalog", "hive").with("table", "staff");
    assert!(!engine.access(&Request::new(gap, "_any", "ann", noon())).allowed, "levels without gaps");
    assert!(allowed("SELECT", "HIVE.Hr.PAY.Name"), "names and types ignore case");
}

#[test]
fn a_deny_on_a_part_leaves_the_whole_visible_unless_asked_otherwise() {
    let engine = engine(json!([
        {"id": 1, "name": "hr", "resources": resources("hive.hr.*.*"), "policyItems": [item("ann", "all")]},
        {"id": 2, "name": "no pay", "resources": resources("hive.hr.pay.*"), "denyPolicyItems": [item("ann", "all")]},
    ]));
    assert!(engine.access(&ask("ann", "_any", "hive.hr")).allowed);
    assert!(!engine.access(&ask("ann", "_any", "hive.hr").descendant_deny_ignored(false)).allowed);
    assert_eq!(outcome(&engine.access(&ask("ann", "_any", "hive.hr.pay"))), (false, 2));
}

#[test]
fn excludes_mean_everything_else() {
    let mut excluding = resources("hive.hr.t.ssn|pay*");
    excluding["column"]["isExcludes"] = json!(true);
    let engine =
        engine(json!([{"id": 1, "name": "rest", "resources": excluding, "policyItems": [item("ann", "select")]}]));
    let allowed = |path| engine.access(&ask("ann", "select", path)).allowed;
    assert!(
        allowed("hive.hr.t.name")
            && !allowed("hive.hr.t.ssn")
            && !allowed("hive.hr.t.payment")
            && !allowed("hive.hr.t")
    );
}

#[test]
fn principals_are_users_groups_roles_public_and_whoever_asks() {
    let policy = |id: i64, schema: &str, item: Value| json!({"id": id, "name": schema, "resources": resources(&format!("hive.{schema}")), "policyItems": [item]});
    let select = json!([{"type": "select"}]);
    let engine = engine(json!([
        policy(1, "g", json!({"groups": ["staff"], "accesses": select})),
        policy(2, "r", json!({"roles": ["dba"], "accesses": select})),
        policy(3, "p", json!({"groups": ["public"], "accesses": select})),
        policy(4, "u", json!({"users": ["{USER}"], "accesses": select})),
        policy(5, "o", json!({"users": ["{OWNER}"], "accesses": select})),
        policy(6, "home_{USER}", json!({"groups": ["public"], "accesses": select})),
        policy(7, "off", json!({"groups": ["public"], "accesses": [{"type": "select", "isAllowed": false}]})),
    ]));
    let ask = |path| ask("ann", "select", path);
    let allowed = |request: Request| engine.access(&request).allowed;
    assert!(
        !allowed(ask("hive.g"))
            && allowed(ask("hive.g").groups(["staff"]))
            && !allowed(ask("hive.g").groups(["STAFF"]))
    );
    assert!(!allowed(ask("hive.r")) && allowed(ask("hive.r").roles(["dba"])));
    assert!(allowed(ask("hive.p")) && allowed(ask("hive.u")));
    assert!(!allowed(ask("hive.o")));
    assert!(allowed(Request::new(at("hive.o").owned_by("ann"), "select", "ann", noon())));
    assert!(!allowed(Request::new(at("hive.o").owned_by("bob"), "select", "ann", noon())));
    assert!(!allowed(Request::new(at("hive.o").owned_by("bob"), "select", "{OWNER}", noon())), "a token is no name");
    assert!(allowed(ask("hive.home_ann")) && !allowed(ask("hive.home_bob")));
    assert!(!allowed(Request::new(at("hive.home_bob"), "select", "*", noon())), "a user named * gains nothing");
    assert!(!allowed(ask("hive.off")), "isAllowed=false grants nothing");
}

#[test]
fn admin_asks_for_delegation_and_super_user_access_only_super_users_have() {
    let mut delegated = item("ann", "select");
    delegated["delegateAdmin"] = json!(true);
    let options = || EngineOptions {
        super_users: vec!["root".to_owned()],
        super_groups: vec!["wheel".to_owned()],
        ..EngineOptions::default()
    };
    let engine = engine_with(
        json!([
            {"id": 1, "name": "hr", "resources": resources("hive.hr"), "policyItems": [delegated, item("bob", "all")]},
            {"id": 2, "name": "mask", "policyType": 1, "resources": resources("hive.hr.t.c"), "dataMaskPolicyItems": [
                {"users": ["{USER}"], "accesses": [{"type": "select"}], "dataMaskInfo": {"dataMaskType": "MASK"}}]},
        ]),
        options(),
    );
    let allowed = |user, access| engine.access(&ask(user, access, "hive.hr")).allowed;
    assert!(allowed("ann", "_admin") && !allowed("bob", "_admin") && allowed("bob", "drop"));
    assert!(allowed("root", "drop") && allowed("root", "_super_user") && !allowed("bob", "_super_user"));
    assert!(engine.access(&ask("dan", "drop", "mysql.x").groups(["wheel"])).allowed);
    assert_eq!(engine.data_mask(&ask("root", "select", "hive.hr.t.c")), MaskDecision::None { policy_id: -1 });
    assert!(matches!(engine.data_mask(&ask("bob", "select", "hive.hr.t.c")), MaskDecision::Mask { policy_id: 2, .. }));
}

#[test]
fn policies_count_only_while_enabled_and_valid() {
    let until = |end: &str, zone: &str| json!([{"endTime": end, "timeZone": zone}]);
    let engine = engine(json!([
        {"id": 1, "name": "off", "isEnabled": false, "resources": resources("hive.off"), "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "old", "resources": resources("hive.old"), "validitySchedules": until("2026/03/01 11:59:59", ""), "policyItems": [item("ann", "select")]},
        {"id": 3, "name": "now", "resources": resources("hive.now"), "validitySchedules": until("2026/03/01 21:00:00", "Asia/Seoul"), "policyItems": [item("ann", "select")]},
    ]));
    let access = |path| outcome(&engine.access(&ask("ann", "select", path)));
    assert_eq!(access("hive.off"), (false, -1));
    assert_eq!(access("hive.old"), (false, -1));
    assert!(!engine.access(&ask("ann", "select", "hive.old")).is_audited, "nor do they ask for audit");
    assert_eq!(access("hive.now"), (true, 3), "the last second counts");
}

#[test]
fn the_first_matching_mask_item_wins_and_mask_none_ends_the_search() {
    let mask = |users: &str, mask_type: &str| json!({"users": users.split_whitespace().collect::<Vec<_>>(), "accesses": [{"type": "select"}], "dataMaskInfo": {"dataMaskType": mask_type}});
    let engine = engine(json!([
        {"id": 1, "name": "ssn", "version": 7, "policyType": 1, "resources": resources("hive.hr.staff.ssn"),
         "dataMaskPolicyItems": [mask("boss", "MASK_NONE"), mask("boss ann", "MASK_HASH"), mask("{USER}", "MASK_NULL")]},
        {"id": 2, "name": "everything of dan", "policyType": 1, "policyPriority": 1, "resources": resources("hive.*.*.*"), "dataMaskPolicyItems": [mask("dan", "MASK")]},
        {"id": 3, "name": "custom", "policyType": 1, "resources": resources("hive.hr.staff.name"), "dataMaskPolicyItems": [
            {"users": ["{USER}"], "accesses": [{"type": "select"}], "dataMaskInfo": {"dataMaskType": "CUSTOM", "valueExpr": "'${{USER._name}}' || {col}"}}]},
    ]));
    let mask = |user, path| engine.data_mask(&ask(user, "select", path));
    assert_eq!(mask("boss", "hive.hr.staff.ssn"), MaskDecision::None { policy_id: 1 });
    let hash = "cast(to_hex(sha256(to_utf8({col}))) as {type})";
    assert_eq!(
        mask("ann", "hive.hr.staff.ssn"),
        MaskDecision::Mask {
            mask_type: "MASK_HASH".to_owned(),
            value_expr: None,
            condition_expr: None,
            transformer: Some(hash.to_owned()),
            policy_id: 1,
            policy_version: Some(7),
        }
    );
    assert!(
        matches!(mask("bob", "hive.hr.staff.ssn"), MaskDecision::Mask { mask_type, transformer: None, .. } if mask_type == "MASK_NULL")
    );
    assert!(
        matches!(mask("dan", "hive.hr.staff.ssn"), MaskDecision::Mask { policy_id: 2, .. }),
        "override comes first"
    );
    assert_eq!(mask("bob", "hive.hr.staff.city"), MaskDecision::None { policy_id: -1 });
    assert!(
        matches!(mask("o'neil", "hive.hr.staff.name"), MaskDecision::Mask { value_expr: Some(sql), .. } if sql == "'o''neil' || {col}")
    );
}

#[test]
fn the_broader_of_two_masks_comes_first_as_in_ranger() {
    let mask = |mask_type: &str| json!([{"users": ["ann"], "accesses": [{"type": "select"}], "dataMaskInfo": {"dataMaskType": mask_type}}]);
    let engine = engine(json!([
        {"id": 1, "name": "a exact", "policyType": 1, "resources": resources("hive.hr.staff.ssn"), "dataMaskPolicyItems": mask("MASK")},
        {"id": 2, "name": "b broad", "policyType": 1, "resources": resources("hive.hr.*.ssn"), "dataMaskPolicyItems": mask("MASK_NULL")},
    ]));
    assert!(matches!(
        engine.data_mask(&ask("ann", "select", "hive.hr.staff.ssn")),
        MaskDecision::Mask { policy_id: 2, .. }
    ));
}

#[test]
fn one_row_filter_applies_and_an_empty_one_shows_all() {
    let filter = |users: &str, info: Value| json!({"users": users.split_whitespace().collect::<Vec<_>>(), "accesses": [{"type": "select"}], "rowFilterInfo": info});
    let engine = engine(json!([
        {"id": 1, "name": "rows", "version": 2, "policyType": 2, "resources": resources("hive.hr.staff"), "rowFilterPolicyItems": [
            filter("boss", json!({"filterExpr": ""})), filter("ann", json!({})),
            filter("{USER}", json!({"filterExpr": "owner = '${{USER._name}}'"}))]},
    ]));
    let filter = |user, path| engine.row_filter(&ask(user, "select", path));
    assert_eq!(filter("boss", "hive.hr.staff"), RowFilterDecision::None { policy_id: 1 });
    let own = |name: &str| RowFilterDecision::Filter {
        expr: format!("owner = '{name}'"),
        policy_id: 1,
        policy_version: Some(2),
    };
    assert_eq!(filter("ann", "hive.hr.staff"), own("ann"), "an item without expression decides nothing");
    assert_eq!(filter("bob", "hive.hr.staff"), own("bob"));
    assert_eq!(filter("bob", "hive.hr.pay"), RowFilterDecision::None { policy_id: -1 });
}

#[test]
fn audit_follows_the_policies_the_mode_and_the_exclusions() {
    let policies = json!([
        {"id": 1, "name": "quiet", "isAuditEnabled": false, "resources": resources("hive.a|b"), "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "loud", "resources": resources("hive.b")},
    ]);
    let audited = |options, path| engine_with(policies.clone(), options).access(&ask("ann", "select", path)).is_audited;
    assert!(!audited(EngineOptions::default(), "hive.a"));
    assert!(audited(EngineOptions::default(), "hive.b"), "looked for even when the access is decided");
    assert!(!audited(EngineOptions::default(), "hive.c"));
    let excluded = || EngineOptions { audit_excluded_users: vec!["ann".to_owned()], ..EngineOptions::default() };
    assert!(!audited(excluded(), "hive.b"));
    assert!(engine(json!([])).access(&ask("ann", "select", "hive.a")).is_audited, "no policies at all: audited");
}

#[test]
fn explain_says_which_policy_decides_and_why_others_do_not() {
    let engine = engine(json!([
        {"id": 1, "name": "grant", "resources": resources("hive.hr.*.*"), "policyItems": [item("ann", "select")]},
        {"id": 2, "name": "other table", "resources": resources("hive.*.pay*.*"), "denyPolicyItems": [item("ann", "select")]},
        {"id": 3, "name": "filter", "policyType": 2, "resources": resources("hive.hr.staff"), "rowFilterPolicyItems": [
            {"users": ["ann"], "accesses": [{"type": "select"}], "rowFilterInfo": {"filterExpr": "x = 1"}}]},
    ]));
    let table = engine.explain(&ask("ann", "select", "hive.hr.staff")).to_string();
    assert_eq!(
        table,
        "select on catalog=hive, schema=hr, table=staff by ann\n  \
        access: ALLOWED (allowed by policy 1 (grant); audited)\n  \
        row filter: x = 1, by policy 3\n  \
        - access policy 2 (other table): its resources do not match\n  \
        + access policy 1 (grant): allows select\n  \
        + row filter policy 3 (filter): an item decides\n"
    );
    let column = engine.explain(&ask("bob", "select", "hive.hr.staff.name"));
    assert!(!column.access.allowed && column.mask.is_some() && column.row_filter.is_none());
}
