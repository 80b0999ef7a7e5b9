//! Partitions that belong to nobody.
//!
//! A member with an instance name that comes back gets what it had before, without a rebalance (KIP-345). If its predecessor
//! ended between the two rebalances by which a partition moves (KIP-429), told to give it up and not heard to have done so, then
//! the second never comes, and the partition stands still until somebody else comes or goes. So who comes back looks, twice,
//! since a partition may be on its way just now.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::watcher::Watcher;

/// How long a partition on its way may belong to nobody: until its old owner has committed and said so.
const EVERY: Duration = Duration::from_secs(2);

/// How soon an end is heard of.
const SLICE: Duration = Duration::from_millis(100);

/// A topic's name, and a number.
type Partition = (String, i32);

/// Looks, on a thread of its own, until every partition has an owner or some were found to have none. Ends when it is dropped.
pub(super) struct Look {
    has_found: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
}

impl Look {
    /// Looks for these partitions in the group. `None` where there is no thread for it.
    pub(super) fn begin(watcher: Arc<Watcher>, group: String, all: BTreeSet<Partition>) -> Option<Self> {
        let (has_found, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::Builder::new().name("kafka unowned".to_owned()).spawn({
            let (has_found, is_over) = (has_found.clone(), is_over.clone());
            move || {
                let mut before = BTreeSet::new();
                while !is_over.load(Ordering::Acquire) {
                    if let Some(assignments) = watcher.assignments(&group) {
                        let unowned = unowned(&all, &assignments);
                        if !before.is_disjoint(&unowned) {
                            has_found.store(true, Ordering::Release);
                            return;
                        }
                        if unowned.is_empty() {
                            return;
                        }
                        before = unowned;
                    }
                    let looked = Instant::now();
                    while looked.elapsed() < EVERY && !is_over.load(Ordering::Acquire) {
                        std::thread::sleep(SLICE);
                    }
                }
            }
        });
        thread.ok().map(|_| Self { has_found, is_over })
    }

    /// Whether a partition was found that has no owner.
    pub(super) fn has_found(&self) -> bool {
        self.has_found.load(Ordering::Acquire)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// Those of the partitions that are in none of the assignments. One that cannot be read might have any of them.
fn unowned(all: &BTreeSet<Partition>, assignments: &[Vec<u8>]) -> BTreeSet<Partition> {
    let owned: Option<Vec<_>> = assignments.iter().map(|bytes| partitions(bytes)).collect();
    let Some(owned) = owned else { return BTreeSet::new() };
    let owned: BTreeSet<_> = owned.into_iter().flatten().collect();
    all.difference(&owned).cloned().collect()
}

/// What a member has: a version, and for each topic its name and the partitions' numbers. Nothing at all stands for none.
fn partitions(bytes: &[u8]) -> Option<Vec<Partition>> {
    let mut rest = bytes;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let mut found = Vec::new();
    rest.split_off(..2)?;
    for _ in 0..number(&mut rest)? {
        let length = i16::from_be_bytes(rest.split_off(..2)?.try_into().ok()?);
        let name = std::str::from_utf8(rest.split_off(..usize::try_from(length).ok()?)?).ok()?;
        for _ in 0..number(&mut rest)? {
            found.push((name.to_owned(), number(&mut rest)?));
        }
    }
    Some(found)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    Some(i32::from_be_bytes(rest.split_off(..4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a consumer writes it: version 1, one topic, its partitions, no data of its own.
    fn assignment(topic: &str, partitions: &[i32]) -> Vec<u8> {
        let mut bytes = [&[0, 1, 0, 0, 0, 1][..], &(topic.len() as i16).to_be_bytes(), topic.as_bytes()].concat();
        bytes.extend((partitions.len() as i32).to_be_bytes());
        partitions.iter().for_each(|partition| bytes.extend(partition.to_be_bytes()));
        bytes.extend([0xff; 4]);
        bytes
    }

    fn named(topic: &str, numbers: impl IntoIterator<Item = i32>) -> BTreeSet<Partition> {
        numbers.into_iter().map(|number| (topic.to_owned(), number)).collect()
    }

    #[test]
    fn a_partition_that_no_member_has_is_found() {
        let all = named("hits", 0..4);
        let members = [assignment("hits", &[0, 3]), assignment("others", &[1]), Vec::new()];
        assert_eq!(unowned(&all, &members), named("hits", [1, 2]));
        assert_eq!(unowned(&all, &[]), all);
        assert_eq!(unowned(&all, &[assignment("hits", &[2, 1, 0]), assignment("hits", &[3])]), named("hits", []));
    }

    #[test]
    fn where_an_assignment_cannot_be_read_nothing_is_said_to_be_unowned() {
        let all = named("hits", 0..4);
        let whole = assignment("hits", &[0, 3]);
        for length in 1..whole.len() - 4 {
            assert_eq!(unowned(&all, &[whole[..length].to_vec()]), named("hits", []), "{length} bytes");
        }
    }
}
