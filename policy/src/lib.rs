//! Ranger-style policies: model, matching, decisions. Knows nothing of DataFusion, does no I/O but reading policy files,
//! and is driven by service definitions only: no resource, access type or mask is built in.
//!
//! ```
//! use naru_policy::{EngineOptions, PolicyEngine, Request, Resource, load_files};
//!
//! # fn main() -> Result<(), naru_policy::PolicyError> {
//! let file = r#"{"metaDataInfo": {}, "policies": [{"id": 1, "name": "staff", "serviceType": "trino",
//!     "resources": {"catalog": {"values": ["hive"]}, "schema": {"values": ["hr"]}, "table": {"values": ["*"]},
//!                   "column": {"values": ["*"]}},
//!     "policyItems": [{"accesses": [{"type": "select"}], "groups": ["hr"]}]}]}"#;
//! let engine = PolicyEngine::new(load_files(&[("hr.json".into(), file.to_owned())])?, EngineOptions::default())?;
//! let name = Resource::new().with("catalog", "hive").with("schema", "hr").with("table", "staff").with("column", "name");
//! let request = Request::new(name, "select", "ann", chrono::Utc::now());
//! assert!(!engine.access(&request).allowed);
//! assert!(engine.access(&request.groups(["hr"])).allowed);
//! # Ok(())
//! # }
//! ```
//!
//! The way of a policy: [`model`] (as on the wire) -> [`PolicyDocument`] (merged, versioned) -> compiled inside
//! [`PolicyEngine`]. What can't be evaluated is [`Truth::Unknown`] and gives less, in every direction.
//!
//! # Where it differs from Ranger on purpose
//!
//! - Conditions that can't be evaluated count as true there; here they never grant, and never stop a deny, a mask, a row
//!   filter or an allow exception. The same goes for invalid validity schedules and for an ip-range condition when the
//!   client's address is not known.
//! - An unknown mask type leaves the data open there; here it shows NULL. So does a mask item without mask type.
//! - `${{..}}` values are pasted into SQL as they are there; here they can't leave the quotes they stand in, and outside
//!   quotes only numbers may stand. Values put into resource names are literal, wildcards in them have no meaning.
//! - Asking for a mask or row filter of a resource that fits no hierarchy shows nothing.
//! - Documents with security zones, tag policies or deltas are refused until those are evaluated.

mod access_types;
mod compile;
mod condition;
mod decision;
mod document;
mod engine;
mod error;
mod expression;
mod index;
mod issue;
mod load;
pub mod matching;
pub mod model;
mod order;
mod policy;
mod request;
mod truth;
mod validity;

pub use decision::{AccessDecision, MaskDecision, RowFilterDecision};
pub use document::PolicyDocument;
pub use engine::{EngineOptions, ExplainStep, Explanation, PolicyEngine, PolicyExpression};
pub use error::PolicyError;
pub use issue::{PolicyIssue, Severity};
pub use load::{load_dir, load_files};
pub use request::{ADMIN_ACCESS, ANY_ACCESS, Request, Resource, SUPER_USER_ACCESS, Scope};
pub use truth::Truth;
pub use validity::Validity;
