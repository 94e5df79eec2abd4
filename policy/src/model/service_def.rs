//! The service definition: which resources, access types, conditions and masks a service has. It drives the engine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lenient;

/// A service definition (Ranger section "RangerServiceDef").
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ServiceDef {
    pub id: Option<i64>,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub options: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub resources: Vec<ResourceDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub access_types: Vec<AccessTypeDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub policy_conditions: Vec<ConditionDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub context_enrichers: Vec<ContextEnricherDef>,
    pub data_mask_def: Option<DataMaskDef>,
    pub row_filter_def: Option<RowFilterDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub marker_access_types: Vec<AccessTypeDef>,
}

/// One resource level. In mask and row-filter definitions only the members that differ are given, hence the options.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ResourceDef {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    pub level: Option<i32>,
    pub parent: Option<String>,
    pub mandatory: Option<bool>,
    pub recursive_supported: Option<bool>,
    pub excludes_supported: Option<bool>,
    pub matcher: Option<String>,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub matcher_options: BTreeMap<String, String>,
    pub is_valid_leaf: Option<bool>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub access_type_restrictions: Vec<String>,
}

/// An access type; granting it grants the implied ones too.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct AccessTypeDef {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::list")]
    pub implied_grants: Vec<String>,
    pub category: Option<String>,
}

/// A condition that items and policies may name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ConditionDef {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    /// Java class of the evaluator.
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub evaluator: String,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub evaluator_options: BTreeMap<String, String>,
}

/// A context enricher (tags, user store).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct ContextEnricherDef {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub enricher: String,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub enricher_options: BTreeMap<String, String>,
}

/// What masks exist and on which resources.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct DataMaskDef {
    #[serde(default, deserialize_with = "lenient::list")]
    pub mask_types: Vec<MaskTypeDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub access_types: Vec<AccessTypeDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub resources: Vec<ResourceDef>,
}

/// One mask type.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct MaskTypeDef {
    #[serde(default, deserialize_with = "lenient::nullable")]
    pub name: String,
    /// SQL with `{col}` and `{type}`.
    pub transformer: Option<String>,
    #[serde(default, deserialize_with = "lenient::text_map")]
    pub data_mask_options: BTreeMap<String, String>,
}

/// On which resources row filters exist.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are Ranger's, and documented there")]
pub struct RowFilterDef {
    #[serde(default, deserialize_with = "lenient::list")]
    pub access_types: Vec<AccessTypeDef>,
    #[serde(default, deserialize_with = "lenient::list")]
    pub resources: Vec<ResourceDef>,
}

impl ServiceDef {
    /// The `trino` definition of Apache Ranger (catalog > schema > table > column), which Naru's own policies use.
    ///
    /// Errors: only if the copy inside this crate were broken, which a test rules out.
    pub fn builtin_trino() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../../service-defs/ranger-servicedef-trino.json"))
    }
}
