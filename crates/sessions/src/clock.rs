//! Time as the log tells it: stream time, watermark and horizon of one partition.

use events::{Span, Timestamp, WindowSettings};

/// How far past its append time an event time is believed.
pub(crate) const FUTURE_TOLERANCE: Span = Span::from_mins(1);

/// The three times of a partition. [`Timestamp::MIN`] stands for "none yet". None of them ever falls, whatever
/// the settings do: a watermark that fell would reopen sessions that are final.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StreamClock {
    /// The highest event time or tick so far.
    pub(crate) stream_time: Timestamp,
    /// Stream time − lateness, at its highest.
    pub(crate) watermark: Timestamp,
    /// Watermark − gap, at its highest: the earliest time at which a hit may still open a session.
    pub(crate) horizon: Timestamp,
}

impl StreamClock {
    pub(crate) const UNSET: Self =
        Self { stream_time: Timestamp::MIN, watermark: Timestamp::MIN, horizon: Timestamp::MIN };

    /// Takes a record's time in, or a change of settings. Says whether the watermark or the horizon moved.
    pub(crate) fn raise(&mut self, time: Timestamp, settings: &WindowSettings) -> bool {
        let before = (self.watermark, self.horizon);
        self.stream_time = self.stream_time.max(time);
        self.watermark = self.watermark.max(self.stream_time - settings.lateness);
        self.horizon = self.horizon.max(self.watermark - settings.gap);
        before != (self.watermark, self.horizon)
    }
}

/// The time that a hit has for all windows, and whether it had to be clamped to the append time.
pub(crate) fn believed(event_time: Timestamp, append_time: Timestamp) -> (Timestamp, bool) {
    if event_time > append_time + FUTURE_TOLERANCE { (append_time, true) } else { (event_time, false) }
}
