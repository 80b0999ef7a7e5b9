//! A site's wishes, and all sites that there are.

use std::collections::BTreeMap;

use crate::address::{IpPolicy, Network};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::reading;
use crate::secret::SecretKey;

/// What a site asks of the edge.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Site {
    /// Pages that may send for it; none listed: any.
    pub origins: Vec<Origin>,
    /// What a request must carry to send for it, if anything. It is in the page, so it keeps mistakes out, and nobody else.
    pub write_key: Option<String>,
    /// What is kept of addresses.
    pub ip: IpPolicy,
    /// What a server of the site's own says to be believed about addresses, user agents and times.
    pub secret_key: Option<SecretKey>,
    /// How visitors are told apart.
    pub identity: Identity,
    /// What is done about people who ask not to be tracked (`Sec-GPC`, `DNT`).
    pub privacy: PrivacyPolicy,
    /// What is done about fields that a hit does not have.
    pub unknown_fields: UnknownFields,
    /// Most hits a second; none: no limit of its own.
    pub quota: Option<u32>,
    /// What is done about bots.
    pub bots: Automated,
    /// What is done about pages that a browser fetched before anybody asked for them.
    pub prefetch: Automated,
    /// Hosts whose pages do not count, such as a test system's.
    pub exclude_hosts: Vec<String>,
    /// Who does not count, such as the company's own people.
    pub exclude_addresses: Vec<Network>,
    /// In which days and reports are cut; an IANA name.
    pub time_zone: Option<String>,
    /// Whether rejections carry what was refused.
    pub keep_rejected: bool,
    /// The JSON Schemas of custom events, by name (`purchase`), or name and version (`purchase/2`).
    pub schemas: BTreeMap<String, SchemaFile>,
}

/// Where a JSON Schema is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaFile {
    /// The file; where it is relative, as seen from the file of sites.
    pub path: String,
    /// The line that names it.
    pub line: usize,
}

/// What is done about people who ask not to be tracked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PrivacyPolicy {
    /// Their hits count, without identity.
    #[default]
    Anonymous,
    /// Their hits do not count.
    Drop,
    /// Nothing.
    Ignore,
}

/// What is done about fields that a hit does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum UnknownFields {
    /// The hit is rejected, with the field's name.
    #[default]
    Reject,
    /// They go to `props`.
    Props,
}

/// What is done about hits that no person made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Automated {
    /// They are flagged.
    #[default]
    Flag,
    /// They are dropped, and counted.
    Drop,
}

/// How visitors are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Identity {
    /// By the `visitor_id` that the tracker sends.
    #[default]
    Tracker,
    /// By a cookie that the collector sets.
    Cookie,
    /// By a hash of address and user agent that is another one each day; nothing is kept in browsers.
    Cookieless,
}

impl Site {
    /// Whether pages of an origin, as a browser's `Origin` header names it, may send for it.
    pub fn allows(&self, origin: &str) -> bool {
        self.origins.is_empty() || origin.parse().is_ok_and(|page| self.origins.iter().any(|own| own.covers(&page)))
    }

    /// What holds for a site that says nothing.
    pub(crate) fn silent() -> Self {
        Self { keep_rejected: true, ..Self::default() }
    }
}

/// All sites.
#[derive(Clone, PartialEq, Debug)]
pub struct Sites {
    /// By name; none: there is no file, and any site is taken as it comes.
    named: Option<BTreeMap<String, Site>>,
    /// What holds where no site is known by name: all that a laptop wants without a file, and with one, what the most careful
    /// of the sites asks.
    unnamed: Site,
}

impl Default for Sites {
    fn default() -> Self {
        Self::any()
    }
}

impl Sites {
    /// Any site, each with the defaults and whole addresses: what a laptop wants.
    pub fn any() -> Self {
        Self { named: None, unnamed: Site { ip: IpPolicy::Full, ..Site::silent() } }
    }

    /// Reads `sites.toml`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        reading::read(text).map(|named| Self { unnamed: most_careful(named.values()), named: Some(named) })
    }

    /// What is asked for a site; none where it is none of ours.
    pub fn get(&self, name: &str) -> Option<&Site> {
        match &self.named {
            None => Some(&self.unnamed),
            Some(named) => named.get(name),
        }
    }

    /// What is kept of something whose site nobody can tell: no more than the most careful site allows.
    pub fn unnamed(&self) -> &Site {
        &self.unnamed
    }

    /// Whether any site is taken.
    pub fn takes_any(&self) -> bool {
        self.named.is_none()
    }

    /// All sites, by name; none where any is taken.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Site)> {
        self.named.iter().flatten().map(|(name, site)| (name.as_str(), site))
    }
}

fn most_careful<'s>(sites: impl Iterator<Item = &'s Site> + Clone) -> Site {
    Site {
        ip: sites.clone().map(|site| site.ip).max().unwrap_or_default(),
        privacy: PrivacyPolicy::Drop,
        keep_rejected: sites.clone().all(|site| site.keep_rejected),
        ..Site::silent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_site_is_known_the_most_careful_one_speaks() {
        let sites = Sites::parse("[sites.a]\nip = \"full\"\n[sites.b]\nip = \"none\"\nkeep_rejected = false").unwrap();
        let unnamed = sites.unnamed();
        assert_eq!((unnamed.ip, unnamed.keep_rejected), (IpPolicy::None, false));
        let sites = Sites::parse("[sites.a]\nip = \"full\"").unwrap();
        assert_eq!((sites.unnamed().ip, sites.unnamed().keep_rejected), (IpPolicy::Full, true));
        assert_eq!(Sites::parse("").unwrap().unnamed().ip, IpPolicy::Truncated);
    }

    #[test]
    fn without_a_file_every_site_is_taken() {
        assert!(Sites::any().takes_any() && Sites::any().get("whatever").is_some());
        assert!(Sites::parse("").unwrap().get("whatever").is_none());
    }
}
