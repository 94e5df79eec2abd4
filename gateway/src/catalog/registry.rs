//! The catalogs of one configuration, and the snapshot that a query keeps from its first name to its last row.

use crate::error::{Error, ErrorCode, Result};
use naru_connector::Connector;
use naru_policy::PolicyEngine;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One configured catalog.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Its name.
    pub name: Arc<str>,
    /// The source behind it.
    pub connector: Arc<dyn Connector>,
    /// Where unqualified names of a session in this catalog are looked up first.
    pub default_schema: String,
}

/// All catalogs, by name.
#[derive(Debug, Clone)]
pub struct Catalogs {
    by_name: BTreeMap<String, Catalog>,
    default_catalog: String,
}

impl Catalogs {
    /// A set of catalogs; the default one must be among them.
    pub fn new(catalogs: Vec<Catalog>, default_catalog: &str) -> Result<Self> {
        let by_name: BTreeMap<_, _> = catalogs.into_iter().map(|catalog| (catalog.name.to_string(), catalog)).collect();
        if !by_name.contains_key(default_catalog) {
            let text = format!("default_catalog \"{default_catalog}\" is not a catalog of this configuration");
            return Err(Error::new(ErrorCode::UndefinedCatalog, text));
        }
        Ok(Self { by_name, default_catalog: default_catalog.to_owned() })
    }

    /// The catalog of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Catalog> {
        self.by_name.get(name)
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Catalog> {
        self.by_name.values()
    }

    /// The catalog of a session that names none.
    #[must_use]
    pub fn default_catalog(&self) -> &str {
        &self.default_catalog
    }
}

/// What `SELECT *` does with a denied column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeniedColumns {
    /// It fails, and so does naming one: 42501.
    #[default]
    Error,
    /// It skips it, and naming one is 42703.
    Hide,
}

/// Catalogs and policies as one query sees them. A reload swaps the whole; running queries keep theirs.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The catalogs.
    pub catalogs: Arc<Catalogs>,
    /// The policies.
    pub policies: Arc<PolicyEngine>,
    /// What becomes of denied columns.
    pub denied_columns: DeniedColumns,
}
