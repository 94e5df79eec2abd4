//! Turns Ranger's documents into what the engine evaluates, and notes whatever is doubtful on the way.

use std::path::PathBuf;

use crate::access_types::{AccessSet, AccessTypes};
use crate::condition::Conditions;
use crate::error::PolicyError;
use crate::expression;
use crate::issue::{PolicyIssue, Severity};
use crate::matching::{Hierarchies, MatcherError, PolicyResourceMatcher};
use crate::model::{DataMaskDef, PolicyItem, RangerPolicy, ServiceDef};
use crate::policy::{Item, Items, Policy};
use crate::validity::Validity;

/// The three kinds of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Access,
    Mask,
    RowFilter,
}

impl Kind {
    /// By Ranger's policyType.
    pub(crate) fn of(policy: &RangerPolicy) -> Option<Self> {
        match policy.policy_type {
            0 => Some(Self::Access),
            1 => Some(Self::Mask),
            2 => Some(Self::RowFilter),
            _ => None,
        }
    }
}

/// What compiling a policy needs to know of its service.
pub(crate) struct Compiler<'a> {
    pub(crate) def: &'a ServiceDef,
    pub(crate) accesses: &'a AccessTypes,
    /// Deny items and exceptions count; an option of the service definition, on by default.
    pub(crate) denies: bool,
    pub(crate) issues: Vec<PolicyIssue>,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(def: &'a ServiceDef, accesses: &'a AccessTypes) -> Self {
        let option = def.options.get("enableDenyAndExceptionsInPolicies");
        let denies = option.is_none_or(|value| !value.eq_ignore_ascii_case("false"));
        Self { def, accesses, denies, issues: Vec::new() }
    }

    /// Compiles one policy; `None` when it can never match.
    ///
    /// Errors: its resources need a matcher that is not supported, so what it denies or masks can't be known.
    pub(crate) fn policy(
        &mut self,
        kind: Kind,
        hierarchies: &Hierarchies,
        source: &RangerPolicy,
        id: i64,
        file: Option<PathBuf>,
    ) -> Result<Option<Policy>, PolicyError> {
        let mut issues = Issues { id, name: source.name.clone(), file, found: Vec::new() };
        let resources = self.resources(hierarchies, source, &mut issues)?;
        let matches = !resources.is_empty();
        let policy = Policy {
            id,
            version: source.version,
            name: source.name.clone(),
            priority: source.policy_priority,
            is_audited: source.is_audit_enabled,
            deny_all_else: source.is_deny_all_else && kind == Kind::Access,
            resources,
            validity: Validity::new(&source.validity_schedules, |what| {
                issues.error(format!("{what}; the policy grants nothing, but still denies, masks and filters"));
            }),
            conditions: Conditions::new(self.def, &source.conditions, |what| {
                issues.error(format!("{what}; the policy grants nothing, but still denies, masks and filters"));
            }),
            items: self.items(kind, source, &mut issues),
        };
        self.issues.append(&mut issues.found);
        Ok(matches.then_some(policy))
    }

    fn resources(
        &self,
        hierarchies: &Hierarchies,
        source: &RangerPolicy,
        issues: &mut Issues,
    ) -> Result<Vec<PolicyResourceMatcher>, PolicyError> {
        let mut matchers = Vec::new();
        for resources in std::iter::once(&source.resources).chain(&source.additional_resources) {
            match PolicyResourceMatcher::new(hierarchies, resources) {
                Ok(matcher) => matchers.push(matcher),
                Err(error @ MatcherError::NoHierarchy(_)) => issues.error(error.to_string()),
                Err(error @ MatcherError::UnknownMatcher { .. }) => {
                    let what = format!("policy {} ({}): {error}", issues.id, issues.name);
                    return Err(PolicyError::Unsupported(what));
                }
            }
        }
        let expressions = matchers.iter().flat_map(|matcher| {
            matcher.levels().flat_map(|(_, element)| element.unsupported_expressions().map(str::to_owned))
        });
        for expression in expressions.collect::<Vec<_>>() {
            issues.error(format!(
                "resource value with ${{{{{expression}}}}}, which is not supported; it grants nothing and denies, masks \
                 and filters everything on its level"
            ));
        }
        Ok(matchers)
    }

    fn items(&self, kind: Kind, source: &RangerPolicy, issues: &mut Issues) -> Items {
        let mut compile = |items: &[PolicyItem], effect: &str| -> Vec<Item> {
            items.iter().enumerate().map(|(number, item)| self.item(item, effect, number + 1, issues)).collect()
        };
        match kind {
            Kind::Access if self.denies => Items::Access {
                allow: compile(&source.policy_items, "allow"),
                deny: compile(&source.deny_policy_items, "deny"),
                allow_exceptions: compile(&source.allow_exceptions, "allow exception"),
                deny_exceptions: compile(&source.deny_exceptions, "deny exception"),
            },
            Kind::Access => {
                let allow = compile(&source.policy_items, "allow");
                let ignored = [&source.deny_policy_items, &source.allow_exceptions, &source.deny_exceptions];
                if ignored.iter().any(|items| !items.is_empty()) {
                    let what = "the service definition switches deny items and exceptions off; they are ignored";
                    issues.error(what.to_owned());
                }
                Items::Access { allow, deny: Vec::new(), allow_exceptions: Vec::new(), deny_exceptions: Vec::new() }
            }
            Kind::Mask => {
                let items = compile(&source.data_mask_policy_items, "mask");
                let infos =
                    source.data_mask_policy_items.iter().map(|item| item.data_mask_info.clone().unwrap_or_default());
                let items: Vec<_> = items.into_iter().zip(infos).collect();
                let types =
                    items.iter().filter_map(|(_, info)| unknown_mask_type(self.def.data_mask_def.as_ref(), info));
                types.for_each(|name| issues.error(format!("unknown mask type {name:?}; it masks to NULL")));
                for what in items.iter().filter_map(|(_, info)| expression::unsupported(info.value_expr.as_deref()?)) {
                    issues.error(format!("mask with {what}; it masks to NULL"));
                }
                Items::Mask(items)
            }
            Kind::RowFilter => {
                let items = compile(&source.row_filter_policy_items, "row filter");
                let infos =
                    source.row_filter_policy_items.iter().map(|item| item.row_filter_info.clone().unwrap_or_default());
                let items: Vec<_> = items.into_iter().zip(infos).collect();
                for (number, _) in items.iter().enumerate().filter(|(_, (_, info))| info.filter_expr.is_none()) {
                    issues.warning(format!("row filter item {} has no filterExpr; it decides nothing", number + 1));
                }
                for what in items.iter().filter_map(|(_, info)| expression::unsupported(info.filter_expr.as_deref()?)) {
                    issues.error(format!("row filter with {what}; it leaves no rows"));
                }
                Items::RowFilter(items)
            }
        }
    }

    fn item(&self, item: &PolicyItem, effect: &str, number: usize, issues: &mut Issues) -> Item {
        let mut accesses = if item.delegate_admin { AccessSet::ADMIN } else { AccessSet::EMPTY };
        for access in item.accesses.iter().filter(|access| access.is_allowed) {
            match self.accesses.granted_by(&access.access_type) {
                Some(grants) => accesses = accesses.with(grants),
                None => issues.error(format!(
                    "{effect} item {number} has the unknown access type {:?}, which is ignored",
                    access.access_type
                )),
            }
        }
        if accesses.is_empty() && effect != "allow" {
            issues.warning(format!("{effect} item {number} has no access types, so it never matches"));
        }
        let conditions = Conditions::new(self.def, &item.conditions, |what| {
            issues.error(format!("{effect} item {number}: {what}; {}", closed(effect)));
        });
        Item::new(item, accesses, conditions)
    }
}

