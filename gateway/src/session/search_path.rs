//! Which setting a name means: one of the session's own, one of a catalog's (`catalog.name`), or `search_path`.
//!
//! `search_path` is the one setting that is not a value of its own: it is the session's schema. Of a list, the first schema that a
//! table could be in counts; `pg_catalog` is searched first anyway.

use super::catalog_settings::shown_name;
use super::query::Session;
use super::settings::Settings;
use crate::error::Result;

const NAME: &str = "search_path";
/// What clients put in their lists besides schemas.
const NO_SCHEMAS: &[&str] = &["$user", "pg_catalog", "information_schema"];

impl Session {
    /// SET name = value.
    pub fn assign(&mut self, name: &str, value: &str) -> Result<()> {
        if name.contains('.') {
            return self.assign_to_catalog(name, value);
        }
        if !name.eq_ignore_ascii_case(NAME) {
            return self.settings.set(name, value);
        }
        let mut names = value.split(',').map(|name| name.trim().trim_matches('"'));
        if let Some(schema) = names.find(|name| !name.is_empty() && !NO_SCHEMAS.contains(name)) {
            // As in PostgreSQL, one that does not exist is no error: nothing is found in it.
            schema.clone_into(&mut self.path.schema);
        }
        Ok(())
    }

    /// SHOW name: the name as it is reported, and the value.
    pub(super) fn shown(&self, name: &str) -> Result<(String, String)> {
        let name = shown_name(name);
        if name.contains('.') {
            let setting = self.catalog_setting(&name)?;
            return Ok((setting.name(), setting.value));
        }
        if name.eq_ignore_ascii_case(NAME) {
            return Ok((NAME.to_owned(), self.path.schema.clone()));
        }
        Ok((Settings::canonical(&name)?.to_owned(), self.settings.show(&name)?.to_owned()))
    }

    /// RESET name.
    pub fn unset(&mut self, name: &str) -> Result<()> {
        if name.contains('.') {
            return self.unset_of_catalog(name);
        }
        if !name.eq_ignore_ascii_case(NAME) {
            return self.settings.reset(name);
        }
        let snapshot = self.gateway.snapshot();
        if let Some(catalog) = snapshot.catalogs.get(&self.path.catalog) {
            self.path.schema.clone_from(&catalog.default_schema);
        }
        Ok(())
    }

    /// RESET ALL.
    pub(super) fn unset_all(&mut self) -> Result<()> {
        self.settings.reset_all();
        self.unset(NAME)
    }
}

/// The column that SHOW of this setting gives.
pub(super) fn column_of(name: &str) -> String {
    let name = shown_name(name);
    if name.contains('.') {
        return name.into_owned();
    }
    let own = if name.eq_ignore_ascii_case(NAME) { NAME } else { Settings::canonical(&name).unwrap_or("setting") };
    own.to_owned()
}
