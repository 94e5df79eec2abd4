//! One policy, compiled: which items it has, whether it applies to a request, and what its items then say.
//!
//! Everything doubtful is a [`Truth::Unknown`], and here it is decided what that means: an allow needs a `Yes`, a deny
//! takes an `Unknown` too.

use std::collections::HashSet;

use chrono_tz::Tz;

use crate::access_types::AccessSet;
use crate::condition::Conditions;
use crate::matching::{MatchType, PolicyResourceMatcher, Target, Tokens};
use crate::model::{DataMaskInfo, PolicyItem, RowFilterInfo};
use crate::request::{Request, Scope};
use crate::truth::Truth;
use crate::validity::Validity;

/// The group that everybody is in.
pub(crate) const PUBLIC_GROUP: &str = "public";
/// In an item's users: whoever asks.
pub(crate) const USER_TOKEN: &str = "{USER}";
/// In an item's users: whoever owns the resource.
pub(crate) const OWNER_TOKEN: &str = "{OWNER}";

/// A request with everything about it that is the same for all policies.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a Target,
    pub(crate) tokens: Tokens<'a>,
    pub(crate) zone: Tz,
    /// Policies about parts of the resource count too: `_any`, or the scope says so.
    pub(crate) below: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(request: &'a Request, target: &'a Target, zone: Tz, any_access: bool) -> Self {
        let below = any_access || request.scope == Scope::SelfOrDescendants;
        Self { request, target, tokens: Tokens::of(request), zone, below }
    }
}

/// Who an item is for, and under which conditions.
#[derive(Debug)]
pub(crate) struct Item {
    users: HashSet<String>,
    groups: HashSet<String>,
    roles: HashSet<String>,
    /// The tokens are no names: a user called `{OWNER}` is not every owner.
    for_everybody: bool,
    for_owner: bool,
    pub(crate) accesses: AccessSet,
    conditions: Conditions,
}

impl Item {
    pub(crate) fn new(source: &PolicyItem, accesses: AccessSet, conditions: Conditions) -> Self {
        let has_user = |token: &str| source.users.iter().any(|user| user == token);
        let name = |user: &&String| ![USER_TOKEN, OWNER_TOKEN].contains(&user.as_str());
        Self {
            users: source.users.iter().filter(name).cloned().collect(),
            groups: source.groups.iter().cloned().collect(),
            roles: source.roles.iter().cloned().collect(),
            for_everybody: has_user(USER_TOKEN) || source.groups.iter().any(|group| group == PUBLIC_GROUP),
            for_owner: has_user(OWNER_TOKEN),
            accesses,
            conditions,
        }
    }

    fn depends_on_time(&self) -> bool {
        self.conditions.depend_on_time()
    }

    fn is_for(&self, request: &Request) -> bool {
        self.for_everybody
            || self.users.contains(&request.user)
            || request.groups.iter().any(|group| self.groups.contains(group))
            || request.roles.iter().any(|role| self.roles.contains(role))
            || (self.for_owner && request.resource.owner() == Some(&request.user))
    }

    /// Does the item speak about this user and one of these access types, now?
    pub(crate) fn matches(&self, context: &Context<'_>, accesses: AccessSet) -> Truth {
        if !self.accesses.intersects(accesses) || !self.is_for(context.request) {
            return Truth::No;
        }
        self.conditions.hold(context.request, context.zone)
    }
}

/// An item with what it does to a column or table; access items do nothing more.
#[derive(Debug)]
pub(crate) enum Items {
    Access { allow: Vec<Item>, deny: Vec<Item>, allow_exceptions: Vec<Item>, deny_exceptions: Vec<Item> },
    Mask(Vec<(Item, DataMaskInfo)>),
    RowFilter(Vec<(Item, RowFilterInfo)>),
}

impl Items {
    fn depend_on_time(&self) -> bool {
        match self {
            Self::Access { allow, deny, allow_exceptions, deny_exceptions } => {
                [allow, deny, allow_exceptions, deny_exceptions].into_iter().flatten().any(Item::depends_on_time)
            }
            Self::Mask(items) => items.iter().any(|(item, _)| item.depends_on_time()),
            Self::RowFilter(items) => items.iter().any(|(item, _)| item.depends_on_time()),
        }
    }
}

