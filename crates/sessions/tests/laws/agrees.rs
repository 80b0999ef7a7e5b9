//! The engine does exactly what the model does, in the same order.

use proptest::prelude::*;
use sessions::Engine;

use super::logs::{self, Log};
use super::model::{self, Effect};
use super::records::{effects, records, window_settings};

fn expected(log: &Log) -> Vec<Effect> {
    let session_id = |site: &str, visitor: &str, hit_id: &str| {
        let key = events::ids::visitor_key(site, visitor);
        events::ids::session_id(&key, hit_id.parse().expect("the logs make UUIDs")).to_string()
    };
    let mut effects = model::run(log.settings, &session_id, &log.entries);
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
    let found = effects(&mut engine, &records(&log.entries));
    let expected = expected(log);
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
