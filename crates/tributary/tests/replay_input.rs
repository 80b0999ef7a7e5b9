//! What `tributary replay` makes of input that is not as it should be.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{files, replay, rows, sample, text, text_of, tributary, try_replay};
use tempfile::{TempDir, tempdir};

/// A file with this text in a folder of its own.
fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    (dir, path)
}

/// A hit of a visitor in JSON, in that year.
fn hit(visitor: u32, year: u32, second: u32) -> String {
    let time = format!("{year}-03-01T09:{:02}:{:02}Z", second / 60, second % 60);
    format!("{{\"site\":\"shop.example\",\"visitor_id\":\"v{visitor}\",\"event_time\":\"{time}\"}}\n")
}

/// Refused in one line with code 2, which says this.
fn assert_refused(output: &Output, expected: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.lines().count() == 1 && said.contains(expected), "{said}");
}

#[test]
fn what_can_be_read_only_once_is_refused_with_the_way_out() {
    let lake = tempdir().unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-c", r#""$0" replay <(cat "$1") --lake "$2""#, env!("CARGO_BIN_EXE_tributary")]);
    let output = support::process::without_settings(&mut shell).arg(sample()).arg(lake.path()).output().unwrap();
    assert_refused(&output, "use `-`");
    assert!(files(lake.path()).is_empty());
    assert_refused(&try_replay(lake.path(), ["-", "-"]), "`-` is there twice");
}

#[test]
fn a_line_of_the_future_is_rejected_and_the_others_are_as_if_it_were_not_there() {
    let many: String = (0..60).map(|second| hit(second % 7, 2020, second)).collect();
    let (_dir, path) = file("hits.jsonl", &(hit(1, 2100, 0) + &many + &hit(2, 2100, 9) + &hit(3, 2020, 60)));
    let args = [path.to_str().unwrap(), "--format", "hits"];
    let lake = tempdir().unwrap();
    let first = try_replay(lake.path(), args);
    assert!(text(&first.stderr).contains("hits.jsonl:1: its time, 2100-03-01T09:00:00.000Z, lies in the future"));
    assert_eq!(rows(lake.path(), "hits").len(), 61);
    assert_eq!(rows(lake.path(), "late").len(), 0);
    let reasons: Vec<_> = rows(lake.path(), "rejected").iter().map(|row| text_of(row, "reason").to_owned()).collect();
    assert_eq!(reasons, ["time_out_of_range"; 2]);

    let before = files(lake.path());
    let again = try_replay(lake.path(), args);
    assert!(text(&again.stderr).contains("holds this input already"), "{}", text(&again.stderr));
    assert!(files(lake.path()) == before);

    // What the first one took for the future holds, whatever the clock says by now.
    let kept = before.keys().find(|name| name.starts_with("_replays/")).unwrap();
    let other = tempdir().unwrap();
    fs::create_dir(other.path().join("_replays")).unwrap();
    fs::write(other.path().join(kept), r#"{"latest":"2100-03-01T09:00:05.000Z"}"#).unwrap();
    assert_eq!(replay(other.path(), args)["rejected"], 1);
}

#[test]
fn a_server_whose_clock_ran_ahead_spoils_nothing_either() {
    let log = fs::read_to_string(sample()).unwrap();
    let ahead = log.lines().next().unwrap().replacen("/2015:", "/2115:", 1);
    let (_dir, path) = file("access.log", &format!("{ahead}\n{log}"));
    let lake = tempdir().unwrap();
    let figures = replay(lake.path(), [path]);
    assert_eq!((&figures["accepted"], &figures["rejected"], &figures["late"]), (&300.into(), &2.into(), &0.into()));
}

#[test]
fn a_time_that_nobody_can_write_is_a_rejection_that_can_be_read() {
    let of = |time: i64| format!("{{\"site\":\"s\",\"visitor_id\":\"v\",\"event_time\":{time}}}\n");
    let text = [of(1_577_833_200_000), of(i64::MAX), of(i64::MIN), of(253_402_300_799_999), of(1_577_833_201_000)];
    let (_dir, path) = file("hits.jsonl", &text.concat());
    let lake = tempdir().unwrap();
    let figures = replay(lake.path(), [path.to_str().unwrap(), "--format", "hits"]);
    assert_eq!((&figures["accepted"], &figures["rejected"]), (&2.into(), &3.into()));
    assert!(figures.get("skipped").is_none(), "{figures}");
    let rejected = rows(lake.path(), "rejected");
    assert_eq!(rejected.iter().map(|row| text_of(row, "reason")).collect::<Vec<_>>(), ["invalid_time"; 3]);
}

/// Where nothing can be written.
fn full() -> Stdio {
    File::create("/dev/full").unwrap().into()
}

#[test]
fn nowhere_to_tell_it_is_no_failure() {
    let lake = tempdir().unwrap();
    let of = |args: &[&str]| tributary().args(args).stdout(full()).stderr(full()).status().unwrap().code();
    let replayed = |lake: &Path| of(&["replay", sample().to_str().unwrap(), "--lake", lake.to_str().unwrap()]);
    assert_eq!(replayed(lake.path()), Some(0));
    assert_eq!(rows(lake.path(), "hits").len(), 300);
    assert_eq!(of(&["up", "--help"]), Some(0));
    assert_eq!(of(&["up", "--no-such-flag"]), Some(2));
}
