//! A member of a consumer group, in the process that owns the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{NextOffset, Topic};

use super::Log;
use super::batch::Segments;
use super::groups::{Event, GroupState, MemberId};
use super::queue::{Positions, Work};
use crate::{Assignment, BusError, Group, Polled, Source, Step, Worker};

pub(super) struct Member {
    log: Arc<Log>,
    group: String,
    topics: Vec<Topic>,
    produces: bool,
    id: MemberId,
    cursors: BTreeMap<Source, Cursor>,
    /// The source that was served last: the others have their turn first.
    served: Option<Source>,
}

struct Cursor {
    position: NextOffset,
    is_paused: bool,
    /// Whether it was said that this position is the end.
    is_told: bool,
}

impl Member {
    pub(super) fn join(log: Arc<Log>, group: Group) -> Result<Self, BusError> {
        let partitions = log.shared.partitions;
        let id = {
            let mut groups = log.groups();
            let state = groups.entry(group.name.clone()).or_insert_with(|| GroupState::new(partitions));
            state.join(group.instance.as_deref(), &group.topics)?
        };
        log.shared.committed.reads(&group.name, &group.topics);
        // The others must learn that they lose some of theirs.
        log.shared.tail.nudge();
        Ok(Self {
            log,
            group: group.name,
            topics: group.topics,
            produces: group.produces,
            id,
            cursors: BTreeMap::new(),
            served: None,
        })
    }

    fn with_group<T>(&self, ask: impl FnOnce(&mut GroupState) -> T) -> T {
        ask(self.log.groups().get_mut(&self.group).expect("a group that was joined stays"))
    }

    fn sources(&self, partitions: &[u32]) -> Vec<Source> {
        let of_topic = |&topic| partitions.iter().map(move |&partition| Source { topic, partition });
        self.topics.iter().flat_map(of_topic).collect()
    }

    /// What the group has to say to this member, before any record.
    fn next_event(&mut self) -> Result<Option<Polled>, BusError> {
        match self.with_group(|group| group.next_event(self.id))? {
            None => Ok(None),
            Some(Event::Revoked(partitions)) => {
                let sources = self.sources(&partitions);
                self.cursors.retain(|source, _| !sources.contains(source));
                Ok(Some(Polled::Revoked(sources)))
            }
            Some(Event::Assigned(partitions)) => {
                let sources = self.sources(&partitions);
                let mut assigned = Vec::with_capacity(sources.len());
                for source in sources {
                    let committed = self.log.shared.committed.position(&self.group, source);
                    let position = committed.unwrap_or(NextOffset::START);
                    self.cursors.insert(source, Cursor { position, is_paused: false, is_told: false });
                    assigned.push(Assignment { source, committed });
                }
                Ok(Some(Polled::Assigned(assigned)))
            }
        }
    }

    /// The first records, or the end, that any source has, beginning behind the one that was served last.
    fn next_records(&mut self) -> Result<Option<Polled>, BusError> {
        let (before, after): (Vec<_>, Vec<_>) =
            self.cursors.iter_mut().partition(|(source, _)| self.served.is_some_and(|served| **source <= served));
        for (&source, cursor) in after.into_iter().chain(before) {
            while !cursor.is_paused {
                let look = self.log.look(source, cursor.position)?;
                cursor.position = look.position;
                if !look.records.is_empty() {
                    self.served = Some(source);
                    cursor.is_told = false;
                    return Ok(Some(Polled::Records { source, records: look.records }));
                }
                if look.position >= look.end {
                    if cursor.is_told {
                        break;
                    }
                    self.served = Some(source);
                    cursor.is_told = true;
                    return Ok(Some(Polled::End { source, position: look.position }));
                }
            }
        }
        Ok(None)
    }

    fn cursor(&mut self, source: Source) -> Result<&mut Cursor, BusError> {
        let refused = || BusError::Refused(format!("{source} is not assigned to this member"));
        self.cursors.get_mut(&source).ok_or_else(refused)
    }
}

impl Worker for Member {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, BusError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if self.with_group(|group| group.let_go(self.id)) {
                self.log.shared.tail.nudge();
            }
            let seen = self.log.shared.tail.version();
            if let Some(polled) = self.next_event()? {
                return Ok(polled);
            }
            if let Some(polled) = self.next_records()? {
                return Ok(polled);
            }
            if !self.log.shared.tail.wait(seen, deadline) {
                return Ok(Polled::Nothing);
            }
        }
    }

    fn seek(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        let cursor = self.cursor(source)?;
        (cursor.position, cursor.is_told) = (position, false);
        Ok(())
    }

    fn pause(&mut self, source: Source) -> Result<(), BusError> {
        self.cursor(source)?.is_paused = true;
        Ok(())
    }

    fn resume(&mut self, source: Source) -> Result<(), BusError> {
        self.cursor(source)?.is_paused = false;
        Ok(())
    }

    fn commit(&mut self, step: Step<'_>) -> Result<(), BusError> {
        if !self.produces && !step.outputs.is_empty() {
            return Err(BusError::Refused(format!("the group {} was joined as one that writes nothing", self.group)));
        }
        let mut segments = Segments::default();
        for output in step.outputs {
            self.log.check(output.target, output.key, output.value)?;
            segments.push(output.target, output.key, output.value, None);
        }
        for (source, _) in step.positions {
            if !self.topics.contains(&source.topic) {
                return Err(BusError::Refused(format!("{source} is not read by the group {}", self.group)));
            }
        }
        let positions = Positions { group: self.group.clone(), list: step.positions.to_vec() };
        let partitions = step.positions.iter().map(|(source, _)| source.partition);
        self.with_group(|group| group.begin_commit(self.id, partitions))?;
        let result = self.log.and_wait(Work::Append { segments: segments.into_list(), positions: Some(positions) });
        let handed_on = self.with_group(|group| group.end_commit(self.id));
        if handed_on {
            self.log.shared.tail.nudge();
        }
        result
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.with_group(|group| group.leave(self.id));
        self.log.shared.tail.nudge();
    }
}
