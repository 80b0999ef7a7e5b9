//! The engine of one input partition: records in, outputs out.

mod effects;
mod run;

use events::{ClosedBy, Control, Hit, Invalid, NextOffset, Offset, Reason, Timestamp, Topic, WindowSettings};

use crate::bare::WriteBare;
use crate::emit;
use crate::enrich::Enricher;
use crate::outputs::Outputs;
use crate::profile::Shared;
use crate::state::CheckpointMark;
use crate::windows::Windows;
use effects::Effects;
use run::{Buffers, RUN, Run};

/// The largest hit that is read, in bytes. With what is appended it stays under every bus's limit of a megabyte.
pub const MAX_HIT_BYTES: usize = 512 * 1024;

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
    due: Vec<u32>,
    effects: Effects,
    buffers: Buffers,
    bare: Option<WriteBare>,
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

/// What kinds of records were applied, for whoever writes ticks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// A hit, readable or not.
    pub hit: bool,
    /// A collector empties its spool.
    pub draining: bool,
    /// The bounded run is over; every session is final.
    pub end: bool,
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
            due: Vec::new(),
            effects: Effects::default(),
            buffers: Buffers::default(),
            bare: None,
        }
    }

    /// From here on final sessions are written by this function, and enriched hits not at all; nothing but the path is
    /// derived. See [`crate::BareSession`].
    pub fn write_bare(&mut self, write: WriteBare) {
        self.bare = Some(write);
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
        self.apply_all([input], out)
    }

    /// Takes records in, in the order of their offsets, and appends what follows from them: the same as from one after
    /// the other, in half of the time.
    pub fn apply_all<'a>(&mut self, inputs: impl IntoIterator<Item = Input<'a>>, out: &mut Outputs) -> Applied {
        let mut applied = Applied::default();
        let inputs = inputs.into_iter();
        let mut hits = Vec::with_capacity(inputs.size_hint().1.map_or(RUN, |most| most.min(RUN)));
        for input in inputs {
            match read(input) {
                Ok(hit) => {
                    applied.hit = true;
                    hits.push((hit, input));
                }
                Err(other) => {
                    self.apply_hits(&hits, out);
                    hits.clear();
                    self.apply_other(other, input, &mut applied, out);
                }
            }
            if hits.len() == RUN {
                self.apply_hits(&hits, out);
                hits.clear();
            }
        }
        self.apply_hits(&hits, out);
        applied
    }

    fn apply_other(&mut self, other: NoHit, input: Input<'_>, applied: &mut Applied, out: &mut Outputs) {
        match other {
            NoHit::Control(control) => self.apply_control(control, input, applied, out),
            NoHit::Unreadable(invalid) => {
                applied.hit = true;
                self.reject(&invalid, input, out);
            }
        }
    }

    fn apply_control(&mut self, control: Control, input: Input<'_>, applied: &mut Applied, out: &mut Outputs) {
        self.position = input.offset.next();
        let no_hits = Run::default();
        match control {
            Control::Tick { time } => {
                out.counts.ticks += 1;
                self.advance(time.min(input.append_time), &no_hits, out);
            }
            Control::Settings(settings) => {
                self.windows.set(settings);
                self.close_due(&no_hits, out);
            }
            Control::Draining => applied.draining = true,
            Control::End => {
                applied.end = true;
                let mut due = std::mem::take(&mut self.due);
                self.windows.take_all(&mut due);
                self.close(&due, ClosedBy::EndOfInput, &no_hits, out);
                self.due = due;
            }
        }
        self.write(&no_hits, out);
    }

    /// Raises the stream time and closes what this makes final.
    fn advance(&mut self, time: Timestamp, run: &Run<'_>, out: &mut Outputs) {
        let Windows { clock, settings, .. } = &mut self.windows;
        if clock.raise(time, settings) {
            self.close_due(run, out);
        }
    }

    /// Nearly every hit raises the time, and few make a session final.
    #[inline(always)]
    fn close_due(&mut self, run: &Run<'_>, out: &mut Outputs) {
        if self.windows.may_be_final() || self.windows.may_expire() {
            self.close_what_is_due(run, out);
        }
    }

    #[inline(never)]
    fn close_what_is_due(&mut self, run: &Run<'_>, out: &mut Outputs) {
        if self.windows.may_be_final() {
            let mut due = std::mem::take(&mut self.due);
            self.windows.take_final(&mut due);
            self.close(&due, ClosedBy::Gap, run, out);
            self.due = due;
        }
        if self.windows.may_expire() {
            self.windows.expire();
        }
    }

    fn close(&mut self, due: &[u32], by: ClosedBy, run: &Run<'_>, out: &mut Outputs) {
        for &slot in due {
            self.windows.close(slot, by, &mut self.effects.finals);
            self.effects.place_finals();
            // A tick after a long silence may close a million.
            if self.effects.len() >= 8 * RUN {
                self.write(run, out);
            }
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

/// What a record of `hits` may hold instead of a hit.
enum NoHit {
    Control(Control),
    Unreadable(Invalid),
}

fn read(input: Input<'_>) -> Result<Hit<'_>, NoHit> {
    let value = input.value.unwrap_or_default();
    if value.len() > MAX_HIT_BYTES {
        let detail = format!("the record has {} bytes; a hit has at most {MAX_HIT_BYTES}", value.len());
        return Err(NoHit::Unreadable(Invalid::new(Reason::TooLarge, "", detail)));
    }
    if Control::is_control(value) {
        return Err(Control::from_json(value).map_or_else(
            |error| {
                let detail = format!("no control record that this build knows: {error}");
                NoHit::Unreadable(Invalid::new(Reason::InvalidJson, "/control", detail))
            },
            NoHit::Control,
        ));
    }
    Hit::parse(value).map_err(NoHit::Unreadable)
}

#[cfg(test)]
mod tests;
