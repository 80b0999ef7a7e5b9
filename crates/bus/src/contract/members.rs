//! Members of a group: who owns what, and who is woken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use events::Topic;

use super::*;
use crate::BusError;

/// Polls members in turn, each keeping count of what it owns, until the owners are as wished.
fn settle(members: &mut [(Box<dyn Worker>, BTreeSet<Source>)], is_settled: impl Fn(&[BTreeSet<Source>]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for (worker, owned) in &mut *members {
            match worker.poll(Duration::from_millis(20)).expect("the member may poll") {
                Polled::Assigned(new) => owned.extend(new.iter().map(|assignment| assignment.source)),
                Polled::Revoked(gone) => owned.retain(|source| !gone.contains(source)),
                Polled::Records { .. } | Polled::End { .. } | Polled::Nothing => {}
            }
        }
        let owners: Vec<_> = members.iter().map(|(_, owned)| owned.clone()).collect();
        let count: usize = owners.iter().map(BTreeSet::len).sum();
        assert_eq!(owners.iter().flatten().collect::<BTreeSet<_>>().len(), count, "a partition has two owners");
        if is_settled(&owners) {
            return;
        }
        assert!(Instant::now() < deadline, "the group does not settle: {owners:?}");
    }
}

/// Members that come share the partitions out, and no partition has two owners at any time.
pub fn each_partition_belongs_to_one_member(backend: &dyn Backend) {
    let bus = backend.make();
    let mut members = vec![(join(&bus, "g", "a"), BTreeSet::new())];
    settle(&mut members, |owners| owners[0].len() == 4);
    members.push((join(&bus, "g", "b"), BTreeSet::new()));
    settle(&mut members, |owners| owners.iter().all(|owned| owned.len() == 2));
    members.push((join(&bus, "g", "c"), BTreeSet::new()));
    settle(&mut members, |owners| {
        owners.iter().all(|owned| !owned.is_empty()) && owners.iter().map(BTreeSet::len).sum::<usize>() == 4
    });
}

/// Every partition of every topic of the group has an owner.
pub fn a_group_of_two_topics_shares_out_both(backend: &dyn Backend) {
    let bus = backend.make();
    let join = |instance: &str| {
        let group = Group {
            name: "g".to_owned(),
            instance: Some(instance.to_owned()),
            topics: vec![Topic::HitsEnriched, Topic::Sessions],
            produces: false,
        };
        (bus.join(group).unwrap(), BTreeSet::new())
    };
    let mut members = [join("a"), join("b")];
    settle(&mut members, |owners| owners.iter().all(|owned| owned.len() == 4));
}

/// The others get what a member had, and go on at its committed positions.
pub fn a_member_that_leaves_hands_its_partitions_on(backend: &dyn Backend) {
    let bus = backend.make();
    let mut members = vec![(join_nameless(&bus, "g"), BTreeSet::new()), (join_nameless(&bus, "g"), BTreeSet::new())];
    settle(&mut members, |owners| owners.iter().all(|owned| owned.len() == 2));

    let source = *members[1].1.first().unwrap();
    publish_values(&bus, source, &["a", "b"]);
    let read = records(&mut *members[1].0, 2);
    commit(&mut *members[1].0, &[], &[(source, read[0].1.offset.next())]);
    members.truncate(1);
    let mut committed = BTreeMap::new();
    poll_until(&mut *members[0].0, |polled| {
        if let Polled::Assigned(new) = &polled {
            committed.extend(new.iter().map(|assignment| (assignment.source, assignment.committed)));
        }
        let Polled::Records { records, .. } = polled else { return None };
        assert_eq!(values(&records), ["b"]);
        Some(())
    });
    assert_eq!(committed[&source], Some(read[0].1.offset.next()));
}

