//! What the sessionizer is told at its start.

use std::time::Duration;

use bus::TOMBSTONES_KEPT;
use events::{Span, WindowSettings};
use service::{Clock, StepArgs, WindowArgs, clock};
use sessions::WriteBare;

/// The group under which sessionizers share the partitions.
pub(crate) const GROUP: &str = "sessionizer";

/// How the sessionizer runs.
#[derive(Clone)]
pub struct Config {
    /// Names this member of the group for good, so that a restart moves no partition; `None`: one like any other.
    pub instance: Option<String>,
    /// The settings that shall hold.
    pub settings: WindowSettings,
    /// How long a partition must have had no hit before it gets a tick.
    pub idle_interval: Span,
    /// How often what was processed is committed.
    pub commit_interval: Duration,
    /// Most records of `hits` that one commit covers (P6).
    pub commit_records: usize,
    /// Most bytes of outputs that one commit writes (P6). Hits are cut to fit; the sessions that they close may go over it.
    pub commit_bytes: usize,
    /// How often what changed is written to the state.
    pub checkpoint_interval: Duration,
    /// How long reading the state of a partition may take before it starts over: no longer than the tombstones in it stay.
    pub read_state_within: Duration,
    /// How long a restore waits for records that must come, before it says that they do not.
    pub stuck_after: Duration,
    /// Whether the log has an end.
    pub mode: Mode,
    /// Writes sessions alone, and so: for measuring against other engines.
    pub bare: Option<WriteBare>,
    /// The wall clock; asked for ticks and intervals, never for windows.
    pub clock: Clock,
}

/// Whether the log has an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It goes on until somebody says stop.
    Live,
    /// An `end` record stands in every partition: no ticks, and done when all were processed.
    Bounded,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            instance: None,
            settings: WindowSettings::default(),
            idle_interval: Span::from_secs(10),
            commit_interval: Duration::from_millis(200),
            commit_records: 100_000,
            commit_bytes: 8 << 20,
            checkpoint_interval: Duration::from_secs(10),
            read_state_within: TOMBSTONES_KEPT.to_std(),
            stuck_after: Duration::from_secs(30),
            mode: Mode::Live,
            bare: None,
            clock: clock::system(),
        }
    }
}

impl From<&WindowArgs> for Config {
    fn from(args: &WindowArgs) -> Self {
        let settings = WindowSettings {
            gap: args.gap,
            lateness: args.lateness,
            max_session: args.max_session,
            max_open_sessions: args.max_open_sessions,
            ..WindowSettings::default()
        };
        Self { settings, idle_interval: args.idle_interval, ..Self::default() }
    }
}

impl Config {
    /// The same, with steps of this size.
    #[must_use]
    pub fn in_steps(self, args: &StepArgs) -> Self {
        Self {
            commit_interval: args.commit_interval.to_std(),
            commit_records: usize::try_from(args.commit_records).unwrap_or(usize::MAX),
            commit_bytes: args.commit_bytes.as_usize(),
            ..self
        }
    }
}