/// What an item does whose condition can't be evaluated.
fn closed(effect: &str) -> &'static str {
    match effect {
        "deny" => "it denies regardless",
        "allow exception" => "it takes the grant away regardless",
        "mask" => "it masks to NULL",
        "row filter" => "it leaves no rows",
        _ => "it never matches",
    }
}

/// The name of a mask type that the service definition lacks.
fn unknown_mask_type<'i>(def: Option<&DataMaskDef>, info: &'i crate::model::DataMaskInfo) -> Option<&'i str> {
    let name = info.data_mask_type.as_deref().unwrap_or_default();
    let known = def.is_some_and(|def| def.mask_types.iter().any(|known| known.name == name));
    (!known && !name.eq_ignore_ascii_case(MASK_NONE)).then_some(name)
}

/// The mask type that shows a column as it is.
pub(crate) const MASK_NONE: &str = "MASK_NONE";

/// Collects what is wrong with one policy.
struct Issues {
    id: i64,
    name: String,
    file: Option<PathBuf>,
    found: Vec<PolicyIssue>,
}

impl Issues {
    fn error(&mut self, what: String) {
        self.add(Severity::Error, what);
    }

    fn warning(&mut self, what: String) {
        self.add(Severity::Warning, what);
    }

    fn add(&mut self, severity: Severity, what: String) {
        self.found.push(PolicyIssue {
            policy_id: Some(self.id),
            policy_name: self.name.clone(),
            file: self.file.clone(),
            severity,
            what,
        });
    }
}
