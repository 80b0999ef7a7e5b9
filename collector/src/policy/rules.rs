//! One reading of the sites.

use std::collections::HashMap;

use sites::{Identity, Sites};

use super::facts::Facts;
use super::ruling::Ruling;
use crate::rates::Rate;

/// One reading of the sites.
#[derive(Debug)]
pub struct Rules {
    sites: Sites,
    /// Of sites that have one.
    quotas: HashMap<String, Rate>,
}

impl Rules {
    /// Rules for these sites. Quotas begin anew.
    pub fn new(sites: Sites) -> Self {
        let quotas = sites.iter().filter_map(|(name, site)| Some((name.to_owned(), Rate::of_one(site.quota?)?)));
        Self { quotas: quotas.collect(), sites }
    }

    /// The sites.
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// What becomes of a request's hits for a site.
    pub fn ruling<'r>(&'r self, site: &str, facts: &Facts<'_>) -> Ruling<'r> {
        match self.sites.get(site) {
            Some(rules) => Ruling::of(rules, site, facts).within(self.quotas.get(site)),
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
