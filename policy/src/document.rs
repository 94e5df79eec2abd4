//! A set of policies as the engine takes it: Ranger's document, where each policy came from, and a version of it all.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::PolicyError;
use crate::model::{PolicyDelta, RangerPolicy, ServicePolicies};

/// One set of policies, from files or from a Ranger admin.
#[derive(Debug, Clone)]
pub struct PolicyDocument {
    policies: ServicePolicies,
    /// File of each policy, in the order of `policies.policies`.
    files: Vec<Option<PathBuf>>,
    version: String,
}

impl From<ServicePolicies> for PolicyDocument {
    fn from(policies: ServicePolicies) -> Self {
        let files = vec![None; policies.policies.len()];
        Self::new(policies, files)
    }
}

impl PolicyDocument {
    pub(crate) fn new(policies: ServicePolicies, files: Vec<Option<PathBuf>>) -> Self {
        let version = content_version(&policies);
        Self { policies, files, version }
    }

    /// Ranger's document.
    #[must_use]
    pub fn policies(&self) -> &ServicePolicies {
        &self.policies
    }

    /// Ranger's version number, if the origin counts them.
    #[must_use]
    pub fn policy_version(&self) -> Option<i64> {
        self.policies.policy_version
    }

    /// Equal content has equal versions, whatever the layout of the files: `<policyVersion or 0>-<hash>`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file of the policy at a position, when it came from one.
    pub(crate) fn file(&self, position: usize) -> Option<&Path> {
        self.files.get(position)?.as_deref()
    }

    /// The document after the changes of an incremental download.
    ///
    /// Errors: a change that asks for a full download, or doesn't fit the document. The caller then downloads it all.
    pub fn with_deltas(&self, deltas: &[PolicyDelta]) -> Result<Self, PolicyError> {
        let mut policies = self.policies.clone();
        let mut files = self.files.clone();
        for delta in deltas {
            let changed = delta.policy.as_ref().ok_or_else(|| unusable("a change without policy".to_owned()))?;
            let position = policies.policies.iter().position(|policy| policy.id == changed.id);
            match (delta.change_type, position) {
                (Some(0 | 1), None) => {
                    policies.policies.push(changed.clone());
                    files.push(None);
                }
                (Some(0 | 1), Some(position)) => replace(&mut policies.policies, &mut files, position, changed),
                (Some(2), Some(position)) => {
                    policies.policies.remove(position);
                    files.remove(position);
                }
                (Some(2), None) => {}
                (other, _) => return Err(unusable(format!("change type {other:?}"))),
            }
            policies.policy_version = delta.policies_version.or(policies.policy_version);
        }
        Ok(Self::new(policies, files))
    }
}

fn replace(policies: &mut [RangerPolicy], files: &mut [Option<PathBuf>], position: usize, changed: &RangerPolicy) {
    if let (Some(policy), Some(file)) = (policies.get_mut(position), files.get_mut(position)) {
        *policy = changed.clone();
        *file = None;
    }
}

fn unusable(what: String) -> PolicyError {
    PolicyError::Unsupported(format!("policy deltas: {what}"))
}

fn content_version(policies: &ServicePolicies) -> String {
    // Serialising plain data into memory has no way to fail; should it ever, the version is that of no content.
    let content = serde_json::to_vec(policies).unwrap_or_default();
    let digest = Sha256::digest(&content);
    let mut version = format!("{}-", policies.policy_version.unwrap_or(0));
    for byte in digest.iter().take(8) {
        let _ = write!(version, "{byte:02x}");
    }
    version
}
