//! However the log is cut, into single records or runs, and wherever the engine is stored and loaded again: the same
//! bytes (P3).

use std::collections::BTreeMap;

use events::Topic;
use proptest::prelude::*;
use sessions::{Engine, Outputs, Restore};

use super::logs::{self, Log};
use super::records::{Record, append, bytes, records_of, window_settings};

pub(crate) const PARTITIONS: u32 = 4;

/// The state topic, compacted.
#[derive(Default)]
pub(crate) struct StateTopic(pub(crate) BTreeMap<Vec<u8>, Vec<u8>>);

impl StateTopic {
    pub(crate) fn take(&mut self, out: &Outputs) {
        for output in out.iter().filter(|output| output.topic == Topic::SessionsOpen) {
            let key = output.key.expect("state has keys").to_vec();
            match output.value {
                Some(value) => self.0.insert(key, value.to_vec()),
                None => self.0.remove(&key),
            };
        }
    }

    /// Loads the checkpoint and runs the log again up to the position.
    pub(crate) fn restore(&self, log: &[Record]) -> Engine {
        let mut restore = Restore::default();
        restore.records(self.0.iter().map(|(key, value)| (&key[..], Some(&value[..]))));
        let restored = restore.finish(3, PARTITIONS).unwrap().expect("something was committed");
        let mut engine = restored.engine;
        let mut thrown_away = Outputs::default();
        let range = engine.position().0..restored.position.0;
        let again = log.iter().filter(|record| range.contains(&record.offset));
        engine.apply_all(again.map(Record::input), &mut thrown_away);
        assert_eq!(engine.position(), restored.position);
        engine
    }
}

/// What happens between two steps.
#[derive(Clone, Copy, Debug)]
enum Between {
    Nothing,
    Checkpoint,
    Restart,
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![3 => Just(Between::Nothing), 2 => Just(Between::Checkpoint), 2 => Just(Between::Restart)]
}

fn undisturbed(log: &Log, records: &[Record]) -> Vec<u8> {
    bytes(&mut Engine::new(3, window_settings(&log.settings)), records, &mut Outputs::default())
}

/// Runs the log in steps; each ends with a commit, as in the sessionizer.
fn disturbed(log: &Log, records: &[Record], steps: &[(usize, Between)]) -> (Vec<u8>, StateTopic) {
    let mut engine = Engine::new(3, window_settings(&log.settings));
    let mut state = StateTopic::default();
    let (mut all, mut out, mut rest) = (Vec::new(), Outputs::default(), records);
    let mut steps = steps.iter();
    while !rest.is_empty() {
        let &(size, between) = steps.next().unwrap_or(&(usize::MAX, Between::Nothing));
        let (step, tail) = rest.split_at(size.min(rest.len()));
        rest = tail;
        out.clear();
        engine.apply_all(step.iter().map(Record::input), &mut out);
        if matches!(between, Between::Checkpoint) {
            engine.write_checkpoint(&mut out);
        }
        engine.write_position(PARTITIONS, &mut out);
        append(&out, &mut all);
        state.take(&out);
        if matches!(between, Between::Restart) {
            engine = state.restore(records);
        }
    }
    (all, state)
}

fn steps() -> impl Strategy<Value = Vec<(usize, Between)>> {
    prop::collection::vec((1usize..12, between()), 0..20)
}

fn nothing_changes(log: &Log, steps: &[(usize, Between)]) -> Result<(), TestCaseError> {
    let records = records_of(log);
    let (found, _) = disturbed(log, &records, steps);
    prop_assert_eq!(String::from_utf8(found).unwrap(), String::from_utf8(undisturbed(log, &records)).unwrap());
    Ok(())
}

proptest! {
    #[test]
    fn restarts_change_nothing_on_hostile_logs(log in logs::adversarial(), steps in steps()) {
        nothing_changes(&log, &steps)?;
    }

    #[test]
    fn restarts_change_nothing_on_entangled_sessions(log in logs::entangled(), steps in steps()) {
        nothing_changes(&log, &steps)?;
    }

    #[test]
    fn restarts_change_nothing_on_long_sessions(log in logs::long_sessions(), steps in steps()) {
        nothing_changes(&log, &steps)?;
    }

    /// What the state holds follows from the log alone: a checkpoint made after restarts equals one made without.
    #[test]
    fn the_state_itself_is_the_same(log in logs::adversarial(), mut steps in steps()) {
        let records = records_of(&log);
        let whole = [(records.len(), Between::Checkpoint)];
        let (_, expected) = disturbed(&log, &records, &whole);
        let used: usize = steps.iter().map(|(size, _)| size).sum();
        steps.push((records.len().saturating_sub(used).max(1), Between::Checkpoint));
        // The last step must be the checkpoint: leave out steps beyond the log's end.
        let mut left = records.len();
        steps.retain(|(size, _)| { let keep = left > 0; left = left.saturating_sub(*size); keep });
        if let Some(last) = steps.last_mut() { last.1 = Between::Checkpoint; }
        let (_, found) = disturbed(&log, &records, &steps);
        let text = |state: StateTopic| -> BTreeMap<String, String> {
            let readable = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            state.0.into_iter().filter(|(key, _)| !key.starts_with(b"#late")).map(|(key, value)| (readable(key), readable(value))).collect()
        };
        prop_assert_eq!(text(found), text(expected));
    }
}
