//! The chunks of long sessions, as they stand in the state: none is left behind, and none is older than what it stands for.

use events::WindowSettings;
use sessions::{Engine, Outputs};

use super::model::{Entry, Kind};
use super::records::{Record, bytes, records};
use super::restart::{PARTITIONS, StateTopic};

const START: i64 = 1_700_000_000_000;

/// A page view at so many seconds.
fn page(offset: i64, visitor: &str, seconds: i64) -> Entry {
    Entry::Hit {
        offset,
        append: START + offset.max(seconds) * 1000,
        event_time: START + seconds * 1000,
        site: "shop.example".into(),
        visitor: Some(visitor.into()),
        hit_id: events::Uuid::from_u128(offset as u128 + 1).to_string(),
        kind: Kind::PageView { path: Some(format!("/products/{offset}")) },
    }
}

fn engine() -> Engine {
    Engine::new(3, WindowSettings::default())
}

/// Applies records, and commits them with a checkpoint.
fn commit(engine: &mut Engine, log: &[Record], state: &mut StateTopic) {
    let mut out = Outputs::default();
    engine.apply_all(log.iter().map(Record::input), &mut out);
    engine.write_checkpoint(&mut out);
    engine.write_position(PARTITIONS, &mut out);
    state.take(&out);
}

#[test]
fn a_session_that_is_forgotten_leaves_no_key() {
    const LATER: i64 = 24 * 60 * 60;
    let log: Vec<_> =
        (0..40).map(|n| page(n, "v1", n)).chain([page(40, "v2", LATER), page(41, "v2", 2 * LATER)]).collect();
    let (log, mut engine, mut state) = (records(&log), engine(), StateTopic::default());
    let keys = |state: &StateTopic| state.0.keys().filter(|key| key.starts_with(b"shop.example/v1/")).count();
    commit(&mut engine, &log[..40], &mut state);
    assert_eq!(keys(&state), 3, "its own record, and two chunks");
    commit(&mut engine, &log[40..], &mut state);
    assert_eq!(keys(&state), 0);
}

/// Over a hundred pages, an earlier one takes the place of the last, in a chunk that was full before.
#[test]
fn a_chunk_is_written_again_when_a_page_in_it_is_another() {
    let log: Vec<_> = (0..120).map(|n| page(n, "v1", n)).chain((120..130).map(|n| page(n, "v1", n - 140))).collect();
    let log = records(&[log, vec![Entry::End { offset: 130, append: START + 130_000 }]].concat());
    let (mut engine, mut state) = (engine(), StateTopic::default());
    commit(&mut engine, &log[..120], &mut state);
    commit(&mut engine, &log[120..130], &mut state);
    let found = bytes(&mut state.restore(&log), &log[130..], &mut Outputs::default());
    assert_eq!(
        String::from_utf8(found).unwrap(),
        String::from_utf8(bytes(&mut engine, &log[130..], &mut Outputs::default())).unwrap()
    );
}
