//! May it happen? The loop over access policies (Ranger section "evaluation of one request").
//!
//! Every access type asked is decided on its own, all of them in one pass over the policies; the parts are put together
//! at the end. An earlier deny stands, an earlier allow can be overturned by a deny of the same priority.

use super::PolicyEngine;
use super::explain::Step;
use crate::access_types::AccessSet;
use crate::decision::AccessDecision;
use crate::model::AuditMode;
use crate::policy::{Context, Policy};
use crate::request::{ADMIN_ACCESS, ANY_ACCESS, Request, SUPER_USER_ACCESS};

/// What is asked: of each group one type must be allowed.
pub(super) struct Asked {
    groups: Vec<AccessSet>,
    pub(super) any: bool,
    super_only: bool,
}

impl Asked {
    pub(super) fn all(&self) -> AccessSet {
        self.groups.iter().fold(AccessSet::EMPTY, |all, group| all.with(*group))
    }
}

/// How far one access type is decided.
struct Progress<'p> {
    access: AccessSet,
    decided: Option<(bool, &'p Policy)>,
    closed: bool,
}

impl<'p> Progress<'p> {
    /// A higher priority that allowed is not asked again.
    fn close_before(&mut self, policy: &Policy) {
        if matches!(self.decided, Some((true, by)) if by.priority > policy.priority) {
            self.closed = true;
        }
    }

    fn decide(&mut self, policy: &'p Policy, allow: AccessSet, deny: AccessSet) {
        if deny.intersects(self.access) {
            self.decided = Some((false, policy));
            self.closed = true;
        } else if self.decided.is_none() && allow.intersects(self.access) {
            self.decided = Some((true, policy));
        }
    }

    /// Behind a policy without deny items there is no deny left at this priority.
    fn close_after(&mut self, policy: &Policy) {
        if matches!(self.decided, Some((true, _))) && !policy.has_deny() {
            self.closed = true;
        }
    }
}

impl PolicyEngine {
    /// May the access happen? There is no implicit allow.
    pub fn access(&self, request: &Request) -> AccessDecision {
        self.access_traced(request, &mut |_, _| {})
    }

    pub(super) fn access_traced(&self, request: &Request, trace: &mut dyn FnMut(&Policy, Step)) -> AccessDecision {
        let asked = self.asked(request);
        let super_user = self.is_super_user(request);
        let mut audited = self.audit_before_policies(request);
        let mut progress: Vec<Progress<'_>> = if super_user || asked.super_only {
            Vec::new()
        } else {
            asked.all().each().map(|access| Progress { access, decided: None, closed: false }).collect()
        };
        if let Some(target) = self.access.hierarchies.target(&request.resource) {
            let context = Context::new(request, &target, self.options.time_zone, asked.any);
            for policy in self.access.candidates(&target) {
                progress.iter_mut().for_each(|part| part.close_before(policy));
                if audited.is_some() && progress.iter().all(|part| part.closed) {
                    break;
                }
                let step = self.evaluate(policy, &context, &mut progress, &mut audited);
                trace(policy, step);
                progress.iter_mut().for_each(|part| part.close_after(policy));
            }
        }
        let is_audited = audited.unwrap_or(false);
        if super_user {
            return decision(true, None, is_audited, "super user");
        }
        if asked.super_only {
            return decision(false, None, is_audited, "only super users may");
        }
        let (allowed, by) = combine(&asked, &progress, request.descendant_deny_ignored);
        let reason = match by {
            Some(policy) => format!("{} by policy {} ({})", verb(allowed), policy.id, policy.name),
            None if allowed => "allowed".to_owned(),
            None => "no policy grants it".to_owned(),
        };
        decision(allowed, by, is_audited, reason)
    }

    fn evaluate<'p>(
        &'p self,
        policy: &'p Policy,
        context: &Context<'_>,
        progress: &mut [Progress<'p>],
        audited: &mut Option<bool>,
    ) -> Step {
        let applies = match policy.applies(context) {
            Ok(applies) => applies,
            Err(passed) => return Step::Passed(passed),
        };
        if policy.is_audited {
            audited.get_or_insert(true);
        }
        let open =
            progress.iter().filter(|part| !part.closed).fold(AccessSet::EMPTY, |all, part| all.with(part.access));
        if open.is_empty() {
            return Step::Decided;
        }
        let verdict = policy.verdict(context, applies, open);
        for part in progress.iter_mut().filter(|part| !part.closed) {
            part.decide(policy, verdict.allow, verdict.deny);
        }
        Step::Access { allows: self.accesses.names(verdict.allow), denies: self.accesses.names(verdict.deny) }
    }

    pub(super) fn asked(&self, request: &Request) -> Asked {
        let named = |name: &str| self.accesses.requested(name);
        let single = |group: AccessSet| Asked { groups: vec![group], any: false, super_only: false };
        if !request.access_type_groups.is_empty() {
            let set = |group: &Vec<String>| group.iter().fold(AccessSet::EMPTY, |set, name| set.with(named(name)));
            return Asked {
                groups: request.access_type_groups.iter().map(set).collect(),
                any: false,
                super_only: false,
            };
        }
        match request.access_type.as_str() {
            "" | ANY_ACCESS => Asked { any: true, ..single(self.accesses.any()) },
            ADMIN_ACCESS => single(AccessSet::ADMIN),
            SUPER_USER_ACCESS => Asked { super_only: true, ..single(AccessSet::EMPTY) },
            name => single(named(name)),
        }
    }

    /// What is known of auditing before any policy is looked at (Ranger section "audit").
    fn audit_before_policies(&self, request: &Request) -> Option<bool> {
        let options = &self.options;
        let excluded = options.audit_excluded_users.contains(&request.user)
            || request.groups.iter().any(|group| options.audit_excluded_groups.contains(group))
            || request.roles.iter().any(|role| options.audit_excluded_roles.contains(role));
        let no_policies = [&self.access, &self.mask, &self.row_filter].iter().all(|set| set.policies.is_empty());
        match self.audit_mode {
            _ if excluded => Some(false),
            AuditMode::All => Some(true),
            AuditMode::None => Some(false),
            AuditMode::Default => no_policies.then_some(true),
        }
    }
}

/// Allowed when every group is; a group is when one of its types is. A group is denied when all of its types are
/// decided and none allowed.
fn combine<'p>(asked: &Asked, progress: &[Progress<'p>], deny_ignored: bool) -> (bool, Option<&'p Policy>) {
    let mut granted = None;
    for group in &asked.groups {
        let parts: Vec<_> = progress.iter().filter(|part| group.intersects(part.access)).collect();
        let first = |allowed: bool| {
            parts.iter().find_map(|part| part.decided.filter(|(decided, _)| *decided == allowed)).map(|(_, by)| by)
        };
        let denied = first(false);
        match first(true) {
            // Only a request that wants the denies of parts to count lets one of them deny "anything".
            Some(_) if asked.any && !deny_ignored && denied.is_some() => return (false, denied),
            Some(by) => granted = granted.or(Some(by)),
            None if parts.iter().all(|part| part.decided.is_some()) => return (false, denied),
            None => return (false, None),
        }
    }
    (granted.is_some(), granted)
}

fn verb(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

fn decision(allowed: bool, by: Option<&Policy>, is_audited: bool, reason: impl Into<String>) -> AccessDecision {
    AccessDecision {
        allowed,
        determined: allowed || by.is_some(),
        policy_id: by.map_or(-1, |policy| policy.id),
        policy_version: by.and_then(|policy| policy.version),
        is_audited,
        reason: reason.into(),
    }
}
