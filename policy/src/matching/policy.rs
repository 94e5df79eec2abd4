//! All levels of one resource set of a policy against a request (Ranger section "a policy against a request resource").

use super::{ElementMatcher, Hierarchies, MatcherError, Target, Tokens};
use crate::model::PolicyResources;
use crate::truth::Truth;

/// Where a policy's resource stands to the requested one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchType {
    /// They have nothing in common.
    None,
    /// The policy is about exactly what is requested.
    SelfMatch,
    /// The policy goes deeper than the request, and covers everything there.
    SelfAndAllDescendants,
    /// The policy is about something below what is requested.
    Descendant,
    /// The policy is about something above what is requested.
    Ancestor,
}

/// The compiled resources of a policy (or one of its additional sets).
#[derive(Debug, Clone)]
pub struct PolicyResourceMatcher {
    path: Vec<usize>,
    elements: Vec<ElementMatcher>,
}

impl PolicyResourceMatcher {
    /// Compiles a resource set.
    ///
    /// Errors: the names fit no hierarchy, or a level needs a matcher that is not supported.
    pub fn new(hierarchies: &Hierarchies, resources: &PolicyResources) -> Result<Self, MatcherError> {
        let names = || resources.keys().map(String::as_str);
        let path = hierarchies
            .path_of(names())
            .ok_or_else(|| MatcherError::NoHierarchy(names().collect::<Vec<_>>().join(", ")))?;
        let elements = path
            .iter()
            .filter_map(|number| {
                let level = hierarchies.level(*number);
                Some(ElementMatcher::new(level, resources.get(&level.name)?))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { path, elements })
    }

    /// The levels from the top, each with its matcher.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (usize, &ElementMatcher)> {
        self.path.iter().copied().zip(&self.elements)
    }

    /// How the policy stands to the request, and whether that is certain (never `No` unless the type is `None`).
    #[must_use]
    pub fn match_type(&self, target: &Target, tokens: &Tokens<'_>) -> (MatchType, Truth) {
        const NOTHING: (MatchType, Truth) = (MatchType::None, Truth::No);
        if self.path.is_empty() && !target.path.is_empty() {
            return NOTHING;
        }
        let mut certain = Truth::Yes;
        for (depth, (level, element)) in self.levels().enumerate() {
            let Some(requested) = target.path.get(depth) else { break };
            if *requested != level {
                return NOTHING;
            }
            match element.matches(target.values.get(depth), tokens) {
                Truth::No => return NOTHING,
                found => certain = certain.and(found),
            }
        }
        let below = self.elements.get(target.path.len()..).unwrap_or_default();
        if below.iter().any(|element| element.is_match_any() && element.is_excludes()) {
            return NOTHING;
        }
        let found = match self.path.len().cmp(&target.path.len()) {
            std::cmp::Ordering::Less => MatchType::Ancestor,
            std::cmp::Ordering::Equal => MatchType::SelfMatch,
            std::cmp::Ordering::Greater if below.iter().all(ElementMatcher::is_match_any) => {
                MatchType::SelfAndAllDescendants
            }
            std::cmp::Ordering::Greater => MatchType::Descendant,
        };
        (found, certain)
    }
}
