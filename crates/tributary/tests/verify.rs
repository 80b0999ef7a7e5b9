//! `tributary verify`, on lakes that somebody damaged.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{files, replay, sample, text, tributary, verify};
use tempfile::{TempDir, tempdir};

/// A lake of a replay whose log is kept, and small batches, so that there are several of each partition.
struct Kept {
    dir: TempDir,
}

impl Kept {
    fn new() -> Self {
        let dir = tempdir().unwrap();
        let bus = format!("embedded:{}", dir.path().join("bus").display());
        let sample = sample();
        let args = [sample.to_str().unwrap(), "--bus", &bus, "--partitions", "1", "--target-file-size", "4KiB"];
        replay(&dir.path().join("lake"), args);
        Self { dir }
    }

    fn lake(&self) -> PathBuf {
        self.dir.path().join("lake")
    }

    /// The table's files, in the order of their offsets.
    fn files_of(&self, table: &str) -> Vec<PathBuf> {
        let prefix = format!("{table}/");
        let mut names: Vec<_> = files(&self.lake()).into_keys().filter(|name| name.starts_with(&prefix)).collect();
        names.sort_by_key(|name| name.rsplit('/').next().unwrap().to_owned());
        assert!(names.len() > 2, "{names:?}");
        names.into_iter().map(|name| self.lake().join(name)).collect()
    }

    /// What is found: the entry of a table, and the code.
    fn found(&self, table: &str) -> (Value, i32) {
        let (found, code) = verify(&self.lake(), &self.dir.path().join("bus"));
        let of_table = found["series"].as_array().unwrap().iter().find(|series| series["table"] == table);
        (of_table.unwrap().clone(), code)
    }
}

fn faults(entry: &Value) -> String {
    entry["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_lake_that_holds_the_whole_log_agrees_with_it() {
    let kept = Kept::new();
    let (hits, code) = kept.found("hits");
    assert_eq!(code, 0, "{hits}");
    for (name, expected) in [("log_end", 300), ("rows", 300), ("complete_through", 300), ("pending", 0), ("gaps", 0)] {
        assert_eq!(hits[name], expected, "{name} of {hits}");
    }
    assert!(hits["batches"].as_u64().unwrap() > 2, "{hits}");
}

#[test]
fn a_file_that_is_gone_is_missed() {
    let kept = Kept::new();
    let gone = kept.files_of("hits").remove(1);
    fs::remove_file(&gone).unwrap();
    let (hits, code) = kept.found("hits");
    assert_eq!(code, 1);
    let name = gone.file_name().unwrap().to_str().unwrap();
    assert!(faults(&hits).contains(name) && hits["complete_through"].as_i64() < Some(300), "{hits}");
}

#[test]
fn a_copy_of_a_file_is_noticed() {
    let kept = Kept::new();
    let file = kept.files_of("sessions").remove(0);
    let name = file.file_name().unwrap().to_str().unwrap();
    let (stem, _) = name.rsplit_once('-').unwrap();
    fs::copy(&file, file.with_file_name(format!("{stem}-00000000000000099999.parquet"))).unwrap();
    let (sessions, code) = kept.found("sessions");
    assert_eq!(code, 1);
    assert!(faults(&sessions).contains("belongs to no batch"), "{sessions}");
}

/// Readers glob a table's folder, and would see these rows twice, or fail.
#[test]
fn what_is_no_file_of_the_lake_and_what_lies_in_another_days_folder_is_noticed() {
    let kept = Kept::new();
    let file = kept.files_of("hits").remove(0);
    fs::copy(&file, file.with_file_name("copy.parquet")).unwrap();
    let other_day = kept.lake().join("hits/date=2001-01-01");
    fs::create_dir(&other_day).unwrap();
    fs::copy(&file, other_day.join(file.file_name().unwrap())).unwrap();
    let (found, code) = verify(&kept.lake(), &kept.dir.path().join("bus"));
    assert_eq!(code, 1);
    let strangers = found["strangers"].to_string();
    assert!(strangers.contains("copy.parquet` is no file of this lake's"), "{strangers}");
    let (hits, _) = kept.found("hits");
    assert!(faults(&hits).contains("hits/date=2001-01-01/") && faults(&hits).contains("belongs to no batch"), "{hits}");
}

/// A rule of a bucket that took the batch records away, say.
#[test]
fn files_without_any_batch_record_are_noticed() {
    let kept = Kept::new();
    fs::remove_dir_all(kept.lake().join("_batches")).unwrap();
    let nowhere = kept.dir.path().join("nowhere");
    let output = tributary().args(["verify", "--data"]).arg(nowhere).arg("--lake").arg(kept.lake()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("of which no batch record stands") && said.contains("disagree"), "{said}");
}

#[test]
fn a_damaged_file_is_named() {
    let kept = Kept::new();
    let file = kept.files_of("hits").remove(0);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let (hits, code) = kept.found("hits");
    assert_eq!(code, 1);
    assert!(faults(&hits).contains("not a readable Parquet file"), "{hits}");
}

#[test]
fn the_last_file_is_pending_while_the_log_is_at_hand_and_missed_without_it() {
    let kept = Kept::new();
    fs::remove_file(kept.files_of("hits").pop().unwrap()).unwrap();
    let (hits, code) = kept.found("hits");
    assert_eq!(code, 0, "{hits}");
    assert!(hits["pending"].as_u64() > Some(0), "{hits}");

    let nowhere = kept.dir.path().join("nowhere");
    let output = tributary().args(["verify", "--data"]).arg(nowhere).arg("--lake").arg(kept.lake()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("is missing") && said.contains("disagree"), "{said}");
}

#[test]
fn a_lake_that_is_not_there_is_not_made() {
    let dir = tempdir().unwrap();
    let lake = dir.path().join("lake");
    let output = tributary().args(["verify", "--lake"]).arg(&lake).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        text(&output.stderr),
        format!("error: there is no lake at {}; --lake names another place\n", lake.display())
    );
    assert!(!lake.exists());
}

#[test]
fn nothing_at_all_is_not_sound() {
    let lake = tempdir().unwrap();
    let output = tributary().args(["verify", "--lake"]).arg(lake.path()).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).len()), (Some(2), 0));
    let said = text(&output.stderr);
    assert!(said.contains("is empty, and there is no log at hand; --lake names another place"), "{said}");
}
