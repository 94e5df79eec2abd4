//! One policy with its items (Ranger section "RangerPolicy").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;

/// Resource name -> values, as a policy or an additional resource set writes it.
pub type PolicyResources = BTreeMap<String, PolicyResource>;

/// A policy: what it covers, and for whom.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RangerPolicy {
    pub id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub guid: String,
    #[serde(default = "lenient::yes", deserialize_with = "lenient::nullable_yes")]
    pub is_enabled: bool,
    #[serde(default, deserialize_with = "lenient::date")]
    pub create_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient::date")]
    pub update_time: Option<i64>,
    pub version: Option<i64>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub service: String,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub service_type: String,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    /// 0 access, 1 mask, 2 row filter.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub policy_type: i32,
    /// 0 normal, 1 override.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub policy_priority: i32,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub description: String,
    #[serde(default = "lenient::yes", deserialize_with = "lenient::nullable_yes")]
    pub is_audit_enabled: bool,
    #[serde(default, deserialize_with = "lenient::map")]
    pub resources: PolicyResources,
    #[serde(default, deserialize_with = "lenient::list")]
    pub additional_resources: Vec<PolicyResources>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub conditions: Vec<PolicyCondition>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policy_items: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub deny_policy_items: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub allow_exceptions: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub deny_exceptions: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub data_mask_policy_items: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub row_filter_policy_items: Vec<PolicyItem>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub validity_schedules: Vec<ValiditySchedule>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policy_labels: Vec<String>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub zone_name: String,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub is_deny_all_else: bool,
}

/// The values of one resource level.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct PolicyResource {
    #[serde(default, deserialize_with = "lenient::list")]
    pub values: Vec<String>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub is_excludes: bool,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub is_recursive: bool,
}

/// Who gets what, under which conditions; mask and row-filter items carry their payload.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct PolicyItem {
    #[serde(default, deserialize_with = "lenient::list")]
    pub accesses: Vec<PolicyItemAccess>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub users: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub groups: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub roles: Vec<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub conditions: Vec<PolicyCondition>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub delegate_admin: bool,
    pub data_mask_info: Option<DataMaskInfo>,
    pub row_filter_info: Option<RowFilterInfo>,
}

/// One access type of an item.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct PolicyItemAccess {
    #[serde(rename = "type", default, deserialize_with = "lenient::nullable")]
    pub access_type: String,
    #[serde(default = "lenient::yes", deserialize_with = "lenient::nullable_yes")]
    pub is_allowed: bool,
}

/// A condition of a policy or an item; its type names a condition of the service definition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct PolicyCondition {
    #[serde(rename = "type", default, deserialize_with = "lenient::nullable")]
    pub condition_type: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub values: Vec<String>,
}

/// How a mask item masks.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct DataMaskInfo {
    pub data_mask_type: Option<String>,
    pub condition_expr: Option<String>,
    pub value_expr: Option<String>,
}

/// Which rows a row-filter item leaves.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RowFilterInfo {
    pub filter_expr: Option<String>,
}

/// When a policy applies; times are `yyyy/MM/dd HH:mm:ss` in `time_zone` (blank: GMT).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ValiditySchedule {
    #[serde(default, deserialize_with = "lenient::text")]
    pub start_time: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub end_time: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub time_zone: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub recurrences: Vec<Recurrence>,
}

/// A repeated part of a validity schedule: from each scheduled instant on, for the interval.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct Recurrence {
    pub schedule: Option<RecurrenceSchedule>,
    pub interval: Option<RecurrenceInterval>,
}

/// A cron-like schedule: each field is `*`, numbers, ranges, or a comma list of them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RecurrenceSchedule {
    #[serde(default, deserialize_with = "lenient::text")]
    pub minute: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub hour: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub day_of_month: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub day_of_week: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub month: String,
    #[serde(default, deserialize_with = "lenient::text")]
    pub year: String,
}

/// How long a scheduled instant lasts: the sum of the three.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RecurrenceInterval {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub days: i64,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub hours: i64,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub minutes: i64,
}