/// A compiled policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) id: i64,
    pub(crate) version: Option<i64>,
    pub(crate) name: String,
    pub(crate) priority: i32,
    pub(crate) is_audited: bool,
    pub(crate) deny_all_else: bool,
    /// The resources and the additional resources: alternatives.
    pub(crate) resources: Vec<PolicyResourceMatcher>,
    pub(crate) validity: Validity,
    pub(crate) conditions: Conditions,
    pub(crate) items: Items,
}

/// Whether a policy is about a request, separately for what grants and what denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applies {
    pub(crate) grants: Truth,
    /// Leaves out matches on parts of the resource, unless the request wants their denies.
    pub(crate) denies: Truth,
}

/// Why a policy is not about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    Resource,
    Validity,
    Condition,
}

/// What the items of an access policy say about the access types asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) allow: AccessSet,
    pub(crate) deny: AccessSet,
}

impl Policy {
    /// Deny-carrying policies come first, and only behind the last of them an allow is final.
    pub(crate) fn has_deny(&self) -> bool {
        self.deny_all_else || matches!(&self.items, Items::Access { deny, .. } if !deny.is_empty())
    }

    /// Can what it says change although nobody changes it?
    pub(crate) fn depends_on_time(&self) -> bool {
        self.validity.is_scheduled() || self.conditions.depend_on_time() || self.items.depend_on_time()
    }

    /// Is the policy about this request? Resource, time, and policy-level conditions.
    pub(crate) fn applies(&self, context: &Context<'_>) -> Result<Applies, Passed> {
        let mut found = Applies { grants: Truth::No, denies: Truth::No };
        for matcher in &self.resources {
            let (match_type, truth) = matcher.match_type(context.target, &context.tokens);
            let (grants, denies) = match match_type {
                MatchType::SelfMatch | MatchType::SelfAndAllDescendants => (truth, truth),
                MatchType::Descendant if !context.below => (Truth::No, Truth::No),
                MatchType::Descendant if context.request.descendant_deny_ignored => (truth, Truth::No),
                MatchType::Descendant => (truth, truth),
                MatchType::Ancestor | MatchType::None => (Truth::No, Truth::No),
            };
            found = Applies { grants: found.grants.or(grants), denies: found.denies.or(denies) };
        }
        if found.grants == Truth::No {
            return Err(Passed::Resource);
        }
        let valid = self.validity.covers(context.request.access_time, context.zone);
        if valid == Truth::No {
            return Err(Passed::Validity);
        }
        let conditions = self.conditions.hold(context.request, context.zone);
        if conditions == Truth::No {
            return Err(Passed::Condition);
        }
        let other = valid.and(conditions);
        Ok(Applies { grants: found.grants.and(other), denies: found.denies.and(other) })
    }

    /// Deny items unless excepted, else allow items unless excepted, else denyAllElse (Ranger section "one policy").
    pub(crate) fn verdict(&self, context: &Context<'_>, applies: Applies, asked: AccessSet) -> Verdict {
        let Items::Access { allow, deny, allow_exceptions, deny_exceptions } = &self.items else {
            return Verdict { allow: AccessSet::EMPTY, deny: AccessSet::EMPTY };
        };
        let matching = |items: &[Item], at_least: Truth| {
            let matched = items.iter().filter(|item| item.matches(context, asked) >= at_least);
            matched.fold(AccessSet::EMPTY, |set, item| set.with(item.accesses)).and(asked)
        };
        let mut denied = AccessSet::EMPTY;
        if applies.denies >= Truth::Unknown {
            denied = matching(deny, Truth::Unknown);
            // An exception lifts a deny only when it certainly applies.
            if !denied.is_empty() && applies.denies == Truth::Yes {
                denied = denied.without(matching(deny_exceptions, Truth::Yes));
            }
        }
        let mut allowed = AccessSet::EMPTY;
        if applies.grants == Truth::Yes {
            allowed = matching(allow, Truth::Yes).without(denied);
            // And it takes a grant away even when it only may apply.
            if !allowed.is_empty() {
                allowed = allowed.without(matching(allow_exceptions, Truth::Unknown));
            }
        }
        if self.deny_all_else && applies.denies >= Truth::Unknown {
            denied = denied.with(asked.without(allowed));
        }
        Verdict { allow: allowed, deny: denied }
    }
}
