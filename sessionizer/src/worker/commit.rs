//! When a step is committed, and what goes into it.

use std::time::Instant;

use bus::{BusError, Output, Source, Step};
use events::NextOffset;

use super::Loop;
use crate::Error;
use crate::config::Mode;
use crate::partition::Partition;

/// A partition's checkpoint is made early when this many of its entries changed. A member that catches up with a long log
/// changes most sessions several times within an interval: what opens and expires in between is never written.
const CHECKPOINT_CHANGES: usize = 200_000;

impl Loop<'_> {
    pub(super) fn is_commit_due(&self) -> bool {
        let has_moved = || self.partitions.values().any(Partition::has_moved);
        self.room().is_used_up() || (self.committed_at.elapsed() >= self.config.commit_interval && has_moved())
    }

    /// The partition whose checkpoint goes with the next commit. One at a time, so that no step grows larger than it
    /// must: everybody else's records wait for it.
    pub(super) fn checkpoint_due(&self) -> Option<u32> {
        if self.config.mode == Mode::Bounded {
            return None;
        }
        let changes = |partition: &Partition| partition.engine.changed();
        let is_due = |partition: &Partition| partition.checkpoint_at().elapsed() >= self.config.checkpoint_interval;
        let wanting = self.partitions.iter().filter(|(_, partition)| partition.wants_checkpoint());
        let due = wanting.filter(|(_, partition)| changes(partition) >= CHECKPOINT_CHANGES || is_due(partition));
        due.max_by_key(|(_, partition)| (is_due(partition), changes(partition))).map(|(&number, _)| number)
    }

    /// Makes everything since the last commit durable as one step (P2), with a checkpoint of one partition or none.
    pub(super) fn commit(&mut self, checkpoint: Option<u32>) -> Result<(), Error> {
        let has_checkpoint = |number: u32| checkpoint == Some(number);
        let mut moved: Vec<_> = self
            .partitions
            .iter_mut()
            .filter(|(number, partition)| has_checkpoint(**number) || partition.has_moved())
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        let partitions = self.bus.partitions();
        moved.iter_mut().for_each(|(number, partition)| partition.seal(partitions, has_checkpoint(**number)));
        let outputs: Vec<Output<'_>> = moved.iter().flat_map(|(_, partition)| partition.outputs()).collect();
        let positions: Vec<_> =
            moved.iter().map(|(_, partition)| (partition.source(), partition.engine.position())).collect();
        let result = self.worker.commit(Step { outputs: &outputs, positions: &positions });
        result.map_err(|error| name_too_large(error, &outputs, &positions))?;
        drop(outputs);
        (self.committed_at, self.taken) = (Instant::now(), 0);
        self.summary.steps += 1;
        for (number, partition) in moved {
            self.summary.committed(&partition.out.counts);
            partition.committed(has_checkpoint(*number));
            if self.config.mode == Mode::Bounded {
                // Who starts anew reads a bounded log from its start: cheaper than checkpoints on the way.
                partition.engine.drop_changes();
            }
        }
        Ok(())
    }

    /// The last commits: everything, and where the log goes on, a checkpoint of each partition.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        let checkpoints: Vec<u32> = match self.config.mode {
            Mode::Live => {
                let wanting = self.partitions.iter().filter(|(_, partition)| partition.wants_checkpoint());
                wanting.map(|(&number, _)| number).collect()
            }
            Mode::Bounded => Vec::new(),
        };
        for number in checkpoints {
            self.commit(Some(number))?;
        }
        self.commit(None)
    }
}

/// Says which record it was that the bus does not take.
fn name_too_large(error: BusError, outputs: &[Output<'_>], positions: &[(Source, NextOffset)]) -> Error {
    let BusError::TooLarge { size, limit } = error else { return error.into() };
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    let named = outputs.iter().find(|output| length(output.key) + length(output.value) == size).and_then(|output| {
        let partition = output.target.partition;
        let (_, position) = positions.iter().find(|(source, _)| source.partition == partition)?;
        let key = String::from_utf8_lossy(output.key.unwrap_or_default()).into_owned();
        Some(Error::TooLarge { partition, position: *position, topic: output.target.topic, key, size, limit })
    });
    named.unwrap_or(BusError::TooLarge { size, limit }.into())
}
