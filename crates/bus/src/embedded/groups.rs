//! Consumer groups: who owns which partition. Knows no disk, no thread and no clock.
//!
//! A partition is handed on in two moves: its owner is told that it is revoked, and lets go at its next poll or when
//! it leaves. So what the owner had begun is committed before the next one reads the position.

use std::collections::HashMap;
use std::sync::Mutex;

use events::{NextOffset, Topic};

use crate::{BusError, Source};

/// Names one joining of one member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct MemberId(u64);

/// What a member is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// These partitions are its own now.
    Assigned(Vec<u32>),
    /// These partitions go elsewhere once it asks again.
    Revoked(Vec<u32>),
}

struct Member {
    id: MemberId,
    instance: Option<String>,
    /// Another joined under the same instance name: this one may finish the commit that it is in, and nothing else.
    is_fenced: bool,
    is_committing: bool,
}

/// One partition of all the group's topics.
#[derive(Clone, Copy, Default)]
struct Slot {
    owner: Option<MemberId>,
    target: Option<MemberId>,
    /// The owner was told that it loses this one.
    is_told: bool,
}

/// One consumer group.
pub(super) struct GroupState {
    topics: Vec<Topic>,
    members: Vec<Member>,
    slots: Vec<Slot>,
    joined: u64,
}

impl GroupState {
    pub(super) fn new(partitions: u32) -> Self {
        Self { topics: Vec::new(), members: Vec::new(), slots: vec![Slot::default(); partitions as usize], joined: 0 }
    }

    /// Takes a member in. An older one of the same instance is fenced, and the new one takes over its partitions.
    pub(super) fn join(&mut self, instance: Option<&str>, topics: &[Topic]) -> Result<MemberId, BusError> {
        let mut topics = topics.to_vec();
        topics.sort_unstable();
        topics.dedup();
        if self.members.iter().any(|member| !member.is_fenced) && topics != self.topics {
            return Err(BusError::Refused(format!("the group reads other topics already: {:?}", self.topics)));
        }
        self.topics = topics;
        self.joined += 1;
        let id = MemberId(self.joined);
        let is_namesake = |member: &&mut Member| instance.is_some() && member.instance.as_deref() == instance;
        for member in self.members.iter_mut().filter(is_namesake) {
            member.is_fenced = true;
            // So that the new one gets what the old one had, not just as much.
            for slot in self.slots.iter_mut().filter(|slot| slot.target == Some(member.id)) {
                slot.target = Some(id);
            }
        }
        self.members.push(Member { id, instance: instance.map(str::to_owned), is_fenced: false, is_committing: false });
        self.drop_fenced();
        self.share_out();
        Ok(id)
    }

    /// Takes a member out, with all that it owns.
    pub(super) fn leave(&mut self, id: MemberId) {
        self.members.retain(|member| member.id != id);
        self.release(|slot| slot.owner == Some(id));
        self.share_out();
    }

    /// Lets go of what the member was told to be revoked. Tells whether there was anything.
    pub(super) fn let_go(&mut self, id: MemberId) -> bool {
        let told = |slot: &Slot| slot.owner == Some(id) && slot.is_told;
        let any = self.slots.iter().any(told);
        self.release(told);
        any
    }

    /// What the member must know next; after [`Self::let_go`].
    pub(super) fn next_event(&mut self, id: MemberId) -> Result<Option<Event>, BusError> {
        self.live(id)?;
        let revoked = self.pick(|slot| slot.owner == Some(id) && slot.target != Some(id));
        if !revoked.is_empty() {
            revoked.iter().for_each(|&at| self.slots[at as usize].is_told = true);
            return Ok(Some(Event::Revoked(revoked)));
        }
        let assigned = self.pick(|slot| slot.owner.is_none() && slot.target == Some(id));
        assigned.iter().for_each(|&at| self.slots[at as usize].owner = Some(id));
        Ok((!assigned.is_empty()).then_some(Event::Assigned(assigned)))
    }

    /// Lets a member commit positions of these partitions. Until [`Self::end_commit`] none of them is handed on.
    pub(super) fn begin_commit(&mut self, id: MemberId, partitions: impl Iterator<Item = u32>) -> Result<(), BusError> {
        self.live(id)?;
        for partition in partitions {
            if self.slots.get(partition as usize).is_none_or(|slot| slot.owner != Some(id)) {
                return Err(BusError::Fenced(format!("partition {partition} belongs to another member")));
            }
        }
        self.live(id)?.is_committing = true;
        Ok(())
    }

