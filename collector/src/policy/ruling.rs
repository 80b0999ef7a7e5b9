//! What the rules make of a request for one site.

use std::net::IpAddr;
use std::sync::OnceLock;

use events::{IncomingHit, Invalid, Limits, Reason, Text, Timestamp, Uuid};
use serde_json::value::RawValue;
use sessions::enrich::is_bot;
use sites::{Automated, Identity, PrivacyPolicy, Site, UnknownFields};

use super::cookie;
use super::facts::{Facts, Signals};
use super::salts::Salts;
use super::schemas::Schemas;
use crate::rates::Rate;

/// What the rules make of a request for one site.
#[derive(Debug)]
pub struct Ruling<'r> {
    name: Box<str>,
    site: &'r Site,
    quota: Option<&'r Rate>,
    schemas: Option<&'r Schemas>,
    /// Who the site's cookie says it is, or will say from now on.
    visitor: Option<CookieVisitor>,
    /// What stands against every hit, whatever it says.
    against: Option<Invalid>,
    /// What may be written of the sender's address.
    ip: Option<String>,
    /// What was asked about privacy and what is done, as it stands in the record.
    privacy: Option<Box<RawValue>>,
    purpose: Option<&'static str>,
    is_anonymous: bool,
    keeps_raw: bool,
    /// Whether the request's own user agent is a bot's: asked once, when the first hit needs it.
    is_from_bot: OnceLock<bool>,
}

/// When and how a hit came.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// When it happened.
    pub event_time: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// What its request says.
    pub facts: &'a Facts<'a>,
    /// What visitors without a cookie are told apart by.
    pub salts: &'a Salts,
    /// Makes the id of a hit that has none.
    pub new_id: &'a (dyn Fn(Timestamp) -> Uuid + Send + Sync),
}

#[derive(Clone, Copy, Debug)]
struct CookieVisitor {
    id: Uuid,
    is_new: bool,
}

impl<'r> Ruling<'r> {
    /// For a site that there is.
    pub(super) fn of(site: &'r Site, name: &str, facts: &Facts<'_>) -> Self {
        let withheld = facts.signals.any() && site.privacy != PrivacyPolicy::Ignore;
        let is_dropped = withheld && site.privacy == PrivacyPolicy::Drop;
        Self {
            name: name.into(),
            site,
            quota: None,
            schemas: None,
            visitor: facts
                .cookies
                .filter(|_| site.identity == Identity::Cookie && !withheld)
                .and_then(|cookies| cookie::read(name, cookies).map(|id| CookieVisitor { id, is_new: false })),
            against: objection(site, facts),
            ip: if withheld { None } else { site.ip.apply(facts.address).map(text) },
            privacy: facts.signals.any().then(|| privacy(facts.signals, withheld)),
            purpose: facts.purpose,
            is_anonymous: withheld && !is_dropped,
            keeps_raw: site.keep_rejected && !withheld,
            is_from_bot: OnceLock::new(),
        }
    }

    /// For a site that is none of ours: it may not send, and of what it sent no more is kept than the most careful site of ours
    /// allows.
    pub(super) fn unknown(careful: &'r Site, name: &str, facts: &Facts<'_>) -> Self {
        let detail = format!("`{name}` is no site here; the file of sites has none of that name");
        Self { against: Some(Invalid::new(Reason::UnknownSite, "/site", detail)), ..Self::of(careful, name, facts) }
    }

    /// With how much the site may send, and what its events must look like.
    pub(super) fn within(self, quota: Option<&'r Rate>, schemas: Option<&'r Schemas>) -> Self {
        Self { quota, schemas, ..self }
    }

    /// The site that it is about.
    pub fn site(&self) -> &str {
        &self.name
    }

    /// What may be written of the sender's address.
    pub fn ip(&self) -> Option<&str> {
        self.ip.as_deref()
    }

    /// What may be written of an address that a backend names for its visitor.
    pub fn ip_of(&self, address: IpAddr) -> Option<String> {
        if self.is_anonymous { None } else { self.site.ip.apply(address).map(text) }
    }

    /// Whether this is the site's secret key.
    pub fn is_opened_by(&self, key: &str) -> bool {
        self.site.secret_key.as_ref().is_some_and(|own| own.is(key))
    }

    /// What was asked about privacy, and what is done: `{"gpc":true,"done":"anonymous"}`.
    pub fn privacy(&self) -> Option<&RawValue> {
        self.privacy.as_deref()
    }

