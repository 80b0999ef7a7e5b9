//! `tributary verify --deep`, on lakes whose files are whole and say what is not so.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::fs;
use std::path::Path;

use events::{LogId, NextOffset, Offset, Timestamp};
use lake::{Access, Batch, Committer, Lake, Series};
use serde_json::Value;
use support::{files, replay, sample, text, tributary};
use tables::{Layout, Table, TableBatch};
use tempfile::tempdir;

/// What is found, and the code.
fn verify(lake: &Path, flags: &[&str]) -> (Vec<String>, i32) {
    let nowhere = lake.join("nowhere");
    let mut command = tributary();
    command.args(["verify", "--json", "--data"]).arg(nowhere).arg("--lake").arg(lake).args(flags);
    let output = command.output().unwrap();
    assert_ne!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = found["series"].as_array().unwrap().iter().flat_map(|series| series["faults"].as_array().unwrap());
    (faults.map(|fault| fault.as_str().unwrap().to_owned()).collect(), output.status.code().unwrap())
}

const SOUND: (Vec<String>, i32) = (Vec::new(), 0);

fn hit(id: u32, visitor: Option<&str>) -> String {
    let visitor = visitor.map(|visitor| format!(r#""visitor_id":"{visitor}","#)).unwrap_or_default();
    let time = Timestamp::from_millis(1_431_864_000_000 + i64::from(id));
    format!(
        r#"{{"hit_id":"00000000-0000-7000-8000-{id:012x}","schema":"hit/1","site":"a",{visitor}"type":"pageview","event_time":"{time}","time":"{time}","raw_offset":0,"is_bot":false}}"#
    )
}

/// Commits one batch to a chain.
fn commit(place: &Path, table: Table, partition: u32, records: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lake = Lake::open(place.to_str().unwrap(), Access::Write).await.unwrap();
        let series = Series { table, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition };
        let mut committer = Committer::open(&lake, series.clone()).await.unwrap();
        let start = committer.chain().position();
        let mut rows = TableBatch::new(table);
        for (offset, record) in (start.0..).zip(records) {
            rows.push(Offset(offset), record.as_bytes()).unwrap();
        }
        let end = NextOffset(start.0 + records.len() as i64);
        let batch = Batch::new(&series, start, end, Vec::new(), None, rows, Layout::default()).unwrap();
        committer.commit(&batch).await.unwrap();
    });
}

#[test]
fn a_lake_in_which_all_is_well_is_sound_however_little_memory_there_is() {
    let dir = tempdir().unwrap();
    replay(dir.path(), [sample().to_str().unwrap(), "--target-file-size", "4KiB"]);
    assert_eq!(verify(dir.path(), &["--deep"]), SOUND);
    assert_eq!(verify(dir.path(), &["--deep", "--memory", "16MiB"]), SOUND);
}

#[test]
fn a_hit_that_stands_twice_is_named_with_file_and_row() {
    let dir = tempdir().unwrap();
    commit(dir.path(), Table::Hits, 0, &[hit(1, Some("v")), hit(2, Some("v")), hit(3, None)]);
    commit(dir.path(), Table::Hits, 0, &[hit(4, Some("v")), hit(2, Some("w"))]);
    // What has no visitor has no home: another partition cannot know it.
    commit(dir.path(), Table::Hits, 1, &[hit(3, None)]);
    assert_eq!(verify(dir.path(), &["--deep"]), SOUND);
    commit(dir.path(), Table::Hits, 1, &[hit(5, Some("v")), hit(2, Some("v"))]);
    assert_eq!(verify(dir.path(), &[]), SOUND);
    let (faults, code) = verify(dir.path(), &["--deep"]);
    assert_eq!((faults.len(), code), (1, 1), "{faults:?}");
    let file = |partition, start| format!("`hits/date=2015-05-17/hits-log1-{partition}-{start:020}.parquet`");
    for place in [format!("row 1 of {}", file(0, 0)), format!("{}: row 0", file(1, 1))] {
        assert!(faults[0].contains(&place), "{place} in {faults:?}");
    }
}

#[test]
fn a_session_that_stands_twice_is_named() {
    let dir = tempdir().unwrap();
    let time = Timestamp::from_millis(1_431_864_000_000);
    let session = |id: u32| {
        format!(
            r#"{{"session_id":"00000000-0000-8000-8000-{id:012x}","schema":"session/1","site":"s","visitor_id":"v","start":"{time}","end":"{time}","duration_ms":0,"hit_count":1,"pageview_count":1,"event_count":0,"is_bounce":true,"engaged_ms":0,"pages":[],"channel":"direct","closed_by":"gap","partition":0,"first_offset":0,"last_offset":0,"closed_at":"{time}"}}"#
        )
    };
    commit(dir.path(), Table::Sessions, 0, &[session(1), session(2)]);
    assert_eq!(verify(dir.path(), &["--deep"]), SOUND);
    commit(dir.path(), Table::Sessions, 0, &[session(2)]);
    let (faults, code) = verify(dir.path(), &["--deep"]);
    assert_eq!((faults.len(), code), (1, 1), "{faults:?}");
}

/// One letter of a title is another, and nothing else: every page can be read.
#[test]
fn a_bit_that_flips_within_a_text_is_found_by_the_files_checksum() {
    let dir = tempdir().unwrap();
    // Shorter than what compresses: the text stands in the file as it is.
    let titled = hit(1, Some("v")).replace(r#""is_bot""#, r#""title":"kjqzwvx","is_bot""#);
    commit(dir.path(), Table::Hits, 0, &[titled]);
    assert_eq!(verify(dir.path(), &["--deep"]), SOUND);
    let name = files(dir.path()).into_keys().find(|name| name.ends_with(".parquet")).unwrap();
    let mut bytes = fs::read(dir.path().join(&name)).unwrap();
    let at = bytes.windows(7).position(|text| text == b"kjqzwvx").unwrap();
    bytes[at] ^= 1;
    fs::write(dir.path().join(&name), bytes).unwrap();
    assert_eq!(verify(dir.path(), &[]), SOUND);
    let expected = format!("`{name}`: damaged: its bytes are not those that its checksum was made of");
    assert_eq!(verify(dir.path(), &["--deep"]), (vec![expected], 1));
}

/// Its footer and its offsets can be read, and one of its other columns cannot.
#[test]
fn a_file_that_is_damaged_within_is_found_by_reading_it() {
    let dir = tempdir().unwrap();
    let hits: Vec<_> = (0..3000).map(|id| hit(id, Some(&format!("v{id}")))).collect();
    commit(dir.path(), Table::Hits, 0, &hits);
    let name = files(dir.path()).into_keys().find(|name| name.ends_with(".parquet")).unwrap();
    let mut bytes = fs::read(dir.path().join(&name)).unwrap();
    // The first column's first page begins here.
    bytes[4..64].fill(0xFF);
    fs::write(dir.path().join(&name), bytes).unwrap();
    assert_eq!(verify(dir.path(), &[]), SOUND);
    let (faults, code) = verify(dir.path(), &["--deep"]);
    assert_eq!(code, 1);
    assert!(faults[0].contains(&name), "{faults:?}");
}
