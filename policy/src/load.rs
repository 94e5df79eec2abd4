//! Reads policy files into one document. A file is a policy download or the list that Ranger's UI exports.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::document::PolicyDocument;
use crate::error::PolicyError;
use crate::model::{ServiceDef, ServicePolicies};

/// Reads all `*.json` files of a folder, in the order of their names, as one set.
///
/// Errors: as [`load_files`]; an unreadable folder or file. A folder without such files is an error too: it is far more
/// likely a wrong path than the wish to deny everything.
pub fn load_dir(dir: &Path) -> Result<PolicyDocument, PolicyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PolicyError::Read { path, source }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let files = paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            Ok((path, text))
        })
        .collect::<Result<Vec<_>, PolicyError>>()?;
    if files.is_empty() {
        return Err(PolicyError::Document { path: dir.to_owned(), what: "no *.json policy file in it".to_owned() });
    }
    load_files(&files)
}

/// Merges files, given as path and text, into one set.
///
/// Errors: text that is no policy document; a policy without id; the same policy id, different service definitions,
/// settings or audit modes in two files.
pub fn load_files(files: &[(PathBuf, String)]) -> Result<PolicyDocument, PolicyError> {
    let mut merge = Merge::default();
    for (path, text) in files {
        merge.add(path, parse(path, text)?)?;
    }
    merge.finish()
}

/// Reads one document.
pub(crate) fn parse(path: &Path, text: &str) -> Result<ServicePolicies, PolicyError> {
    let at = |error: &serde_json::Error, what: String| PolicyError::Parse {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        what,
    };
    let document: ServicePolicies = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        at(&error, message.strip_suffix(&position).unwrap_or(&message).to_owned())
    })?;
    let wrong = |what: String| Err(PolicyError::Document { path: path.to_owned(), what });
    if document.service_def.is_none() && document.meta_data_info.is_none() && document.policies.is_empty() {
        return wrong("neither a policy download nor an exported policy list (no serviceDef, no policies)".to_owned());
    }
    if let Some(policy) = document.policies.iter().find(|policy| policy.id.is_none()) {
        return wrong(format!("policy {:?} has no id", policy.name));
    }
    Ok(document)
}

#[derive(Default)]
struct Merge {
    merged: ServicePolicies,
    files: Vec<Option<PathBuf>>,
    /// Which file gave each policy id, setting and so on first.
    policy_files: HashMap<i64, PathBuf>,
    config_files: HashMap<String, PathBuf>,
    def_file: Option<PathBuf>,
    audit_file: Option<PathBuf>,
    /// A file without service definition, whose policies are those of the built-in one.
    exported: Option<PathBuf>,
    tag_file: Option<PathBuf>,
    zone_file: Option<PathBuf>,
}

impl Merge {
    fn add(&mut self, path: &Path, document: ServicePolicies) -> Result<(), PolicyError> {
        self.add_policies(path, &document)?;
        self.add_service(path, &document)?;
        let merged = &mut self.merged;
        if merged.service_name.is_empty() {
            merged.service_name = document.service_name;
        }
        merged.service_id = merged.service_id.or(document.service_id);
        merged.policy_version = merged.policy_version.max(document.policy_version);
        merged.policy_update_time = merged.policy_update_time.max(document.policy_update_time);
        merged.policies.extend(document.policies);
        merged.policy_deltas.extend(document.policy_deltas);
        Ok(())
    }

    /// Ids must differ between files. Within one file Ranger's own samples repeat them, which is only an issue.
    fn add_policies(&mut self, path: &Path, document: &ServicePolicies) -> Result<(), PolicyError> {
        for policy in &document.policies {
            let Some(id) = policy.id else { continue };
            let first = self.policy_files.entry(id).or_insert_with(|| path.to_owned());
            if first != path {
                return conflict(first, path, format!("both have a policy with id {id} ({:?})", policy.name));
            }
            self.files.push(Some(path.to_owned()));
        }
        Ok(())
    }

    fn add_service(&mut self, path: &Path, document: &ServicePolicies) -> Result<(), PolicyError> {
        match &document.service_def {
            Some(def) => only_one(&mut self.merged.service_def, &mut self.def_file, def, path, "service definition")?,
            None => self.exported = self.exported.take().or_else(|| Some(path.to_owned())),
        }
        if let Some(mode) = &document.audit_mode {
            only_one(&mut self.merged.audit_mode, &mut self.audit_file, mode, path, "audit mode")?;
        }
        if let Some(tags) = &document.tag_policies {
            only_one(&mut self.merged.tag_policies, &mut self.tag_file, tags, path, "tag policies")?;
        }
        if !document.security_zones.is_empty() {
            let mut zones = self.zone_file.is_some().then(|| self.merged.security_zones.clone());
            only_one(&mut zones, &mut self.zone_file, &document.security_zones, path, "security zones")?;
            self.merged.security_zones.clone_from(&document.security_zones);
        }
        for (name, value) in &document.service_config {
            let first = self.config_files.entry(name.clone()).or_insert_with(|| path.to_owned());
            let known = self.merged.service_config.entry(name.clone()).or_insert_with(|| value.clone());
            if known != value {
                return conflict(first, path, format!("different values of service setting {name:?}"));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<PolicyDocument, PolicyError> {
        let builtin = || {
            ServiceDef::builtin_trino()
                .map_err(|error| PolicyError::ServiceDef { name: "trino".to_owned(), what: error.to_string() })
        };
        match (&self.merged.service_def, &self.exported, &self.def_file) {
            (None, _, _) => self.merged.service_def = Some(builtin()?),
            (Some(def), Some(exported), Some(def_file)) if def.name != "trino" => {
                let what = format!("one has policies for {:?}, the other, without serviceDef, for \"trino\"", def.name);
                return conflict(def_file, exported, what);
            }
            _ => {}
        }
        Ok(PolicyDocument::new(self.merged, self.files))
    }
}

/// Keeps the first value and refuses a different second one.
fn only_one<T: PartialEq + Clone>(
    kept: &mut Option<T>,
    kept_file: &mut Option<PathBuf>,
    value: &T,
    path: &Path,
    name: &str,
) -> Result<(), PolicyError> {
    match (kept.as_ref(), kept_file.as_deref()) {
        (Some(first), Some(first_file)) if first != value => {
            conflict(first_file, path, format!("different {name} in one policy set"))
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            *kept = Some(value.clone());
            *kept_file = Some(path.to_owned());
            Ok(())
        }
    }
}

fn conflict<T>(first: &Path, second: &Path, what: String) -> Result<T, PolicyError> {
    Err(PolicyError::Conflict { first: first.to_owned(), second: second.to_owned(), what })
}
