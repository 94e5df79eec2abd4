//! Which policies can be about a request at all, so that ten thousand of them cost a query nothing.
//!
//! For each level a request may end at, every policy is filed under the names it is limited to on one of the levels that
//! such a request has: the level whose names are rarest among all policies (ten thousand may be about a column `id`).
//! Policies with wildcards on all of those levels are looked at always. The index only leaves out
//! policies whose resources can't match; it decides nothing.

use std::collections::HashMap;

use crate::matching::{Hierarchies, PolicyResourceMatcher, Target};

/// Candidates among numbered policies.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By the deepest level of the request.
    leaves: Vec<Leaf>,
    count: usize,
}

#[derive(Debug, Default)]
struct Leaf {
    /// Level -> lower-case name -> policies.
    named: HashMap<usize, HashMap<String, Vec<usize>>>,
    rest: Vec<usize>,
}

/// How many policies name something: (level, lower-case name) -> policies.
type Frequencies<'p> = HashMap<(usize, &'p str), usize>;

impl Index {
    pub(crate) fn new<'p>(
        hierarchies: &Hierarchies,
        policies: impl Iterator<Item = &'p [PolicyResourceMatcher]> + Clone,
    ) -> Self {
        let mut frequencies = Frequencies::new();
        for (level, element) in policies.clone().flatten().flat_map(PolicyResourceMatcher::levels) {
            for name in element.literals().unwrap_or_default() {
                *frequencies.entry((level, name)).or_default() += 1;
            }
        }
        let mut index = Self { leaves: Vec::new(), count: 0 };
        index.leaves.resize_with(hierarchies.len(), Leaf::default);
        for (number, matchers) in policies.enumerate() {
            matchers.iter().for_each(|matcher| index.add(number, matcher, &frequencies));
            index.count = number + 1;
        }
        index
    }

    /// A policy never matches a request that goes deeper, so it is filed for its own levels only.
    fn add(&mut self, number: usize, matcher: &PolicyResourceMatcher, frequencies: &Frequencies<'_>) {
        let mut best: Option<(usize, Vec<&str>, usize)> = None;
        for (level, element) in matcher.levels() {
            if let Some(names) = element.literals() {
                let found = names.iter().filter_map(|name| frequencies.get(&(level, *name))).sum();
                if best.as_ref().is_none_or(|(_, _, rarest)| found <= *rarest) {
                    best = Some((level, names, found));
                }
            }
            let leaf = &mut self.leaves[level];
            match &best {
                None => leaf.rest.push(number),
                Some((at, names, _)) => {
                    let named = leaf.named.entry(*at).or_default();
                    names.iter().for_each(|name| named.entry((*name).to_owned()).or_default().push(number));
                }
            }
        }
    }

    /// The policies to look at, in order.
    pub(crate) fn candidates(&self, target: &Target) -> Vec<usize> {
        let Some(leaf) = target.leaf().and_then(|level| self.leaves.get(level)) else {
            return (0..self.count).collect();
        };
        let mut found = leaf.rest.clone();
        for (level, requested) in target.levels() {
            let Some(named) = leaf.named.get(&level) else { continue };
            // Who asks for everything on a level gets nothing from policies that name something there.
            let Some(names) = requested.folded() else { continue };
            names.filter_map(|name| named.get(name)).for_each(|numbers| found.extend(numbers));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop at the line")]

    use super::*;
    use crate::matching::{MatchType, Tokens};
    use crate::model::{PolicyResource, PolicyResources, ServiceDef};
    use crate::request::Resource;

    const LEVELS: [&str; 4] = ["catalog", "schema", "table", "column"];

    /// All combinations of these values over one to four levels, as policies and as requests.
    fn combinations(values: &[&str]) -> Vec<Vec<String>> {
        let mut all: Vec<Vec<String>> = vec![Vec::new()];
        let mut last = all.clone();
        for _ in LEVELS {
            last = last
                .iter()
                .flat_map(|path| values.iter().map(move |value| [path.as_slice(), &[(*value).to_owned()]].concat()))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    fn matcher(hierarchies: &Hierarchies, path: &[String]) -> PolicyResourceMatcher {
        let resources: PolicyResources = LEVELS
            .iter()
            .zip(path)
            .map(|(level, value)| {
                let values = value.trim_start_matches('!').split('|').map(str::to_owned).collect();
                let resource = PolicyResource { values, is_excludes: value.starts_with('!'), is_recursive: false };
                ((*level).to_owned(), resource)
            })
            .collect();
        PolicyResourceMatcher::new(hierarchies, &resources).unwrap()
    }

    #[test]
    fn policies_are_filed_where_names_are_rare() {
        let hierarchies = Hierarchies::access(&ServiceDef::builtin_trino().unwrap());
        let paths = (0..100).map(|n| ["hive".to_owned(), "hr".to_owned(), format!("t{n}"), "id".to_owned()]);
        let matchers: Vec<_> = paths.map(|path| matcher(&hierarchies, &path)).collect();
        let index = Index::new(&hierarchies, matchers.iter().map(std::slice::from_ref));
        let table = Resource::new().with("catalog", "hive").with("schema", "hr").with("table", "T7");
        for resource in [table.clone(), table.with("column", "id")] {
            assert_eq!(index.candidates(&hierarchies.target(&resource).unwrap()), [7]);
        }
    }

    #[test]
    fn no_policy_that_matches_is_left_out() {
        let hierarchies = Hierarchies::access(&ServiceDef::builtin_trino().unwrap());
        let matchers: Vec<PolicyResourceMatcher> = combinations(&["a", "B|c", "a*", "*", "!a", "{USER}"])
            .iter()
            .filter(|path| !path.is_empty())
            .map(|path| matcher(&hierarchies, path))
            .collect();
        let index = Index::new(&hierarchies, matchers.iter().map(std::slice::from_ref));
        let tokens = Tokens { user: Some("b"), context: Some(&Default::default()), ..Tokens::default() };
        let mut left_out = 0;
        for path in combinations(&["A", "b", "*"]) {
            let resource = LEVELS.iter().zip(&path).fold(Resource::new(), |r, (level, value)| r.with(*level, value));
            let target = hierarchies.target(&resource).unwrap();
            let candidates = index.candidates(&target);
            for (number, matcher) in matchers.iter().enumerate() {
                let matched = !matches!(matcher.match_type(&target, &tokens).0, MatchType::None | MatchType::Ancestor);
                let looked_at = candidates.binary_search(&number).is_ok();
                assert!(looked_at || !matched, "{resource}: {matcher:?}");
                left_out += usize::from(!looked_at);
            }
        }
        assert!(left_out > 50_000, "the index leaves {left_out} policies out");
    }
}
