//! Records in `hits` that are no hits: they carry time, settings or an end, and nothing of a visitor.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

/// How every control record begins. A value with any other beginning is a hit.
pub const CONTROL_PREFIX: &[u8] = b"{\"control\":";

/// A control record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// Time alone, so that an idle partition's sessions close.
    Tick {
        /// The sessionizer's clock; never believed past the record's append time.
        time: Timestamp,
    },
    /// From here on these settings hold for the partition.
    Settings(WindowSettings),
    /// A collector empties its spool: no ticks for a while.
    Draining,
    /// A bounded run is over: every open session is final.
    End,
}

/// The settings of the session windows. They stand in the log, so that a replay of it knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WindowSettings {
    /// The longest silence within a session. Default 30 min.
    pub gap: Span,
    /// How far behind the stream time a hit may be and still open a session. Default 10 min.
    pub lateness: Span,
    /// The longest session, from first to last hit. Default 24 h.
    pub max_session: Span,
    /// The most hits in a session. 4,096.
    pub max_hits: u32,
    /// The most open sessions, stubs and remembered ids of a partition together. Default 1,000,000.
    pub max_open_sessions: u64,
}

impl Default for WindowSettings {
    fn default() -> Self {
        Self {
            gap: Span::from_mins(30),
            lateness: Span::from_mins(10),
            max_session: Span::from_hours(24),
            max_hits: 4096,
            max_open_sessions: 1_000_000,
        }
    }
}

impl Control {
    /// Whether a record's value is one of these. Costs a look at eleven bytes.
    pub fn is_control(value: &[u8]) -> bool {
        value.starts_with(CONTROL_PREFIX)
    }

    /// The record's value.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a control record has text keys and finite numbers")
    }

    /// Reads a record's value.
    pub fn from_json(value: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_records_are_public_json() {
        let all = [
            Control::Tick { time: Timestamp::from_millis(1_793_577_600_000) },
            Control::Settings(WindowSettings::default()),
            Control::Draining,
            Control::End,
        ];
        let lines: Vec<_> = all.iter().map(|control| String::from_utf8(control.to_json()).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"));
        for (control, line) in all.iter().zip(&lines) {
            assert!(Control::is_control(line.as_bytes()));
            assert_eq!(*control, Control::from_json(line.as_bytes()).unwrap());
        }
    }
}
