//! What the engine answers.

/// May the access happen?
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AccessDecision {
    /// The answer. Never true unless a policy or super-user right says so.
    pub allowed: bool,
    /// Some policy (or super-user right) decided; otherwise nothing grants the access.
    pub determined: bool,
    /// The policy that decided; -1 = none.
    pub policy_id: i64,
    /// Version of that policy.
    pub policy_version: Option<i64>,
    /// The access is to be written to the audit log.
    pub is_audited: bool,
    /// Why, for explain and the server's log; names policies, so not for clients.
    pub reason: String,
}

/// How is a column to be shown?
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum MaskDecision {
    /// As it is.
    None {
        /// The policy whose MASK_NONE says so; -1 = no mask policy applies.
        policy_id: i64,
    },
    /// Masked by a type of the service definition.
    Mask {
        /// For instance `MASK_HASH`, `MASK_NULL`, `CUSTOM`.
        mask_type: String,
        /// SQL of a CUSTOM mask with `{col}` and `{type}`, expressions filled in. CUSTOM without it means NULL.
        value_expr: Option<String>,
        /// Ranger's condition for the mask; its own plugins don't use it either.
        condition_expr: Option<String>,
        /// SQL of the mask type with `{col}` and `{type}`. A type other than CUSTOM without one must show NULL.
        transformer: Option<String>,
        /// The policy that decided.
        policy_id: i64,
        /// Version of that policy.
        policy_version: Option<i64>,
    },
    /// As NULL, because the mask that applies (or may apply) can't be worked out.
    Null {
        /// Why, for explain and the server's log.
        reason: String,
        /// The policy in question; -1 = none.
        policy_id: i64,
    },
}

/// Which rows of a table are to be shown?
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RowFilterDecision {
    /// All.
    None {
        /// The policy whose empty filter says so; -1 = no row-filter policy applies.
        policy_id: i64,
    },
    /// Those for which an SQL expression is true.
    Filter {
        /// The expression, with `${{..}}` filled in.
        expr: String,
        /// The policy that decided.
        policy_id: i64,
        /// Version of that policy.
        policy_version: Option<i64>,
    },
    /// None, because the filter that applies (or may apply) can't be worked out.
    NoRows {
        /// Why, for explain and the server's log.
        reason: String,
        /// The policy in question; -1 = none.
        policy_id: i64,
    },
}
