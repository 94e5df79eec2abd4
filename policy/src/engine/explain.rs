//! Who decided, and why: the same evaluation as for real requests, written down policy by policy.

use std::fmt;

use super::PolicyEngine;
use crate::decision::{AccessDecision, MaskDecision, RowFilterDecision};
use crate::policy::{Passed, Policy};
use crate::request::Request;

/// What happened at one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Not about this request.
    Passed(Passed),
    /// About it, but all was decided before; looked at for its audit flag.
    Decided,
    /// What its items say, by access type.
    Access { allows: String, denies: String },
    /// A mask or row-filter policy about this request.
    Shows { decides: bool },
}

/// One policy that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainStep {
    /// `access`, `mask` or `row filter`.
    pub kind: &'static str,
    /// The policy.
    pub policy_id: i64,
    /// Its name.
    pub policy_name: String,
    /// It is about the request (resource, time, policy conditions).
    pub matched: bool,
    /// What it said, or why it is not about the request.
    pub why: String,
}

/// A decision with how it came about. Policies whose names can't fit the resource are not even looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The request, for people.
    pub request: String,
    /// May it happen?
    pub access: AccessDecision,
    /// How the column is shown, when the request is about one.
    pub mask: Option<MaskDecision>,
    /// Which rows are shown, when the request is about a table.
    pub row_filter: Option<RowFilterDecision>,
    /// The policies looked at, in order.
    pub steps: Vec<ExplainStep>,
}

impl PolicyEngine {
    /// Decides and says why.
    #[must_use]
    pub fn explain(&self, request: &Request) -> Explanation {
        let mut steps = Vec::new();
        let access = self.access_traced(request, &mut |policy, step| steps.push(written("access", policy, &step)));
        let deepest = |set: &super::PolicySet| {
            let leaf = set.hierarchies.target(&request.resource).and_then(|target| target.leaf());
            leaf.is_some_and(|leaf| set.hierarchies.is_deepest(leaf))
        };
        let mask = deepest(&self.mask)
            .then(|| self.data_mask_traced(request, &mut |policy, step| steps.push(written("mask", policy, &step))));
        let row_filter = deepest(&self.row_filter).then(|| {
            self.row_filter_traced(request, &mut |policy, step| steps.push(written("row filter", policy, &step)))
        });
        let access_type = if request.access_type.is_empty() { "_any" } else { &request.access_type };
        let request = format!("{access_type} on {} by {}", request.resource, request.user);
        Explanation { request, access, mask, row_filter, steps }
    }
}

fn written(kind: &'static str, policy: &Policy, step: &Step) -> ExplainStep {
    let why = match step {
        Step::Passed(Passed::Resource) => "its resources do not match".to_owned(),
        Step::Passed(Passed::Validity) => "it is not valid at this time".to_owned(),
        Step::Passed(Passed::Condition) => "its conditions do not hold".to_owned(),
        Step::Decided => "already decided; looked at for audit only".to_owned(),
        Step::Access { allows, denies } => match (allows.is_empty(), denies.is_empty()) {
            (true, true) => "no item is for this user and access".to_owned(),
            (false, true) => format!("allows {allows}"),
            (true, false) => format!("denies {denies}"),
            (false, false) => format!("denies {denies}; allows {allows}"),
        },
        Step::Shows { decides: true } => "an item decides".to_owned(),
        Step::Shows { decides: false } => "no item is for this user and access".to_owned(),
    };
    let matched = !matches!(step, Step::Passed(_));
    ExplainStep { kind, policy_id: policy.id, policy_name: policy.name.clone(), matched, why }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.request)?;
        let verdict = if self.access.allowed { "ALLOWED" } else { "DENIED" };
        let audit = if self.access.is_audited { "audited" } else { "not audited" };
        writeln!(f, "  access: {verdict} ({}; {audit})", self.access.reason)?;
        match &self.mask {
            None => {}
            Some(MaskDecision::None { policy_id: -1 }) => writeln!(f, "  mask: none")?,
            Some(MaskDecision::None { policy_id }) => writeln!(f, "  mask: none, by policy {policy_id}")?,
            Some(MaskDecision::Mask { mask_type, policy_id, .. }) => {
                writeln!(f, "  mask: {mask_type}, by policy {policy_id}")?;
            }
            Some(MaskDecision::Null { reason, policy_id }) => {
                writeln!(f, "  mask: NULL, by policy {policy_id}: {reason}")?;
            }
        }
        match &self.row_filter {
            None => {}
            Some(RowFilterDecision::None { policy_id: -1 }) => writeln!(f, "  row filter: none")?,
            Some(RowFilterDecision::None { policy_id }) => writeln!(f, "  row filter: none, by policy {policy_id}")?,
            Some(RowFilterDecision::Filter { expr, policy_id, .. }) => {
                writeln!(f, "  row filter: {expr}, by policy {policy_id}")?;
            }
            Some(RowFilterDecision::NoRows { reason, policy_id }) => {
                writeln!(f, "  row filter: no rows, by policy {policy_id}: {reason}")?;
            }
        }
        for step in &self.steps {
            let mark = if step.matched { '+' } else { '-' };
            writeln!(f, "  {mark} {} policy {} ({}): {}", step.kind, step.policy_id, step.policy_name, step.why)?;
        }
        Ok(())
    }
}
