//! Files that are missing, damaged, foreign, too new, or in use.

use std::collections::BTreeMap;
use std::fs;

use super::*;

/// A closed log with 30 records in one batch each, and its file.
fn closed_log() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    for n in 0..30 {
        publish(&bus, format!("value number {n:03}, {}", "x".repeat(2000)));
    }
    drop(bus);
    let file = directory.path().join("log.db");
    (directory, file)
}

fn open_error(directory: &Path) -> BusError {
    EmbeddedBus::open(options(directory)).err().expect("the log is not opened")
}

fn alter(file: &Path, sql: &str) {
    Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

/// The names of all files in a directory, and hashes of their contents.
fn contents(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), xxhash_rust::xxh3::xxh3_64(&fs::read(path).unwrap()))).collect()
}

#[track_caller]
fn assert_damaged(error: &BusError, words: &[&str]) {
    let text = error.to_string();
    assert!(matches!(error, BusError::Damaged(_)), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
    assert!(!text.contains('\n'), "{text} has more than one line");
}

#[test]
fn a_flipped_bit_is_found_and_named_with_file_partition_and_offset() {
    let (directory, file) = closed_log();
    let mut bytes = fs::read(&file).unwrap();
    let wanted = b"value number 017";
    let at = bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
    bytes[at + 100] ^= 1;
    fs::write(&file, bytes).unwrap();

    let bus = open(directory.path());
    let error = read_from(&bus, HITS, NextOffset(0)).unwrap_err();
    assert_damaged(&error, &[file.to_str().unwrap(), "hits/0", "offsets 17 to below 18"]);
    // The rest can still be read.
    assert_eq!(read_from(&bus, HITS, NextOffset(18)).unwrap().len(), 12);
}

#[test]
fn a_damaged_state_record_is_found_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let bus = open(directory.path());
    let record = Outgoing { topic: Topic::SessionsOpen, key: Some("k".into()), ..hit("some state") };
    block_on(bus.publish(vec![record])).unwrap();
    drop(bus);
    let file = directory.path().join("log.db");
    alter(&file, "UPDATE batches SET records = CAST('some lies!' AS BLOB)");
    let error = read_from(&open(directory.path()), STATE, NextOffset(0)).unwrap_err();
    assert_damaged(&error, &[file.to_str().unwrap(), "sessions.open/0", "offsets 0"]);
}

#[test]
fn a_log_that_an_older_build_made_gets_the_topic_that_it_lacks() {
    let (directory, file) = closed_log();
    alter(&file, "DELETE FROM partitions WHERE topic = 'salts'");
    for values in [vec!["first"], vec!["first", "first"]] {
        let bus = open(directory.path());
        let record = Outgoing { topic: Topic::Salts, partition: Some(0), ..hit("first") };
        block_on(bus.publish(vec![record])).unwrap();
        let salts = Source { topic: Topic::Salts, partition: 0 };
        assert_eq!(self::values(&read_from(&bus, salts, NextOffset(0)).unwrap()), values);
    }
}

#[test]
fn records_that_are_missing_are_named() {
    let (directory, file) = closed_log();
    alter(&file, "DELETE FROM batches WHERE next_offset BETWEEN 11 AND 12");
    let error = read_from(&open(directory.path()), HITS, NextOffset(0)).unwrap_err();
    assert_damaged(&error, &[file.to_str().unwrap(), "hits/0", "from 10 to below 12"]);

    alter(&file, "DELETE FROM batches WHERE next_offset = 30");
    assert_damaged(&open_error(directory.path()), &[file.to_str().unwrap(), "hits/0", "ends at 30", "end at 29"]);
}

#[test]
fn a_file_that_was_cut_off_is_damaged() {
    let (directory, file) = closed_log();
    let bytes = fs::read(&file).unwrap();
    for length in [bytes.len() / 2, 20_000, 100, 0] {
        fs::write(&file, &bytes[..length]).unwrap();
        let error = match EmbeddedBus::open(options(directory.path())) {
            Ok(bus) => read_from(&bus, HITS, NextOffset(0)).unwrap_err(),
            Err(error) => error,
        };
        assert_damaged(&error, &[file.to_str().unwrap()]);
    }
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let (directory, file) = closed_log();
    fs::write(&file, "my shopping list").unwrap();
    assert_damaged(&open_error(directory.path()), &[file.to_str().unwrap()]);
    fs::remove_file(&file).unwrap();
    alter(&file, "CREATE TABLE shopping (item)");
    let before = contents(directory.path());
    assert_damaged(&open_error(directory.path()), &[file.to_str().unwrap(), "not a log of Tributary"]);
    assert_eq!(contents(directory.path()), before);
}

#[test]
fn a_log_whose_main_file_is_gone_is_not_made_anew() {
    let (directory, file) = closed_log();
    fs::rename(&file, directory.path().join("elsewhere")).unwrap();
    fs::write(directory.path().join("log.db-wal"), "the newest records").unwrap();
    assert_damaged(&open_error(directory.path()), &[file.to_str().unwrap(), "missing"]);
}

