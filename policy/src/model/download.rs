//! What a plugin downloads: the policies of one service with its definition, tag policies and zones; roles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::{RangerPolicy, ServiceDef};

/// A policy download (Ranger section "ServicePolicies"), or the list that Ranger's UI exports, which has policies only.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ServicePolicies {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub service_name: String,
    pub service_id: Option<i64>,
    pub policy_version: Option<i64>,
    #[serde(default, deserialize_with = "lenient::date")]
    pub policy_update_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policies: Vec<RangerPolicy>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policy_deltas: Vec<PolicyDelta>,
    pub service_def: Option<ServiceDef>,
    pub audit_mode: Option<AuditMode>,
    pub tag_policies: Option<TagPolicies>,
    #[serde(default, deserialize_with = "lenient::map")]
    pub security_zones: BTreeMap<String, SecurityZone>,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub service_config: BTreeMap<String, String>,
    /// Marks the export of Ranger's UI, which carries no service definition.
    #[serde(skip_serializing)]
    pub meta_data_info: Option<serde_json::Value>,
}

/// Whether accesses are audited, before exclusions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum AuditMode {
    /// As the matching policies say.
    #[default]
    #[serde(rename = "audit-default")]
    Default,
    /// Everything.
    #[serde(rename = "audit-all")]
    All,
    /// Nothing.
    #[serde(rename = "audit-none")]
    None,
}

/// One change of a policy list: 0 create, 1 update, 2 delete; anything else asks for a full reload.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct PolicyDelta {
    pub change_type: Option<i32>,
    pub policies_version: Option<i64>,
    pub policy: Option<RangerPolicy>,
}

/// The policies of the linked tag service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct TagPolicies {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub service_name: String,
    pub policy_version: Option<i64>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policies: Vec<RangerPolicy>,
    pub service_def: Option<ServiceDef>,
    pub audit_mode: Option<AuditMode>,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub service_config: BTreeMap<String, String>,
}

/// A security zone: its resources are governed by its own policies only.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct SecurityZone {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub zone_name: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub resources: Vec<BTreeMap<String, Vec<String>>>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policies: Vec<RangerPolicy>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policy_deltas: Vec<PolicyDelta>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub contains_associated_tag_service: bool,
}

/// A roles download: which users, groups and roles are members of which role.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RangerRoles {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub service_name: String,
    pub role_version: Option<i64>,
    #[serde(default, deserialize_with = "lenient::date")]
    pub role_update_time: Option<i64>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub ranger_roles: Vec<RangerRole>,
}

/// One role.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RangerRole {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub users: Vec<RangerRoleMember>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub groups: Vec<RangerRoleMember>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub roles: Vec<RangerRoleMember>,
}

/// A member of a role.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RangerRoleMember {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub is_admin: bool,
}
