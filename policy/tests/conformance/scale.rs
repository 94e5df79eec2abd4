//! Ten thousand policies must not make a query wait. The limits are generous (debug builds, busy machines); without the
//! index these tests take many times as long.

use std::sync::Arc;
use std::time::{Duration, Instant};

use naru_policy::{EngineOptions, MaskDecision, PolicyEngine, Request};
use serde_json::{Value, json};

use super::rules::{ask, engine, item, resources};

fn many() -> PolicyEngine {
    let mut policies: Vec<Value> = (0..5000)
        .flat_map(|n| {
            let mut mask = item("{USER}", "select");
            mask["dataMaskInfo"] = json!({"dataMaskType": "MASK_HASH"});
            [
                json!({"id": 2 * n + 1, "name": format!("t{n}"), "resources": resources(&format!("hive.s{}.t{n}.*", n % 50)), "policyItems": [item("ann", "select")]}),
                json!({"id": 2 * n + 2, "name": format!("m{n}"), "policyType": 1, "resources": resources(&format!("hive.s{}.t{n}.ssn", n % 50)), "dataMaskPolicyItems": [mask]}),
            ]
        })
        .collect();
    policies.push(json!({"id": 100_000, "name": "wild", "resources": resources("hive.*.*_tmp*.*"), "denyPolicyItems": [item("bob", "select")]}));
    engine(json!(policies))
}

#[test]
fn a_wide_table_among_ten_thousand_policies_is_decided_at_once() {
    let engine = many();
    let start = Instant::now();
    for n in 0..200 {
        let column = if n == 7 { "ssn".to_owned() } else { format!("c{n}") };
        let request = ask("ann", "select", &format!("hive.s1.t51.{column}"));
        assert!(engine.access(&request).allowed);
        assert_eq!(matches!(engine.data_mask(&request), MaskDecision::Mask { .. }), n == 7);
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn filtering_a_list_of_all_tables_takes_no_seconds() {
    let engine = many();
    let start = Instant::now();
    let visible = |n: usize| engine.access(&ask("ann", "_any", &format!("hive.s{}.t{n}", n % 50))).allowed;
    assert_eq!((0..10_000).filter(|n| visible(*n)).count(), 5000);
    assert!(engine.access(&ask("ann", "_any", "hive")).allowed);
    assert!(!engine.access(&ask("dan", "_any", "hive")).allowed);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_engine_is_shared_between_threads() {
    let engine = Arc::new(
        PolicyEngine::new(naru_policy::model::ServicePolicies::default(), EngineOptions::default()).expect("engine"),
    );
    let other = Arc::clone(&engine);
    let request: Request = ask("ann", "select", "hive");
    let asked = std::thread::spawn(move || other.access(&request).allowed);
    assert!(!asked.join().unwrap());
}