/// A checkpoint copies pages from the write-ahead log into the file, the first one first. A crash right after that
/// leaves a file that makes sense only together with the write-ahead log.
#[test]
fn a_crash_in_the_middle_of_a_checkpoint_loses_nothing() {
    const PAGE: usize = 16 << 10;
    let (directory, file) = closed_log();
    let bus = open(directory.path());
    for n in 30..100 {
        publish(&bus, format!("value number {n:03}, {}", "x".repeat(2000)));
    }
    let crashed = tempfile::tempdir().unwrap();
    let wal = fs::read(directory.path().join("log.db-wal")).unwrap();
    let mut pages = fs::read(&file).unwrap();
    let is_first_page = |frame: &&[u8]| frame[..4] == 1_u32.to_be_bytes();
    let first = wal[32..].chunks_exact(24 + PAGE).rfind(is_first_page).expect("the file has grown");
    pages[..PAGE].copy_from_slice(&first[24..]);
    fs::write(crashed.path().join("log.db"), &pages).unwrap();
    fs::write(crashed.path().join("log.db-wal"), &wal).unwrap();

    let beside = EmbeddedBus::open_beside(crashed.path()).unwrap();
    assert_eq!(read_from(&*beside, HITS, NextOffset(0)).unwrap().len(), 100);
    drop(beside);
    assert_eq!(read_from(&open(crashed.path()), HITS, NextOffset(0)).unwrap().len(), 100);
    // The same file without its write-ahead log is told apart from a good one.
    fs::remove_dir_all(crashed.path()).unwrap();
    fs::create_dir(crashed.path()).unwrap();
    fs::write(crashed.path().join("log.db"), &pages).unwrap();
    assert_damaged(&open_error(crashed.path()), &["log.db"]);
}

#[test]
fn a_newer_format_is_refused_and_untouched() {
    let (directory, file) = closed_log();
    alter(&file, &format!("PRAGMA user_version = {}", super::super::file::FORMAT + 1));
    let before = contents(directory.path());
    let error = open_error(directory.path());
    assert!(matches!(error, BusError::Refused(_)));
    assert!(error.to_string().starts_with(&format!("{} has format 3", file.display())), "{error}");
    assert_eq!(contents(directory.path()), before);
    assert!(matches!(EmbeddedBus::open_beside(directory.path()), Err(BusError::Refused(_))));
    assert_eq!(contents(directory.path())[&file], before[&file]);
}

/// A newer build was killed before its mark came into the file.
#[test]
fn a_newer_format_that_the_write_ahead_log_alone_tells_is_refused_and_untouched() {
    let (directory, file) = closed_log();
    let newer = Connection::open(&file).unwrap();
    newer.pragma_update(None, "user_version", super::super::file::FORMAT + 1).unwrap();
    let killed = tempfile::tempdir().unwrap();
    for name in ["log.db", "log.db-wal"] {
        fs::copy(directory.path().join(name), killed.path().join(name)).unwrap();
    }
    let before = contents(killed.path());
    let is_untouched = || {
        let after = contents(killed.path());
        before.iter().all(|(path, hash)| after.get(path) == Some(hash))
    };
    let error = open_error(killed.path());
    assert!(matches!(&error, BusError::Refused(text) if text.contains("has format 3")), "{error}");
    assert!(is_untouched(), "by who would own it");
    assert!(matches!(EmbeddedBus::open_beside(killed.path()), Err(BusError::Refused(_))));
    assert!(is_untouched(), "by who would read it");
}

#[test]
fn a_second_owner_is_refused_in_one_line() {
    let (directory, _) = closed_log();
    let first = open(directory.path());
    let error = open_error(directory.path());
    assert!(matches!(error, BusError::Refused(_)));
    assert!(error.to_string().contains(directory.path().to_str().unwrap()) && !error.to_string().contains('\n'));
    drop(first);
    open(directory.path());
}

#[test]
fn the_log_stays_open_while_a_worker_uses_it() {
    let (directory, _) = closed_log();
    let bus = open(directory.path());
    let mut worker = join(&bus);
    drop(bus);
    worker.commit(Step { outputs: &[], positions: &[(HITS, NextOffset(3))] }).unwrap();
    assert!(matches!(open_error(directory.path()), BusError::Refused(_)));
    drop(worker);
    open(directory.path());
}

#[test]
fn another_number_of_partitions_is_refused_with_the_way_out() {
    let (directory, _) = closed_log();
    let error = EmbeddedBus::open(Options { partitions: 8, ..Options::at(directory.path()) }).err().unwrap();
    let text = error.to_string();
    assert!(text.contains("made with 1 partitions") && text.contains("drain it"), "{text}");
    for partitions in [0, place::MAX_PARTITIONS + 1] {
        let options = Options { partitions, ..Options::at(directory.path().join("new")) };
        assert!(matches!(EmbeddedBus::open(options), Err(BusError::Refused(_))));
    }
}

#[test]
fn a_log_takes_the_id_that_it_is_given_and_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let with = |bits| Options { log_id: Some(LogId::from_bits(bits)), ..options(directory.path()) };
    assert_eq!(EmbeddedBus::open(with(7)).unwrap().log_id().unwrap(), LogId::from_bits(7));
    assert_eq!(open(directory.path()).log_id().unwrap(), LogId::from_bits(7));
    assert!(matches!(EmbeddedBus::open(with(8)), Err(BusError::Refused(_))));
}

#[test]
fn a_crash_while_the_log_is_made_leaves_none() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("log.db.unfinished"), "half a file").unwrap();
    assert!(matches!(EmbeddedBus::open_beside(directory.path()), Err(BusError::Refused(_))));
    publish(&open(directory.path()), "a");
    assert!(!directory.path().join("log.db.unfinished").exists());
}
