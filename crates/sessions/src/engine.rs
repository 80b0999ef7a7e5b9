//! The engine of one input partition: records in, outputs out.

use std::sync::Arc;

use events::{ClosedBy, Control, Hit, Invalid, NextOffset, Offset, Reason, Timestamp, Topic, WindowSettings, ids};

use crate::clock::believed;
use crate::emit::{self, Placed};
use crate::enrich::Enricher;
use crate::node::Contribution;
use crate::outputs::Outputs;
use crate::profile::{Origin, Place, Profile, Shared, bounded};
use crate::state::CheckpointMark;
use crate::windows::{Placement, Windows};

/// The largest hit that is read, in bytes. With what is appended it stays under every bus's limit of a megabyte.
pub const MAX_HIT_BYTES: usize = 512 * 1024;

/// The most of a path that a session's list of pages keeps, in bytes: a hundred of them fit into one record.
const MAX_PATH_BYTES: usize = 1024;

/// The most of a title that a session's list of pages keeps, in bytes.
const MAX_TITLE_BYTES: usize = 256;

/// All state of one input partition (P5).
///
/// What it emits is a pure function of the records that it was given, in the order of their offsets (P3): it
/// reads no clock, and how the log was cut into calls changes nothing.
#[derive(Debug)]
pub struct Engine {
    pub(crate) partition: u32,
    pub(crate) windows: Windows,
    pub(crate) enricher: Enricher,
    pub(crate) shared: Shared,
    pub(crate) position: NextOffset,
    pub(crate) last_checkpoint: CheckpointMark,
    key: Vec<u8>,
    due: Vec<u32>,
}

/// A record of the topic `hits`.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its place in the partition.
    pub offset: Offset,
    /// When the bus took it.
    pub append_time: Timestamp,
    /// Its value; `None` is a tombstone, which the topic should not hold.
    pub value: Option<&'a [u8]>,
}

/// What kind of record was applied, for whoever writes ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// A hit, readable or not.
    Hit,
    /// A tick, or a change of settings.
    Time,
    /// A collector empties its spool.
    Draining,
    /// The bounded run is over; every session is final.
    End,
}

impl Engine {
    /// An engine that has read nothing yet.
    pub fn new(partition: u32, settings: WindowSettings) -> Self {
        Self::with_windows(partition, Windows::new(settings), NextOffset::START)
    }

    pub(crate) fn with_windows(partition: u32, windows: Windows, position: NextOffset) -> Self {
        let last_checkpoint = CheckpointMark::of(&windows, position);
        Self {
            partition,
            windows,
            enricher: Enricher::new(),
            shared: Shared::default(),
            position,
            last_checkpoint,
            key: Vec::new(),
            due: Vec::new(),
        }
    }

    /// Goes on at the start of the log where the records from the position up to there are gone, and says so in
    /// a rejection.
    pub fn skip_to(&mut self, start: NextOffset, now: Timestamp, out: &mut Outputs) {
        let detail = format!(
            "offsets {} to {} of hits/{} were removed by retention before they were read",
            self.position,
            start.0 - 1,
            self.partition
        );
        out.counts.rejected += 1;
        out.push(Topic::Rejected, b"", |out| {
            emit::rejected(
                out,
                &Invalid::new(Reason::Expired, "", detail),
                self.partition,
                Offset(self.position.0),
                now,
                b"",
            );
        });
        self.position = start;
    }

    /// Moves the position over offsets that hold no record. Never back.
    pub fn advance_to(&mut self, position: NextOffset) {
        self.position = self.position.max(position);
    }

    /// Takes one record in and appends what follows from it. Records must come in the order of their offsets.
    pub fn apply(&mut self, input: Input<'_>, out: &mut Outputs) -> Applied {
        let value = input.value.unwrap_or_default();
        if value.len() > MAX_HIT_BYTES {
            let detail = format!("the record has {} bytes; a hit has at most {MAX_HIT_BYTES}", value.len());
            self.reject(&Invalid::new(Reason::TooLarge, "", detail), input, out);
        } else if Control::is_control(value) {
            match Control::from_json(value) {
                Ok(control) => return self.apply_control(control, input, out),
                Err(error) => {
                    let detail = format!("no control record that this build knows: {error}");
                    self.reject(&Invalid::new(Reason::InvalidJson, "/control", detail), input, out);
                }
            }
        } else {
            match Hit::parse(value) {
                Ok(hit) => self.apply_hit(&hit, input, out),
                Err(invalid) => self.reject(&invalid, input, out),
            }
        }
        Applied::Hit
    }

