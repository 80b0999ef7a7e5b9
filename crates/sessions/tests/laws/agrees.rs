//! The engine does exactly what the model does, in the same order.

use proptest::prelude::*;
use sessions::Engine;

use super::hits::details;
use super::logs::{self, BASE, Log, OUT_OF_REACH, Says};
use super::model::{self, Effect, Entry, FinalSession, Kind, Settings};
use super::records::{Record, effects, records_of, window_settings};

fn expected(log: &Log, records: &[Record]) -> Vec<Effect> {
    let session_id = |site: &str, visitor: &str, hit_id: &str| {
        let key = events::ids::visitor_key(site, visitor);
        events::ids::session_id(&key, hit_id.parse().expect("the logs make UUIDs")).to_string()
    };
    let details = details(log, records);
    let details = |offset: i64| details[&offset].clone();
    let mut effects = model::run_with_details(log.settings, &session_id, &details, &log.entries);
    for effect in &mut effects {
        if let Effect::Session(session, _) = effect {
            for page in &mut session.pages {
                page.1 = 0;
            }
        }
    }
    effects
}

fn agrees(log: &Log) -> Result<(), TestCaseError> {
    let mut engine = Engine::new(0, window_settings(&log.settings));
    let records = records_of(log);
    let found = effects(&mut engine, &records);
    let expected = expected(log, &records);
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        prop_assert_eq!(found, expected, "effect {}", index);
    }
    prop_assert_eq!(found.len(), expected.len());
    Ok(())
}

proptest! {
    #[test]
    fn on_hostile_logs(log in logs::adversarial()) {
        agrees(&log)?;
    }

    #[test]
    fn on_entangled_sessions(log in logs::entangled()) {
        agrees(&log)?;
    }

    #[test]
    fn on_orderly_logs(log in logs::orderly()) {
        agrees(&log)?;
    }

    #[test]
    fn on_long_sessions(log in logs::long_sessions()) {
        agrees(&log)?;
    }
}

/// Two hits at one time, each with a session of its own for want of room; then there is room, and a third hit merges them.
/// The hits' ids and what they say of their countries are given.
fn merged_with_equal_starts(hit_ids: [u128; 2], countries: [&'static str; 2]) -> Log {
    let far = OUT_OF_REACH as i64;
    let hit = |offset: i64, id: u128| Entry::Hit {
        offset,
        append: BASE,
        event_time: BASE,
        site: "shop".to_owned(),
        visitor: Some("v".to_owned()),
        hit_id: events::Uuid::from_u128(id).to_string(),
        kind: Kind::Custom,
    };
    let (gap, lateness, max_session, max_open_sessions) = (100, 100, far, OUT_OF_REACH);
    let more = Entry::Settings { offset: 2, append: BASE, gap, lateness, max_session, max_hits: 9, max_open_sessions };
    let end = Entry::End { offset: 4, append: BASE };
    let entries = vec![hit(0, hit_ids[0]), hit(1, hit_ids[1]), more, hit(3, 99), end];
    let settings = Settings { gap, lateness, max_session, max_hits: 1, max_open_sessions };
    let says =
        (0..).zip(countries).map(|(offset, country)| (offset, Says { country: Some(country), ..Says::default() }));
    Log { settings, entries, says: says.chain([(3, Says::default())]).collect() }
}

/// Which of two sessions that start together stays follows from their ids, and has nothing to do with who came first.
#[test]
fn a_merge_of_sessions_that_start_together_keeps_the_visit_of_the_lower_offset() {
    for hit_ids in [[1, 2], [2, 1]] {
        let log = merged_with_equal_starts(hit_ids, ["DE", "JP"]);
        agrees(&log).unwrap();
        let found = effects(&mut Engine::new(0, window_settings(&log.settings)), &records_of(&log));
        let Some(Effect::Session(FinalSession { merged_ids, known, .. }, _)) = found.last() else {
            panic!("the log ends: {found:?}");
        };
        assert_eq!(merged_ids.len(), 1);
        assert_eq!(known.as_ref().and_then(|known| known.visit.country.as_deref()), Some("DE"));
    }
}
