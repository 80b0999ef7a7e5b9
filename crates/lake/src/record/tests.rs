use events::{LogId, Offset};
use tables::Table;

use super::*;

fn series() -> Series {
    Series { table: Table::Hits, log_id: LogId::try_from("log1".to_owned()).unwrap(), partition: 2 }
}

fn record() -> BatchRecord {
    let mut record = BatchRecord::new(&series(), NextOffset(40), NextOffset(50), 10, Layout::default());
    record.skipped.push(OffsetRange { from: NextOffset(42), to: NextOffset(44) });
    let path = "hits/date=2015-05-17/hits-log1-2-00000000000000000040.parquet".to_owned();
    record.files.push(FileEntry { path, rows: 8 });
    record
}

fn path() -> String {
    series().record_path(NextOffset(40))
}

/// Lakes are older than builds: this format may only change under a new number.
#[test]
fn a_batch_record_is_public_json() {
    insta::assert_snapshot!(String::from_utf8(record().to_json()).unwrap());
    assert_eq!(BatchRecord::read(&series(), &path(), &record().to_json()).unwrap(), record());
}

#[test]
fn a_gap_record_is_public_json() {
    let gap = GapRecord::new(OffsetRange { from: NextOffset(3), to: NextOffset(9) });
    insta::assert_snapshot!(String::from_utf8(gap.to_json()).unwrap());
}

#[test]
fn what_was_skipped_once_is_skipped_again() {
    let skipped: Vec<_> = (40..50).filter(|&offset| record().skips(Offset(offset))).collect();
    assert_eq!(skipped, [42, 43]);
}

#[test]
fn a_record_that_cannot_be_trusted_is_named() {
    let json = String::from_utf8(record().to_json()).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        json.replace(from, to)
    };
    for (why, json) in [
        ("cut short", json[..json.len() / 2].to_owned()),
        ("empty", String::new()),
        ("another start", edited("\"start\": 40", "\"start\": 41")),
        ("another table", edited("\"table\": \"hits\"", "\"table\": \"late\"")),
        ("another log", edited("\"log_id\": \"log1\"", "\"log_id\": \"log2\"")),
        ("no range", edited("\"end\": 50", "\"end\": 40")),
        ("a file elsewhere", edited("hits/date=2015-05-17/", "../etc/")),
        ("a file of another batch", edited("00000000000000000040.parquet", "00000000000000000039.parquet")),
        ("an unknown field", edited("\"records\"", "\"recordings\"")),
    ] {
        let error = BatchRecord::read(&series(), &path(), json.as_bytes()).expect_err(why);
        assert!(matches!(error, LakeError::BadRecord { .. }), "{why}: {error}");
        let line = error.to_string();
        assert!(line.contains(&path()) && !line.contains('\n'), "{why}: {line}");
    }
}

#[test]
fn a_newer_format_is_told_apart_from_a_damaged_one() {
    let error = BatchRecord::read(&series(), &path(), br#"{"format": 2, "anything": []}"#).unwrap_err();
    assert!(matches!(error, LakeError::Newer { format: 2, .. }), "{error}");
}
