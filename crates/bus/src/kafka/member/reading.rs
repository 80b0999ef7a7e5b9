//! Where a member reads, and what comes of it.

use events::NextOffset;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::Offset;

use super::super::error;
use super::sources::{Start, Taken};
use super::{Member, SEEKING};
use crate::{BusError, Polled, Source};

impl Member {
    /// Records, or the end, of any source, in turns.
    pub(super) fn next_records(&mut self) -> Result<Option<Polled>, BusError> {
        match self.sources.take() {
            None => Ok(None),
            Some((source, Taken::Records(records))) => Ok(Some(Polled::Records { source, records })),
            Some((source, Taken::End)) => {
                let position = self.position(source);
                Ok(Some(Polled::End { source, position }))
            }
            Some((source, Taken::Failed(error))) => match error::code(&error) {
                Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => self.jump(source).map(|()| None),
                _ => {
                    self.consumer.context().log.error(&error, &error.to_string());
                    self.heard(&error).map(|()| None)
                }
            },
        }
    }

    /// The position that librdkafka has come to, transaction markers included, which it hands nobody.
    fn position(&self, source: Source) -> NextOffset {
        let reached = self.sources.reached(source).unwrap_or(NextOffset::START);
        let Ok(list) = self.consumer.position() else { return reached };
        let found = list.find_partition(self.shared.names.topic(source.topic), source.partition as i32);
        match found.map(|found| found.offset()) {
            Some(Offset::Offset(offset)) => reached.max(NextOffset(offset)),
            _ => reached,
        }
    }

    /// The position is not there. Where retention has passed it, reading goes on at the log's start; the caller sees the
    /// gap in the offsets.
    fn jump(&mut self, source: Source) -> Result<(), BusError> {
        let bounds = self.shared.watcher.bounds(self.shared.names.topic(source.topic), source.partition)?;
        let position = self.sources.reached(source).unwrap_or(NextOffset::START);
        if position >= bounds.start {
            let detail = format!("{source} ends at {} and was to be read from {position}", bounds.end);
            return self.fail(BusError::Unavailable(detail));
        }
        tracing::warn!(%source, %position, start = %bounds.start, "records were removed before they were read");
        // librdkafka has given the source up, and cannot seek in it.
        self.take_anew(source, Some(bounds.start))
    }

    /// Gives a source up and takes it again from another position, or from the log's start. The group does not hear of it.
    pub(super) fn take_anew(&mut self, source: Source, position: Option<NextOffset>) -> Result<(), BusError> {
        // librdkafka would take it for the answer to that, and nobody would hear of the loss. The next poll tells of it.
        if self.consumer.assignment_lost() {
            return Ok(());
        }
        let is_paused = self.sources.is_paused(source);
        let left = self.consumer.incremental_unassign(&self.list(&[source]));
        // That the old position is not there stands in the queue under no position, and would be taken for the new one's.
        self.sources.empty(source);
        self.sources.close(&[source]);
        let start = Start { source, position, is_paused };
        match left.and_then(|()| self.take(&[start])) {
            Ok(()) => Ok(()),
            Err(error) => {
                let position = position.unwrap_or(NextOffset::START);
                self.fail(error::of(&format!("{source} cannot be read from {position}"), &error))
            }
        }
    }

    /// The next poll of the source starts there.
    pub(super) fn seek_to(&mut self, source: Source, position: NextOffset) -> Result<(), BusError> {
        if let Some(start) = self.start(source) {
            start.position = Some(position);
            return Ok(());
        }
        if !self.sources.contains(source) {
            return Err(BusError::Refused(format!("{source} is not assigned to this member")));
        }
        let topic = self.shared.names.topic(source.topic);
        let sought = self.consumer.seek(topic, source.partition as i32, Offset::Offset(position.0), SEEKING);
        // One that is not read yet, or was given up because its position is not there, cannot be sought in.
        if sought.is_err() {
            return self.take_anew(source, Some(position));
        }
        self.sources.moved(source, position);
        Ok(())
    }

    pub(super) fn set_paused(&mut self, source: Source, is_paused: bool) -> Result<(), BusError> {
        match self.start(source) {
            Some(start) => start.is_paused = is_paused,
            None => self.sources.set_paused(source, is_paused)?,
        }
        Ok(())
    }
}
