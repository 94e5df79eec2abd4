//! The resource levels of a service definition as trees, one set each for access, masks and row filters.

use std::collections::{BTreeMap, HashMap};

use super::Requested;
use crate::model::{ResourceDef, ServiceDef};
use crate::request::Resource;

/// The levels of one policy type. A level is known by its number; its path leads to it from the top.
#[derive(Debug, Clone)]
pub struct Hierarchies {
    levels: Vec<ResourceDef>,
    paths: Vec<Vec<usize>>,
    by_name: HashMap<String, usize>,
}

/// A request's resource, placed in the hierarchies.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) path: Vec<usize>,
    pub(super) values: Vec<Requested>,
}

impl Target {
    /// The levels from the top, each with what is requested there.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (usize, &Requested)> {
        self.path.iter().copied().zip(&self.values)
    }

    /// The deepest level requested; none when nothing is named ("anything at all").
    pub(crate) fn leaf(&self) -> Option<usize> {
        self.path.last().copied()
    }
}

impl Hierarchies {
    /// The levels for access policies.
    #[must_use]
    pub fn access(def: &ServiceDef) -> Self {
        Self::new(def.resources.clone())
    }

    /// The levels for mask policies; none when the service has no masks.
    #[must_use]
    pub fn mask(def: &ServiceDef) -> Self {
        Self::new(def.data_mask_def.as_ref().map(|mask| merged(def, &mask.resources)).unwrap_or_default())
    }

    /// The levels for row-filter policies; none when the service has no row filters.
    #[must_use]
    pub fn row_filter(def: &ServiceDef) -> Self {
        Self::new(def.row_filter_def.as_ref().map(|filter| merged(def, &filter.resources)).unwrap_or_default())
    }

    fn new(levels: Vec<ResourceDef>) -> Self {
        let by_name: HashMap<String, usize> =
            levels.iter().enumerate().map(|(number, level)| (level.name.clone(), number)).collect();
        let paths = (0..levels.len()).map(|number| path(&levels, &by_name, number)).collect();
        Self { levels, paths, by_name }
    }

    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    /// Nothing lies below this level.
    pub(crate) fn is_deepest(&self, number: usize) -> bool {
        self.paths.iter().all(|path| path.last() == Some(&number) || !path.contains(&number))
    }

    pub(super) fn level(&self, number: usize) -> &ResourceDef {
        &self.levels[number]
    }

    /// The path that exactly these names form, without gaps. No names are the empty path.
    pub(super) fn path_of<'n>(&self, names: impl Iterator<Item = &'n str>) -> Option<Vec<usize>> {
        let numbers: Vec<usize> = names.map(|name| self.by_name.get(name).copied()).collect::<Option<_>>()?;
        let Some(deepest) = numbers.iter().copied().max_by_key(|number| self.paths[*number].len()) else {
            return Some(Vec::new());
        };
        let path = &self.paths[deepest];
        let fits = path.len() == numbers.len() && numbers.iter().all(|number| path.contains(number));
        fits.then(|| path.clone())
    }

    /// Places a request's resource; `None` when its names fit no hierarchy. A level without any value counts as absent.
    #[must_use]
    pub fn target(&self, resource: &Resource) -> Option<Target> {
        let named: BTreeMap<&str, &[String]> = resource.elements().filter(|(_, values)| !values.is_empty()).collect();
        let path = self.path_of(named.keys().copied())?;
        let values = path
            .iter()
            .map(|number| Requested::new(named.get(self.levels[*number].name.as_str()).copied().unwrap_or_default()))
            .collect();
        Some(Target { path, values })
    }
}

/// Follows the parent links up to the top. A parent that the set lacks, or a cycle, ends the path.
fn path(levels: &[ResourceDef], by_name: &HashMap<String, usize>, number: usize) -> Vec<usize> {
    let mut path = vec![number];
    let mut current = number;
    while let Some(parent) = levels[current].parent.as_deref().and_then(|name| by_name.get(name)).copied() {
        if path.contains(&parent) {
            break;
        }
        path.insert(0, parent);
        current = parent;
    }
    path
}

/// Mask and row-filter levels are written as differences to the access level of the same name.
fn merged(def: &ServiceDef, overrides: &[ResourceDef]) -> Vec<ResourceDef> {
    overrides
        .iter()
        .map(|given| {
            let mut level =
                def.resources.iter().find(|level| level.name == given.name).cloned().unwrap_or_else(|| given.clone());
            level.matcher_options.extend(given.matcher_options.clone());
            level.matcher = given.matcher.clone().filter(|class| !class.is_empty()).or(level.matcher);
            level.parent = given.parent.clone().filter(|parent| !parent.is_empty()).or(level.parent);
            level.level = given.level.or(level.level);
            level
        })
        .collect()
}