    /// Takes a hit in that was parsed from the input's value.
    pub fn apply_hit(&mut self, hit: &Hit<'_>, input: Input<'_>, out: &mut Outputs) {
        self.position = input.offset.next();
        out.counts.hits += 1;
        let (time, clamped) = believed(hit.event_time, input.append_time);
        out.counts.clamped += u64::from(clamped);
        self.advance(time, out);

        let Self { windows, enricher, shared, key, .. } = self;
        hit.key_into(key);
        let derived = enricher.derive(hit);
        let placement = if hit.visitor_id.is_some() {
            let contribution = Contribution {
                time,
                offset: input.offset,
                fingerprint: ids::hit_fingerprint(hit.hit_id),
                kind: hit.kind,
                path: derived.path.map(|path| bounded(path, MAX_PATH_BYTES)),
                title: hit.title.as_deref().map(|title| bounded(title, MAX_TITLE_BYTES)),
                user_id: hit.user_id.as_deref().map(|user| bounded(user, MAX_TITLE_BYTES)),
            };
            windows.place(key, hit.hit_id, &contribution, &mut || Profile {
                origin: shared.origin(&Origin::of(hit, &derived.origin)),
                agent: Arc::clone(derived.agent),
                place: shared.place(&Place::of(hit)),
            })
        } else {
            windows.place_anonymous(key, hit.hit_id, time)
        };
        let raw = input.value.unwrap_or_default();
        let placed = Placed { time, clamped, offset: input.offset };
        let session = match placement {
            Placement::Duplicate => {
                out.counts.duplicates += 1;
                return;
            }
            Placement::Late { reason, missed } => {
                out.counts.late[reason as usize] += 1;
                out.push(Topic::Late, key, |out| emit::late(out, raw, placed, reason, missed));
                return;
            }
            Placement::InSession { session_id, seq } => Some((session_id, seq)),
            Placement::Anonymous => {
                out.counts.anonymous += 1;
                None
            }
        };
        out.counts.enriched += 1;
        out.counts.bots += u64::from(derived.agent.is_bot);
        out.counts.merged += std::mem::take(&mut windows.changes.merged);
        out.push(Topic::HitsEnriched, key, |out| emit::enriched(out, raw, placed, session, &derived));
    }

    fn apply_control(&mut self, control: Control, input: Input<'_>, out: &mut Outputs) -> Applied {
        self.position = input.offset.next();
        match control {
            Control::Tick { time } => {
                out.counts.ticks += 1;
                self.advance(time.min(input.append_time), out);
                Applied::Time
            }
            Control::Settings(settings) => {
                self.windows.set(settings);
                self.close_due(out);
                Applied::Time
            }
            Control::Draining => Applied::Draining,
            Control::End => {
                let mut due = std::mem::take(&mut self.due);
                self.windows.take_all(&mut due);
                self.close(&due, ClosedBy::EndOfInput, out);
                self.due = due;
                Applied::End
            }
        }
    }

    /// Raises the stream time and emits what this makes final.
    fn advance(&mut self, time: Timestamp, out: &mut Outputs) {
        let Windows { clock, settings, .. } = &mut self.windows;
        if clock.raise(time, settings) {
            self.close_due(out);
        }
    }

    fn close_due(&mut self, out: &mut Outputs) {
        let mut due = std::mem::take(&mut self.due);
        self.windows.take_final(&mut due);
        self.close(&due, ClosedBy::Gap, out);
        self.due = due;
        self.windows.expire();
    }

    fn close(&mut self, due: &[u32], by: ClosedBy, out: &mut Outputs) {
        for &slot in due {
            let node = self.windows.store.node(slot);
            let closed_at = self.windows.clock.watermark;
            out.push(Topic::Sessions, node.key(), |out| emit::session(out, node, by, self.partition, closed_at));
            out.counts.sessions += 1;
            self.windows.close(slot);
        }
    }

    fn reject(&mut self, invalid: &Invalid, input: Input<'_>, out: &mut Outputs) {
        self.position = input.offset.next();
        out.counts.rejected += 1;
        let raw = input.value.unwrap_or_default();
        out.push(Topic::Rejected, b"", |out| {
            emit::rejected(out, invalid, self.partition, input.offset, input.append_time, raw);
        });
    }

    /// The input partition that this engine's state belongs to.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// The position behind the last record that was applied.
    pub fn position(&self) -> NextOffset {
        self.position
    }

    /// The settings that hold at the position.
    pub fn settings(&self) -> &WindowSettings {
        &self.windows.settings
    }

    /// The watermark, where there is one yet.
    pub fn watermark(&self) -> Option<Timestamp> {
        Some(self.windows.clock.watermark).filter(|&time| time != Timestamp::MIN)
    }

    /// Sessions that are open.
    pub fn open_sessions(&self) -> usize {
        self.windows.store.open_count()
    }

    /// Stubs of final sessions.
    pub fn stubs(&self) -> usize {
        self.windows.store.stub_count()
    }

    /// Whether time alone would change something here: a tick for this partition is worth writing.
    pub fn waits_for_time(&self) -> bool {
        self.open_sessions() + self.stubs() + self.windows.anonymous.len() > 0
    }
}
