//! A session of n hits writes O(n) bytes of state, however often it is saved (P6).

use events::Topic;
use sessions::{Engine, Outputs};

use super::model::{Entry, Kind};
use super::records::records;

/// Bytes of state that one session of n page views writes when it is saved after every single hit.
fn bytes_written(hits: i64) -> usize {
    let log: Vec<_> = (0..hits)
        .map(|n| Entry::Hit {
            offset: n,
            append: 1_700_000_000_000 + n * 1000,
            event_time: 1_700_000_000_000 + n * 1000,
            site: "shop.example".into(),
            visitor: Some("v1".into()),
            hit_id: uuid_of(n),
            kind: Kind::PageView { path: Some(format!("/products/{}", n % 97)) },
        })
        .collect();
    let mut engine = Engine::new(0, events::WindowSettings::default());
    let mut out = Outputs::default();
    let mut written = 0;
    for record in records(&log) {
        out.clear();
        engine.apply(record.input(), &mut out);
        engine.write_checkpoint(&mut out);
        let state = out.iter().filter(|output| output.topic == Topic::SessionsOpen);
        written +=
            state.map(|output| output.key.map_or(0, <[u8]>::len) + output.value.map_or(0, <[u8]>::len)).sum::<usize>();
    }
    assert_eq!(engine.open_sessions(), 1);
    written
}

fn uuid_of(n: i64) -> String {
    events::Uuid::from_u128(n as u128 + 1).to_string()
}

#[test]
fn a_session_of_n_hits_writes_in_proportion_to_n() {
    let (short, long) = (bytes_written(500), bytes_written(4000));
    // Eight times the hits; were each save to write the whole session, it would be sixty-four times the bytes.
    assert!(long < short * 9, "{short} bytes for 500 hits, {long} for 4,000");
    assert!(long / 4000 < 3000, "{} bytes a hit", long / 4000);
}
