//! The SQL of masks and row filters, for those who check it: the engine itself never reads SQL.

use std::path::{Path, PathBuf};

use super::PolicyEngine;
use crate::document::PolicyDocument;
use crate::matching::{Hierarchies, MatchType, PolicyResourceMatcher, Tokens, split_expressions};
use crate::model::{PolicyResources, RangerPolicy, ServiceDef};
use crate::request::Resource;

/// An SQL expression of one item of a policy, with `${{..}}` replaced by `0`.
#[derive(Debug, Clone)]
pub struct PolicyExpression {
    /// The policy.
    pub policy_id: i64,
    /// Its name.
    pub policy_name: String,
    /// The file it came from, when it came from one.
    pub file: Option<PathBuf>,
    /// The SQL.
    pub sql: String,
    /// What the policy is about, as it is written.
    pub resources: Vec<PolicyResources>,
    matchers: Vec<PolicyResourceMatcher>,
}

impl PolicyEngine {
    /// Every expression of the enabled masks and row filters.
    #[must_use]
    pub fn expressions(&self) -> &[PolicyExpression] {
        &self.expressions
    }

    /// May this expression decide about a resource, or a part of it, for somebody?
    #[must_use]
    pub fn concerns(&self, expression: &PolicyExpression, resource: &Resource) -> bool {
        let Some(target) = self.access.hierarchies.target(resource) else { return false };
        let meets =
            |matcher: &PolicyResourceMatcher| matcher.match_type(&target, &Tokens::default()).0 != MatchType::None;
        expression.matchers.iter().any(meets)
    }
}

/// The expressions of a document.
pub(super) fn collect(def: &ServiceDef, document: &PolicyDocument) -> Vec<PolicyExpression> {
    let hierarchies = Hierarchies::access(def);
    let policies = document.policies().policies.iter().enumerate().filter(|(_, policy)| policy.is_enabled);
    policies.flat_map(|(position, policy)| of_policy(&hierarchies, policy, document.file(position))).collect()
}

fn of_policy(hierarchies: &Hierarchies, policy: &RangerPolicy, file: Option<&Path>) -> Vec<PolicyExpression> {
    let resources: Vec<PolicyResources> =
        std::iter::once(&policy.resources).chain(&policy.additional_resources).cloned().collect();
    // Resources that can't be matched are an issue of their own; such a policy decides nothing.
    let matchers: Vec<_> =
        resources.iter().filter_map(|set| PolicyResourceMatcher::new(hierarchies, set).ok()).collect();
    let masks =
        policy.data_mask_policy_items.iter().filter_map(|item| item.data_mask_info.as_ref()?.value_expr.as_ref());
    let filters =
        policy.row_filter_policy_items.iter().filter_map(|item| item.row_filter_info.as_ref()?.filter_expr.as_ref());
    let written = masks.chain(filters).filter(|sql| !sql.trim().is_empty());
    written
        .map(|sql| PolicyExpression {
            policy_id: policy.id.unwrap_or(-1),
            policy_name: policy.name.clone(),
            file: file.map(Path::to_owned),
            sql: without_attributes(sql),
            resources: resources.clone(),
            matchers: matchers.clone(),
        })
        .collect()
}

fn without_attributes(sql: &str) -> String {
    let (parts, rest) = split_expressions(sql);
    let filled: String = parts.iter().map(|(text, _)| format!("{text}0")).collect();
    filled + rest
}
