//! What a replay's output is named after: its input, and the settings that it depends on.

use std::fmt::Write;

use events::{LogId, WindowSettings};
use xxhash_rust::xxh3::xxh3_128;

use super::input::format::LineReader;
use super::input::survey::Surveyed;

/// Goes up whenever the same input and settings give other records than before, so that a newer build's output is
/// never taken for an older one's.
const REVISION: u32 = 2;

/// The id of the log that a replay makes: xxh3-128, seed 0, of everything that its records follow from. File names,
/// compression and how the lake's files are cut are not among it.
pub fn log_id(files: &[Surveyed], reader: &LineReader, windows: &WindowSettings, partitions: u32) -> LogId {
    let WindowSettings { gap, lateness, max_session, max_hits, max_open_sessions } = windows;
    let mut text = format!(
        "replay {REVISION}\nformat {}\nsite {}\npartitions {partitions}\ngap {gap}\nlateness {lateness}\n\
         max_session {max_session}\nmax_hits {max_hits}\nmax_open_sessions {max_open_sessions}\n",
        reader.format.name(),
        reader.site().unwrap_or_default(),
    );
    for file in files {
        writeln!(text, "file {:032x} {}", file.hash, file.bytes).expect("writing to memory does not fail");
    }
    LogId::from_bits(xxh3_128(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::input::format::Format;
    use events::{Limits, Span};

    fn file(hash: u128) -> Surveyed {
        Surveyed { path: "a".into(), name: "a".into(), hash, bytes: 1 }
    }

    fn reader() -> LineReader {
        LineReader { format: Format::Combined, site: None, limits: Limits::default() }
    }

    /// Names of files in users' lakes: a replay must find its own again.
    #[test]
    fn a_replays_id_is_fixed() {
        let id = log_id(&[file(1), file(2)], &reader(), &WindowSettings::default(), 4);
        insta::assert_snapshot!(id.as_str());
    }

    #[test]
    fn whatever_changes_the_records_changes_the_id() {
        let settings = WindowSettings::default();
        let ids = [
            log_id(&[file(1), file(2)], &reader(), &settings, 4),
            log_id(&[file(2), file(1)], &reader(), &settings, 4),
            log_id(&[file(1)], &reader(), &settings, 4),
            log_id(&[file(1)], &reader(), &settings, 5),
            log_id(&[file(1)], &LineReader { format: Format::Common, ..reader() }, &settings, 4),
            log_id(&[file(1)], &LineReader { site: Some("shop".into()), ..reader() }, &settings, 4),
            log_id(&[file(1)], &reader(), &WindowSettings { gap: Span::from_mins(5), ..settings }, 4),
            log_id(&[file(1)], &reader(), &WindowSettings { lateness: Span::ZERO, ..settings }, 4),
            log_id(&[file(1)], &reader(), &WindowSettings { max_session: Span::from_hours(1), ..settings }, 4),
            log_id(&[file(1)], &reader(), &WindowSettings { max_hits: 10, ..settings }, 4),
            log_id(&[file(1)], &reader(), &WindowSettings { max_open_sessions: 10, ..settings }, 4),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn the_name_of_a_file_does_not_change_the_id() {
        let renamed = Surveyed { path: "/b".into(), name: "b".into(), ..file(1) };
        let settings = WindowSettings::default();
        assert_eq!(log_id(&[file(1)], &reader(), &settings, 4), log_id(&[renamed], &reader(), &settings, 4));
    }
}
