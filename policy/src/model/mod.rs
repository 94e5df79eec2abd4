//! The documents of Apache Ranger as they are on the wire: policy downloads, exported policy lists, service definitions.
//!
//! Plain data, nothing is checked or decided here. Unknown members are ignored; a missing or null list is empty, null
//! list elements are dropped; dates are epoch milliseconds or Ranger's cache strings (Ranger section "download documents").

mod download;
mod lenient;
mod policy;
mod service_def;

pub use download::{
    AuditMode, PolicyDelta, RangerRole, RangerRoleMember, RangerRoles, SecurityZone, ServicePolicies, TagPolicies,
};
pub use policy::{
    DataMaskInfo, PolicyCondition, PolicyItem, PolicyItemAccess, PolicyResource, PolicyResources, RangerPolicy,
    Recurrence, RecurrenceInterval, RecurrenceSchedule, RowFilterInfo, ValiditySchedule,
};
pub use service_def::{
    AccessTypeDef, ConditionDef, ContextEnricherDef, DataMaskDef, MaskTypeDef, ResourceDef, RowFilterDef, ServiceDef,
};
