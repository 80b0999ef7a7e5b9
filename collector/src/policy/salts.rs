//! Visitors who are told apart without anything kept in their browsers.
//!
//! A visitor is a keyed hash of site, address and user agent. Each day has a key of its own, made at random and kept in memory for
//! two days; when it is gone, nobody can say any more who a visitor was, also not by trying all addresses.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand::SystemRandom;
use events::{Span, Timestamp, Uuid};

const DAY: Span = Span::from_hours(24);

/// The keys of today and yesterday.
#[derive(Default)]
pub struct Salts {
    /// By day since the epoch. Never more than three: a request that is under way when a day begins may still ask for the oldest.
    by_day: Mutex<BTreeMap<i64, Key>>,
}

impl Salts {
    /// Who did something, as far as a site can tell; none where it happened before yesterday, for which there is no key.
    pub(super) fn visitor(
        &self,
        site: &str,
        address: IpAddr,
        user_agent: &str,
        event_time: Timestamp,
        received_at: Timestamp,
    ) -> Option<Uuid> {
        let (day, today) = (day(event_time), day(received_at));
        if !(today - 1..=today).contains(&day) {
            return None;
        }
        let mut by_day = self.by_day.lock().unwrap_or_else(PoisonError::into_inner);
        by_day.retain(|day, _| *day >= today - 2);
        let key = match by_day.entry(day) {
            Entry::Occupied(known) => known.into_mut(),
            // Without random bytes nobody is told apart, which is better than by a key that can be guessed.
            Entry::Vacant(new) => new.insert(Key::generate(HMAC_SHA256, &SystemRandom::new()).ok()?),
        };
        let mut hash = Context::with_key(key);
        drop(by_day);
        for part in [site.as_bytes(), address.to_string().as_bytes(), user_agent.as_bytes()] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let hash = hash.sign();
        let bytes = hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        Some(uuid::Builder::from_custom_bytes(*bytes).into_uuid())
    }
}

fn day(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(DAY.as_millis())
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

    #[test]
    fn a_visitor_is_one_for_a_day_on_one_site() {
        let salts = Salts::default();
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
        let at = |time: Timestamp, now| salts.visitor("a", [192, 0, 2, 1].into(), "", time, now);
        let then = at(MIDNIGHT, MIDNIGHT).unwrap();
        assert_eq!(at(MIDNIGHT, MIDNIGHT + Span::from_hours(47)), Some(then));
        assert_eq!(at(MIDNIGHT, MIDNIGHT + Span::from_hours(48)), None);
        at(MIDNIGHT + Span::from_hours(72), MIDNIGHT + Span::from_hours(72)).unwrap();
        assert_ne!(at(MIDNIGHT, MIDNIGHT), Some(then), "the key was forgotten");
    }
}
