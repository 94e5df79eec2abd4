//! What a session may change: `SET catalog.aggregation_pushdown = off`. One table, for names, help and meaning.

use naru_connector::{ParameterKind, QueryContext, SessionSetting};

/// Which work servers are given, and what happens when one is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) predicates: bool,
    pub(crate) limit: bool,
    pub(crate) topn: bool,
    pub(crate) aggregation: bool,
    pub(crate) dynamic_filters: bool,
    pub(crate) partial_results: bool,
}

/// The switch that a pass-through scan heeds too.
pub(crate) const PARTIAL_RESULTS: &str = "partial_results";

struct Switch {
    name: &'static str,
    help: &'static str,
    field: fn(&mut Switches) -> &mut bool,
}

/// Sorted by name.
const SWITCHES: &[Switch] = &[
    Switch {
        name: "aggregation_pushdown",
        help: "Servers compute partial aggregates; off, rows are fetched and aggregated here.",
        field: |switches| &mut switches.aggregation,
    },
    Switch {
        name: "dynamic_filtering",
        help: "Values found while a join runs narrow what servers are asked for.",
        field: |switches| &mut switches.dynamic_filters,
    },
    Switch { name: "limit_pushdown", help: "LIMIT is sent to servers.", field: |switches| &mut switches.limit },
    Switch {
        name: PARTIAL_RESULTS,
        help: "A shard that can't be reached is left out with a warning; off, it is an error.",
        field: |switches| &mut switches.partial_results,
    },
    Switch {
        name: "predicate_pushdown",
        help: "Conditions are sent to servers and leave out shards; off, whole tables are fetched.",
        field: |switches| &mut switches.predicates,
    },
    Switch {
        name: "topn_pushdown",
        help: "Servers sort and send the first rows of ORDER BY with LIMIT only.",
        field: |switches| &mut switches.topn,
    },
];

impl Switches {
    /// A catalog's own: `disable_pushdown` of its file turns every pushdown off.
    pub(crate) fn of_catalog(pushdown_off: bool) -> Self {
        let on = !pushdown_off;
        Self { predicates: on, limit: on, topn: on, aggregation: on, dynamic_filters: on, partial_results: false }
    }

    /// These, as settings whose defaults they are.
    pub(crate) fn settings(mut self) -> Vec<SessionSetting> {
        let setting = |switch: &Switch| SessionSetting {
            name: switch.name,
            kind: ParameterKind::Boolean,
            default: if *(switch.field)(&mut self) { "on" } else { "off" }.to_owned(),
            help: switch.help,
        };
        SWITCHES.iter().map(setting).collect()
    }

    /// These, as a session has changed them.
    pub(crate) fn in_session(mut self, ctx: &QueryContext, catalog: &str) -> Self {
        for switch in SWITCHES {
            if let Some(on) = ctx.switch(catalog, switch.name) {
                *(switch.field)(&mut self) = on;
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_follow_the_catalog_and_all_are_documented() {
        let guide = include_str!("../../../docs/connectors/mysql.md");
        for (pushdown_off, expected) in [(false, "on"), (true, "off")] {
            for setting in Switches::of_catalog(pushdown_off).settings() {
                let expected = if setting.name == "partial_results" { "off" } else { expected };
                assert_eq!(setting.default, expected, "{}", setting.name);
                assert!(guide.contains(&format!("`{}`", setting.name)), "{} is in no guide", setting.name);
            }
        }
        assert!(SWITCHES.is_sorted_by_key(|switch| switch.name));
    }
}