    /// Ends what [`Self::begin_commit`] began. Tells whether others waited for it.
    pub(super) fn end_commit(&mut self, id: MemberId) -> bool {
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else { return false };
        member.is_committing = false;
        let was_fenced = member.is_fenced;
        self.drop_fenced();
        was_fenced
    }

    fn live(&mut self, id: MemberId) -> Result<&mut Member, BusError> {
        match self.members.iter_mut().find(|member| member.id == id) {
            Some(member) if !member.is_fenced => Ok(member),
            _ => Err(BusError::Fenced("another member joined under the same instance name".to_owned())),
        }
    }

    fn pick(&self, matches: impl Fn(&Slot) -> bool) -> Vec<u32> {
        (0..).zip(&self.slots).filter(|(_, slot)| matches(slot)).map(|(at, _)| at).collect()
    }

    fn release(&mut self, matches: impl Fn(&Slot) -> bool) {
        for slot in self.slots.iter_mut().filter(|slot| matches(slot)) {
            (slot.owner, slot.is_told) = (None, false);
        }
    }

    /// Forgets fenced members, except those whose commit is under way.
    fn drop_fenced(&mut self) {
        let gone = |member: &Member| member.is_fenced && !member.is_committing;
        let ids: Vec<_> = self.members.iter().filter(|member| gone(member)).map(|member| member.id).collect();
        self.members.retain(|member| !gone(member));
        self.release(|slot| slot.owner.is_some_and(|owner| ids.contains(&owner)));
    }

    /// Decides who shall own what: equal shares, and as little moved as possible.
    fn share_out(&mut self) {
        let load = |slots: &[Slot], id| slots.iter().filter(|slot| slot.target == Some(id)).count();
        let mut live: Vec<_> = self.members.iter().filter(|member| !member.is_fenced).collect();
        live.sort_by(|a, b| {
            let loads = load(&self.slots, b.id).cmp(&load(&self.slots, a.id));
            loads.then_with(|| a.instance.cmp(&b.instance))
        });
        let ids: Vec<_> = live.iter().map(|member| member.id).collect();
        if ids.is_empty() {
            self.slots.iter_mut().for_each(|slot| slot.target = None);
            return;
        }
        let (share, extra) = (self.slots.len() / ids.len(), self.slots.len() % ids.len());
        // Who has most already gets what cannot be shared equally.
        let mut room: HashMap<_, _> = (0..).zip(&ids).map(|(at, &id)| (id, share + usize::from(at < extra))).collect();
        for slot in &mut self.slots {
            slot.target = slot.target.filter(|target| match room.get_mut(target) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    true
                }
                _ => false,
            });
        }
        let mut takers = ids.iter().flat_map(|id| std::iter::repeat_n(*id, room[id]));
        for slot in self.slots.iter_mut().filter(|slot| slot.target.is_none()) {
            slot.target = takers.next();
        }
    }
}

/// The committed positions of all groups, as the file has them, and who reads what.
#[derive(Default)]
pub(super) struct Committed(Mutex<HashMap<String, Read>>);

/// What a group reads.
#[derive(Default)]
struct Read {
    positions: HashMap<Source, NextOffset>,
    /// The topics that a member has joined for since the log was opened: of these it may have committed nothing yet.
    topics: Vec<Topic>,
}

impl Committed {
    /// The position of a group.
    pub(super) fn position(&self, group: &str, source: Source) -> Option<NextOffset> {
        self.lock().get(group)?.positions.get(&source).copied()
    }

    /// Notes that positions were made durable.
    pub(super) fn reached(&self, group: &str, positions: &[(Source, NextOffset)]) {
        let mut groups = self.lock();
        if !groups.contains_key(group) {
            groups.insert(group.to_owned(), Read::default());
        }
        groups.get_mut(group).expect("just put in").positions.extend(positions.iter().copied());
    }

    /// Notes that a group reads these topics.
    pub(super) fn reads(&self, group: &str, topics: &[Topic]) {
        self.lock().entry(group.to_owned()).or_default().topics = topics.to_vec();
    }

    /// The group that is furthest behind among those that read a source, and where it is; `None` where nobody does.
    pub(super) fn last(&self, source: Source) -> Option<(String, NextOffset)> {
        let groups = self.lock();
        let behind = groups.iter().filter_map(|(group, read)| match read.positions.get(&source) {
            Some(position) => Some((group, *position)),
            None => read.topics.contains(&source.topic).then_some((group, NextOffset::START)),
        });
        behind.min_by_key(|(_, position)| *position).map(|(group, position)| (group.clone(), position))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Read>> {
        self.0.lock().expect("nobody panics while holding the positions")
    }
}

#[cfg(test)]
mod tests;
