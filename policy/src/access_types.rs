//! Access types as numbers and sets, so that deciding about many of them at once (`_any`) is a few bit operations.

use std::collections::HashMap;

use crate::error::PolicyError;
use crate::model::ServiceDef;

/// Most access types a service definition may have, with the two special ones.
const LIMIT: usize = 128;

/// A set of access types.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AccessSet(u128);

impl AccessSet {
    /// Delegated administration.
    pub(crate) const ADMIN: Self = Self(1);
    /// A type that the service definition doesn't know: no item grants it, denyAllElse denies it.
    pub(crate) const UNKNOWN: Self = Self(2);
    pub(crate) const EMPTY: Self = Self(0);

    fn one(number: usize) -> Self {
        Self(1 << number)
    }

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The single types of the set.
    pub(crate) fn each(self) -> impl Iterator<Item = Self> {
        (0..LIMIT).map(Self::one).filter(move |one| self.intersects(*one))
    }
}

/// The access types of a service definition. Names compare case-insensitively.
#[derive(Debug)]
pub(crate) struct AccessTypes {
    numbers: HashMap<String, usize>,
    names: Vec<String>,
    /// What granting a name grants: the type itself and its implied ones, one round only.
    grants: HashMap<String, AccessSet>,
    any: AccessSet,
}

impl AccessTypes {
    pub(crate) fn new(def: &ServiceDef) -> Result<Self, PolicyError> {
        let names: Vec<String> = ["_admin", "_unknown"]
            .into_iter()
            .map(str::to_owned)
            .chain(def.access_types.iter().map(|access| access.name.to_lowercase()))
            .collect();
        if names.len() > LIMIT {
            let what = format!("{} access types are more than the {} supported", names.len() - 2, LIMIT - 2);
            return Err(PolicyError::ServiceDef { name: def.name.clone(), what });
        }
        let numbers = names.iter().enumerate().skip(2).map(|(number, name)| (name.clone(), number)).collect();
        let mut types = Self { numbers, names, grants: HashMap::new(), any: AccessSet::EMPTY };
        types.any = types.set(def.access_types.iter().map(|access| access.name.as_str()));
        for access in &def.access_types {
            let implied = types.set(access.implied_grants.iter().map(String::as_str));
            let grants = types.set([access.name.as_str()]).with(implied);
            types.grants.insert(access.name.to_lowercase(), grants);
        }
        types.add_markers(def);
        Ok(types)
    }

    /// `_READ` and the like: all types of that category with what they imply; `_ALL`: everything. Definitions from a
    /// Ranger admin list them ready made, which then counts (Ranger section "RangerServiceDef").
    fn add_markers(&mut self, def: &ServiceDef) {
        for category in ["CREATE", "READ", "UPDATE", "DELETE", "MANAGE"] {
            let of_category = def.access_types.iter().filter(|access| access.category.as_deref() == Some(category));
            let grants = of_category
                .filter_map(|access| self.grants.get(&access.name.to_lowercase()))
                .fold(AccessSet::EMPTY, |set, grants| set.with(*grants));
            self.grants.insert(format!("_{}", category.to_lowercase()), grants);
        }
        self.grants.insert("_all".to_owned(), self.any);
        for marker in &def.marker_access_types {
            let grants = self.set(marker.implied_grants.iter().map(String::as_str));
            self.grants.insert(marker.name.to_lowercase(), grants);
        }
    }

    fn set<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> AccessSet {
        names
            .into_iter()
            .filter_map(|name| self.numbers.get(&name.to_lowercase()))
            .fold(AccessSet::EMPTY, |set, number| set.with(AccessSet::one(*number)))
    }

    /// All types of the service definition, which is what `_any` asks for.
    pub(crate) fn any(&self) -> AccessSet {
        self.any
    }

    /// What an item grants that names this type; `None` when the service definition doesn't know it.
    pub(crate) fn granted_by(&self, name: &str) -> Option<AccessSet> {
        self.grants.get(&name.to_lowercase()).copied()
    }

    /// The type that a request names.
    pub(crate) fn requested(&self, name: &str) -> AccessSet {
        self.numbers.get(&name.to_lowercase()).map_or(AccessSet::UNKNOWN, |number| AccessSet::one(*number))
    }

    /// The names of a set, for people.
    pub(crate) fn names(&self, set: AccessSet) -> String {
        let named = self.names.iter().enumerate().filter(|(number, _)| set.intersects(AccessSet::one(*number)));
        named.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
