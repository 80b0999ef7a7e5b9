//! Visitors who are told apart without anything kept in their browsers.
//!
//! A visitor is a keyed hash of site, address and user agent. Each day has a key of its own, made at random and forgotten when the
//! day after is over; when it is gone, nobody can say any more who a visitor was, also not by trying all addresses. Collectors
//! agree on the keys by the topic `salts`: see [`sharing`].

pub(super) mod sharing;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use events::{Day, Salt, Span, Timestamp, Uuid};

/// How long before a day its key is agreed on: a bus that is away over midnight then harms nobody.
const AHEAD: Span = Span::from_hours(1);

/// The keys of yesterday, today and, in the evening, tomorrow.
#[derive(Default)]
pub struct Salts {
    /// Never more than four: a request that is under way when a day begins may still ask for the oldest.
    by_day: Mutex<BTreeMap<Day, Known>>,
}

struct Known {
    salt: Salt,
    key: Key,
    /// Whether it is the one that all collectors have, and not this one's own.
    is_agreed: bool,
}

impl Known {
    fn new(salt: Salt, is_agreed: bool) -> Self {
        Self { key: Key::new(HMAC_SHA256, &salt.bytes), salt, is_agreed }
    }

    /// One that nobody else has; none without random bytes: nobody is told apart then, which is better than by a key that can
    /// be guessed.
    fn own(day: Day) -> Option<Self> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        Some(Self::new(Salt { day, bytes }, false))
    }
}

impl Salts {
    /// Who did something, as far as a site can tell; none where it happened before yesterday, or on a day whose key is gone.
    /// Where nothing was agreed on for today, this collector's own key does.
    pub(super) fn visitor(
        &self,
        site: &str,
        address: IpAddr,
        user_agent: &str,
        event_time: Timestamp,
        received_at: Timestamp,
    ) -> Option<Uuid> {
        let (day, today) = (Day::of(event_time), Day::of(received_at));
        if !(today.plus(-1)..=today).contains(&day) {
            return None;
        }
        let mut by_day = self.by_day();
        by_day.retain(|day, _| *day >= today.plus(-2));
        let known = if day == today { known_or_own(&mut by_day, day)? } else { by_day.get(&day)? };
        let mut hash = Context::with_key(&known.key);
        drop(by_day);
        for part in [site.as_bytes(), address.to_string().as_bytes(), user_agent.as_bytes()] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash = hash.sign();
        let bytes = hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        Some(uuid::Builder::from_custom_bytes(*bytes).into_uuid())
    }

    /// The days whose keys should be agreed on by now, and are not.
    fn wanted(&self, now: Timestamp) -> Vec<Day> {
        let by_day = self.by_day();
        let is_agreed = |day: &Day| by_day.get(day).is_some_and(|known| known.is_agreed);
        let mut days = vec![Day::of(now), Day::of(now + AHEAD)];
        days.dedup();
        days.retain(|day| !is_agreed(day));
        days
    }

    /// What this collector has to offer for a day. The same until something is agreed on.
    fn offer(&self, day: Day) -> Option<Salt> {
        known_or_own(&mut self.by_day(), day).map(|known| known.salt.clone())
    }

    /// Takes what all have. What was agreed on first stays.
    fn agree(&self, salt: Salt) {
        let mut by_day = self.by_day();
        if !by_day.get(&salt.day).is_some_and(|known| known.is_agreed) {
            by_day.insert(salt.day, Known::new(salt, true));
        }
    }

    fn by_day(&self) -> MutexGuard<'_, BTreeMap<Day, Known>> {
        self.by_day.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a day, or from now on a key of this collector's own.
fn known_or_own(by_day: &mut BTreeMap<Day, Known>, day: Day) -> Option<&Known> {
    match by_day.entry(day) {
        Entry::Occupied(known) => Some(known.into_mut()),
        Entry::Vacant(new) => Some(new.insert(Known::own(day)?)),
    }
}

impl std::fmt::Debug for Salts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-02T00:00:00Z.
    const MIDNIGHT: Timestamp = Timestamp::from_millis(1_793_577_600_000);

    fn visitor(salts: &Salts, site: &str, address: &str, agent: &str, hours_ago: i64) -> Option<Uuid> {
        let now = MIDNIGHT + Span::from_hours(12);
        salts.visitor(site, address.parse().unwrap(), agent, now - Span::from_hours(hours_ago), now)
    }

    /// A collector that was there yesterday.
    fn since_yesterday() -> Salts {
        let salts = Salts::default();
        salts.visitor("a", [192, 0, 2, 1].into(), "", MIDNIGHT - Span::from_hours(1), MIDNIGHT - Span::from_hours(1));
        salts
    }

    #[test]
    fn a_visitor_is_one_for_a_day_on_one_site() {
        let salts = since_yesterday();
        let one = visitor(&salts, "a", "192.0.2.1", "Browser/1", 0);
        assert_eq!(one, visitor(&salts, "a", "192.0.2.1", "Browser/1", 11), "in the morning too");
        let others = [
            visitor(&salts, "b", "192.0.2.1", "Browser/1", 0),
            visitor(&salts, "a", "192.0.2.2", "Browser/1", 0),
            visitor(&salts, "a", "192.0.2.1", "Browser/2", 0),
            visitor(&salts, "a", "192.0.2.1", "Browser/1", 13),
            visitor(&Salts::default(), "a", "192.0.2.1", "Browser/1", 0),
        ];
        assert!(others.iter().all(|other| other.is_some() && *other != one));
    }

    #[test]
    fn a_key_is_gone_after_two_days_and_what_is_older_has_no_visitor() {
        let salts = Salts::default();
        assert_eq!(visitor(&salts, "a", "192.0.2.1", "Browser/1", 13), None, "nobody has yesterday's");
        let salts = Salts::default();
        let at = |time: Timestamp, now| salts.visitor("a", [192, 0, 2, 1].into(), "", time, now);
        let then = at(MIDNIGHT, MIDNIGHT).unwrap();
        assert_eq!(at(MIDNIGHT, MIDNIGHT + Span::from_hours(47)), Some(then));
        assert_eq!(at(MIDNIGHT, MIDNIGHT + Span::from_hours(48)), None);
        at(MIDNIGHT + Span::from_hours(72), MIDNIGHT + Span::from_hours(72)).unwrap();
        assert_ne!(at(MIDNIGHT, MIDNIGHT), Some(then), "the key was forgotten");
    }
}
