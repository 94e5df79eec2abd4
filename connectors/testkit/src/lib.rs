//! The conformance suite that every connector must pass against its real source.
//!
//! A connector's tests prepare a source and hand its tables to these functions. Each one reads twice: once asking the source
//! for as much as it offers, once asking for whole rows and doing the work here with DataFusion; both must agree. Which is
//! right was decided by the second, so the suite knows nothing of any source.
//!
//! A function panics where a test would; nothing is skipped. [`predicates::agree`] says how many predicates the source took
//! over, so that a connector that pushes nothing down does not pass for one that does it right.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a library of tests"
)]

pub mod aggregation;
pub mod predicates;
pub mod rows;
pub mod stopping;
pub mod topn;

use naru_connector::{ConnectorFactory, ParameterValue, Parameters, QueryContext};
use std::collections::BTreeMap;
use tokio::runtime::Handle;

/// A context that nobody cancels, on the current runtime.
#[must_use]
pub fn context() -> QueryContext {
    QueryContext::system(Handle::current())
}

/// Parameters as the gateway would make them: what is not given has its default.
#[must_use]
pub fn parameters(factory: &dyn ConnectorFactory, given: Vec<(&'static str, ParameterValue)>) -> Parameters {
    let mut values: BTreeMap<_, _> = given.into_iter().collect();
    for parameter in factory.parameters() {
        if let (Some(default), false) = (parameter.default, values.contains_key(parameter.name)) {
            values.insert(parameter.name, default_value(parameter.kind, default));
        }
        assert!(!parameter.required || values.contains_key(parameter.name), "{} is missing", parameter.name);
    }
    Parameters::new(values)
}

fn default_value(kind: naru_connector::ParameterKind, text: &str) -> ParameterValue {
    use naru_connector::ParameterKind;
    match kind {
        ParameterKind::Integer(..) => ParameterValue::Integer(text.parse().expect("a default number")),
        ParameterKind::Boolean => ParameterValue::Boolean(text == "true"),
        ParameterKind::Duration => {
            let seconds = text.strip_suffix('s').expect("a default duration in seconds");
            ParameterValue::Duration(std::time::Duration::from_secs(seconds.parse().expect("a number of seconds")))
        }
        ParameterKind::Text | ParameterKind::Choice(_) => ParameterValue::Text(text.to_owned()),
        other => panic!("no default for {other:?} is known here"),
    }
}
