//! The engine: an immutable snapshot of compiled policies that answers requests.
//!
//! `access` and `mask` hold the evaluation loops, one over access policies and one over masks and row filters; `explain`
//! listens to the same loops. Tag policies and zones will each be one more [`PolicySet`] in front of these loops.

mod access;
mod explain;
mod expressions;
mod mask;

use std::collections::HashSet;
use std::path::Path;

use chrono_tz::Tz;

use crate::access_types::AccessTypes;
use crate::compile::{Compiler, Kind};
use crate::document::PolicyDocument;
use crate::error::PolicyError;
use crate::index::Index;
use crate::issue::{PolicyIssue, Severity};
use crate::matching::{Hierarchies, Target};
use crate::model::{AuditMode, ServiceDef, ServicePolicies};
use crate::order;
use crate::policy::Policy;
use crate::request::Request;

pub use explain::{ExplainStep, Explanation};
pub use expressions::PolicyExpression;

/// Settings of the engine itself, added to those that the document's serviceConfig brings.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The server's time zone: recurrences and time-of-day conditions are read in it. Default UTC.
    pub time_zone: Tz,
    /// Users that may do everything, unmasked and unfiltered.
    pub super_users: Vec<String>,
    /// Groups whose members may.
    pub super_groups: Vec<String>,
    /// Users whose accesses are not audited.
    pub audit_excluded_users: Vec<String>,
    /// Groups whose members' accesses are not audited.
    pub audit_excluded_groups: Vec<String>,
    /// Roles whose holders' accesses are not audited.
    pub audit_excluded_roles: Vec<String>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            time_zone: Tz::UTC,
            super_users: Vec::new(),
            super_groups: Vec::new(),
            audit_excluded_users: Vec::new(),
            audit_excluded_groups: Vec::new(),
            audit_excluded_roles: Vec::new(),
        }
    }
}

impl EngineOptions {
    fn with_service_config(mut self, document: &ServicePolicies) -> Self {
        for (name, list) in [
            ("ranger.plugin.super.users", &mut self.super_users),
            ("ranger.plugin.super.groups", &mut self.super_groups),
            ("ranger.plugin.audit.exclude.users", &mut self.audit_excluded_users),
            ("ranger.plugin.audit.exclude.groups", &mut self.audit_excluded_groups),
            ("ranger.plugin.audit.exclude.roles", &mut self.audit_excluded_roles),
        ] {
            let value = document.service_config.get(name).map(String::as_str).unwrap_or_default();
            list.extend(value.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(str::to_owned));
        }
        self
    }
}

/// The policies of one kind, in evaluation order.
#[derive(Debug)]
struct PolicySet {
    hierarchies: Hierarchies,
    policies: Vec<Policy>,
    index: Index,
}

impl PolicySet {
    fn new(hierarchies: Hierarchies, mut ordered: Vec<(i64, Policy)>) -> Self {
        order::sort(&mut ordered);
        let policies: Vec<Policy> = ordered.into_iter().map(|(_, policy)| policy).collect();
        let index = Index::new(&hierarchies, policies.iter().map(|policy| policy.resources.as_slice()));
        Self { hierarchies, policies, index }
    }

    fn candidates(&self, target: &Target) -> impl Iterator<Item = &Policy> {
        self.index.candidates(target).into_iter().filter_map(|number| self.policies.get(number))
    }
}

/// A snapshot of one policy set, driven by its service definition. Share it in an `Arc`; replace it as a whole.
#[derive(Debug)]
pub struct PolicyEngine {
    def: ServiceDef,
    service_name: String,
    version: String,
    policy_version: Option<i64>,
    audit_mode: AuditMode,
    options: EngineOptions,
    accesses: AccessTypes,
    access: PolicySet,
    mask: PolicySet,
    row_filter: PolicySet,
    issues: Vec<PolicyIssue>,
    expressions: Vec<PolicyExpression>,
}

