//! How the visitor of one hit came, and a bounded memory of the sites that they came from.

use events::text::write_json_str;

use super::campaign::Campaign;
use super::origin::Origin;
use super::recent::Recent;
use super::referrer::{Referrer, is_on, is_within};
use super::url::{Url, without_www};
use crate::fragment::Fragment;
use crate::numbered::{Number, Numbered};
use crate::profile;

/// How a visitor came: an [`Origin`], in the form that costs least for most hits. [`super::Enricher::origin`] has it whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came<'h> {
    /// From within the site.
    Within,
    /// As the referrer tells, or from nowhere.
    Elsewhere(Number),
    /// As the page's URL tells.
    Campaign(Box<Origin<'h>>),
}

/// What a referrer tells, which is not of the site: of those that are, nothing but that is kept.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Elsewhere {
    /// Its host without `www.`, which may yet turn out to be the site's own; else empty.
    host: Box<str>,
    origin: Origin<'static>,
    /// `,"source":"google","medium":"organic","channel":"organic_search"`, as it stands in every enriched hit that came so.
    json: Fragment,
    /// See [`Elsewhere::packed`].
    packed: profile::Texts,
}

impl Elsewhere {
    fn read(referrer: &str) -> Self {
        let url = Url::split(referrer);
        let host = if url.is_web() { without_www(url.host) } else { "" };
        Self::new(Some(referrer), host, Origin::of_referrer(Referrer::elsewhere(&url)).into_owned())
    }

    fn new(referrer: Option<&str>, host: &str, origin: Origin<'static>) -> Self {
        let mut json = Vec::new();
        let channel = origin.channel.map(|channel| channel.as_str().into());
        for (name, text) in [("source", &origin.source), ("medium", &origin.medium), ("channel", &channel)] {
            if let Some(text) = text {
                json.extend_from_slice(format!(",\"{name}\":").as_bytes());
                write_json_str(&mut json, text);
            }
        }
        let packed = profile::Origin::of(referrer, &origin).pack();
        Self { host: host.into(), origin, json: Fragment::new(json), packed }
    }

    /// The origin of sessions whose first hit came so.
    pub(crate) fn packed(&self) -> &profile::Texts {
        &self.packed
    }
}

/// What an entry costs beside its text, which stands in it twice: the slot and its share of empty ones, the host, the
/// texts and their JSON.
const ENTRY_BYTES: usize = 456;

/// Longer referrers are seldom seen twice.
const MAX_KEPT_BYTES: usize = 512;

/// Referrers as they were read lately.
#[derive(Debug)]
pub(super) struct Referrers {
    recent: Recent<Number>,
    all: Numbered<Elsewhere>,
    absent: Number,
    /// Of those from within the site, whichever they are.
    within: Number,
    /// Of referrers that are not kept: they are forgotten when room is made next.
    long: Vec<Number>,
}

impl Referrers {
    pub(super) fn new(max_bytes: usize) -> Self {
        let mut all = Numbered::default();
        let absent = all.add(Elsewhere::new(None, "", Origin::of_referrer(Referrer::Absent)));
        let within = all.add(Elsewhere::new(None, "", Origin::of_referrer(Referrer::Internal)));
        let recent = Recent::new(max_bytes, |text| ENTRY_BYTES + 2 * text.len());
        Self { recent, all, absent, within, long: Vec::new() }
    }

    /// Forgets referrers that were not seen in a long time.
    #[inline]
    pub(super) fn make_room(&mut self) {
        self.recent.make_room(|number| self.all.release(number));
        self.long.drain(..).for_each(|number| self.all.release(number));
    }

    /// What a referrer tells, of that number.
    #[inline]
    pub(super) fn get(&self, number: Number) -> &Elsewhere {
        self.all.get(number)
    }

    /// How a visitor came, whole.
    pub(super) fn origin<'a, 'h>(&'a self, came: &'a Came<'h>) -> &'a Origin<'h> {
        match came {
            Came::Within => &self.get(self.within).origin,
            Came::Elsewhere(number) => &self.get(*number).origin,
            Came::Campaign(origin) => origin,
        }
    }

    /// What enriched hits say of where a visitor came from that came by no campaign.
    #[inline(always)]
    pub(super) fn json(&self, came: &Came<'_>) -> &Fragment {
        debug_assert!(!matches!(came, Came::Campaign(_)));
        let number = match came {
            Came::Elsewhere(number) => *number,
            Came::Within | Came::Campaign(_) => self.within,
        };
        &self.get(number).json
    }

    /// How the visitor of a hit with this page and referrer on this site came.
    #[inline]
    pub(super) fn came<'h>(&mut self, page: Option<&Url<'h>>, referrer: Option<&'h str>, site: &str) -> Came<'h> {
        if let Some(campaign) = page.and_then(|page| Campaign::read(page.query)) {
            let referrer = Referrer::read(referrer, page, site);
            return Came::Campaign(Box::new(Origin::of_campaign(campaign, referrer)));
        }
        let Some(referrer) = referrer else { return Came::Elsewhere(self.absent) };
        if page.is_some_and(|page| is_on(page, referrer)) {
            return Came::Within;
        }
        let number = if referrer.len() > MAX_KEPT_BYTES {
            let number = self.all.add(Elsewhere::read(referrer));
            self.long.push(number);
            number
        } else {
            *self.recent.get(referrer, |text| self.all.add(Elsewhere::read(text)))
        };
        if is_within(&self.get(number).host, page, site) { Came::Within } else { Came::Elsewhere(number) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn referrers_are_forgotten_long_ones_first() {
        let mut referrers = Referrers::new(20 * ENTRY_BYTES);
        for number in 0..1000 {
            for len in [10, MAX_KEPT_BYTES + 1] {
                let referrer = format!("https://{number}.example/{}", "a".repeat(len));
                assert!(matches!(referrers.came(None, Some(&referrer), "shop.example"), Came::Elsewhere(_)));
            }
            referrers.make_room();
            assert!(referrers.all.len() < 40 && referrers.long.is_empty(), "{}", referrers.all.len());
        }
    }
}
