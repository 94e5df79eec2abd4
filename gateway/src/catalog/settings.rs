//! Settings of catalogs as one session sees them: those of catalogs that exist for its identity.

use super::resolver::Resolver;
use crate::error::{Error, ErrorCode};
use naru_connector::SessionSetting;

/// A setting of a catalog and its value in a session.
#[derive(Debug, Clone)]
pub struct CatalogSetting {
    /// The catalog.
    pub catalog: String,
    /// What its connector says of it.
    pub setting: SessionSetting,
    /// The session's value, else the catalog's.
    pub value: String,
}

impl CatalogSetting {
    /// `catalog.name`, as SET has it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.catalog, self.setting.name)
    }
}

impl Resolver<'_> {
    /// All settings of the catalogs that exist for the identity, by catalog and name.
    #[must_use]
    pub fn settings(&self) -> Vec<CatalogSetting> {
        let of = |catalog: &super::Catalog| {
            let name = catalog.name.to_string();
            let settings = catalog.connector.settings().iter().cloned();
            let known = settings.map(|setting| {
                let value = self.ctx.setting(&name, setting.name).unwrap_or(&setting.default).to_owned();
                CatalogSetting { catalog: name.clone(), setting, value }
            });
            known.collect::<Vec<_>>()
        };
        self.catalogs().flat_map(of).collect()
    }

    /// The setting of this name.
    ///
    /// # Errors
    /// Of a catalog that does not exist for the identity nothing is known.
    pub fn setting(&self, name: &str) -> Result<CatalogSetting, Error> {
        let known = self.settings();
        let wanted = name.to_lowercase();
        if let Some(found) = known.iter().find(|setting| setting.name() == wanted) {
            return Ok(found.clone());
        }
        let error = Error::new(ErrorCode::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""));
        let catalog = wanted.split('.').next().unwrap_or_default();
        let beside = known.iter().filter(|setting| setting.catalog == catalog).map(CatalogSetting::name);
        let nearest = beside.min_by_key(|candidate| strsim::damerau_levenshtein(candidate, &wanted));
        Err(match nearest {
            Some(nearest) => error.with_hint(format!("did you mean \"{nearest}\"?")),
            None => error,
        })
    }
}
