//! In which order policies are evaluated (Ranger section "evalOrder"): broader ones first. It decides which policy is
//! reported, and which mask or row filter wins.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::access_types::AccessSet;
use crate::model::{PolicyItem, PolicyResource, RangerPolicy, ServiceDef};
use crate::policy::{Items, PUBLIC_GROUP, Policy, USER_TOKEN};

/// Priority, denying ones first, evaluation order, name; the id only makes the order total.
pub(crate) fn sort(policies: &mut [(i64, Policy)]) {
    policies.sort_by(|(left_order, left), (right_order, right)| {
        let key = |policy: &Policy, order: i64| (Reverse(policy.priority), Reverse(policy.has_deny()), order);
        key(left, *left_order)
            .cmp(&key(right, *right_order))
            .then_with(|| left.name.cmp(&right.name))
            .then_with(|| left.id.cmp(&right.id))
    });
}

/// Ranger's evalOrder; lower comes earlier.
pub(crate) fn eval_order(def: &ServiceDef, source: &RangerPolicy, compiled: &Policy) -> i64 {
    let items = || {
        [
            &source.policy_items,
            &source.deny_policy_items,
            &source.allow_exceptions,
            &source.deny_exceptions,
            &source.data_mask_policy_items,
            &source.row_filter_policy_items,
        ]
        .into_iter()
        .flatten()
    };
    let dynamic = source.resources.values().flat_map(|resource| &resource.values).any(|value| value.contains('{'));
    let breadth: i64 = source.resources.values().map(breadth).sum();
    let conditions = source.conditions.len() + items().map(|item| item.conditions.len()).sum::<usize>();
    let mut order = 10_000 + if dynamic { 20 } else { 0 };
    order -= breadth.min(100);
    order -= principals(source, items());
    order -= access_discount(def, compiled);
    order -= (25 - 5 * i64::try_from(conditions).unwrap_or(i64::MAX / 10)).max(0);
    order
}

fn breadth(resource: &PolicyResource) -> i64 {
    let any = |test: fn(&str) -> bool| resource.values.iter().any(|value| test(value));
    if any(|value| value.is_empty() || value == "*") {
        return 25;
    }
    let wildcards = match () {
        () if any(|value| value.contains('*')) => 10,
        () if any(|value| value.contains('?')) => 5,
        () => 0,
    };
    wildcards + if resource.is_excludes { 5 } else { 0 } + if resource.is_recursive { 5 } else { 0 }
}

fn principals<'i>(source: &RangerPolicy, items: impl Iterator<Item = &'i PolicyItem>) -> i64 {
    let (mut users, mut groups) = (HashSet::new(), HashSet::new());
    for item in items {
        users.extend(item.users.iter().map(String::as_str));
        groups.extend(item.groups.iter().map(String::as_str));
    }
    if source.is_deny_all_else || groups.contains(PUBLIC_GROUP) || users.contains(USER_TOKEN) {
        return 25;
    }
    i64::try_from(users.len() + groups.len()).unwrap_or(25).min(25)
}

fn access_discount(def: &ServiceDef, compiled: &Policy) -> i64 {
    let accesses = match &compiled.items {
        Items::Access { allow, deny, allow_exceptions, deny_exceptions } => {
            [allow, deny, allow_exceptions, deny_exceptions].into_iter().flatten().map(|item| item.accesses).collect()
        }
        Items::Mask(items) => items.iter().map(|(item, _)| item.accesses).collect::<Vec<_>>(),
        Items::RowFilter(items) => items.iter().map(|(item, _)| item.accesses).collect(),
    };
    let all = accesses.into_iter().fold(AccessSet::EMPTY, AccessSet::with).without(AccessSet::ADMIN);
    let defined = i64::try_from(def.access_types.len().max(1)).unwrap_or(1);
    // round(25 * n / defined), in integers
    (50 * i64::from(all.count()) + defined) / (2 * defined)
}
