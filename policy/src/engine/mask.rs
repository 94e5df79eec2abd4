//! How is it shown? The loop over mask policies and the one over row-filter policies (Ranger section "masks and row
//! filters"): the first matching item of the first matching policy wins, and nothing is combined.

use super::explain::Step;
use super::{PolicyEngine, PolicySet};
use crate::access_types::AccessSet;
use crate::compile::MASK_NONE;
use crate::decision::{MaskDecision, RowFilterDecision};
use crate::expression;
use crate::model::{DataMaskInfo, RowFilterInfo};
use crate::policy::{Context, Item, Items, Policy};
use crate::request::Request;
use crate::truth::Truth;

const NO_POLICY: i64 = -1;

/// Why an item that may match, but can't be evaluated, hides the data.
const DOUBTFUL: &str = "a condition or resource of the policy can't be evaluated";

impl PolicyEngine {
    /// How is this column to be shown? Ask after access was granted.
    pub fn data_mask(&self, request: &Request) -> MaskDecision {
        self.data_mask_traced(request, &mut |_, _| {})
    }

    /// Which rows of this table are to be shown? Ask after access was granted.
    pub fn row_filter(&self, request: &Request) -> RowFilterDecision {
        self.row_filter_traced(request, &mut |_, _| {})
    }

    pub(super) fn data_mask_traced(&self, request: &Request, trace: &mut dyn FnMut(&Policy, Step)) -> MaskDecision {
        let fits = |set: &PolicySet| set.hierarchies.len() == 0 || set.hierarchies.target(&request.resource).is_some();
        if !fits(&self.mask) && !self.is_super_user(request) {
            return MaskDecision::Null { reason: unplaced(request), policy_id: NO_POLICY };
        }
        self.first(&self.mask, request, trace, |policy, context, asked, truth| match &policy.items {
            Items::Mask(items) => {
                items.iter().find_map(|(item, info)| self.mask_item(policy, item, info, context, asked, truth))
            }
            _ => None,
        })
        .unwrap_or(MaskDecision::None { policy_id: NO_POLICY })
    }

    pub(super) fn row_filter_traced(
        &self,
        request: &Request,
        trace: &mut dyn FnMut(&Policy, Step),
    ) -> RowFilterDecision {
        let set = &self.row_filter;
        let fits = set.hierarchies.len() == 0 || set.hierarchies.target(&request.resource).is_some();
        if !fits && !self.is_super_user(request) {
            return RowFilterDecision::NoRows { reason: unplaced(request), policy_id: NO_POLICY };
        }
        self.first(set, request, trace, |policy, context, asked, truth| match &policy.items {
            Items::RowFilter(items) => {
                items.iter().find_map(|(item, info)| filter_item(policy, item, info, context, asked, truth))
            }
            _ => None,
        })
        .unwrap_or(RowFilterDecision::None { policy_id: NO_POLICY })
    }

    /// The first policy that decides. Super users see everything.
    fn first<D>(
        &self,
        set: &PolicySet,
        request: &Request,
        trace: &mut dyn FnMut(&Policy, Step),
        decide: impl Fn(&Policy, &Context<'_>, AccessSet, Truth) -> Option<D>,
    ) -> Option<D> {
        let target = set.hierarchies.target(&request.resource).filter(|_| !self.is_super_user(request))?;
        let asked = self.asked(request);
        let context = Context::new(request, &target, self.options.time_zone, asked.any);
        for policy in set.candidates(&target) {
            match policy.applies(&context) {
                Err(passed) => trace(policy, Step::Passed(passed)),
                Ok(applies) => {
                    let decided = decide(policy, &context, asked.all(), applies.grants);
                    trace(policy, Step::Shows { decides: decided.is_some() });
                    if decided.is_some() {
                        return decided;
                    }
                }
            }
        }
        None
    }

    fn mask_item(
        &self,
        policy: &Policy,
        item: &Item,
        info: &DataMaskInfo,
        context: &Context<'_>,
        asked: AccessSet,
        policy_truth: Truth,
    ) -> Option<MaskDecision> {
        let policy_id = policy.id;
        let null = |reason: String| Some(MaskDecision::Null { reason, policy_id });
        let mask_type = info.data_mask_type.as_deref().unwrap_or_default();
        match (item.matches(context, asked).and(policy_truth), mask_type.eq_ignore_ascii_case(MASK_NONE)) {
            (Truth::No, _) | (Truth::Unknown, true) => return None,
            (Truth::Yes, true) => return Some(MaskDecision::None { policy_id }),
            (Truth::Unknown, false) => return null(DOUBTFUL.to_owned()),
            (Truth::Yes, false) => {}
        }
        let known = self.def.data_mask_def.iter().flat_map(|def| &def.mask_types).find(|known| known.name == mask_type);
        let Some(known) = known else { return null(format!("unknown mask type {mask_type:?}")) };
        let fill = |sql: &Option<String>| sql.as_deref().map(|sql| expression::fill(sql, &context.tokens)).transpose();
        match (fill(&info.value_expr), fill(&info.condition_expr)) {
            (Ok(value_expr), Ok(condition_expr)) => Some(MaskDecision::Mask {
                mask_type: mask_type.to_owned(),
                value_expr,
                condition_expr,
                transformer: known.transformer.clone().filter(|transformer| !transformer.trim().is_empty()),
                policy_id,
                policy_version: policy.version,
            }),
            (Err(why), _) | (_, Err(why)) => null(why),
        }
    }
}

fn filter_item(
    policy: &Policy,
    item: &Item,
    info: &RowFilterInfo,
    context: &Context<'_>,
    asked: AccessSet,
    policy_truth: Truth,
) -> Option<RowFilterDecision> {
    let policy_id = policy.id;
    // An item without expression decides nothing, one with an empty expression shows all rows.
    let expr = info.filter_expr.as_deref()?;
    match (item.matches(context, asked).and(policy_truth), expr.trim().is_empty()) {
        (Truth::No, _) | (Truth::Unknown, true) => None,
        (Truth::Yes, true) => Some(RowFilterDecision::None { policy_id }),
        (Truth::Unknown, false) => Some(RowFilterDecision::NoRows { reason: DOUBTFUL.to_owned(), policy_id }),
        (Truth::Yes, false) => Some(match expression::fill(expr, &context.tokens) {
            Ok(expr) => RowFilterDecision::Filter { expr, policy_id, policy_version: policy.version },
            Err(reason) => RowFilterDecision::NoRows { reason, policy_id },
        }),
    }
}

fn unplaced(request: &Request) -> String {
    format!("{} fits no hierarchy of the service definition", request.resource)
}
