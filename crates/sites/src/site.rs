//! A site's wishes, and all sites that there are.

use std::collections::BTreeMap;

use crate::address::{IpPolicy, Network};
use crate::origin::Origin;
use crate::problem::Problem;
use crate::reading;

/// What a site asks of the edge.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Site {
    /// Pages that may send for it; none listed: any.
    pub origins: Vec<Origin>,
    /// What a request must carry to send for it, if anything. It is in the page, so it keeps mistakes out, and nobody else.
    pub write_key: Option<String>,
    /// What is kept of addresses.
    pub ip: IpPolicy,
    /// Whether visitors are told apart without anything kept in their browsers.
    pub cookieless: bool,
    /// What is done about people who ask not to be tracked (`Sec-GPC`, `DNT`).
    pub privacy: PrivacyPolicy,
    /// What is done about fields that a hit does not have.
    pub unknown_fields: UnknownFields,
    /// Most hits a second; none: no limit of its own.
    pub quota: Option<u32>,
    /// What is done about bots.
    pub bots: Bots,
    /// Hosts whose pages do not count, such as a test system's.
    pub exclude_hosts: Vec<String>,
    /// Who does not count, such as the company's own people.
    pub exclude_addresses: Vec<Network>,
    /// In which days and reports are cut; an IANA name.
    pub time_zone: Option<String>,
    /// Whether rejections carry what was refused.
    pub keep_rejected: bool,
    /// The file of the JSON Schema of each custom event that has one, by its name.
    pub schemas: BTreeMap<String, String>,
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

/// What is done about bots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Bots {
    /// Their hits are flagged.
    #[default]
    Flag,
    /// Their hits are dropped, and counted.
    Drop,
}

/// All sites.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sites {
    /// By name; none: there is no file, and any site is taken as it comes.
    named: Option<BTreeMap<String, Site>>,
}

impl Sites {
    /// Any site, each with the defaults: what a laptop wants.
    pub fn any() -> Self {
        Self::default()
    }

    /// Reads `sites.toml`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        reading::read(text).map(|named| Self { named: Some(named) })
    }

    /// What is asked for a site; none where it is none of ours.
    pub fn get(&self, name: &str) -> Option<Site> {
        match &self.named {
            None => Some(Site { ip: IpPolicy::Full, keep_rejected: true, ..Site::default() }),
            Some(named) => named.get(name).cloned(),
        }
    }

    /// The names of all sites; none where any is taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().flat_map(|named| named.keys().map(String::as_str))
    }
}