    /// `prefetch` or `prerender`.
    pub fn purpose(&self) -> Option<&'static str> {
        self.purpose
    }

    /// In which the site's days are cut.
    pub fn time_zone(&self) -> Option<&'r str> {
        self.site.time_zone.as_deref()
    }

    /// Whether its hits count without identity, as their sender asks.
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Whether a rejection may carry what was refused.
    pub fn keeps_raw(&self) -> bool {
        self.keeps_raw
    }

    /// Says who the visitor of a hit is that is going to be taken, where the site does not leave that to the tracker.
    pub fn identify(&mut self, hit: &mut IncomingHit<'_>, moment: &Moment<'_>) {
        let visitor = match self.site.identity {
            _ if self.is_anonymous => return,
            Identity::Tracker => return,
            Identity::Cookie => {
                // The first hit of a request without a cookie makes the visitor.
                let first_hit = *hit.hit_id.get_or_insert_with(|| (moment.new_id)(moment.received_at));
                let made = || CookieVisitor { id: cookie::visitor(&self.name, first_hit), is_new: true };
                Some(self.visitor.get_or_insert_with(made).id)
            }
            Identity::Cookieless => {
                let agent = hit.user_agent.as_deref().or(moment.facts.user_agent.as_deref()).unwrap_or_default();
                // A backend that names its visitor's address stands between us and the visitor.
                let address = hit.ip.unwrap_or(moment.facts.address);
                let times = (moment.event_time, moment.received_at);
                moment.salts.visitor(&self.name, address, agent, times.0, times.1)
            }
        };
        hit.visitor_id = visitor.map(|visitor| Text(visitor.to_string().into()));
    }

    /// The header that gives the browser its cookie, where it has none yet.
    pub fn set_cookie(&self) -> Option<String> {
        let new = self.visitor.filter(|visitor| visitor.is_new)?;
        Some(cookie::header(&self.name, new.id))
    }

    /// Counts a hit that is going to be taken.
    ///
    /// # Errors
    ///
    /// Where it is one too many for its site or its visitor.
    pub fn count(&self, hit: &IncomingHit<'_>, visitors: Option<&Rate>) -> Result<(), Invalid> {
        if let (Some(visitors), Some(visitor)) = (visitors, hit.visitor_id.as_deref())
            && visitors.take((&*self.name, visitor)).is_err()
        {
            return Err(Invalid::new(Reason::HotKey, "/visitor_id", "this visitor sends more than a person can"));
        }
        if self.quota.is_some_and(|quota| quota.take(()).is_err()) {
            return Err(Invalid::new(
                Reason::OverQuota,
                "/site",
                "the site sends more than its quota; send it again later",
            ));
        }
        Ok(())
    }

    /// Holds a hit against the site's rules, and changes in it what they ask. `facts` are those that the ruling was made of.
    ///
    /// # Errors
    ///
    /// Why the hit is not taken.
    pub fn judge(&self, hit: &mut IncomingHit<'_>, facts: &Facts<'_>, limits: &Limits) -> Result<(), Invalid> {
        if let Some(against) = &self.against {
            return Err(against.clone());
        }
        if let Some(host) = hit.url.as_deref().and_then(host)
            && self.site.exclude_hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
        {
            return Err(Invalid::new(Reason::Excluded, "/url", "the site does not count pages of this host"));
        }
        if self.site.bots == Automated::Drop {
            let is_bot = match hit.user_agent.as_deref() {
                Some(agent) => is_bot(agent),
                None => *self.is_from_bot.get_or_init(|| facts.user_agent.as_deref().is_some_and(is_bot)),
            };
            if is_bot {
                return Err(Invalid::new(Reason::Bot, "", "the site does not count bots"));
            }
        }
        if self.site.unknown_fields == UnknownFields::Props {
            hit.unknown_into_props(limits)?;
        }
        if let (Some(schemas), Some(event)) = (self.schemas, hit.kind.as_deref()) {
            schemas.check(event, hit.props.as_deref())?;
        }
        if self.is_anonymous {
            (hit.visitor_id, hit.user_id) = (None, None);
        }
        Ok(())
    }
}

/// What stands against every hit of a request, first what may not be, then what is not wanted.
fn objection(site: &Site, facts: &Facts<'_>) -> Option<Invalid> {
    if let Some(origin) = facts.origin
        && !site.allows(origin)
    {
        let detail = "pages of this origin may not send for the site";
        return Some(Invalid::new(Reason::OriginNotAllowed, "", detail));
    }
    if let Some(key) = &site.write_key
        && facts.write_key.as_deref() != Some(key)
    {
        let detail = "the site takes hits with its write key alone: header X-Write-Key, or write_key in the query";
        return Some(Invalid::new(Reason::WrongWriteKey, "", detail));
    }
    if site.exclude_addresses.iter().any(|network| network.contains(facts.address)) {
        return Some(Invalid::new(Reason::Excluded, "", "the site does not count this address"));
    }
    if facts.signals.any() && site.privacy == PrivacyPolicy::Drop {
        let detail = "the site does not count people who ask not to be tracked";
        return Some(Invalid::new(Reason::DoNotTrack, "", detail));
    }
    if facts.purpose.is_some() && site.prefetch == Automated::Drop {
        let detail = "the site does not count pages that nobody has asked for yet";
        return Some(Invalid::new(Reason::Prefetch, "", detail));
    }
    None
}

fn privacy(signals: Signals, withheld: bool) -> Box<RawValue> {
    let gpc = if signals.gpc { "\"gpc\":true," } else { "" };
    let dnt = if signals.dnt { "\"dnt\":true," } else { "" };
    let done = if withheld { "anonymous" } else { "ignored" };
    let text = format!("{{{gpc}{dnt}\"done\":\"{done}\"}}");
    RawValue::from_string(text).expect("words between quotes are JSON")
}

/// An address as a record has it. The usual kind is put together by hand: each request has one.
fn text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(itoa::Buffer::new().format(octet));
    }
    text
}

/// The host of an absolute URL.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(host.split_once(':').filter(|_| !host.starts_with('[')).map_or(host, |(host, _)| host))
}

#[cfg(test)]
mod tests;