impl PolicyEngine {
    /// Compiles a document.
    ///
    /// Errors: the document uses something that is not evaluated yet and can't be left out safely (security zones, tag
    /// policies, deltas, matcher classes), or its service definition is unusable. Smaller doubts are [`Self::issues`].
    pub fn new(document: impl Into<PolicyDocument>, options: EngineOptions) -> Result<Self, PolicyError> {
        let document = document.into();
        let source = document.policies();
        let def = source
            .service_def
            .clone()
            .map_or_else(ServiceDef::builtin_trino, Ok)
            .map_err(|error| PolicyError::ServiceDef { name: "trino".to_owned(), what: error.to_string() })?;
        refuse_unsupported(&def, source)?;
        let accesses = AccessTypes::new(&def)?;
        let mut compiler = Compiler::new(&def, &accesses);
        document_issues(&document, &mut compiler.issues);
        let kinds = [
            (Kind::Access, Hierarchies::access(&def)),
            (Kind::Mask, Hierarchies::mask(&def)),
            (Kind::RowFilter, Hierarchies::row_filter(&def)),
        ];
        let mut sets = Vec::new();
        for (kind, hierarchies) in kinds {
            let mut ordered = Vec::new();
            for (position, policy) in source.policies.iter().enumerate() {
                if !policy.is_enabled || Kind::of(policy) != Some(kind) {
                    continue;
                }
                let Some(id) = policy.id else {
                    return Err(PolicyError::Unsupported(format!("policy {:?} has no id", policy.name)));
                };
                let file = document.file(position).map(Path::to_owned);
                if let Some(compiled) = compiler.policy(kind, &hierarchies, policy, id, file)? {
                    ordered.push((order::eval_order(&def, policy, &compiled), compiled));
                }
            }
            sets.push(PolicySet::new(hierarchies, ordered));
        }
        let issues = compiler.issues;
        let expressions = expressions::collect(&def, &document);
        let [access, mask, row_filter] = <[PolicySet; 3]>::try_from(sets)
            .map_err(|_| PolicyError::Unsupported("internal: three kinds of policy expected".to_owned()))?;
        Ok(Self {
            service_name: source.service_name.clone(),
            version: document.version().to_owned(),
            policy_version: document.policy_version(),
            audit_mode: source.audit_mode.unwrap_or_default(),
            options: options.with_service_config(source),
            def,
            accesses,
            access,
            mask,
            row_filter,
            issues,
            expressions,
        })
    }

    /// Equal content has equal versions: the key for whatever is cached per policy set.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// May the same request be decided otherwise at another time? Then no decision may be kept.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        let sets = [&self.access, &self.mask, &self.row_filter];
        sets.into_iter().flat_map(|set| &set.policies).any(Policy::depends_on_time)
    }

    /// Ranger's version number, if the origin counts them.
    #[must_use]
    pub fn policy_version(&self) -> Option<i64> {
        self.policy_version
    }

    /// Name of the service the policies are for.
    #[must_use]
    pub fn service_name(&self) -> &str {
        &self.service_name
    }

    /// The service definition that drives this engine.
    #[must_use]
    pub fn service_def(&self) -> &ServiceDef {
        &self.def
    }

    /// What is doubtful in the policies.
    #[must_use]
    pub fn issues(&self) -> &[PolicyIssue] {
        &self.issues
    }

    /// May do everything: named in the options or the service's settings.
    #[must_use]
    pub fn is_super_user(&self, request: &Request) -> bool {
        self.options.super_users.contains(&request.user)
            || request.groups.iter().any(|group| self.options.super_groups.contains(group))
    }
}

/// Everything here changes who may see what. Evaluating only the rest would be guessing.
fn refuse_unsupported(def: &ServiceDef, source: &ServicePolicies) -> Result<(), PolicyError> {
    let refuse = |what: String| Err(PolicyError::Unsupported(what));
    if let Some((name, _)) =
        source.security_zones.iter().find(|(_, zone)| !zone.policies.is_empty() || !zone.resources.is_empty())
    {
        return refuse(format!("the document has security zones ({name:?}), which are not supported yet"));
    }
    if let Some(tags) = source.tag_policies.as_ref().filter(|tags| !tags.policies.is_empty()) {
        return refuse(format!("the document has tag policies ({:?}), which are not supported yet", tags.service_name));
    }
    if !source.policy_deltas.is_empty() {
        return refuse("the document has policy deltas, not a full policy set".to_owned());
    }
    for policy in source.policies.iter().filter(|policy| policy.is_enabled) {
        let named = || format!("policy {} ({})", policy.id.unwrap_or(-1), policy.name);
        if !policy.zone_name.is_empty() {
            let zone = &policy.zone_name;
            return refuse(format!("{} belongs to security zone {zone:?}; zones are not supported yet", named()));
        }
        let service_type = policy.service_type.as_str();
        if !service_type.is_empty() && !def.name.is_empty() && service_type != def.name {
            return refuse(format!("{} is for a {service_type:?} service, the others are for {:?}", named(), def.name));
        }
    }
    Ok(())
}

/// Doubts about the document as a whole, and policies that are left out by their type or repeat an id.
fn document_issues(document: &PolicyDocument, issues: &mut Vec<PolicyIssue>) {
    let source = document.policies();
    if source.service_config.get("ranger.plugin.audit.filters").is_some_and(|filters| !filters.trim().is_empty()) {
        issues.push(PolicyIssue {
            policy_id: None,
            policy_name: String::new(),
            file: None,
            severity: Severity::Warning,
            what: "audit filters are not supported yet; audit follows the policies' flags".to_owned(),
        });
    }
    let mut seen = HashSet::new();
    for (position, policy) in source.policies.iter().enumerate().filter(|(_, policy)| policy.is_enabled) {
        let mut issue = |severity, what: String| {
            issues.push(PolicyIssue {
                policy_id: policy.id,
                policy_name: policy.name.clone(),
                file: document.file(position).map(Path::to_owned),
                severity,
                what,
            });
        };
        if Kind::of(policy).is_none() {
            let what = format!("unknown policyType {}; the policy is left out", policy.policy_type);
            issue(Severity::Error, what);
        }
        if !seen.insert(policy.id) {
            issue(Severity::Warning, "another policy has the same id".to_owned());
        }
    }
}
