//! Consuming, producing and committing as one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use events::{NextOffset, Topic};

use super::*;
use crate::BusError;

/// A committed step is there whole: its outputs can be read and its position stands, also after a restart.
pub fn a_step_moves_outputs_and_positions_together(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(1), &["a", "b"]);
    let mut worker = join(&bus, "g", "i");
    let read = records(&mut *worker, 2);
    let reached = read[1].1.offset.next();
    commit(&mut *worker, &[output(enriched(1), "A"), output(enriched(1), "B")], &[(hits(1), reached)]);
    assert_eq!(values(&read_all(&bus, enriched(1))), ["A", "B"]);

    drop(worker);
    let bus = backend.restart(bus);
    assert_eq!(values(&read_all(&bus, enriched(1))), ["A", "B"]);
    assert_eq!(committed_at(&bus, hits(1)), Some(reached));
}

/// What was read and never committed is read again, and nothing of it shows.
pub fn a_step_that_is_never_committed_leaves_nothing(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a", "b"]);
    let mut worker = join(&bus, "g", "i");
    let first = records(&mut *worker, 2);
    drop(worker);
    let bus = backend.restart(bus);

    assert_eq!(read_all(&bus, enriched(0)), []);
    let mut worker = join(&bus, "g", "i");
    assert!(assigned(&mut *worker).iter().all(|assignment| assignment.committed.is_none()));
    assert_eq!(records(&mut *worker, 2), first);
}

