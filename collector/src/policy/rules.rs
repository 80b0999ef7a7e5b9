//! One reading of the sites.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sites::{Identity, Problem, Sites};

use super::facts::Facts;
use super::ruling::Ruling;
use super::schemas::Schemas;
use crate::rates::Rate;

/// One reading of the sites.
#[derive(Debug)]
pub struct Rules {
    sites: Sites,
    /// Of sites that have one.
    quotas: HashMap<String, Rate>,
    /// Of sites that have some.
    schemas: HashMap<String, Schemas>,
}

impl Rules {
    /// Rules for these sites. Quotas begin anew.
    pub fn new(sites: Sites) -> Self {
        let quotas = sites.iter().filter_map(|(name, site)| Some((name.to_owned(), Rate::of_one(site.quota?)?)));
        Self { quotas: quotas.collect(), schemas: HashMap::new(), sites }
    }

    /// With the schemas that the sites name; a relative path is seen from the folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, in the order of the lines that name them.
    pub(super) fn with_schemas(mut self, folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for (name, site) in self.sites.iter().filter(|(_, site)| !site.schemas.is_empty()) {
            self.schemas.insert(name.to_owned(), Schemas::read(folder, name, site, &mut problems));
        }
        problems.sort();
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// The files of the schemas.
    pub(super) fn schema_files(&self, folder: &Path) -> impl Iterator<Item = PathBuf> {
        let files = self.sites.iter().flat_map(|(_, site)| site.schemas.values());
        files.map(|file| folder.join(&file.path))
    }

    /// The sites.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// What becomes of a request's hits for a site.
    pub fn ruling<'r>(&'r self, site: &str, facts: &Facts<'_>) -> Ruling<'r> {
        match self.sites.get(site) {
            Some(rules) => Ruling::of(rules, site, facts).within(self.quotas.get(site), self.schemas.get(site)),
            None => Ruling::unknown(self.sites.unnamed(), site, facts),
        }
    }

    /// What may be kept of something whose site nobody can tell.
    pub fn unplaced(&self, facts: &Facts<'_>) -> Ruling<'_> {
        Ruling::of(self.sites.unnamed(), "", facts)
    }

    /// Whether pages of an origin may send for any site at all: a browser asks before it says for which.
    pub(super) fn allow(&self, origin: &str) -> bool {
        self.sites.takes_any() || self.sites.iter().any(|(_, site)| site.allows(origin))
    }

    /// Whether such pages may send a cookie along.
    pub(super) fn want_cookie(&self, origin: &str) -> bool {
        self.sites.iter().any(|(_, site)| site.identity == Identity::Cookie && site.allows(origin))
    }
}
