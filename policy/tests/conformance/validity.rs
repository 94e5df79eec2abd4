//! Validity schedules. The default zone of Ranger's runner is Pacific time.

use chrono::{DateTime, Utc};
use chrono_tz::America::Los_Angeles;
use naru_policy::model::ValiditySchedule;
use naru_policy::{Truth, Validity};
use serde::Deserialize;

use super::{read, report};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    validity_schedules: Vec<ValiditySchedule>,
    access_time: String,
    result: Expected,
}

/// How many messages the validator has is the business of Ranger's admin.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    is_valid: bool,
    is_applicable: bool,
}

fn run(file: &str, expected: usize) {
    let cases: Vec<Case> = read(&format!("policyengine/validityscheduler/{file}.json"));
    let mut failures = Vec::new();
    for case in &cases {
        let time = DateTime::parse_from_str(&case.access_time, "%Y%m%d-%H:%M:%S%.3f%z").expect("time");
        let mut wrong = Vec::new();
        let validity = Validity::new(&case.validity_schedules, |what| wrong.push(what));
        let covers = validity.covers(time.with_timezone(&Utc), Los_Angeles);
        let wanted = match (case.result.is_valid, case.result.is_applicable) {
            (true, applicable) => Truth::from(applicable),
            (false, _) => Truth::Unknown,
        };
        if wrong.is_empty() != case.result.is_valid || covers != wanted {
            failures.push(format!("{}: {covers:?} {wrong:?}", case.name));
        }
    }
    report(file, cases.len(), expected, &failures);
}

#[test]
fn valid_and_applicable() {
    run("test-validity-schedules-valid-and-applicable", 19);
}

#[test]
fn invalid() {
    run("test-validity-schedules-invalid", 22);
}