/// However often somebody looks while steps are committed, what can be read ends where a step does.
pub fn a_step_is_read_whole_or_not_at_all(backend: &dyn Backend) {
    const STEPS: usize = 40;
    const OUTPUTS: usize = 25;
    let bus = backend.make();
    let mut worker = join(&bus, "g", "i");
    assigned(&mut *worker);
    let expected: Vec<_> = (0..STEPS * OUTPUTS).map(|n| n.to_string()).collect();
    let (mut read, mut looks) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let (bus, expected) = (&bus, &expected);
        let commits = scope.spawn(move || {
            for step in expected.chunks(OUTPUTS) {
                let outputs: Vec<_> = step.iter().map(|value| output(enriched(0), value)).collect();
                commit(&mut *worker, &outputs, &[]);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let mut reader = bus.read(enriched(0), NextOffset::START).unwrap();
        let deadline = Instant::now() + PATIENCE;
        while read.len() < expected.len() && Instant::now() < deadline {
            let records = reader.next(Duration::ZERO).unwrap();
            if records.is_empty() {
                looks += 1;
                assert_eq!(read.len() % OUTPUTS, 0, "a part of a step was read, and no more of it is there");
                // Nothing comes from who has failed.
                assert!(!commits.is_finished() || reader.position() < bus.bounds(enriched(0)).unwrap().end);
            }
            read.extend(values(&records));
        }
    });
    assert_eq!(read, expected);
    assert!(looks > 0, "nobody looked between two steps");
}

/// The next member goes on behind the committed record, in the same process and after a restart.
pub fn a_group_goes_on_where_it_committed(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a", "b", "c"]);
    let mut worker = join(&bus, "g", "i");
    let read = records(&mut *worker, 3);
    commit(&mut *worker, &[], &[(hits(0), read[0].1.offset.next())]);
    drop(worker);

    let mut worker = join(&bus, "g", "i");
    assert_eq!(records(&mut *worker, 2), read[1..]);
    commit(&mut *worker, &[], &[(hits(0), read[1].1.offset.next())]);
    drop(worker);
    let bus = backend.restart(bus);
    assert_eq!(records(&mut *join(&bus, "g", "i"), 1), read[2..]);
}

/// Each group reads everything and has its own positions.
pub fn groups_do_not_touch_each_other(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a"]);
    let mut one = join(&bus, "one", "i");
    let mut two = join(&bus, "two", "i");
    let read = records(&mut *one, 1);
    commit(&mut *one, &[], &[(hits(0), read[0].1.offset.next())]);
    assert_eq!(records(&mut *two, 1), read);
}

/// A position given by `seek` is where the next poll starts, forwards and backwards.
pub fn seek_goes_before_the_committed_position(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a", "b", "c"]);
    let all = read_all(&bus, hits(0));
    let mut worker = join(&bus, "g", "i");
    assigned(&mut *worker);
    worker.seek(hits(0), at(&all[2])).unwrap();
    assert_eq!(records(&mut *worker, 1)[0].1, all[2]);
    worker.seek(hits(0), at(&all[1])).unwrap();
    assert_eq!(records(&mut *worker, 2)[0].1, all[1]);
}

/// The end tells that nothing was behind the records so far, which is when an idle partition may get a tick.
pub fn the_end_is_told_once_everything_was_handed_out(backend: &dyn Backend) {
    let bus = backend.make();
    let large = vec![b'x'; 100_000];
    publish(&bus, (0..50).map(|_| to(hits(0), large.clone())).collect());
    let mut worker = join(&bus, "g", "i");
    let read_to_end = |worker: &mut dyn Worker| {
        let (mut count, mut batches) = (0, 0);
        let position = poll_until(worker, |polled| match polled {
            Polled::Records { records, .. } => {
                (count, batches) = (count + records.len(), batches + 1);
                None
            }
            Polled::End { source, position } if source == hits(0) => Some(position),
            _ => None,
        });
        (count, batches, position)
    };
    let (count, batches, position) = read_to_end(&mut *worker);
    assert_eq!(count, 50, "the end was told before it came");
    assert!(batches > 1, "5 MB came as one, which bounds no memory");
    assert_eq!(position, bus.bounds(hits(0)).unwrap().end);

    for _ in 0..20 {
        let polled = worker.poll(Duration::from_millis(20)).unwrap();
        assert!(!matches!(polled, Polled::End { source, .. } if source == hits(0)), "the same end was told twice");
    }
    publish_values(&bus, hits(0), &["more"]);
    assert_eq!(read_to_end(&mut *worker), (1, 1, bus.bounds(hits(0)).unwrap().end));
}

/// A group whose steps have no outputs goes on where it committed, too; an output of its is refused.
pub fn a_group_that_only_reads_commits_its_positions(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a", "b"]);
    let group =
        || Group { name: "r".to_owned(), instance: Some("i".to_owned()), topics: vec![Topic::Hits], produces: false };
    let mut worker = bus.join(group()).unwrap();
    let read = records(&mut *worker, 2);
    commit(&mut *worker, &[], &[(hits(0), read[0].1.offset.next())]);
    let refused = worker.commit(Step { outputs: &[output(enriched(0), "A")], positions: &[] });
    assert!(matches!(refused, Err(BusError::Refused(_))), "{refused:?}");
    drop(worker);
    assert_eq!(records(&mut *bus.join(group()).unwrap(), 1), read[1..]);
}

/// Applied in order, a compacted topic gives the newest value of each key, and none for a key with a tombstone.
pub fn a_compacted_topic_ends_with_the_newest_of_each_key(backend: &dyn Backend) {
    let state = Source { topic: Topic::SessionsOpen, partition: 2 };
    let bus = backend.make();
    let mut worker = join(&bus, "g", "i");
    assigned(&mut *worker);
    let write = |worker: &mut dyn Worker, entries: &[(&str, Option<&str>)]| {
        let outputs: Vec<_> = entries
            .iter()
            .map(|(key, value)| Output { target: state, key: Some(key.as_bytes()), value: value.map(str::as_bytes) })
            .collect();
        commit(worker, &outputs, &[]);
    };
    write(&mut *worker, &[("a", Some("1")), ("b", Some("1")), ("c", Some("1")), ("a", Some("2"))]);
    write(&mut *worker, &[("b", None), ("d", Some("")), ("c", Some("2"))]);

    let expected = BTreeMap::from([("a", "2"), ("c", "2"), ("d", "")]);
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let newest = |bus: &SharedBus| {
        let records = read_all(bus, state);
        assert!(records.is_sorted_by(|a, b| a.offset < b.offset));
        let mut view = BTreeMap::new();
        for record in records {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let key = text(&record.key.expect("a compacted topic has keys"));
            match record.value {
                Some(value) => drop(view.insert(key, text(&value))),
                None => drop(view.remove(&key)),
            }
        }
        view
    };
    assert_eq!(newest(&bus), expected);
    drop(worker);
    let bus = backend.restart(bus);
    assert_eq!(newest(&bus), expected);
}

/// Steps and publishers at once: each input leads to exactly one output, in order.
pub fn many_steps_and_many_publishers_mix_without_loss(backend: &dyn Backend) {
    const EACH: usize = 200;
    let bus = backend.make();
    let mut worker = join(&bus, "g", "i");
    assigned(&mut *worker);
    std::thread::scope(|scope| {
        for partition in 0..PARTITIONS {
            let bus = &bus;
            scope.spawn(move || {
                for n in 0..EACH {
                    publish(bus, vec![to(hits(partition), format!("{partition} {n}"))]);
                }
            });
        }
        let mut count = 0;
        while count < EACH * PARTITIONS as usize {
            let (source, read) = poll_until(&mut *worker, |polled| match polled {
                Polled::Records { source, records, .. } => Some((source, records)),
                _ => None,
            });
            count += read.len();
            let texts = values(&read);
            let outputs: Vec<_> = texts.iter().map(|text| output(enriched(source.partition), text)).collect();
            commit(&mut *worker, &outputs, &[(source, read[read.len() - 1].offset.next())]);
        }
    });
    for partition in 0..PARTITIONS {
        let expected: Vec<_> = (0..EACH).map(|n| format!("{partition} {n}")).collect();
        assert_eq!(values(&read_all(&bus, enriched(partition))), expected);
    }
}

fn committed_at(bus: &SharedBus, source: Source) -> Option<NextOffset> {
    let mut worker = join(bus, "g", "i");
    assigned(&mut *worker).iter().find(|assignment| assignment.source == source)?.committed
}