/// A member that is told of a loss may commit what it has, and its successor starts behind that.
pub fn revoked_partitions_may_be_committed_until_the_next_poll(backend: &dyn Backend) {
    let bus = backend.make();
    for partition in 0..PARTITIONS {
        publish_values(&bus, hits(partition), &["a"]);
    }
    let mut old = join(&bus, "g", "a");
    let read: BTreeMap<_, _> = records(&mut *old, 4).into_iter().collect();
    let new = join(&bus, "g", "b");
    let taker = std::thread::spawn(move || {
        let mut new = new;
        (assigned(&mut *new), new)
    });
    let lost = poll_until(&mut *old, |polled| match polled {
        Polled::Revoked(lost) => Some(lost),
        _ => None,
    });
    let positions: Vec<_> = lost.iter().map(|source| (*source, read[source].offset.next())).collect();
    commit(&mut *old, &[], &positions);
    let deadline = Instant::now() + PATIENCE;
    while !taker.is_finished() && Instant::now() < deadline {
        old.poll(Duration::from_millis(20)).expect("the member may poll");
    }
    let (taken, _new) = taker.join().unwrap();
    // Some backends take all away and give some back; what the new one has, it has at the committed position.
    assert!(!taken.is_empty());
    for assignment in taken {
        assert_eq!(assignment.committed, Some(read[&assignment.source].offset.next()));
    }
    let late = old.commit(Step { outputs: &[output(enriched(0), "late")], positions: &positions });
    assert!(matches!(late, Err(BusError::Fenced(_))), "{late:?}");
    assert_eq!(read_all(&bus, enriched(0)), []);
}

/// A process that was thought dead, and writes on after its successor has started, writes nothing.
pub fn an_older_instance_is_fenced(backend: &dyn Backend) {
    let bus = backend.make();
    publish_values(&bus, hits(0), &["a"]);
    let mut old = join(&bus, "g", "i");
    let read = records(&mut *old, 1);
    let step = [output(enriched(0), "twice")];
    let positions = [(hits(0), read[0].1.offset.next())];

    let mut new = join(&bus, "g", "i");
    assert_eq!(records(&mut *new, 1), read);
    let is_fenced = |error: &BusError| matches!(error, BusError::Fenced(_) | BusError::Namesake { .. });
    let late = old.commit(Step { outputs: &step, positions: &positions });
    assert!(late.as_ref().is_err_and(is_fenced), "{late:?}");
    assert!(old.poll(Duration::from_secs(1)).as_ref().is_err_and(is_fenced));
    drop(old);
    commit(&mut *new, &step, &positions);
    assert_eq!(values(&read_all(&bus, enriched(0))), ["twice"]);
}

/// A worker that waits hears of new records long before its timeout.
pub fn a_worker_at_the_end_is_woken_by_a_publish(backend: &dyn Backend) {
    let bus = backend.make();
    let mut worker = join(&bus, "g", "i");
    let mut ends = 0;
    poll_until(&mut *worker, |polled| {
        ends += usize::from(matches!(polled, Polled::End { .. }));
        (ends == PARTITIONS as usize).then_some(())
    });
    let started = Instant::now();
    let woken = std::thread::spawn(move || worker.poll(10 * PATIENCE).unwrap());
    std::thread::sleep(Duration::from_millis(100));
    publish_values(&bus, hits(3), &["new"]);
    let polled = woken.join().unwrap();
    assert!(matches!(&polled, Polled::Records { source, .. } if *source == hits(3)), "{polled:?}");
    assert!(started.elapsed() < PATIENCE, "the worker slept on");
}

/// A paused partition gives no records until it is resumed, and loses none; the others go on.
pub fn a_paused_partition_stays_assigned_and_silent(backend: &dyn Backend) {
    let bus = backend.make();
    let mut worker = join(&bus, "g", "i");
    assigned(&mut *worker);
    worker.pause(hits(0)).unwrap();
    publish_values(&bus, hits(0), &["a"]);
    publish_values(&bus, hits(1), &["b"]);
    assert_eq!(records(&mut *worker, 1)[0].0, hits(1));
    for _ in 0..10 {
        match worker.poll(Duration::from_millis(50)).unwrap() {
            Polled::Nothing => {}
            Polled::End { source, .. } if source != hits(0) => {}
            other => panic!("a paused partition gave {other:?}"),
        }
    }
    worker.resume(hits(0)).unwrap();
    let read = records(&mut *worker, 1);
    assert_eq!(read[0].0, hits(0));
    commit(&mut *worker, &[], &[(hits(0), read[0].1.offset.next())]);
}
